/*
 * The few values of a JSON text that somebody is going to read.
 *
 * Whoever reads says before which they are, by a shape; everything else is checked and left behind. See
 * manifest/field.h for how to read them.
 */
#pragma once

#include <stddef.h>

struct arena;
struct error;

enum kept_kind { KEPT_NULL, KEPT_OBJECT, KEPT_LIST, KEPT_STRING, KEPT_INTEGER, KEPT_REAL, KEPT_TRUE, KEPT_FALSE };

/* Members of an object that are kept. Ends with SHAPE_END. */
struct shape {
        const char *key;
        size_t size;                 /* of the key */
        const struct shape *members; /* of it, or of each object in a list; NULL: it is kept whole */
};

#define SHAPE(key, members)                   \
        {                                     \
                key, sizeof(key) - 1, members \
        }
#define SHAPE_END             \
        {                     \
                NULL, 0, NULL \
        }

/* A value that was kept; in the arena, with all that it points to. Strings are NUL-terminated, without escapes. */
struct kept {
        enum kept_kind kind;
        const char *key;  /* of a member; NULL: it is an item, or the root */
        const char *text; /* STRING, or of a number as it was written */
        size_t count;     /* LIST, OBJECT that is kept whole: how many follow from `first` on */
        struct kept *first, *next;
        const struct shape *shape; /* OBJECT of which only these are kept; NULL: it is kept whole */
        struct kept **members;     /* OBJECT with a shape: what was kept, in the order of the shape; NULL: missing */
};

/* Reads a JSON text (manifest/scanner.h). -EINVAL: `error` says where and why it is none; -ENOMEM. */
int document_read(struct kept **ret, const char *bytes, size_t size, const struct shape *shape, struct arena *arena,
                  struct error *error);
