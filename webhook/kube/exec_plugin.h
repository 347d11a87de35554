/*
 * Programs that hand out credentials (client.authentication.k8s.io/v1 and v1beta1 ExecCredential; client-go's
 * "credential plugins"): run, given the cluster to log in to, and their answer read.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;
struct patience;

enum exec_interactive {
        EXEC_NEVER,
        EXEC_IF_AVAILABLE,
        EXEC_ALWAYS
}; /* interactiveMode: may it ask at the terminal? */

struct exec_plugin {
        char *api_version;  /* owned, as are the following */
        char **arguments;   /* NULL-terminated; the first is the program, a path or a name for $PATH to resolve */
        char **environment; /* "NAME=value", NULL-terminated; beside what we have in ours. NULL: none */
        char *install_hint; /* for whoever lacks the program; NULL: none */
        json_t *cluster;    /* spec.cluster of what it is told; NULL: it is told of no cluster */
        enum exec_interactive interactive;
};

struct exec_plugin *exec_plugin_free(struct exec_plugin *plugin);
DEFINE_CLEANUP(struct exec_plugin *, exec_plugin_free);

struct exec_credential {
        char *token, *certificate, *key; /* owned; each may be NULL, but there is a token or a pair */
        int64_t expires;                 /* seconds since 1970-01-01T00:00:00Z; 0: never */
};

#define EXEC_CREDENTIAL_INIT ((struct exec_credential){0})
void exec_credential_clear(struct exec_credential *credential);

/* Runs it to its end. A negative errno with `error`, which has the last line that it wrote to standard error;
 * -ECANCELED and -ETIMEDOUT where patience ended, and with it the program. */
int exec_plugin_run(const struct exec_plugin *plugin, struct exec_credential *ret, const struct patience *patience,
                    struct error *error);

/* What a plugin printed (`text`), as it must be for this apiVersion. -EINVAL: `error` says why it is not. */
int exec_credential_parse(struct exec_credential *ret, const char *text, const char *api_version,
                          struct error *error);
