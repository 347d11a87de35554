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

#include "quota/classifier.h"
#include "quota/reservation.h"
#include "quota/shapes.h"
#include "util/cleanup.h"
#include "util/map.h"

struct entry {
        struct shape *shape; /* one use; all of the reservation but the following two */
        int64_t created_at;
        char id[RESERVATION_ID_SIZE];
        bool terminating;
        bool live;
        struct entry *previous, *next; /* among the parked ones */
        UT_hash_handle hh;
};

struct entries {
        struct entry *live;   /* owned; by id */
        struct entry *parked; /* owned */
        struct shapes shapes; /* the classifier's userdata is owned */
};

int entries_init(struct entries *entries); /* 0 or -ENOMEM */
void entries_clear(struct entries *entries);

/* NULL where no live entry has the id. */
struct entry *entries_find(const struct entries *entries, const char *id);
size_t entries_count(const struct entries *entries); /* the live ones */

/* What was reserved; its pointers are borrowed from the entry's shape, and live as long as that. */
struct reservation entry_reservation(const struct entry *entry);

/* A new entry for this reservation (borrowed), as yet without a shape and in no table; free it with entry_free().
 * NULL: no memory. */
struct entry *entry_new(const struct reservation *reservation, bool terminating);
struct entry *entry_free(struct entry *entry);
DEFINE_CLEANUP(struct entry *, entry_free);

/* Makes it live, with this shape, which is in the table of shapes; takes it over. 0 or -ENOMEM; then nothing changes,
 * except that a shape which has no other use is gone. */
int entries_add(struct entries *entries, struct entry **entry, struct shape *shape);

/* All of it in one, with the shape of the reservation (borrowed). 0, -ENOMEM, or what the classifier says. */
int entries_insert(struct entries *entries, struct entry **ret, const struct reservation *reservation,
                   bool terminating);

void entries_park(struct entries *entries, struct entry *entry);
int entries_unpark(struct entries *entries, struct entry *entry); /* 0 or -ENOMEM */

/* Forgets a live or parked entry. */
void entries_drop(struct entries *entries, struct entry *entry);

void entry_set_terminating(struct entry *entry, bool terminating);

/* Takes over the classifier and counts every entry anew, in one step; *ret_former is the caller's to release. On a
 * negative errno nothing has changed. */
int entries_classify(struct entries *entries, const struct classifier *classifier, struct classifier *ret_former);
