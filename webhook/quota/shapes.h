/*
 * What pods of one template have in common, kept once for all of them, with the counters that each of them counts
 * toward: everything of a reservation but its id and the time at which it was made.
 *
 * Not thread-safe.
 */
#pragma once

#include <stddef.h>

#include "quota/counter.h"
#include "quota/entries.h"
#include "util/map.h"

struct reservation;

struct shape {
        struct reservation *reservation; /* owned; its id and created_at are without meaning */
        struct counter_links links;      /* where a pod of this shape counts */
        struct counter_links new_links;  /* while everything is linked anew */
        size_t uses;
        char *key; /* owned */
        UT_hash_handle hh;
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

/* One use less; the last one frees it. */
void shapes_drop(struct shapes *shapes, struct shape *shape);

/* Links every shape to new counters, all of which are empty. On a negative errno nothing has changed. */
int shapes_classify(struct shapes *shapes, const struct classifier *classifier);
