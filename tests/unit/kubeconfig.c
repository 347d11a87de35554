/*
 * What is taken from kubeconfig files, and what is said of those that are wrong. The rules are those of client-go
 * (clientcmd's API v1, its loading rules and validation); the base64 texts are made with base64(1).
 */
#include "kube/config.h"

#include <errno.h>

#include "kube/credential.h"
#include "kube/endpoint.h"
#include "kube/patience.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

/* "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", and the like with PRIVATE KEY. */
#define PEM_CERTIFICATE "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
#define PEM_KEY "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
#define BASE64_CERTIFICATE "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define BASE64_KEY "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCkFBPT0KLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo="

static void write_config(const char *name, const char *cluster, const char *user)
{
        char text[4096];

        ck_assert_int_lt(snprintf(text, sizeof(text),
                                  "apiVersion: v1\n"
                                  "kind: Config\n"
                                  "current-context: x\n"
                                  "contexts:\n"
                                  "- {name: x, context: {cluster: c, user: u, namespace: gpu}}\n"
                                  "clusters:\n"
                                  "- name: c\n"
                                  "  cluster: %s\n"
                                  "users:\n"
                                  "- name: u\n"
                                  "  user: %s\n",
                                  cluster, user),
                         (int)sizeof(text));
        scratch_write(name, text);
}

static int get_identity(const struct kube_config *config, struct identity *ret, struct error *error)
{
        const struct patience patience = {.deadline = clock_monotonic() + 10 * NS_PER_SECOND};

        return credential_get(kube_config_credential(config), ret, &patience, error);
}

static void assert_text(const char *name, const char *what, const char *is, const char *expected)
{
        ck_assert_msg(!is == !expected && (!is || !strcmp(is, expected)), "%s: %s is %s", name, what,
                      is ? is : "none");
}

