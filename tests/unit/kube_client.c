/*
 * Calls against a server that answers whatever a test wants. What must become of each answer is what client.h says;
 * codes and Status objects are those of the Kubernetes API conventions.
 */
#include "kube/client.h"

#include <errno.h>

#include "http_server.h"
#include "kube/config.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"

static struct {
        struct http_server server;
        struct kube_config *config;
        struct kube_client *client;
} world;

static void connect_to(int port, const char *user)
{
        char text[2048];

        snprintf(text, sizeof(text),
                 "apiVersion: v1\n"
                 "kind: Config\n"
                 "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
                 "users: [{name: u, user: %s}]\n"
                 "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                 "current-context: x\n",
                 port, user);
        scratch_write("kubeconfig", text);
        ck_assert_int_eq(kube_config_load(&world.config, scratch_path("kubeconfig").text, NULL, NULL), 0);
        ck_assert_int_eq(kube_client_new(&world.client, world.config, NULL), 0);
}

static void start_as(const char *user, const struct http_answer *script, size_t n)
{
        http_start(&world.server, script, n);
        connect_to(world.server.port, user);
}

static void start(const struct http_answer *script, size_t n)
{
        start_as("{token: abc}", script, n);
}

static void disconnect(void)
{
        world.client = kube_client_free(world.client);
        world.config = kube_config_free(world.config);
}

