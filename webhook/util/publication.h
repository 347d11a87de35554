/*
 * A pointer to something that never changes, which many threads read while another one replaces it now and then.
 *
 * Readers take no lock and wait for nobody; whoever replaces waits for them.
 */
#pragma once

#define PUBLICATION_SLOTS 64

struct publication {
        void *current;  /* atomic; NULL: nothing yet */
        unsigned phase; /* atomic; 0 or 1: which of a slot's counts who enters is to use */

        /* How many readers are within; each on a cache line of its own, so that threads do not disturb each other. */
        struct {
                _Alignas(64) unsigned readers[2]; /* atomic */
        } slots[PUBLICATION_SLOTS];
};

#define PUBLICATION_INIT ((struct publication){0})

/* What a reader found. */
struct publication_view {
        void *value;
        unsigned *count; /* where the reader is counted */
};

/* What is published stays as it is until it is left. Brief: who replaces it is kept waiting. */
struct publication_view publication_enter(struct publication *publication);
void publication_leave(const struct publication_view *view);

/* Returns what was published before, once nobody can be reading it any more. One thread at a time, and none that is
 * within. */
void *publication_replace(struct publication *publication, void *next);
