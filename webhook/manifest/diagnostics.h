/*
 * What is wrong with what a person wrote: file, line, field, and what would be right.
 *
 *     policies.yaml:12: spec.units[1].max: must be a non-negative integer, not "x"
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct manifest;

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct diagnostic {
        enum severity severity;
        char *file;    /* owned; NULL for an object that came from no file */
        unsigned line; /* from 1; 0: unknown */
        char *path;    /* owned; the field ("spec.units[1].max"), or "" for the object as a whole */
        char *message; /* owned */
};

/* A growing list. Zero is empty. */
struct diagnostics {
        struct diagnostic *items;
        size_t count;
        size_t n_errors;
        int failure; /* 0, or -ENOMEM once a diagnostic was lost; n_errors counts it nevertheless */
};

#define DIAGNOSTICS_INIT ((struct diagnostics){0})
void diagnostics_clear(struct diagnostics *diagnostics);

/* Adds one at `path` of `manifest` (NULL: an object from no file), whose line it looks up. */
void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, const struct manifest *manifest,
                     const char *path, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds one that has no object yet: a file that cannot be parsed. */
void diagnostics_add_file(struct diagnostics *diagnostics, enum severity severity, const char *file, unsigned line,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Moves everything from `from` to the end of `to`. */
void diagnostics_move(struct diagnostics *to, struct diagnostics *from);

/* "file:line: path: message", a new string, or NULL where memory ran out. Parts that are unknown are left out. */
char *diagnostic_format(const struct diagnostic *diagnostic);

/* The errors alone, a line each. */
void diagnostics_print_errors(const struct diagnostics *diagnostics, FILE *stream);