static void stop(void)
{
        disconnect();
        http_stop(&world.server);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
#define ERROR(status, body) "HTTP/1.1 " status " x\r\nConnection: close\r\n\r\n" body
#define STATUS(code, reason, message)                                                                          \
        ERROR(code, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message \
                    "\",\"reason\":\"" reason "\",\"code\":" code "}")
#define RETRY_AFTER(status, seconds) "HTTP/1.1 " status " x\r\nRetry-After: " seconds "\r\nContent-Length: 0\r\n\r\n"

static const struct answer_case {
        const char *name, *answer;
        int result, status;
        const char *message; /* all of it */
} answer_cases[] = {
        {"success", OK, 0, 200, NULL},
        {"success in chunks", OK_CHUNKED, 0, 200, NULL},
        {"created is success", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0, 201, NULL},
        {"headers after 100 Continue", "HTTP/1.1 100 Continue\r\n\r\n" OK, 0, 200, NULL},
        {"forbidden, with the server's sentence",
         STATUS("403", "Forbidden", "pods is forbidden: User \\\"a\\\" cannot list resource \\\"pods\\\""), -EACCES,
         403, "GET /api/v1/pods: 403 Forbidden: pods is forbidden: User \"a\" cannot list resource \"pods\""},
        {"unauthorized", STATUS("401", "Unauthorized", "Unauthorized"), -EACCES, 401,
         "GET /api/v1/pods: 401 Unauthorized: Unauthorized"},
        {"not found", STATUS("404", "NotFound", "pods \\\"a\\\" not found"), -ENOENT, 404,
         "GET /api/v1/pods: 404 Not Found: pods \"a\" not found"},
        {"a conflict with what exists", STATUS("409", "AlreadyExists", "it is there"), -EEXIST, 409,
         "GET /api/v1/pods: 409 Conflict: it is there"},
        {"a conflict of versions", STATUS("409", "Conflict", "modified"), -EBUSY, 409,
         "GET /api/v1/pods: 409 Conflict: modified"},
        {"a conflict without a reason", ERROR("409", ""), -EBUSY, 409, "GET /api/v1/pods: 409 Conflict"},
        {"too old a version", STATUS("410", "Expired", "too old resource version: 1 (2)"), -ESTALE, 410,
         "GET /api/v1/pods: 410 Gone: too old resource version: 1 (2)"},
        {"invalid", STATUS("422", "Invalid", "spec: Invalid value"), -EINVAL, 422,
         "GET /api/v1/pods: 422 Unprocessable Content: spec: Invalid value"},
        {"bad request", STATUS("400", "BadRequest", "no"), -EINVAL, 400, "GET /api/v1/pods: 400 Bad Request: no"},
        {"too many requests", STATUS("429", "TooManyRequests", "slow down"), -EAGAIN, 429,
         "GET /api/v1/pods: 429 Too Many Requests: slow down"},
        {"server error", STATUS("500", "InternalError", "etcd"), -EIO, 500,
         "GET /api/v1/pods: 500 Internal Server Error: etcd"},
        {"unavailable, from a proxy that sends HTML", ERROR("503", "<html>secret</html>"), -EIO, 503,
         "GET /api/v1/pods: 503 Service Unavailable"},
        {"a Status that is cut off", ERROR("404", "{\"kind\":\"Status\",\"message\":\"x"), -ENOENT, 404,
         "GET /api/v1/pods: 404 Not Found"},
        {"a Status whose message is a number", ERROR("404", "{\"kind\":\"Status\",\"message\":1}"), -ENOENT, 404,
         "GET /api/v1/pods: 404 Not Found"},
        {"a Status that is a list", ERROR("404", "[]"), -ENOENT, 404, "GET /api/v1/pods: 404 Not Found"},
        {"an object of another kind", ERROR("404", "{\"kind\":\"Pod\",\"message\":\"x\"}"), -ENOENT, 404,
         "GET /api/v1/pods: 404 Not Found"},
        {"a redirection is not followed", "HTTP/1.1 302 x\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", -EINVAL, 302,
         "GET /api/v1/pods: 302 where an answer was expected"},
};

START_TEST(answers)
{
        const struct answer_case *test = &answer_cases[_i];
        const struct http_answer script[] = {{.bytes = test->answer, .end = HTTP_CLOSE}};
        const struct kube_call call = {.path = "/api/v1/pods?limit=500&continue=abc", .once = true};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        start(script, 1);
        r = kube_call(world.client, &call, &response, &error);
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        ck_assert_msg(response.status == test->status, "%s: status %d", test->name, response.status);
        if (test->message)
                ck_assert_msg(!strcmp(error_message(&error), test->message), "%s: %s", test->name,
                              error_message(&error));
        else if (response.size)
                ck_assert_msg(!strcmp(response.body, "hello") && response.size == 5, "%s: %s", test->name,
                              response.body);
        ck_assert_int_eq(http_requests(&world.server), 1);
        stop();
}
END_TEST

static const struct retry_case {
        const char *name;
        enum kube_method method;
        bool once;
        struct http_answer script[3];
        int result, n_requests, at_least_ms;
} retry_cases[] = {
        {"a read that failed is tried again",
         KUBE_GET,
         false,
         {{.bytes = RETRY_AFTER("500", "0")}, {.bytes = OK}},
         0,
         2,
         0},
        {"a read that failed twice is tried again",
         KUBE_GET,
         false,
         {{.bytes = RETRY_AFTER("503", "0")}, {.bytes = RETRY_AFTER("502", "0")}, {.bytes = OK}},
         0,
         3,
         0},
        {"a read whose connection was closed is tried again",
         KUBE_GET,
         false,
         {{.end = HTTP_CLOSE}, {.bytes = OK}},
         0,
         2,
         0},
        {"a read whose answer was cut off is tried again",
         KUBE_GET,
         false,
         {{.bytes = OK, .end = HTTP_CLOSE, .cut = 40}, {.bytes = OK}},
         0,
         2,
         0},
        {"a read that is wanted once is not",
         KUBE_GET,
         true,
         {{.bytes = RETRY_AFTER("500", "0")}, {.bytes = OK}},
         -EIO,
         1,
         0},
        {"a read that is wanted once and whose connection was closed is not",
         KUBE_GET,
         true,
         {{.end = HTTP_CLOSE}, {.bytes = OK}},
         -EIO,
         1,
         0},
        {"what is not found is not looked for again",
         KUBE_GET,
         false,
         {{.bytes = RETRY_AFTER("404", "0")}, {.bytes = OK}},
         -ENOENT,
         1,
         0},
        {"a write that failed may have happened",
         KUBE_PUT,
         false,
         {{.bytes = RETRY_AFTER("500", "0")}, {.bytes = OK}},
         -EIO,
         1,
         0},
        {"a write that was closed on may have happened",
         KUBE_PUT,
         false,
         {{.end = HTTP_CLOSE}, {.bytes = OK}},
         -EIO,
         1,
         0},
        {"so may a creation", KUBE_POST, false, {{.end = HTTP_CLOSE}, {.bytes = OK}}, -EIO, 1, 0},
        {"so may a patch", KUBE_PATCH, false, {{.end = HTTP_CLOSE}, {.bytes = OK}}, -EIO, 1, 0},
        {"so may a deletion", KUBE_DELETE, false, {{.end = HTTP_CLOSE}, {.bytes = OK}}, -EIO, 1, 0},
        {"a write that was put off is tried again, after what the server asks for",
         KUBE_PUT,
         false,
         {{.bytes = RETRY_AFTER("429", "1")}, {.bytes = OK}},
         0,
         2,
         1000},
        {"a write that was put off and is wanted once is not",
         KUBE_PUT,
         true,
         {{.bytes = RETRY_AFTER("429", "0")}, {.bytes = OK}},
         -EAGAIN,
         1,
         0},
        {"nobody waits for longer than he has time",
         KUBE_GET,
         false,
         {{.bytes = RETRY_AFTER("429", "3600")}, {.bytes = OK}},
         -EAGAIN,
         1,
         0},
};

START_TEST(retries)
{
        const struct retry_case *test = &retry_cases[_i];
        const struct kube_call call = {.method = test->method,
                                       .path = "/a",
                                       .body = test->method == KUBE_GET || test->method == KUBE_DELETE ? NULL : "{}",
                                       .size = 2,
                                       .once = test->once};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t begin = clock_monotonic(), ms;
        int r;

        start(test->script, 3);
        r = kube_call(world.client, &call, &response, &error);
        ms = (clock_monotonic() - begin) / NS_PER_MS;
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        ck_assert_msg(http_requests(&world.server) == test->n_requests, "%s: %d requests", test->name,
                      http_requests(&world.server));
        ck_assert_msg(ms >= test->at_least_ms && ms < test->at_least_ms + 5000, "%s: after %lld ms", test->name,
                      (long long)ms);
        stop();
}
END_TEST

/* A connection that has served one call is closed under the next, after it was sent. */
static const struct kept_case {
        const char *name;
        enum kube_method method;
        int result, n_requests;
} kept_cases[] = {
        {"a read is sent again", KUBE_GET, 0, 3},    {"an update is not", KUBE_PUT, -EIO, 2},
        {"a creation is not", KUBE_POST, -EIO, 2},   {"a patch is not", KUBE_PATCH, -EIO, 2},
        {"a deletion is not", KUBE_DELETE, -EIO, 2},
};

START_TEST(a_kept_connection_that_is_lost)
{
        const struct kept_case *test = &kept_cases[_i];
        const struct http_answer script[] = {{.bytes = OK}, {.end = HTTP_CLOSE}, {.bytes = OK}};
        const struct kube_call first = {.path = "/a"};
        const struct kube_call second = {.method = test->method,
                                         .path = "/a",
                                         .body = test->method == KUBE_GET || test->method == KUBE_DELETE ? NULL
                                                                                                         : "{}",
                                         .size = 2};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        int r;

        start(script, 3);
        ck_assert_int_eq(kube_call(world.client, &first, &response, NULL), 0);
        ck_assert_int_eq(http_accepts(&world.server), 1);
        r = kube_call(world.client, &second, &response, NULL);
        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_msg(http_requests(&world.server) == test->n_requests, "%s: %d requests", test->name,
                      http_requests(&world.server));
        ck_assert_int_eq(kube_call(world.client, &first, &response, NULL), 0);
        stop();
}
END_TEST

static void assert_cut(const char *answer, int cut)
{
        const struct http_answer script[] = {{.bytes = answer, .end = HTTP_CLOSE, .cut = cut}};
        const struct kube_call call = {.method = KUBE_PUT, .path = "/a", .body = "{}", .size = 2};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        int r;

        start(script, 1);
        r = kube_call(world.client, &call, &response, NULL);
        ck_assert_msg(r == -EIO, "%d bytes of %s: %d", cut, answer, r);
        ck_assert_int_eq(response.status, 0);
        ck_assert_ptr_null(response.body);
        stop();
}

START_TEST(no_part_of_an_answer_is_an_answer)
{
        for (int cut = 1; cut < (int)strlen(OK); cut++)
                assert_cut(OK, cut);
        /* Of the last chunk's line end, libcurl does not wait for the last two bytes. */
        for (int cut = 1; cut < (int)strlen(OK_CHUNKED) - 2; cut++)
                assert_cut(OK_CHUNKED, cut);
}
END_TEST

START_TEST(what_is_sent)
{
        const struct http_answer script[] = {{.bytes = OK}};
        const struct kube_call call = {.method = KUBE_PATCH,
                                       .path = "/a?b=c",
                                       .body = "{\"x\":1}",
                                       .size = 7,
                                       .content_type = "application/merge-patch+json"};
        const char *const expected[] = {"PATCH /a?b=c HTTP/1.1\r\n",
                                        "\r\nAuthorization: Bearer abc\r\n",
                                        "\r\nUser-Agent: regionfit/" REGIONFIT_VERSION "\r\n",
                                        "\r\nAccept: application/json\r\n",
                                        "\r\nContent-Type: application/merge-patch+json\r\n",
                                        "\r\nContent-Length: 7\r\n",
                                        "\r\n\r\n{\"x\":1}"};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        start(script, 1);
        ck_assert_int_eq(kube_call(world.client, &call, &response, NULL), 0);
        stop();
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                ck_assert_msg(strstr(world.server.last, expected[i]) != NULL, "%s is not in %s", expected[i],
                              world.server.last);
        ck_assert_ptr_null(strstr(world.server.last, "Expect"));
}
END_TEST

START_TEST(connections_are_kept)
{
        const struct http_answer script[] = {
                {.bytes = OK}, {.bytes = OK_CHUNKED}, {.bytes = RETRY_AFTER("404", "0")}, {.bytes = OK}};
        const struct kube_call get = {.path = "/a"},
                               put = {.method = KUBE_PUT, .path = "/a", .body = "{}", .size = 2};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        start(script, 4);
        for (int i = 0; i < 10; i++)
                (void)kube_call(world.client, i % 2 ? &put : &get, &response, NULL);
        ck_assert_int_eq(http_requests(&world.server), 10);
        ck_assert_int_eq(http_accepts(&world.server), 1);
        stop();
}
END_TEST

static const struct slow_case {
        const char *name;
        struct http_answer answer;
} slow_cases[] = {
        {"a server that says nothing", {.end = HTTP_STALL}},
        {"a server that stops in the headers", {.bytes = OK, .cut = 12, .end = HTTP_STALL}},
        {"a server that stops in the body", {.bytes = OK, .cut = 41, .end = HTTP_STALL}},
        {"a server that sends a byte from time to time", {.bytes = OK, .slow_ms = 50}},
};

START_TEST(time_is_bounded)
{
        const struct slow_case *test = &slow_cases[_i];
        const struct kube_call call = {.path = "/a", .timeout = 300 * NS_PER_MS};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t begin = clock_monotonic(), ms;
        int r;

        start(&test->answer, 1);
        r = kube_call(world.client, &call, &response, &error);
        ms = (clock_monotonic() - begin) / NS_PER_MS;
        ck_assert_msg(r == -EIO, "%s: %d", test->name, r);
        ck_assert_str_eq(error_message(&error), "GET /a: no answer in time");
        ck_assert_msg(ms >= 300 && ms < 3000, "%s: after %lld ms", test->name, (long long)ms);
        stop();
}
END_TEST

START_TEST(nobody_listens)
{
        const struct kube_call call = {
                .method = KUBE_PUT, .path = "/a", .body = "{}", .size = 2, .timeout = 500 * NS_PER_MS};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int port;

        close(http_listen(&port));
        connect_to(port, "{}");
        ck_assert_int_eq(kube_call(world.client, &call, &response, &error), -EAGAIN);
        ck_assert_msg(strstr(error_message(&error), "PUT /a: ") != NULL, "%s", error_message(&error));
        disconnect();
}
END_TEST

/* What a stream brought. */
struct got {
        char text[256];
        int parts, fail_at; /* the part that is refused; 0: none */
        int result;
};

static int take(void *userdata, const char *part, size_t size)
{
        struct got *got = userdata;

        ck_assert_int_eq(got->parts == 0, size == 0);
        strncat(got->text, part, size);
        return ++got->parts == got->fail_at ? got->result : 0;
}

static const struct stream_case {
        const char *name;
        struct http_answer answer;
        int silence_ms, fail_at, failure, result;
        const char *text;
} stream_cases[] = {
        {"a stream ends well", {.bytes = OK_CHUNKED}, 0, 0, 0, 0, "hello"},
        {"it may take longer than the timeout",
         {.bytes = OK_CHUNKED, .slow_ms = 120, .slow_from = 49},
         1000,
         0,
         0,
         0,
         "hello"},
        {"it is lost in the middle", {.bytes = OK_CHUNKED, .cut = 55, .end = HTTP_CLOSE}, 0, 0, 0, -EIO, "he"},
        {"it falls silent", {.bytes = OK_CHUNKED, .cut = 55, .end = HTTP_STALL}, 300, 0, 0, -EIO, "he"},
        {"its headers never come", {.end = HTTP_STALL}, 300, 0, 0, -EIO, ""},
        {"who reads it has had enough at its beginning", {.bytes = OK_CHUNKED}, 0, 1, -ENOSPC, -ENOSPC, ""},
        {"who reads it has had enough later", {.bytes = OK_CHUNKED, .slow_ms = 1}, 0, 2, -ESTALE, -ESTALE, "h"},
        {"what is no success is not streamed",
         {.bytes = STATUS("410", "Expired", "old"), .end = HTTP_CLOSE},
         0,
         0,
         0,
         -ESTALE,
         ""},
};

START_TEST(streams)
{
        const struct stream_case *test = &stream_cases[_i];
        struct got got = {.fail_at = test->fail_at, .result = test->failure};
        const struct kube_call call = {.path = "/a",
                                       .timeout = NS_PER_SECOND,
                                       .data = take,
                                       .userdata = &got,
                                       .silence = test->silence_ms * NS_PER_MS};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        start(&test->answer, 1);
        r = kube_call(world.client, &call, &response, &error);
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        ck_assert_msg(!strncmp(got.text, test->text, strlen(test->text)), "%s: %s", test->name, got.text);
        if (got.parts)
                ck_assert_msg(http_requests(&world.server) == 1, "%s: it was asked for again", test->name);
        stop();
}
END_TEST

static void *cancel_later(void *userdata)
{
        const struct timespec while_ = {.tv_nsec = 200 * NS_PER_MS};

        nanosleep(&while_, NULL);
        if (userdata)
                __atomic_store_n((bool *)userdata, true, __ATOMIC_RELEASE);
        else
                kube_client_cancel(world.client);
        return NULL;
}

static const struct cancel_case {
        const char *name;
        struct http_answer answer;
        bool by_flag, stream;
} cancel_cases[] = {
        {"a call that waits, by the client", {.end = HTTP_STALL}, false, false},
        {"a call that waits, by its flag", {.end = HTTP_STALL}, true, false},
        {"a stream, by the client", {.bytes = OK_CHUNKED, .cut = 55, .end = HTTP_STALL}, false, true},
        {"a stream, by its flag", {.bytes = OK_CHUNKED, .cut = 55, .end = HTTP_STALL}, true, true},
        {"a pause between attempts, by the client", {.bytes = RETRY_AFTER("429", "5")}, false, false},
        {"a pause between attempts, by its flag", {.bytes = RETRY_AFTER("429", "5")}, true, false},
};

START_TEST(cancels)
{
        const struct cancel_case *test = &cancel_cases[_i];
        bool flag = false;
        struct got got = {0};
        const struct kube_call call = {
                .path = "/a", .data = test->stream ? take : NULL, .userdata = &got, .cancelled = &flag};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        int64_t begin, ms;
        pthread_t thread;
        int r;

        start(&test->answer, 1);
        begin = clock_monotonic();
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, test->by_flag ? &flag : NULL), 0);
        r = kube_call(world.client, &call, &response, NULL);
        ms = (clock_monotonic() - begin) / NS_PER_MS;
        pthread_join(thread, NULL);
        ck_assert_msg(r == -ECANCELED, "%s: %d", test->name, r);
        ck_assert_msg(ms >= 200 && ms < 200 + 250 + 500, "%s: after %lld ms", test->name, (long long)ms);
        begin = clock_monotonic();
        ck_assert_msg(kube_call(world.client, &call, &response, NULL) == -ECANCELED, "%s: a later call", test->name);
        ck_assert_int_lt(clock_monotonic() - begin, 500 * NS_PER_MS);
        stop();
}
END_TEST

