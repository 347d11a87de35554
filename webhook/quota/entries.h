/*
 * Reservations by id, and the counters that they add up to.
 *
 * An entry is live (in the table, and counted) or parked: given back, but still linked to its counters, so that it
 * can come back without anything that could fail for want of a counter.
 *
 * Not thread-safe: the ledger guards them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/counter.h"
#include "util/cleanup.h"
#include "util/map.h"

struct reservation;

/* Names the counters of a reservation. Must depend on nothing that changes. 0 or negative errno. */
struct classifier {
        uint64_t generation; /* of the policies and quotas behind it; grows */
        int (*classify)(void *userdata, const struct reservation *reservation, struct counter_keys *ret);
        void *userdata; /* owned by whoever holds the classifier */
        void (*release)(void *userdata);

        /* True if what a reservation counts toward may depend on this label. NULL: it may depend on any. */
        bool (*reads)(void *userdata, const char *label);
};

struct entry {
        struct reservation *reservation; /* owned */
        struct counter_links links;      /* where it counts */
        struct counter_links new_links;  /* while everything is linked anew */
        bool terminating;
        bool live;
        struct entry *previous, *next; /* among the parked ones */
        UT_hash_handle hh;
};

struct entries {
        struct entry *live;           /* owned; by id */
        struct entry *parked;         /* owned */
        struct counters *counters;    /* owned */
        struct classifier classifier; /* owned; zero: nothing counts anywhere yet */
};

int entries_init(struct entries *entries); /* 0 or -ENOMEM */
void entries_clear(struct entries *entries);

/* NULL where no live entry has the id. */
struct entry *entries_find(const struct entries *entries, const char *id);
size_t entries_count(const struct entries *entries); /* the live ones */

/* A new entry that is in no table yet, which takes over *reservation; free it with entry_free(). NULL: no memory. */
struct entry *entry_new(struct reservation **reservation, bool terminating);
struct entry *entry_free(struct entry *entry);
DEFINE_CLEANUP(struct entry *, entry_free);

/* Makes it live, counting toward these keys; takes it over. 0 or -ENOMEM; then nothing changes. */
int entries_add(struct entries *entries, struct entry **entry, const struct counter_keys *keys);

/* The same in one, with the keys that the classifier names. 0, -ENOMEM, or what the classifier says; likewise. */
int entries_insert(struct entries *entries, struct entry **ret, struct reservation **reservation, bool terminating);

void entries_park(struct entries *entries, struct entry *entry);
int entries_unpark(struct entries *entries, struct entry *entry); /* 0 or -ENOMEM */

/* Forgets a live or parked entry. */
void entries_drop(struct entries *entries, struct entry *entry);

void entry_set_terminating(struct entry *entry, bool terminating);

/* Takes over the classifier and links every entry anew, in one step; *ret_former is the caller's to release. On a
 * negative errno nothing has changed. */
int entries_classify(struct entries *entries, const struct classifier *classifier, struct classifier *ret_former);
