/*
 * Credential plugins, played by shell scripts: what they are told, and what is made of what they print. The fields
 * are those of client.authentication.k8s.io/v1 ExecCredential.
 */
#include "kube/exec_plugin.h"

#include <errno.h>
#include <signal.h>

#include "kube/patience.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#define V1 "client.authentication.k8s.io/v1"
#define ANSWER(status) "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":" status "}"
#define PEM_CERTIFICATE "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----"
#define PEM_KEY "-----BEGIN EC PRIVATE KEY-----\\nAA==\\n-----END EC PRIVATE KEY-----"

static const struct answer_case {
        const char *name, *text;
        bool token, pair;
        int64_t expires;
} answer_cases[] = {
        {"a token", ANSWER("{\"token\":\"abc\"}"), true, false, 0},
        {"a token in YAML", "apiVersion: " V1 "\nkind: ExecCredential\nstatus:\n  token: abc\n", true, false, 0},
        {"a token that expires", ANSWER("{\"token\":\"abc\",\"expirationTimestamp\":\"2026-01-02T03:04:05Z\"}"), true,
         false, 1767323045},
        {"elsewhere", ANSWER("{\"token\":\"abc\",\"expirationTimestamp\":\"2026-01-02T03:04:05.678+01:30\"}"), true,
         false, 1767323045 - 5400},
        {"a pair", ANSWER("{\"clientCertificateData\":\"" PEM_CERTIFICATE "\",\"clientKeyData\":\"" PEM_KEY "\"}"),
         false, true, 0},
        {"both",
         ANSWER("{\"token\":\"abc\",\"clientCertificateData\":\"" PEM_CERTIFICATE "\",\"clientKeyData\":\"" PEM_KEY
                "\"}"),
         true, true, 0},
        {"no expiry", ANSWER("{\"token\":\"abc\",\"expirationTimestamp\":null}"), true, false, 0},
};

START_TEST(answers)
{
        const struct answer_case *test = &answer_cases[_i];
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r = exec_credential_parse(&credential, test->text, V1, &error);

        ck_assert_msg(r == 0, "%s: %d, %s", test->name, r, error_message(&error));
        ck_assert_msg(!!credential.token == test->token, "%s: token", test->name);
        if (test->token)
                ck_assert_str_eq(credential.token, "abc");
        ck_assert_msg(!!credential.certificate == test->pair && !!credential.key == test->pair, "%s: pair",
                      test->name);
        ck_assert_msg(credential.expires == test->expires, "%s: %lld", test->name, (long long)credential.expires);
}
END_TEST

static const struct fault_case {
        const char *name, *text, *message;
} fault_cases[] = {
        {"nothing", "", "its output is no ExecCredential: it is no object in JSON or YAML"},
        {"text", "secret", "its output is no ExecCredential: it is no object in JSON or YAML"},
        {"half an object", "{\"kind\":", "its output is no ExecCredential: it is no object in JSON or YAML"},
        {"another kind", "{\"kind\":\"Secret\"}", "its output is no ExecCredential: kind must be \"ExecCredential\""},
        {"another version", "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}",
         "its output has another apiVersion than the kubeconfig asks for, which is "
         "\"client.authentication.k8s.io/v1\""},
        {"no status", "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}",
         "its output has neither status.token nor status.clientCertificateData"},
        {"an empty token", ANSWER("{\"token\":\"\"}"),
         "its output has neither status.token nor status.clientCertificateData"},
        {"a token that is a number", ANSWER("{\"token\":12345}"), "status.token of its output must be a string"},
        {"half a pair", ANSWER("{\"clientCertificateData\":\"" PEM_CERTIFICATE "\"}"),
         "its output must have both status.clientCertificateData and status.clientKeyData, or neither"},
        {"no PEM", ANSWER("{\"clientCertificateData\":\"a\",\"clientKeyData\":\"b\"}"),
         "status.clientCertificateData and status.clientKeyData of its output must be PEM"},
        {"an expiry that is no time", ANSWER("{\"token\":\"abc\",\"expirationTimestamp\":\"tomorrow\"}"),
         "status.expirationTimestamp of its output must be a time such as \"2026-01-02T03:04:05Z\""},
        {"an expiry without a zone", ANSWER("{\"token\":\"abc\",\"expirationTimestamp\":\"2026-01-02T03:04:05\"}"),
         "status.expirationTimestamp of its output must be a time such as \"2026-01-02T03:04:05Z\""},
};