static const struct user_case {
        const char *name, *user;
        const char *authorization, *certificate, *key;
} user_cases[] = {
        {"nobody", "{}", NULL, NULL, NULL},
        {"null is nobody", "null", NULL, NULL, NULL},
        {"a token", "{token: abc}", "Bearer abc", NULL, NULL},
        {"a token's file, relative to the kubeconfig", "{tokenFile: files/token}", "Bearer from-file", NULL, NULL},
        {"a token's file wins over a token", "{token: abc, tokenFile: files/token}", "Bearer from-file", NULL, NULL},
        {"username and password (RFC 7617's example)", "{username: Aladdin, password: open sesame}",
         "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL, NULL},
        {"a certificate and its key as data",
         "{client-certificate-data: " BASE64_CERTIFICATE ", client-key-data: " BASE64_KEY "}", NULL, PEM_CERTIFICATE,
         PEM_KEY},
        {"a certificate and its key in files", "{client-certificate: files/crt, client-key: files/key}", NULL,
         PEM_CERTIFICATE, PEM_KEY},
        {"data wins over a file that does not exist",
         "{client-certificate: no, client-certificate-data: " BASE64_CERTIFICATE ", client-key: files/key}", NULL,
         PEM_CERTIFICATE, PEM_KEY},
        {"a token beside a certificate", "{token: abc, client-certificate: files/crt, client-key: files/key}",
         "Bearer abc", PEM_CERTIFICATE, PEM_KEY},
        {"fields that nobody knows", "{token: abc, color: blue}", "Bearer abc", NULL, NULL},
        {"empty strings are absent", "{token: '', tokenFile: '', client-key-data: ''}", NULL, NULL, NULL},
};

static void write_files(void)
{
        ck_assert_int_eq(mkdir(scratch_path("files").text, 0700), 0);
        scratch_write("files/token", " from-file\n");
        scratch_write("files/crt", PEM_CERTIFICATE);
        scratch_write("files/key", PEM_KEY);
        scratch_write("files/empty", "\n");
}

START_TEST(users)
{
        const struct user_case *test = &user_cases[_i];
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;

        write_files();
        write_config("config", "{server: 'https://a:6443'}", test->user);
        ck_assert_msg(kube_config_load(&config, scratch_path("config").text, NULL, &error) == 0, "%s: %s", test->name,
                      error_message(&error));
        ck_assert_msg(get_identity(config, &identity, &error) == 0, "%s: %s", test->name, error_message(&error));
        assert_text(test->name, "authorization", identity.authorization, test->authorization);
        assert_text(test->name, "the certificate", identity.certificate, test->certificate);
        assert_text(test->name, "the key", identity.key, test->key);
        assert_text(test->name, "the CA", identity.ca, NULL);
        ck_assert_str_eq(kube_config_namespace(config), "gpu");
}
END_TEST

static const struct cluster_case {
        const char *name, *cluster;
        const char *server, *tls_server_name, *proxy_url, *ca;
        bool insecure;
} cluster_cases[] = {
        {"a server", "{server: 'https://10.0.0.1:6443'}", "https://10.0.0.1:6443", NULL, NULL, NULL, false},
        {"slashes at its end mean nothing", "{server: 'https://a//'}", "https://a", NULL, NULL, NULL, false},
        {"a server below a path", "{server: 'https://a/k8s/clusters/c-1'}", "https://a/k8s/clusters/c-1", NULL, NULL,
         NULL, false},
        {"an IPv6 address", "{server: 'https://[::1]:6443'}", "https://[::1]:6443", NULL, NULL, NULL, false},
        {"a CA as data", "{server: 'https://a', certificate-authority-data: " BASE64_CERTIFICATE "}", "https://a",
         NULL, NULL, PEM_CERTIFICATE, false},
        {"a CA in a file", "{server: 'https://a', certificate-authority: files/crt}", "https://a", NULL, NULL,
         PEM_CERTIFICATE, false},
        {"no look at the certificate", "{server: 'https://a', insecure-skip-tls-verify: true}", "https://a", NULL,
         NULL, NULL, true},
        {"another name, and a proxy",
         "{server: 'https://a', tls-server-name: kubernetes, proxy-url: 'http://p:3128'}", "https://a", "kubernetes",
         "http://p:3128", NULL, false},
        {"a SOCKS proxy resolves names", "{server: 'https://a', proxy-url: 'socks5://p:1080'}", "https://a", NULL,
         "socks5h://p:1080", NULL, false},
};

START_TEST(clusters)
{
        const struct cluster_case *test = &cluster_cases[_i];
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        const struct endpoint *endpoint;

        write_files();
        write_config("config", test->cluster, "{token: abc}");
        ck_assert_msg(kube_config_load(&config, scratch_path("config").text, NULL, &error) == 0, "%s: %s", test->name,
                      error_message(&error));
        ck_assert_int_eq(get_identity(config, &identity, NULL), 0);
        endpoint = kube_config_endpoint(config);
        assert_text(test->name, "the server", kube_config_server(config), test->server);
        assert_text(test->name, "the name", endpoint->tls_server_name, test->tls_server_name);
        assert_text(test->name, "the proxy", endpoint->proxy_url, test->proxy_url);
        assert_text(test->name, "the CA", identity.ca, test->ca);
        ck_assert_msg(endpoint->insecure == test->insecure, "%s", test->name);
}
END_TEST

/* Messages, behind "FOLDER/config:". */
static const struct entry_fault {
        const char *name, *cluster, *user, *message;
} entry_faults[] = {
        {"no server", "{}", "{}", "8: clusters[0].cluster.server: must be the API server's URL; it is missing"},
        {"no cluster", "null", "{}", "7: clusters[0]: has no cluster, which must be an object with server"},
        {"a cluster that is text", "https://a", "{}", "8: clusters[0].cluster: must be an object, not \"https://a\""},
        {"a server without a scheme", "{server: 'a:6443'}", "{}",
         "8: clusters[0].cluster.server: must be a URL such as \"https://10.0.0.1:6443\", without user, query or "
         "fragment"},
        {"a server with a password, which is not shown", "{server: 'https://me:secret@a'}", "{}",
         "8: clusters[0].cluster.server: must be a URL such as \"https://10.0.0.1:6443\", without user, query or "
         "fragment"},
        {"a server of another kind", "{server: 'ftp://a'}", "{}",
         "8: clusters[0].cluster.server: must be a URL such as \"https://10.0.0.1:6443\", without user, query or "
         "fragment"},
        {"a server that is a number", "{server: 6443}", "{}",
         "8: clusters[0].cluster.server: must be a string, not 6443"},
        {"a proxy of an unknown kind", "{server: 'https://a', proxy-url: 'gopher://u:secret@p'}", "{}",
         "8: clusters[0].cluster.proxy-url: must be a URL whose scheme is http, https, socks5 or socks5h"},
        {"a CA that is not base64", "{server: 'https://a', certificate-authority-data: '!'}", "{}",
         "8: clusters[0].cluster.certificate-authority-data: must be PEM in base64; it is not base64"},
        {"a CA that is not PEM", "{server: 'https://a', certificate-authority-data: c2VjcmV0}", "{}",
         "8: clusters[0].cluster.certificate-authority-data: must be PEM in base64; there is no \"-----BEGIN "
         "CERTIFICATE-----\" in it"},
        {"a CA, and no look at the certificate",
         "{server: 'https://a', insecure-skip-tls-verify: true, certificate-authority-data: " BASE64_CERTIFICATE "}",
         "{}",
         "8: clusters[0].cluster.insecure-skip-tls-verify: must not be true where a certificate-authority is given"},
        {"a token that is a number is not shown", "{server: 'https://a'}", "{token: 12345}",
         "11: users[0].user.token: must be a string; a value such as 1234 or true must be in quotes"},
        {"a password that is a number is not shown", "{server: 'https://a'}", "{username: a, password: 12345}",
         "11: users[0].user.password: must be a string; a value such as 1234 or true must be in quotes"},
        {"a token and a name", "{server: 'https://a'}", "{token: a, username: b}",
         "11: users[0].user.username: must not be given where there is a token"},
        {"a certificate without a key", "{server: 'https://a'}", "{client-certificate: files/crt}",
         "11: users[0].user.client-key: must be given where there is a client-certificate"},
        {"a key without a certificate", "{server: 'https://a'}", "{client-key: files/key}",
         "11: users[0].user.client-certificate: must be given where there is a client-key"},
        {"a certificate where a key is wanted", "{server: 'https://a'}",
         "{client-certificate: files/crt, client-key-data: " BASE64_CERTIFICATE "}",
         "11: users[0].user.client-key-data: must be PEM in base64; there is no \"-----BEGIN PRIVATE KEY-----\" in "
         "it"},
        {"an auth-provider", "{server: 'https://a'}", "{auth-provider: {name: gcp}}",
         "11: users[0].user.auth-provider: is no longer known to Kubernetes (since 1.26); use exec"},
        {"acting as somebody else", "{server: 'https://a'}", "{as: root}",
         "11: users[0].user.as: is not supported: regionfit acts as nobody else"},
        {"exec without a version", "{server: 'https://a'}", "{exec: {command: a}}",
         "11: users[0].user.exec.apiVersion: must be \"client.authentication.k8s.io/v1\" or "
         "\"client.authentication.k8s.io/v1beta1\"; it is missing"},
        {"exec of a version that is gone", "{server: 'https://a'}",
         "{exec: {command: a, apiVersion: client.authentication.k8s.io/v1alpha1}}",
         "11: users[0].user.exec.apiVersion: must be client.authentication.k8s.io/v1 or "
         "client.authentication.k8s.io/v1beta1, not \"client.authentication.k8s.io/v1alpha1\""},
        {"exec v1 without a mode", "{server: 'https://a'}",
         "{exec: {command: a, apiVersion: client.authentication.k8s.io/v1}}",
         "11: users[0].user.exec.interactiveMode: must be Never, IfAvailable or Always; it is missing"},
        {"exec without a command", "{server: 'https://a'}",
         "{exec: {apiVersion: client.authentication.k8s.io/v1beta1}}",
         "11: users[0].user.exec.command: must be the program that hands out the credentials; it is missing"},
        {"exec with an argument that is a number", "{server: 'https://a'}",
         "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: a, args: [b, 1]}}",
         "11: users[0].user.exec.args[1]: must be a string, not 1"},
        {"exec with a variable that has no name", "{server: 'https://a'}",
         "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: a, env: [{value: secret}]}}",
         "11: users[0].user.exec.env[0].name: must be the name of a variable of the environment; it is missing"},
};

START_TEST(faults_of_entries)
{
        const struct entry_fault *test = &entry_faults[_i];
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *expected = NULL;
        int r;

        write_files();
        write_config("config", test->cluster, test->user);
        expected = text_format("%s:%s", scratch_path("config").text, test->message);
        r = kube_config_load(&config, scratch_path("config").text, NULL, &error);
        ck_assert_msg(r == -EINVAL, "%s: %d", test->name, r);
        ck_assert_msg(!strcmp(error_message(&error), expected), "%s: %s", test->name, error_message(&error));
}
END_TEST

#define CONTEXTS                                                  \
        "contexts:\n"                                             \
        "- {name: x, context: {cluster: c, user: u}}\n"           \
        "- {name: b, context: {cluster: none, user: u}}\n"        \
        "- {name: z, context: {cluster: c, user: none}}\n"        \
        "- {name: w, context: {user: u}}\n"                       \
        "clusters: [{name: c, cluster: {server: 'https://a'}}]\n" \
        "users: [{name: u, user: {}}]\n"

/* Messages, behind the file's path. */
static const struct file_fault {
        const char *name, *text, *context;
        int result;
        const char *message;
} file_faults[] = {
        {"no current context", CONTEXTS, NULL, -EINVAL,
         ": current-context is not set, and no context was named; there are: x, b, z, w"},
        {"an unknown context", CONTEXTS, "v", -EINVAL, ": there is no context \"v\"; there are: x, b, z, w"},
        {"a context of no cluster", CONTEXTS, "b", -EINVAL,
         ":3: contexts[1].context.cluster: there is no entry \"none\" in clusters"},
        {"a context of no user", CONTEXTS, "z", -EINVAL,
         ":4: contexts[2].context.user: there is no entry \"none\" in users"},
        {"a context that names no cluster", CONTEXTS, "w", -EINVAL,
         ":5: contexts[3].context.cluster: must be the name of an entry in clusters; it is missing"},
        {"an empty file", "", NULL, -EINVAL,
         ": current-context is not set, and no context was named; there are: none"},
        {"a list", "- a\n", NULL, -EINVAL, ":1: must be an object, not a list"},
        {"contexts that are no list", "current-context: x\ncontexts: {}\n", NULL, -EINVAL,
         ":2: contexts: must be a list, not an object"},
        {"a name that is a number", "current-context: x\ncontexts:\n- name: 1\n", NULL, -EINVAL,
         ":3: contexts[0].name: must be a string, not 1"},
        {"no YAML", "current-context: [\n", NULL, -EINVAL, ": line 2: "},
};

START_TEST(faults_of_files)
{
        const struct file_fault *test = &file_faults[_i];
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *expected = NULL;
        int r;

        scratch_write("config", test->text);
        expected = text_format("%s%s", scratch_path("config").text, test->message);
        r = kube_config_load(&config, scratch_path("config").text, test->context, &error);
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        ck_assert_msg(!strncmp(error_message(&error), expected, strlen(expected)), "%s: %s", test->name,
                      error_message(&error));
}
END_TEST

START_TEST(a_file_that_cannot_be_read)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *expected = NULL;

        ck_assert_int_eq(kube_config_load(&config, scratch_path("no").text, NULL, &error), -ENOENT);
        expected = text_format("cannot open %s: No such file or directory", scratch_path("no").text);
        ck_assert_str_eq(error_message(&error), expected);

        write_config("config", "{server: 'https://a', certificate-authority: no.crt}", "{}");
        ck_assert_int_eq(kube_config_load(&config, scratch_path("config").text, NULL, &error), -EINVAL);
        free(expected);
        expected = text_format(
                "%s:8: clusters[0].cluster.certificate-authority: must be a file that can be read; %s: No such file "
                "or directory",
                scratch_path("config").text, scratch_path("no.crt").text);
        ck_assert_str_eq(error_message(&error), expected);
}
END_TEST

