/*
 * Whom a client believes to be the API server, and how it shows who it is, in TLS. The server is libmicrohttpd's, on
 * GnuTLS; its certificates are made by certs/.
 */
#include "kube/client.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include "certs/certs.h"
#include "kube/config.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

static struct {
        struct certs_pem pem; /* the server's, and the CA that made it */
        struct certs_pem other;
        struct MHD_Daemon *daemon;
        int port;
        int n_requests; /* atomic */
} world;

/* Says who the client is: the common name of its certificate, or "nobody". */
static enum MHD_Result answer(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        struct MHD_Response *response;
        unsigned int n = 0;
        const char *text = gnutls_certificate_get_peers(info->tls_session, &n) ? "somebody" : "nobody";
        enum MHD_Result r;

        (void)userdata;
        (void)url;
        (void)method;
        (void)version;
        (void)data;
        (void)size;
        (void)state;
        __atomic_add_fetch(&world.n_requests, 1, __ATOMIC_RELAXED);
        response = MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
        r = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return r;
}

static void make(struct certs_pem *ret, const char *name, int64_t now)
{
        const char *const names[] = {name};
        const struct certs_request request = {.sans = names, .n_sans = 1, .days = 1, .now = now};
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_msg(certs_make(ret, &request, &error) == 0, "%s", error_message(&error));
}

/* A server whose certificate is for this name, made at that time. */
static void start(const char *name, int64_t now)
{
        const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        make(&world.pem, name, now);
        make(&world.other, name, 0);
        world.daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, NULL,
                                        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_CERT, world.pem.chain,
                                        MHD_OPTION_HTTPS_MEM_KEY, world.pem.key, MHD_OPTION_HTTPS_MEM_TRUST,
                                        world.pem.ca_bundle, MHD_OPTION_END);
        ck_assert_ptr_nonnull(world.daemon);
        world.port = MHD_get_daemon_info(world.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
        scratch_write("right.crt", world.pem.ca_bundle);
        scratch_write("wrong.crt", world.other.ca_bundle);
        scratch_write("client.crt", world.pem.chain);
        scratch_write("client.key", world.pem.key);
        scratch_write("other.key", world.other.key);
}

static void stop(void)
{
        MHD_stop_daemon(world.daemon);
        certs_pem_clear(&world.pem);
        certs_pem_clear(&world.other);
}

struct caller {
        struct kube_config *config;
        struct kube_client *client;
};

static void caller_clear(struct caller *caller)
{
        kube_client_free(caller->client);
        kube_config_free(caller->config);
}

static void connect_as(struct caller *caller, const char *cluster, const char *user)
{
        _cleanup_(freep) char *text =
                text_format("clusters: [{name: c, cluster: {server: 'https://127.0.0.1:%d'%s}}]\n"
                            "users: [{name: u, user: %s}]\n"
                            "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                            "current-context: x\n",
                            world.port, cluster, user);
        _cleanup_error_ struct error error = ERROR_INIT;

        scratch_write("kubeconfig", text);
        ck_assert_msg(kube_config_load(&caller->config, scratch_path("kubeconfig").text, NULL, &error) == 0, "%s",
                      error_message(&error));
        ck_assert_int_eq(kube_client_new(&caller->client, caller->config, NULL), 0);
}

static int call(const struct caller *caller, struct kube_response *ret, struct error *error)
{
        const struct kube_call get = {.path = "/a"};

        return kube_call(caller->client, &get, ret, error);
}

#define RIGHT ", certificate-authority: right.crt"
#define WRONG ", certificate-authority: wrong.crt"
#define SOMEBODY "{client-certificate: client.crt, client-key: client.key}"
#define LONG_AGO INT64_C(1577836800) /* 2020-01-01T00:00:00Z; the certificate is for a day */