START_TEST(faults)
{
        const struct fault_case *test = &fault_cases[_i];
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_msg(exec_credential_parse(&credential, test->text, V1, &error) == -EINVAL, "%s", test->name);
        ck_assert_msg(!strcmp(error_message(&error), test->message), "%s: %s", test->name, error_message(&error));
}
END_TEST

static char **copy(const char *const *texts, size_t n)
{
        char **copies = calloc(n + 1, sizeof(*copies));

        for (size_t i = 0; i < n; i++)
                copies[i] = strdup(texts[i]);
        return copies;
}

/* A plugin that runs the script with one argument, and one variable more than we have. */
static struct exec_plugin *make(const char *script)
{
        const char *const arguments[] = {"/bin/sh", "-c", script, "plugin", "one"}, *const environment[] = {
                                                                                            "MORE=two"};
        struct exec_plugin *plugin = calloc(1, sizeof(*plugin));

        plugin->api_version = strdup(V1);
        plugin->arguments = copy(arguments, 5);
        plugin->environment = copy(environment, 1);
        return plugin;
}

static int run(struct exec_plugin *plugin, int64_t timeout, struct exec_credential *ret, struct error *error)
{
        const struct patience patience = {.deadline = clock_monotonic() + timeout};

        return exec_plugin_run(plugin, ret, &patience, error);
}

#define PRINT "echo '" ANSWER("{\"token\":\"'\"$token\"'\"}") "'"

static const struct told_case {
        const char *name, *script, *token;
} told_cases[] = {
        {"its argument", "token=$1;" PRINT, "one"},
        {"its variable", "token=$MORE;" PRINT, "two"},
        {"ours", "token=$OURS;" PRINT, "three"},
        {"what it writes to standard error is no matter", "echo secret >&2; token=a;" PRINT, "a"},
        {"it reads nothing", "token=$(cat)b;" PRINT, "b"},
        {"what it is told, without a cluster", "token=$(echo \"$KUBERNETES_EXEC_INFO\" | base64 -w0);" PRINT,
         /* {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}} */
         "eyJhcGlWZXJzaW9uIjoiY2xpZW50LmF1dGhlbnRpY2F0aW9uLms4cy5pby92MSIsImtpbmQiOiJFeGVjQ3JlZGVudGlhbCIsInNwZWMiOns"
         "i"
         "aW50ZXJhY3RpdmUiOmZhbHNlfX0K"},
};

START_TEST(what_it_is_told)
{
        const struct told_case *test = &told_cases[_i];
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin = make(test->script);
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(setenv("OURS", "three", 1), 0);
        ck_assert_msg(run(plugin, 20 * NS_PER_SECOND, &credential, &error) == 0, "%s: %s", test->name,
                      error_message(&error));
        ck_assert_msg(!strcmp(credential.token, test->token), "%s: %s", test->name, credential.token);
}
END_TEST

START_TEST(it_is_told_of_the_cluster)
{
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin =
                make("case $KUBERNETES_EXEC_INFO in"
                     " *'\"cluster\":{\"server\":\"https://a\"}'*) token=yes;; *) token=no;; esac;" PRINT);
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;

        plugin->cluster = json_pack("{s:s}", "server", "https://a");
        ck_assert_int_eq(run(plugin, 20 * NS_PER_SECOND, &credential, NULL), 0);
        ck_assert_str_eq(credential.token, "yes");
}
END_TEST