START_TEST(an_empty_token_file)
{
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;

        write_files();
        write_config("config", "{server: 'https://a'}", "{tokenFile: files/empty}");
        ck_assert_int_eq(kube_config_load(&config, scratch_path("config").text, NULL, NULL), 0);
        ck_assert_int_eq(get_identity(config, &identity, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "files/empty: it is empty"));
}
END_TEST

static void set_kubeconfig(const char *first, const char *second, const char *third)
{
        _cleanup_(freep) char *list = text_format("%s:%s::%s", scratch_path(first).text, scratch_path(second).text,
                                                  scratch_path(third).text);

        ck_assert_int_eq(setenv("KUBECONFIG", list, 1), 0);
}

START_TEST(files_are_merged)
{
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;

        scratch_write("one", "current-context: x\nusers: [{name: u, user: {username: me}}]\n");
        scratch_write("two", "current-context: b\n"
                             "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                             "clusters: [{name: c, cluster: {server: 'https://two'}}]\n"
                             "users: [{name: u, user: {password: secret}}]\n");
        set_kubeconfig("one", "missing", "two");
        ck_assert_msg(kube_config_load(&config, NULL, NULL, &error) == 0, "%s", error_message(&error));
        ck_assert_str_eq(kube_config_server(config), "https://two");
        ck_assert_str_eq(kube_config_namespace(config), "default");
        ck_assert_int_eq(get_identity(config, &identity, NULL), 0);
        /* "me:": the first file's user whole, without the second one's password. */
        ck_assert_str_eq(identity.authorization, "Basic bWU6");
}
END_TEST

