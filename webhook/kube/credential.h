/*
 * Who we are to the API server, and whom we believe to be it, as it stands now: files are read again as they rotate,
 * credential plugins are run again when what they gave has expired or was refused.
 *
 * Thread-safe.
 */
#pragma once

#include <stdint.h>

#include "util/cleanup.h"

struct credential;
struct error;
struct exec_plugin;
struct patience;

/* Where things come from. Each is owned, each may be NULL. A file wins over the text beside it. */
struct credential_source {
        char *token, *token_file;
        char *username, *password;            /* HTTP basic authentication (RFC 7617) */
        char *certificate, *certificate_file; /* PEM, as are the following; ours */
        char *key, *key_file;
        char *ca, *ca_file; /* what we trust; neither: what the system trusts */
        struct exec_plugin *exec;
};

#define CREDENTIAL_SOURCE_INIT ((struct credential_source){0})
void credential_source_clear(struct credential_source *source);

/* Takes over what is in `source`. */
int credential_new(struct credential **ret, struct credential_source *source, struct error *error);
struct credential *credential_free(struct credential *credential);
DEFINE_CLEANUP(struct credential *, credential_free);

/* A copy, each of which may be NULL. */
struct identity {
        char *authorization;     /* owned, as are the following; the header's value */
        char *certificate, *key; /* PEM */
        char *ca;                /* PEM */
        uint64_t version;        /* another one is another identity */
};

#define IDENTITY_INIT ((struct identity){0})
void identity_clear(struct identity *identity);

/*
 * May read files or run the plugin, or wait for another thread that does. -ECANCELED and -ETIMEDOUT where patience
 * ended; otherwise, where there is nothing to go on with, the errno of what failed.
 */
int credential_get(struct credential *credential, struct identity *ret, const struct patience *patience,
                   struct error *error);

/* The API server did not take this version: the next credential_get() looks for another. */
void credential_refuse(struct credential *credential, uint64_t version);