static const struct trust_case {
        const char *name, *certificate_name;
        int64_t made_at; /* 0: now */
        const char *cluster, *user;
        int result;
        const char *message; /* a part of it, or the body */
} trust_cases[] = {
        {"the right CA", "127.0.0.1", 0, RIGHT, "{}", 0, "nobody"},
        {"another CA", "127.0.0.1", 0, WRONG, "{}", -EAGAIN, "certificate"},
        {"the system's CAs", "127.0.0.1", 0, "", "{}", -EAGAIN, "certificate"},
        {"no look at it", "127.0.0.1", 0, ", insecure-skip-tls-verify: true", "{}", 0, "nobody"},
        {"a certificate for another address", "127.0.0.2", 0, RIGHT, "{}", -EAGAIN, "127.0.0.1"},
        {"a certificate for another name", "kubernetes", 0, RIGHT, "{}", -EAGAIN, "127.0.0.1"},
        {"for the name that is asked for", "kubernetes", 0, RIGHT ", tls-server-name: kubernetes", "{}", 0, "nobody"},
        {"not for the name that is asked for", "127.0.0.1", 0, RIGHT ", tls-server-name: kubernetes", "{}", -EAGAIN,
         "kubernetes"},
        {"an expired one", "127.0.0.1", LONG_AGO, RIGHT, "{}", -EAGAIN, "expired"},
        {"a client with a certificate", "127.0.0.1", 0, RIGHT, SOMEBODY, 0, "somebody"},
        {"a client whose certificate and key do not match", "127.0.0.1", 0, RIGHT,
         "{client-certificate: client.crt, client-key: other.key}", -EAGAIN, "key"},
};

START_TEST(trust)
{
        const struct trust_case *test = &trust_cases[_i];
        _cleanup_(caller_clear) struct caller caller = {0};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t begin;
        int r;

        start(test->certificate_name, test->made_at);
        connect_as(&caller, test->cluster, test->user);
        begin = clock_monotonic();
        r = call(&caller, &response, &error);
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        ck_assert_msg(strstr(r < 0 ? error_message(&error) : response.body, test->message) != NULL, "%s: %s",
                      test->name, r < 0 ? error_message(&error) : response.body);
        /* It is not tried again: it would not end otherwise. */
        ck_assert_msg(clock_monotonic() - begin < 8 * NS_PER_SECOND, "%s", test->name);
        ck_assert_int_eq(world.n_requests, r == 0);
        stop();
}
END_TEST

START_TEST(a_ca_that_was_replaced_is_believed_at_the_next_call)
{
        _cleanup_(caller_clear) struct caller caller = {0};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        start("127.0.0.1", 0);
        connect_as(&caller, WRONG, "{}");
        ck_assert_int_eq(call(&caller, &response, NULL), -EAGAIN);
        scratch_write("wrong.crt", world.pem.ca_bundle);
        ck_assert_int_eq(call(&caller, &response, NULL), 0);
        stop();
}
END_TEST

START_TEST(what_belongs_to_one_identity_is_not_shown_by_another)
{
        _cleanup_(caller_clear) struct caller somebody = {0}, nobody = {0};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;

        start("127.0.0.1", 0);
        connect_as(&somebody, RIGHT, SOMEBODY);
        connect_as(&nobody, RIGHT, "{}");
        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(call(&somebody, &response, NULL), 0);
                ck_assert_str_eq(response.body, "somebody");
                ck_assert_int_eq(call(&nobody, &response, NULL), 0);
                ck_assert_str_eq(response.body, "nobody");
        }
        stop();
}
END_TEST

START_TEST(plain_http_is_not_taken_for_tls)
{
        _cleanup_(caller_clear) struct caller caller = {0};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        const struct kube_call put = {.method = KUBE_PUT, .path = "/a", .body = "{}", .size = 2, .once = true};
        struct MHD_Daemon *plain;

        start("127.0.0.1", 0);
        plain = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_END);
        ck_assert_ptr_nonnull(plain);
        world.port = MHD_get_daemon_info(plain, MHD_DAEMON_INFO_BIND_PORT)->port;
        connect_as(&caller, RIGHT, "{}");
        ck_assert_int_eq(kube_call(caller.client, &put, &response, NULL), -EAGAIN);
        MHD_stop_daemon(plain);
        stop();
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, trust, 0, ARRAY_SIZE(trust_cases));
        tcase_add_test(tests, a_ca_that_was_replaced_is_believed_at_the_next_call);
        tcase_add_test(tests, what_belongs_to_one_identity_is_not_shown_by_another);
        tcase_add_test(tests, plain_http_is_not_taken_for_tls);
}

int main(void)
{
        return unit_main("kube_tls", add);
}