START_TEST(a_large_answer_is_whole)
{
        const size_t size = 3 * 1024 * 1024;
        const struct http_answer script[] = {
                {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n", .fill = 3 * 1024 * 1024}};
        const struct kube_call call = {.path = "/a"};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        start(script, 1);
        ck_assert_int_eq(kube_call(world.client, &call, &response, NULL), 0);
        ck_assert_uint_eq(response.size, size);
        stop();
}
END_TEST

START_TEST(too_large_an_answer_is_refused)
{
        const struct http_answer script[] = {
                {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n", .fill = 67108865}};
        const struct kube_call call = {.path = "/a"};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        start(script, 1);
        ck_assert_int_eq(kube_call(world.client, &call, &response, &error), -EIO);
        ck_assert_str_eq(error_message(&error), "GET /a: the answer is larger than 64 MiB");
        ck_assert_int_eq(http_requests(&world.server), 1);
        stop();
}
END_TEST

#define THREADS 8
#define CALLS 30

static void *call_often(void *userdata)
{
        const struct kube_call call = {.path = "/a"};
        int *good = userdata;

        for (int i = 0; i < CALLS; i++) {
                _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

                *good += kube_call(world.client, &call, &response, NULL) == 0 && response.size == 5;
        }
        return NULL;
}

START_TEST(threads_share_a_client)
{
        const struct http_answer script[] = {{.bytes = OK}};
        pthread_t threads[THREADS];
        int good[THREADS] = {0};

        start(script, 1);
        for (int i = 0; i < THREADS; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &good[i]), 0);
        for (int i = 0; i < THREADS; i++) {
                pthread_join(threads[i], NULL);
                ck_assert_int_eq(good[i], CALLS);
        }
        ck_assert_int_le(http_accepts(&world.server), THREADS);
        stop();
}
END_TEST

START_TEST(a_token_that_was_replaced_is_tried_at_once)
{
        const struct http_answer script[] = {{.bytes = OK}, {.bytes = RETRY_AFTER("401", "0")}, {.bytes = OK}};
        const struct kube_call call = {.method = KUBE_PUT, .path = "/a", .body = "{}", .size = 2};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        scratch_write("token", "old\n");
        start_as("{tokenFile: token}", script, 3);
        ck_assert_int_eq(kube_call(world.client, &call, &response, NULL), 0);
        scratch_write("token", "new\n");
        ck_assert_int_eq(kube_call(world.client, &call, &response, NULL), 0);
        ck_assert_int_eq(http_requests(&world.server), 3);
        stop();
        ck_assert_ptr_nonnull(strstr(world.server.last, "\r\nAuthorization: Bearer new\r\n"));
}
END_TEST

START_TEST(a_token_that_stays_is_refused_once)
{
        const struct http_answer script[] = {{.bytes = RETRY_AFTER("401", "0")}};
        const struct kube_call call = {.path = "/a"};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        start(script, 1);
        ck_assert_int_eq(kube_call(world.client, &call, &response, NULL), -EACCES);
        ck_assert_int_eq(http_requests(&world.server), 1);
        stop();
}
END_TEST

START_TEST(paths)
{
        static const struct {
                const char *value, *path;
        } cases[] = {
                {"a", "/p/a/7/18446744073709551615"},
                {"Az09-._~", "/p/Az09-._~/7/18446744073709551615"},
                {"a/b?c=d&e#f%g h+i", "/p/a%2Fb%3Fc%3Dd%26e%23f%25g%20h%2Bi/7/18446744073709551615"},
                {"\xc3\xa9", "/p/%C3%A9/7/18446744073709551615"},
                {"", "/p//7/18446744073709551615"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(freep) char *path = kube_path("/p/%s/%d/%lu", cases[i].value, 7, UINT64_MAX);

                ck_assert_str_eq(path, cases[i].path);
        }
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, answers, 0, ARRAY_SIZE(answer_cases));
        tcase_add_loop_test(tests, retries, 0, ARRAY_SIZE(retry_cases));
        tcase_add_loop_test(tests, a_kept_connection_that_is_lost, 0, ARRAY_SIZE(kept_cases));
        tcase_add_test(tests, no_part_of_an_answer_is_an_answer);
        tcase_add_test(tests, what_is_sent);
        tcase_add_test(tests, connections_are_kept);
        tcase_add_loop_test(tests, time_is_bounded, 0, ARRAY_SIZE(slow_cases));
        tcase_add_test(tests, nobody_listens);
        tcase_add_loop_test(tests, streams, 0, ARRAY_SIZE(stream_cases));
        tcase_add_loop_test(tests, cancels, 0, ARRAY_SIZE(cancel_cases));
        tcase_add_test(tests, a_large_answer_is_whole);
        tcase_add_test(tests, too_large_an_answer_is_refused);
        tcase_add_test(tests, threads_share_a_client);
        tcase_add_test(tests, a_token_that_was_replaced_is_tried_at_once);
        tcase_add_test(tests, a_token_that_stays_is_refused_once);
        tcase_add_test(tests, paths);
}

int main(void)
{
        return unit_main("kube_client", add);
}