START_TEST(no_file_of_the_environment)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;

        set_kubeconfig("a", "b", "c");
        ck_assert_int_eq(kube_config_load(&config, NULL, NULL, &error), -ENOENT);
        ck_assert_msg(!strncmp(error_message(&error), "no file of $KUBECONFIG exists: ", 31), "%s",
                      error_message(&error));
}
END_TEST

START_TEST(the_usual_file)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;

        ck_assert_int_eq(unsetenv("KUBECONFIG"), 0);
        ck_assert_int_eq(setenv("HOME", scratch, 1), 0);
        ck_assert_int_eq(mkdir(scratch_path(".kube").text, 0700), 0);
        ck_assert_int_eq(kube_config_load(&config, NULL, NULL, NULL), -ENOENT);
        write_config(".kube/config", "{server: 'https://usual'}", "{}");
        ck_assert_int_eq(kube_config_load(&config, NULL, NULL, NULL), 0);
        ck_assert_str_eq(kube_config_server(config), "https://usual");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, users, 0, ARRAY_SIZE(user_cases));
        tcase_add_loop_test(tests, clusters, 0, ARRAY_SIZE(cluster_cases));
        tcase_add_loop_test(tests, faults_of_entries, 0, ARRAY_SIZE(entry_faults));
        tcase_add_loop_test(tests, faults_of_files, 0, ARRAY_SIZE(file_faults));
        tcase_add_test(tests, a_file_that_cannot_be_read);
        tcase_add_test(tests, an_empty_token_file);
        tcase_add_test(tests, files_are_merged);
        tcase_add_test(tests, no_file_of_the_environment);
        tcase_add_test(tests, the_usual_file);
}

int main(void)
{
        return unit_main("kubeconfig", add);
}
