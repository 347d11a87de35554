/*
 * Sums over reservations, by key. Not thread-safe: the ledger guards them.
 *
 * A reservation is linked to its counters first, which may fail, and counted after, which cannot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/amount.h"
#include "quota/resources.h"
#include "util/cleanup.h"

struct reservation;

/* A counter that a reservation counts toward. */
struct counter_key {
        char *name;    /* owned */
        int64_t since; /* unix seconds: what was created before does not count; 0: all of it does */
};

/* Unique by name. Zero is empty. */
struct counter_keys {
        struct counter_key *items; /* owned */
        size_t count;
};
int counter_keys_add(struct counter_keys *keys, const char *name, int64_t since); /* copies; 0 or -ENOMEM */
void counter_keys_clear(struct counter_keys *keys);
int counter_keys_copy(struct counter_keys *to, const struct counter_keys *from); /* appends; 0 or -ENOMEM */

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

/* Calls `visit` with each; stops at a negative result and returns it. */
int counters_visit(const struct counters *counters,
                   int (*visit)(void *userdata, const char *key, const struct counter *counter), void *userdata);

/* One of the counters that something counts toward; it lives as long as something is linked to it. */
struct counter_link {
        struct counter_entry *entry; /* borrowed */
        int64_t since;               /* see struct counter_key */
};

/* Zero is none. */
struct counter_links {
        struct counter_link *items; /* owned */
        size_t count;
};

/* Makes what is missing, with room for these resources. -ENOMEM: nothing is linked. */
int counters_link(struct counters *counters, const struct counter_keys *keys, const struct resources *resources,
                  struct counter_links *ret);

/* True where one of them is of this key. */
bool counter_links_have(const struct counter_links *links, const char *key);

/* Drops the counters that nothing is linked to any more. */
void counters_unlink(struct counters *counters, struct counter_links *links);

/* Counts the reservation where it is not too old, or takes it out again. */
void counters_add(const struct counter_links *links, const struct reservation *reservation, bool terminating);
void counters_subtract(const struct counter_links *links, const struct reservation *reservation, bool terminating);

/* Counts an amount, or takes it out again, for pods of no age: they count toward each of the counters, and none of
 * them is terminating. */
void counters_add_amount(const struct counter_links *links, const struct amount *amount);
void counters_subtract_amount(const struct counter_links *links, const struct amount *amount);
