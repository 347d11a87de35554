/*
 * What a plugin is told stands in the variable KUBERNETES_EXEC_INFO, as JSON: an ExecCredential with a spec. It may
 * ask a person for something only where its user's kubeconfig allows that and our standard input is a terminal.
 */
#include "kube/exec_plugin.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "kube/child.h"
#include "kube/patience.h"
#include "util/error.h"

#define INFO "KUBERNETES_EXEC_INFO"

static void free_strings(char **strings)
{
        for (char **string = strings; string && *string; string++)
                free(*string);
        free(strings);
}

struct exec_plugin *exec_plugin_free(struct exec_plugin *plugin)
{
        if (!plugin)
                return NULL;
        free(plugin->api_version);
        free_strings(plugin->arguments);
        free_strings(plugin->environment);
        free(plugin->install_hint);
        json_decref(plugin->cluster);
        free(plugin);
        return NULL;
}

/* "KUBERNETES_EXEC_INFO={...}"; a new string. */
static char *describe(const struct exec_plugin *plugin, bool interactive)
{
        json_auto_t *info =
                json_pack("{s:s, s:s, s:{s:b, s:O*}}", "apiVersion", plugin->api_version, "kind", "ExecCredential",
                          "spec", "interactive", interactive, "cluster", plugin->cluster);
        _cleanup_(freep) char *text = info ? json_dumps(info, JSON_COMPACT) : NULL;
        char *variable;

        return !text || asprintf(&variable, INFO "=%s", text) < 0 ? NULL : variable;
}

static size_t count(char *const *strings)
{
        size_t n = 0;

        while (strings && strings[n])
                n++;
        return n;
}

static bool same_name(const char *a, const char *b)
{
        size_t size = strcspn(a, "=");

        return strcspn(b, "=") == size && !strncmp(a, b, size);
}

/* Replaces the variable of this name, or adds it. */
static void put(char **environment, size_t *n, char *variable)
{
        for (size_t i = 0; i < *n; i++) {
                if (same_name(environment[i], variable)) {
                        environment[i] = variable;
                        return;
                }
        }
        environment[(*n)++] = variable;
}

/* Ours, what the kubeconfig adds, and `info`; a new array of borrowed strings. */
static char **merge_environment(const struct exec_plugin *plugin, char *info)
{
        char **environment = calloc(count(environ) + count(plugin->environment) + 2, sizeof(*environment));
        size_t n = 0;

        if (!environment)
                return NULL;
        for (char **variable = environ; variable && *variable; variable++)
                environment[n++] = *variable;
        for (char **variable = plugin->environment; variable && *variable; variable++)
                put(environment, &n, *variable);
        put(environment, &n, info);
        return environment;
}

static int check_end(const struct child_output *output, struct error *error)
{
        const char *colon = *output->last ? ": " : "";

        if (WIFSIGNALED(output->status))
                return error_set(error, EIO, "it was ended by signal %d%s%s", WTERMSIG(output->status), colon,
                                 output->last);
        if (WEXITSTATUS(output->status))
                return error_set(error, EIO, "it exited with status %d%s%s", WEXITSTATUS(output->status), colon,
                                 output->last);
        return 0;
}

static int run(const struct exec_plugin *plugin, bool interactive, struct exec_credential *ret,
               const struct patience *patience, struct error *error)
{
        _cleanup_(child_output_clear) struct child_output output = CHILD_OUTPUT_INIT;
        _cleanup_(freep) char *info = describe(plugin, interactive);
        _cleanup_(freep) char **environment = info ? merge_environment(plugin, info) : NULL;
        int r;

        if (!environment)
                return error_oom(error);
        r = child_run(&output, plugin->arguments, environment, interactive, patience, error);
        if ((r == -ENOENT || r == -EACCES) && plugin->install_hint)
                error_set(error, -r, "%s; %s", error_message(error), plugin->install_hint);
        if (r >= 0)
                r = check_end(&output, error);
        if (r >= 0)
                r = exec_credential_parse(ret, output.text, plugin->api_version, error);
        return r;
}

int exec_plugin_run(const struct exec_plugin *plugin, struct exec_credential *ret, const struct patience *patience,
                    struct error *error)
{
        bool terminal = isatty(STDIN_FILENO);
        int r;

        if (plugin->interactive == EXEC_ALWAYS && !terminal)
                r = error_set(error, ENOTTY,
                              "it has to ask a person (interactiveMode Always), and standard input is "
                              "no terminal");
        else
                r = run(plugin, terminal && plugin->interactive != EXEC_NEVER, ret, patience, error);
        if (r < 0)
                error_prefix(error, "credential plugin %s", plugin->arguments[0]);
        return r;
}
