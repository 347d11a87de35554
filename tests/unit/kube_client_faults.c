/*
 * Calls while names are resolved slowly or not at all, and while nobody reads the other end.
 *
 * This program defines getaddrinfo() itself, which stands in front of the C library's for libcurl, too.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>

#include "http_server.h"
#include "kube/client.h"
#include "kube/config.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"

#define FOR_EVER_S 3

static bool resolver_sleeps;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        (void)name;
        (void)service;
        (void)hints;
        (void)ret;
        if (resolver_sleeps)
                sleep(FOR_EVER_S);
        return EAI_AGAIN;
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

static void connect_to(struct caller *caller, const char *server)
{
        char text[512];

        snprintf(text, sizeof(text),
                 "clusters: [{name: c, cluster: {server: '%s'}}]\n"
                 "contexts: [{name: x, context: {cluster: c}}]\n"
                 "current-context: x\n",
                 server);
        scratch_write("kubeconfig", text);
        ck_assert_int_eq(kube_config_load(&caller->config, scratch_path("kubeconfig").text, NULL, NULL), 0);
        ck_assert_int_eq(kube_client_new(&caller->client, caller->config, NULL), 0);
}

static int put(const struct caller *caller, const struct kube_call *like, int64_t *ret_ms, struct error *error)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        struct kube_call call = *like;
        int64_t begin = clock_monotonic();
        int r;

        call.method = KUBE_PUT;
        call.path = "/a";
        r = kube_call(caller->client, &call, &response, error);
        *ret_ms = (clock_monotonic() - begin) / NS_PER_MS;
        return r;
}

START_TEST(a_name_that_does_not_resolve)
{
        const struct kube_call call = {.timeout = 500 * NS_PER_MS};
        _cleanup_(caller_clear) struct caller caller = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t ms;

        connect_to(&caller, "https://kubernetes.example:6443");
        ck_assert_int_eq(put(&caller, &call, &ms, &error), -EAGAIN);
        ck_assert_str_eq(error_message(&error), "PUT /a: Could not resolve host: kubernetes.example");
        ck_assert_int_lt(ms, 1500);
}
END_TEST

START_TEST(a_resolver_that_does_not_answer)
{
        const struct kube_call call = {.timeout = 300 * NS_PER_MS};
        _cleanup_(caller_clear) struct caller caller = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t ms;

        resolver_sleeps = true;
        connect_to(&caller, "https://kubernetes.example:6443");
        ck_assert_int_eq(put(&caller, &call, &ms, &error), -EAGAIN);
        ck_assert_str_eq(error_message(&error), "PUT /a: no connection in time");
        ck_assert_int_lt(ms, FOR_EVER_S * 1000 / 2);
        sleep(FOR_EVER_S); /* the resolver's thread frees what it has */
}
END_TEST

static void *cancel_later(void *userdata)
{
        usleep(200 * 1000);
        kube_client_cancel(userdata);
        return NULL;
}

START_TEST(a_call_that_is_cancelled_while_a_name_is_resolved)
{
        const struct kube_call call = {0};
        _cleanup_(caller_clear) struct caller caller = {0};
        pthread_t thread;
        int64_t ms;
        int r;

        resolver_sleeps = true;
        connect_to(&caller, "https://kubernetes.example:6443");
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, caller.client), 0);
        r = put(&caller, &call, &ms, NULL);
        pthread_join(thread, NULL);
        ck_assert_int_eq(r, -ECANCELED);
        ck_assert_int_ge(ms, 190);
        ck_assert_int_lt(ms, FOR_EVER_S * 1000 / 2);
        sleep(FOR_EVER_S);
}
END_TEST

/* The answer comes before the body has been sent, and the connection is closed: writing on raises SIGPIPE. */
START_TEST(a_server_that_hangs_up_on_a_long_request)
{
        static char body[32 * 1024 * 1024];
        const struct kube_call call = {.body = body, .size = sizeof(body)};
        _cleanup_(caller_clear) struct caller caller = {0};
        char server[64];
        int listener, port, r;
        int64_t ms;
        pid_t pid;

        listener = http_listen(&port);
        pid = fork();
        if (pid == 0) {
                char part[1024];
                int fd = accept(listener, NULL, NULL);

                _exit(recv(fd, part, sizeof(part), 0) < 0);
        }
        signal(SIGPIPE, SIG_DFL);
        snprintf(server, sizeof(server), "http://127.0.0.1:%d", port);
        connect_to(&caller, server);
        r = put(&caller, &call, &ms, NULL);
        kill(pid, SIGKILL);
        close(listener);
        ck_assert_int_eq(r, -EIO);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_test(tests, a_name_that_does_not_resolve);
        tcase_add_test(tests, a_resolver_that_does_not_answer);
        tcase_add_test(tests, a_call_that_is_cancelled_while_a_name_is_resolved);
        tcase_add_test(tests, a_server_that_hangs_up_on_a_long_request);
}

int main(void)
{
        return unit_main("kube_client_faults", add);
}
