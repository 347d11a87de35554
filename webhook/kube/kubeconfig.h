/*
 * The files of a kubeconfig, merged as client-go does: of two entries with one name, the first file's counts, whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "manifest/field.h"
#include "util/cleanup.h"

struct credential_source;
struct endpoint;
struct error;

struct kubeconfig_file {
        char *path;      /* owned, as are the following */
        char *folder;    /* where relative paths start */
        char *text;      /* full of secrets: wiped when freed */
        json_t *objects; /* an array; the first is the configuration */
};

struct kubeconfig {
        struct kubeconfig_file *files; /* owned array, in order of precedence */
        size_t n_files;
        char *names; /* owned; the paths, for sentences */
};

#define KUBECONFIG_INIT ((struct kubeconfig){0})
void kubeconfig_clear(struct kubeconfig *kubeconfig);

/* Reads the file, or those of $KUBECONFIG that exist, or ~/.kube/config. -ENOENT: there is none. */
int kubeconfig_read(struct kubeconfig *ret, const char *path, struct error *error);

/* One entry of "clusters", "users" or "contexts". Its fields point into each other: it cannot be moved. */
struct kubeconfig_entry {
        const struct kubeconfig_file *file;
        struct diagnostics diagnostics;
        struct field root, list, item;
        struct field value; /* what is below `key` */
};

void kubeconfig_entry_clear(struct kubeconfig_entry *entry);

/* -ENOENT with *ret empty and no sentence: no file has it. */
int kubeconfig_find(const struct kubeconfig *kubeconfig, const char *list, const char *key, const char *name,
                    struct kubeconfig_entry *ret, struct error *error);

/* The first thing that is wrong with it, as "file:line: field: what would be right". Returns -EINVAL or -ENOMEM. */
int kubeconfig_entry_error(const struct kubeconfig_entry *entry, struct error *error);

/* True where the entry is good. An absent user is nobody. */
bool kubeconfig_read_cluster(struct endpoint *endpoint, struct credential_source *source,
                             const struct kubeconfig_entry *entry);
bool kubeconfig_read_user(struct credential_source *source, const struct kubeconfig_entry *entry,
                          const struct kubeconfig_entry *cluster);

/*
 * Readers of single fields, which leave *ret as it is where the field is absent or "". *ret is new. No text of a
 * secret gets into a diagnostic.
 */
bool kubeconfig_text(const struct field *field, char **ret);
bool kubeconfig_secret(const struct field *field, char **ret);
bool kubeconfig_path(const struct field *field, const char *folder, char **ret); /* of a file that can be read */
bool kubeconfig_pem(const struct field *field, const char *kind, char **ret);    /* PEM in base64 */
