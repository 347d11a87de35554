/*
 * What pods of one template have in common, kept once for all of them, with the counters that each of them counts
 * toward: everything of a reservation but its id and the time at which it was made.
 *
 * Not thread-safe.
 */
#pragma once

#include <stddef.h>

#include "quota/classifier.h"
#include "quota/counter.h"
#include "util/map.h"

struct reservation;
struct writer;

/* The key of an ordinary pod fits into so many bytes. */
#define SHAPE_KEY_BLOCK 1024

struct shape {
        struct reservation *reservation; /* owned; its id and created_at are without meaning */
        struct counter_links links;      /* where a pod of this shape counts */
        struct counter_links new_links;  /* while everything is linked anew */
        size_t uses;
        size_t key_size;
        UT_hash_handle hh;
        char key[]; /* not a string */
};

struct shapes {
        struct shape *items;          /* owned */
        struct counters *counters;    /* owned */
        struct classifier classifier; /* its userdata is borrowed; zero: nothing counts anywhere yet */
};

int shapes_init(struct shapes *shapes); /* 0 or -ENOMEM */
void shapes_clear(struct shapes *shapes);

/* The shape of a reservation (borrowed), with one use more. 0, -ENOMEM, or what the classifier says. */
int shapes_take(struct shapes *shapes, struct shape **ret, const struct reservation *reservation);

/*
 * The same step by step, so that what takes long can be done before somebody takes the lock: the key of a
 * reservation, which others of its shape have, too; the shape with such a key, or NULL; a new one, with copies of
 * both; and that put into the table with what it counts toward, as yet without a use. -ENOMEM: it is still the
 * caller's.
 */
void shape_write_key(struct writer *to, const struct reservation *reservation);
struct shape *shapes_find(const struct shapes *shapes, const struct writer *key);
int shape_new(struct shape **ret, const struct reservation *reservation, const struct writer *key);
struct shape *shape_free(struct shape *shape);
int shapes_add(struct shapes *shapes, struct shape **shape, const struct counter_keys *keys);

/* One use less; the last one frees it. */
void shapes_drop(struct shapes *shapes, struct shape *shape);

/* Links every shape to new counters, all of which are empty. On a negative errno nothing has changed. */
int shapes_classify(struct shapes *shapes, const struct classifier *classifier);
