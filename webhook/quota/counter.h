/*
 * Sums over reservations, by key. Not thread-safe: the ledger guards them.
 *
 * A reservation is linked to its counters first, which may fail, and counted after, which cannot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/resources.h"
#include "util/cleanup.h"

struct reservation;

/* The keys of the counters that a reservation counts toward; unique. Zero is empty. */
struct counter_keys {
        char **items; /* owned */
        size_t count;
};
int counter_keys_add(struct counter_keys *keys, const char *key); /* copies; 0 or -ENOMEM */
void counter_keys_clear(struct counter_keys *keys);

/* What the reservations of one counter add up to; the terminating ones are in both. */
struct counter {
        struct quantity gpus;
        int64_t pods, terminating_pods;
        struct resources resources, terminating_resources;
};
void counter_clear(struct counter *counter);

/* Counters by key. */
struct counters;
int counters_new(struct counters **ret);
struct counters *counters_free(struct counters *counters);
DEFINE_CLEANUP(struct counters *, counters_free);

/* NULL where nothing is linked to the key. */
const struct counter *counters_find(const struct counters *counters, const char *key);

/* The counters that one reservation is linked to. Zero is none. */
struct counter_links {
        struct counter_entry **items; /* owned array; each entry lives as long as something is linked to it */
        size_t count;
};

/* Makes what is missing, with room for the reservation's resources. -ENOMEM: nothing is linked. */
int counters_link(struct counters *counters, const struct counter_keys *keys, const struct reservation *reservation,
                  struct counter_links *ret);

/* Drops the counters that nothing is linked to any more. */
void counters_unlink(struct counters *counters, struct counter_links *links);

/* Counts the reservation, or takes it out again. */
void counters_add(const struct counter_links *links, const struct reservation *reservation, bool terminating);
void counters_subtract(const struct counter_links *links, const struct reservation *reservation, bool terminating);
