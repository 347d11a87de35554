/*
 * Which cluster a command talks to, as the options and the environment say.
 */
#include "cli/kube_options.h"

#include <errno.h>

#include "kube/client.h"
#include "kube/config.h"
#include "scratch.h"
#include "util/error.h"

static void write_config(const char *name)
{
        char text[512];

        snprintf(text, sizeof(text),
                 "clusters:\n"
                 "- {name: c, cluster: {server: 'http://%s'}}\n"
                 "- {name: d, cluster: {server: 'http://%s-other'}}\n"
                 "contexts:\n"
                 "- {name: usual, context: {cluster: c}}\n"
                 "- {name: other, context: {cluster: d}}\n"
                 "current-context: usual\n",
                 name, name);
        scratch_write(name, text);
}

static void set(const char *name, const char *value)
{
        ck_assert_int_eq(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static const struct choice_case {
        const char *name, *option, *context, *variable;
        bool pod;
        int result;
        const char *expected; /* the server, or the sentence's beginning */
} choice_cases[] = {
        {"the option", "option", NULL, NULL, false, 0, "http://option"},
        {"the option before the variable", "option", NULL, "variable", true, 0, "http://option"},
        {"the variable before the pod", NULL, NULL, "variable", true, 0, "http://variable"},
        {"the pod before the usual file", NULL, NULL, NULL, true, -ENOENT,
         "cannot read the service account's token /var/run/secrets/kubernetes.io/serviceaccount/token"},
        {"the usual file", NULL, NULL, NULL, false, 0, "http://.kube/config"},
        {"a context", "option", "other", NULL, false, 0, "http://option-other"},
        {"a context of the usual file, in a pod", NULL, "other", NULL, true, 0, "http://.kube/config-other"},
        {"a context that does not exist", "option", "none", NULL, false, -EINVAL, ""},
};

START_TEST(choices)
{
        const struct choice_case *test = &choice_cases[_i];
        struct scratch_path option = scratch_path(test->option ? test->option : "");
        struct scratch_path variable = scratch_path(test->variable ? test->variable : "");
        struct kube_options options = KUBE_OPTIONS_INIT;
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_(kube_client_freep) struct kube_client *client = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        const char *is;
        int r;

        ck_assert_int_eq(mkdir(scratch_path(".kube").text, 0700), 0);
        write_config("option");
        write_config("variable");
        write_config(".kube/config");
        set("HOME", scratch);
        set("KUBECONFIG", test->variable ? variable.text : NULL);
        set("KUBERNETES_SERVICE_HOST", test->pod ? "10.96.0.1" : NULL);
        set("KUBERNETES_SERVICE_PORT", test->pod ? "443" : NULL);
        ck_assert(!kube_options_given(&options));
        ck_assert(!kube_options_take(&options, 'h', "option"));
        if (test->option)
                ck_assert(kube_options_take(&options, OPTION_KUBECONFIG, option.text));
        if (test->context)
                ck_assert(kube_options_take(&options, OPTION_CONTEXT, test->context));
        ck_assert(kube_options_given(&options) == (test->option || test->context));
        r = kube_options_connect(&options, &config, &client, &error);
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        is = r < 0 ? error_message(&error) : kube_config_server(config);
        ck_assert_msg(!strncmp(is, test->expected, strlen(test->expected)), "%s: %s", test->name, is);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, choices, 0, ARRAY_SIZE(choice_cases));
}

int main(void)
{
        return unit_main("kube_options", add);
}
