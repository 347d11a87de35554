/*
 * One thread that calls back when a point in time has come.
 */
#pragma once

#include <stdint.h>

#include "util/cleanup.h"

struct deadlines;
struct error;

/* Embedded in whatever has a deadline. */
struct deadline {
        int64_t at; /* monotonic, in ns (clock_monotonic()) */

        /* Called once, from the timer's thread; must not block, nor add or remove deadlines. */
        void (*passed)(struct deadline *deadline);
        struct deadline *previous, *next; /* guarded by the lock of the list that it is in */
        unsigned list;                    /* which one */
};

int deadlines_new(struct deadlines **ret, struct error *error);

/* No deadline may be left. */
struct deadlines *deadlines_free(struct deadlines *deadlines);
DEFINE_CLEANUP(struct deadlines *, deadlines_free);

/* The deadline is the caller's memory and stays in place until it is removed. */
void deadlines_add(struct deadlines *deadlines, struct deadline *deadline);

/* After this returns, it has been called or never will be. Removing what was never added, or twice, is fine. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);
