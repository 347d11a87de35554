/*
 * Requests and answers of any size over sockets that take and give any part of them.
 */
#include "daemon/transport.h"

#include "tls_exchange.h"

static const struct exchange exchanges[] = {
        {"one request", 3900, 110, 1360, .count = 1},
        {"a hundred requests, one after the other", 3900, 110, 1360, .count = 100},
        {"an answer whose head is too long to wait", 3900, 600, 1360, .count = 10},
        {"an answer of many records", 3900, 110, 300000, .count = 3},
        {"a request of many records", 1000000, 110, 1360, .count = 2},
        {"requests of a whole record", 16384, 110, 16384, .count = 10},
        {"requests that come before the answer to the one before", 3900, 110, 1360, .count = 100, .pipelined = true},
        {"many small requests in one segment", 10, 110, 100, .count = 500, .pipelined = true},
        {"a client that reads nothing before it has sent all", 400, 110, 1360, .count = 100, .pipelined = true,
         .stalls = true},
        {"a client that sends a byte at a time", 500, 110, 1360, .count = 2, .client_send = {.most = 1}},
        {"a client that sends the half of a record", 3900, 110, 1360, .count = 10, .client_send = {.most = 2000}},
        {"a socket that gives a byte at a time", 3900, 110, 1360, .count = 2, .receive = {.most = 1}},
        {"a socket that gives less than a record", 3900, 110, 1360, .count = 10, .receive = {.most = 1000}},
        {"a socket that gives what a record begins with", 3900, 110, 1360, .count = 10, .receive = {.most = 5}},
        {"a socket that takes a byte at a time", 500, 110, 1360, .count = 2, .send = {.most = 1}},
        {"a socket that takes less than the head", 500, 110, 1360, .count = 10, .send = {.most = 100}},
        {"a socket that takes the head alone", 500, 110, 1360, .count = 10, .send = {.most = 110 + 22}},
        {"a socket that takes less than head and body", 500, 110, 1360, .count = 10, .send = {.most = 1000}},
        {"every other read is too early", 3900, 110, 1360, .count = 20, .receive = {.again_every = 2}},
        {"every third read is too early", 40000, 110, 1360, .count = 20, .receive = {.most = 999, .again_every = 3}},
        {"every other write is too early", 3900, 110, 1360, .count = 20, .send = {.again_every = 2}},
        {"every third write is too early", 3900, 110, 30000, .count = 20, .send = {.most = 99, .again_every = 3}},
};

START_TEST(every_byte_arrives_in_order)
{
        const struct exchange *exchange = &exchanges[_i];

        for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
                struct server server;
                struct client client;

                start(&server, &client, versions[i], exchange);
                run(&server, &client, exchange);
                ck_assert_msg(client.answered == exchange->count, "%s, %s: %d of %d answers, server: %s",
                              exchange->name, versions[i], client.answered, exchange->count,
                              gnutls_strerror(server.error));
                stop(&server, &client);
        }
}
END_TEST

static const struct cost_case {
        const char *name;
        struct exchange exchange;
        int receives, sends; /* for each request; one receive tells that nothing is left */
} costs[] = {
        {"a review as API servers send it", {"", 3900, 110, 1360, .count = 1}, 2, 1},
        {"the shortest", {"", 1, 1, 1, .count = 1}, 2, 1},
        {"an answer whose head is too long to wait", {"", 3900, 600, 1360, .count = 1}, 2, 2},
};

START_TEST(a_request_costs_two_system_calls)
{
        const struct cost_case *test = &costs[_i];
        struct exchange exchange = test->exchange;
        struct server server;
        struct client client;

        start(&server, &client, versions[1], &exchange);
        run(&server, &client, &exchange);
        server_turn(&server, &exchange); /* to the end of what is there */
        calls.receive.calls = calls.send.calls = 0;
        exchange.count = 11;
        run(&server, &client, &exchange);
        server_turn(&server, &exchange);
        ck_assert_int_eq(client.answered, 11);
        ck_assert_msg(calls.send.calls == 10 * test->sends, "%s: %d sends", test->name, calls.send.calls);
        ck_assert_msg(calls.receive.calls <= 10 * test->receives, "%s: %d receives", test->name, calls.receive.calls);
        stop(&server, &client);
}
END_TEST

static const struct exchange broken[] = {
        {"the client is gone when the first byte is read", 3900, 110, 1360, .count = 9,
         .receive = {.fails_at = 1, .errnum = ECONNRESET}},
        {"the client is gone when a request is read", 3900, 110, 1360, .count = 9,
         .receive = {.most = 1000, .fails_at = 20, .errnum = ECONNRESET}},
        {"the client is gone when the handshake is written", 3900, 110, 1360, .count = 9,
         .send = {.fails_at = 1, .errnum = EPIPE}},
        {"the client is gone when an answer is written", 3900, 110, 1360, .count = 9,
         .send = {.fails_at = 4, .errnum = ECONNRESET}},
        {"the client is gone when an answer is half written", 3900, 110, 1360, .count = 9,
         .send = {.most = 100, .fails_at = 30, .errnum = EPIPE}},
};

START_TEST(a_connection_that_breaks_is_an_error)
{
        const struct exchange *exchange = &broken[_i];
        struct server server;
        struct client client;

        start(&server, &client, versions[1], exchange);
        run(&server, &client, exchange);
        ck_assert_msg(server.error < 0, "%s: %d answers", exchange->name, client.answered);
        ck_assert_msg(gnutls_error_is_fatal(server.error), "%s: %s", exchange->name, gnutls_strerror(server.error));
        stop(&server, &client);
}
END_TEST

/* RFC 8446, 4.6.3: who is asked to renew its keys says so in a record of its own, before the next. */
START_TEST(a_record_that_comes_before_the_head_stays_before_it)
{
        const struct exchange exchange = {"", 3900, 110, 1360, .count = 3};
        struct exchange first = exchange;
        struct server server;
        struct client client;

        first.count = 1;
        start(&server, &client, versions[1], &exchange);
        run(&server, &client, &first);
        ck_assert_int_eq(gnutls_session_key_update(client.session, GNUTLS_KU_PEER), 0);
        server_turn(&server, &exchange);
        run(&server, &client, &exchange);
        ck_assert_int_eq(client.answered, 3);
        stop(&server, &client);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_unchecked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, every_byte_arrives_in_order, 0, ARRAY_SIZE(exchanges));
        tcase_add_loop_test(tests, a_request_costs_two_system_calls, 0, ARRAY_SIZE(costs));
        tcase_add_loop_test(tests, a_connection_that_breaks_is_an_error, 0, ARRAY_SIZE(broken));
        tcase_add_test(tests, a_record_that_comes_before_the_head_stays_before_it);
}

int main(void)
{
        return unit_main("transport", add);
}