static const struct failure_case {
        const char *name, *script;
        int result;
        const char *message;
} failure_cases[] = {
        {"it fails, and says why", "echo first >&2; echo 'log in first' >&2; echo >&2; exit 3", -EIO,
         "credential plugin /bin/sh: it exited with status 3: log in first"},
        {"it fails without a word", "echo secret; exit 1", -EIO,
         "credential plugin /bin/sh: it exited with status 1"},
        {"it is killed", "kill -9 $$", -EIO, "credential plugin /bin/sh: it was ended by signal 9"},
        {"it prints nothing", "true", -EINVAL,
         "credential plugin /bin/sh: its output is no ExecCredential: it is no object in JSON or YAML"},
        {"it prints without end", "yes secret | head -c 2000000", -EFBIG,
         "credential plugin /bin/sh: it printed more than 1 MiB"},
        {"it never ends", "exec sleep 1000", -ETIMEDOUT, "credential plugin /bin/sh: it did not end in time"},
        {"it closes its output, and never ends", "exec >&- 2>&-; exec sleep 1000", -ETIMEDOUT,
         "credential plugin /bin/sh: it did not end in time"},
};

START_TEST(failures)
{
        const struct failure_case *test = &failure_cases[_i];
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin = make(test->script);
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t timeout = test->result == -ETIMEDOUT ? 300 * NS_PER_MS : 20 * NS_PER_SECOND;
        int r = run(plugin, timeout, &credential, &error);

        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_msg(!strcmp(error_message(&error), test->message), "%s: %s", test->name, error_message(&error));
}
END_TEST

START_TEST(who_it_leaves_behind_is_not_waited_for)
{
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin =
                make("sleep 1000 & echo $! >\"$FOLDER/pid\"; token=a;" PRINT);
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_(freep) char *text = NULL;
        int64_t begin = clock_monotonic();

        ck_assert_int_eq(setenv("FOLDER", scratch, 1), 0);
        ck_assert_int_eq(run(plugin, 20 * NS_PER_SECOND, &credential, NULL), 0);
        ck_assert_int_lt(clock_monotonic() - begin, 10 * NS_PER_SECOND);
        text = scratch_read("pid", NULL);
        for (int i = 0; i < 1000 && kill(atoi(text), 0) == 0; i++)
                usleep(10000);
        ck_assert_int_eq(kill(atoi(text), 0), -1);
}
END_TEST

START_TEST(a_program_that_is_missing)
{
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin = make("");
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        free(plugin->arguments[0]);
        plugin->arguments[0] = strdup("regionfit-no-such-plugin");
        plugin->install_hint = strdup("install it first");
        ck_assert_int_eq(run(plugin, NS_PER_SECOND, &credential, &error), -ENOENT);
        ck_assert_str_eq(error_message(&error),
                         "credential plugin regionfit-no-such-plugin: cannot run "
                         "regionfit-no-such-plugin: No such file or directory; install it first");
}
END_TEST

START_TEST(it_cannot_ask_where_nobody_is)
{
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin = make("token=a;" PRINT);
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_ptr_nonnull(freopen("/dev/null", "r", stdin));
        plugin->interactive = EXEC_ALWAYS;
        ck_assert_int_eq(run(plugin, NS_PER_SECOND, &credential, &error), -ENOTTY);
        ck_assert_str_eq(error_message(&error), "credential plugin /bin/sh: it has to ask a person (interactiveMode "
                                                "Always), and standard input is no terminal");
}
END_TEST

START_TEST(cancelled)
{
        const bool yes = true;
        const struct patience patience = {.deadline = clock_monotonic() + 20 * NS_PER_SECOND, .cancelled = &yes};
        _cleanup_(exec_plugin_freep) struct exec_plugin *plugin = make("sleep 1000");
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;

        ck_assert_int_eq(exec_plugin_run(plugin, &credential, &patience, NULL), -ECANCELED);
        ck_assert_int_lt(clock_monotonic() - patience.deadline, -10 * NS_PER_SECOND);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, answers, 0, ARRAY_SIZE(answer_cases));
        tcase_add_loop_test(tests, faults, 0, ARRAY_SIZE(fault_cases));
        tcase_add_loop_test(tests, what_it_is_told, 0, ARRAY_SIZE(told_cases));
        tcase_add_test(tests, it_is_told_of_the_cluster);
        tcase_add_loop_test(tests, failures, 0, ARRAY_SIZE(failure_cases));
        tcase_add_test(tests, who_it_leaves_behind_is_not_waited_for);
        tcase_add_test(tests, a_program_that_is_missing);
        tcase_add_test(tests, it_cannot_ask_where_nobody_is);
        tcase_add_test(tests, cancelled);
}

int main(void)
{
        return unit_main("exec_plugin", add);
}
