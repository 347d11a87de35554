/*
 * Kubernetes objects as they were written in files, or came from elsewhere.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct error;
struct diagnostics;

/* One object. Immutable once read. */
struct manifest {
        const char *file;        /* borrowed from its source; "<stdin>" for "-" */
        const char *api_version; /* borrowed from object; "" where it is missing */
        const char *kind;        /* borrowed from object; "" where it is missing */
        json_t *object;          /* borrowed from its source; always a JSON object */
        struct source *source;   /* a reference, owned: the text, kept to find lines in it; NULL: none */
        size_t document;         /* which document of the file, from 0 */
        char *path;              /* owned; where the object stands in it: "" or "items[3]" */
};

/* A growing list of objects, in the order in which they were read. Zero is empty. */
struct manifests {
        struct manifest *items;
        size_t count;
};

#define MANIFESTS_INIT ((struct manifests){0})
void manifests_clear(struct manifests *manifests);

/*
 * Appends every object of the file, the folder (its *.yaml, *.yml and *.json, sorted by name, not deeper,
 * names beginning with "." left out) or standard input ("-"). List objects (kind "List", or any kind ending in
 * "List" with an items array) are taken apart. What is wrong with a file's syntax, or a document that is not
 * an object with apiVersion and kind, goes to `diagnostics` as errors, and the reading goes on.
 * -ENOENT, -EACCES and so on, with `error`, where `path` itself cannot be read. -ENOMEM.
 */
int manifests_read(struct manifests *manifests, const char *path, struct diagnostics *diagnostics,
                   struct error *error);

/* As above, from text in memory that goes by the name `file`. */
int manifests_parse(struct manifests *manifests, const char *file, const char *text, size_t size,
                    struct diagnostics *diagnostics);

/* Appends an object that came from no file and goes by the name `origin`; takes a reference to it. -ENOMEM. */
int manifests_add(struct manifests *manifests, json_t *object, const char *origin);

/* Such an object by itself; nothing has to be cleared. Both are borrowed. */
struct manifest manifest_from_object(json_t *object, const char *origin);

/* The line of the value at `path`, below this object; 0 where it came from no file. */
unsigned manifest_line(const struct manifest *manifest, const char *path);

/* True for a name that manifests_read() takes from a folder. */
bool manifest_file_name(const char *name);
