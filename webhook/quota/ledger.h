/*
 * The ledger: who has been promised what, and whether one more still fits.
 *
 * A reservation is what one pod was promised at its admission. What it counts toward (its pool, the units of
 * policies) is asked of a classifier, so that the ledger knows neither policies nor quotas; a claim comes with the
 * limits to keep.
 *
 * A reservation counts at once and is answered for only when it is durable: requests of the same moment share one
 * write (group commit) and wait without holding a thread.
 *
 * There are two: quota/embedded_ledger.h keeps every promise itself, until its pod has ended; quota/cluster_ledger.h
 * counts the pods of a cluster, and keeps promises only until they are seen as pods, in an object that any number of
 * replicas share.
 *
 * Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/classifier.h"
#include "quota/commit_waiter.h"
#include "quota/counter.h"
#include "quota/limit.h"
#include "quota/reservation.h"
#include "util/cleanup.h"

struct error;

enum ledger_answer {
        LEDGER_RESERVED, /* it fits and counts from now on */
        LEDGER_REFUSED,  /* a limit would be exceeded */
        LEDGER_STALE,    /* the limits come from policies and quotas that are no longer in force: decide again */
        LEDGER_BEHIND,   /* what is known of the cluster does not suffice to decide: see ledger_wait_current() */
};

/* Whose reservation is given back, or marked as terminating. */
struct reservation_key {
        const char *id, *namespace, *region, *series; /* borrowed */
};

struct ledger {
        const struct ledger_ops *ops;
};

/* What a ledger does; each is described below, at the function of its name. */
struct ledger_ops {
        void (*free)(struct ledger *ledger);
        int (*classify)(struct ledger *ledger, const struct classifier *classifier, struct error *error);
        int (*reserve)(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                       const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                       char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit, struct error *error);
        enum ledger_answer (*check)(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                                    const struct limit *limits, size_t n_limits, struct refusal *ret_refusal);
        int (*release)(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                       struct error *error);
        int (*terminate)(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                         struct error *error);
        int (*give_back)(struct ledger *ledger, const struct reservation_key *key, uint64_t commit,
                         struct error *error);
        int (*wait)(struct ledger *ledger, struct commit_waiter *waiter, uint64_t commit);
        int (*wait_current)(struct ledger *ledger, struct commit_waiter *waiter);
        bool (*cancel)(struct ledger *ledger, struct commit_waiter *waiter);
        const char *(*obstacle)(struct ledger *ledger, int64_t *ret_since);
        int (*counter)(struct ledger *ledger, const char *key, struct counter *ret);
        size_t (*count)(struct ledger *ledger);
        uint64_t (*late)(struct ledger *ledger); /* NULL: pods are not followed */
};

/* Ends what the ledger does in the background; no request may be waiting any more. */
struct ledger *ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_free);

/* Takes over the classifier and counts everything anew, in one step. -ENOMEM changes nothing, and the classifier
 * stays the caller's. Without one, nothing is reserved (LEDGER_STALE). */
int ledger_classify(struct ledger *ledger, const struct classifier *classifier, struct error *error);

/*
 * Reserves if every limit is kept. The reservation is borrowed; the ledger copies what it keeps. On LEDGER_RESERVED
 * its id is in ret_id, and *ret_commit is what to wait for before anybody is told (0: nothing). Limits from another
 * generation than the classifier's: LEDGER_STALE; the caller keeps alive what a classifier of this generation looks
 * at. -ENOMEM, or what the classifier says.
 */
int ledger_reserve(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                   const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                   char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit, struct error *error);

/* As above, but only says what would be answered: reserves nothing, keeps no reservation. Cannot fail. */
enum ledger_answer ledger_check(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                                const struct limit *limits, size_t n_limits, struct refusal *ret_refusal);

/*
 * What reviews tell of a pod's end: gives back its reservation, or marks it as terminating. It must be of this
 * namespace, and of this region and series if it has any: an id that somebody copied into another pod gives nothing
 * back. Returns 1 and *ret_commit, or 0 where there is no such reservation (or nothing to change, or pods are seen
 * by other means). Negative errno as for ledger_reserve().
 */
int ledger_release(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                   struct error *error);
int ledger_terminate(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                     struct error *error);

/* Takes back what nobody has been told of, nor ever will be; `commit` is what ledger_reserve() gave. */
int ledger_give_back(struct ledger *ledger, const struct reservation_key *key, uint64_t commit, struct error *error);

/*
 * Waits for durability. Returns 1 where `commit` is durable already (0 always is): `done` is not called. Returns 0
 * where it will be called (perhaps before this returns): with 0 once it is durable, with -ESTALE where what was
 * reserved had to be dropped and the request is to be decided again. Negative errno where the commit has failed:
 * `done` is not called either.
 */
int ledger_wait(struct ledger *ledger, struct commit_waiter *waiter, uint64_t commit);

/* After LEDGER_BEHIND: waits until it is worth deciding again. Returns as ledger_wait(). */
int ledger_wait_current(struct ledger *ledger, struct commit_waiter *waiter);

/* False where `done` has been, or is being, called. */
bool ledger_cancel(struct ledger *ledger, struct commit_waiter *waiter);

/* Why nothing can be decided at the moment, and since when (monotonic ns); a static string. NULL: it can. */
const char *ledger_obstacle(struct ledger *ledger, int64_t *ret_since);

/* A copy of a counter (all zero where nothing counts toward it); free with counter_clear(). */
int ledger_counter(struct ledger *ledger, const char *key, struct counter *ret);

/* How many reservations there are. */
size_t ledger_count(struct ledger *ledger);

/* How many pods there was no promise of when they were first seen: see struct cluster_ledger_status. */
uint64_t ledger_late(struct ledger *ledger);
