/*
 * The folder that every pod has, and the variables that name its API server (client-go's rest.InClusterConfig).
 */
#include "kube/service_account.h"

#include <errno.h>

#include "kube/config.h"
#include "kube/credential.h"
#include "kube/patience.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"

static void set_server(const char *host, const char *port)
{
        if (host)
                ck_assert_int_eq(setenv("KUBERNETES_SERVICE_HOST", host, 1), 0);
        else
                ck_assert_int_eq(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
        if (port)
                ck_assert_int_eq(setenv("KUBERNETES_SERVICE_PORT", port, 1), 0);
        else
                ck_assert_int_eq(unsetenv("KUBERNETES_SERVICE_PORT"), 0);
}

static const struct server_case {
        const char *name, *host, *port, *server;
} server_cases[] = {
        {"IPv4", "10.96.0.1", "443", "https://10.96.0.1:443"},
        {"IPv6", "fd00::1", "443", "https://[fd00::1]:443"},
        {"a name", "kubernetes.default.svc", "6443", "https://kubernetes.default.svc:6443"},
};

START_TEST(servers)
{
        const struct server_case *test = &server_cases[_i];
        const struct patience patience = {.deadline = clock_monotonic() + 10 * NS_PER_SECOND};
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;

        set_server(test->host, test->port);
        scratch_write("token", "abc");
        scratch_write("ca.crt", "the CA");
        scratch_write("namespace", "gpu\n");
        ck_assert_msg(service_account_config(&config, scratch, &error) == 0, "%s: %s", test->name,
                      error_message(&error));
        ck_assert_msg(!strcmp(kube_config_server(config), test->server), "%s: %s", test->name,
                      kube_config_server(config));
        ck_assert_str_eq(kube_config_namespace(config), "gpu");
        ck_assert_int_eq(credential_get(kube_config_credential(config), &identity, &patience, NULL), 0);
        ck_assert_str_eq(identity.authorization, "Bearer abc");
        ck_assert_str_eq(identity.ca, "the CA");
}
END_TEST

static const struct missing_case {
        const char *name, *host, *port;
        bool token;
        int result;
        const char *message;
} missing_cases[] = {
        {"no host", NULL, "443", true, -ENOENT, "this is no pod of a cluster: "},
        {"no port", "10.96.0.1", "", true, -ENOENT, "this is no pod of a cluster: "},
        {"no token", "10.96.0.1", "443", false, -ENOENT, "cannot read the service account's token "},
        {"a port that is none", "10.96.0.1", "x", true, -EINVAL,
         "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must make a URL such as "},
};

START_TEST(what_is_missing)
{
        const struct missing_case *test = &missing_cases[_i];
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        set_server(test->host, test->port);
        if (test->token)
                scratch_write("token", "abc");
        r = service_account_config(&config, scratch, &error);
        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_msg(!strncmp(error_message(&error), test->message, strlen(test->message)), "%s: %s", test->name,
                      error_message(&error));
}
END_TEST

START_TEST(without_a_namespace_it_is_the_default)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;

        set_server("10.96.0.1", "443");
        scratch_write("token", "abc");
        ck_assert_int_eq(service_account_config(&config, scratch, NULL), 0);
        ck_assert_str_eq(kube_config_namespace(config), "default");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, servers, 0, ARRAY_SIZE(server_cases));
        tcase_add_loop_test(tests, what_is_missing, 0, ARRAY_SIZE(missing_cases));
        tcase_add_test(tests, without_a_namespace_it_is_the_default);
}

int main(void)
{
        return unit_main("service_account", add);
}
