/*
 * The ledger: who has been promised what, and whether one more still fits.
 *
 * It holds a reservation for each pod that was placed or charged, from its admission until it ends, and sums
 * them up in counters. What a reservation counts toward (its pool, the units of policies) is asked of a
 * classifier, so that the ledger knows neither policies nor quotas; a claim comes with the limits to keep.
 *
 * A reservation counts at once and is answered for only when it is durable: requests of the same moment share
 * one write (group commit) and wait without holding a thread. When a write fails, all that is not durable is
 * taken back, newest first, and whoever waits is told.
 *
 * Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/committer.h"
#include "quota/counter.h"
#include "quota/entries.h"
#include "quota/limit.h"
#include "quota/reservation.h"
#include "util/cleanup.h"

struct error;
struct ledger;

enum ledger_answer {
        LEDGER_RESERVED, /* it fits and counts from now on */
        LEDGER_REFUSED,  /* a limit would be exceeded */
        LEDGER_STALE,    /* the limits come from policies and quotas that are no longer in force: decide again */
};

/*
 * Opens the ledger kept in the folder `state` (made if missing, 0700; locked until ledger_free()), or one that
 * lives in memory for NULL. -EBUSY: another process has the folder. -EBADMSG: the file is damaged in its
 * middle, `error` says where. The ledger starts without a classifier: nothing is reserved (LEDGER_STALE)
 * before ledger_classify().
 */
int ledger_new(struct ledger **ret, const char *state, struct error *error);

/* Writes what is still to be written; no request may be waiting any more. */
struct ledger *ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_free);

/* Takes over the classifier and counts every reservation anew, in one step. -ENOMEM changes nothing, and the
 * classifier stays the caller's. */
int ledger_classify(struct ledger *ledger, const struct classifier *classifier, struct error *error);

/*
 * Reserves if every limit is kept. On LEDGER_RESERVED the ledger owns *reservation (which becomes NULL), and
 * *ret_commit is what to wait for before anybody is told. Limits from another generation than the
 * classifier's: LEDGER_STALE. -ENOMEM, or what the classifier says.
 */
int ledger_reserve(struct ledger *ledger, struct reservation **reservation, uint64_t generation,
                   const struct limit *limits, size_t n_limits, struct refusal *ret_refusal, uint64_t *ret_commit,
                   struct error *error);

/* As above, but only says what would be answered: reserves nothing, keeps no reservation. Cannot fail. */
enum ledger_answer ledger_check(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                                const struct limit *limits, size_t n_limits, struct refusal *ret_refusal);

/*
 * Gives back a reservation, or marks it as terminating. It must be of this namespace, and of this region and series
 * if it has any: an id that somebody copied into another pod gives nothing back. Returns 1 and *ret_commit, or 0
 * where there is no such reservation (or nothing to change). Negative errno as for ledger_reserve().
 */
struct reservation_key {
        const char *id, *namespace, *region, *series; /* borrowed */
};
int ledger_release(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                   struct error *error);
int ledger_terminate(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                     struct error *error);

/* Waiting for durability: see committer_wait() and committer_cancel(). In memory, everything is durable. */
int ledger_wait(struct ledger *ledger, struct commit_waiter *waiter, uint64_t commit);
bool ledger_cancel(struct ledger *ledger, struct commit_waiter *waiter);

/* A copy of a counter (all zero where nothing counts toward it); free with counter_clear(). */
int ledger_counter(struct ledger *ledger, const char *key, struct counter *ret);

/* How many reservations there are. */
size_t ledger_count(struct ledger *ledger);
