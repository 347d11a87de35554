/*
 * What the parts of a cluster ledger share: the one that answers requests (quota/cluster_ledger.c), who waits
 * (quota/cluster_wait.c), what it tells of itself (quota/cluster_status.c), what is seen of the cluster
 * (quota/cluster_view.c), the thread (quota/cluster_committer.c) that writes (quota/cluster_write.c), and the one
 * that finds out what has expired (quota/cluster_expiry.c).
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "quota/cluster_ledger.h"
#include "quota/credit.h"
#include "quota/ledger.h"
#include "quota/ledger_store.h"
#include "quota/pending.h"
#include "quota/promise.h"
#include "quota/usage.h"
#include "util/thread_safety.h"

struct cluster_ledger {
        struct ledger ledger;
        const struct ledger_store *store; /* borrowed; NULL: read only */
        struct cluster_ledger_options options;

        struct lock lock;
        pthread_cond_t work;    /* something that the thread waits for may have come */
        pthread_cond_t overdue; /* likewise, for the one that lists */
        pthread_t committer, expiry;
        unsigned n_threads; /* how many of them there are */
        bool stopping;      /* guarded by lock, as is all that follows */

        bool miscounted;   /* pods and promises are not counted by the same classifier */
        bool open;         /* the ledger's object says so */
        bool doubtful;     /* the object must be read before anything else is done */
        bool match_listed; /* what it says anew is matched against all pods of the view */
        bool recheck;      /* its version has changed since limits in the queue were checked */
        unsigned seed;     /* of the spread of times, which replicas must not have in common */

        struct usage *pods;           /* owned; the view; NULL: not listed yet */
        uint64_t view;                /* the version that it has reached */
        uint64_t quotas_spec;         /* see cluster_ledger_quotas() */
        uint64_t quotas_view;         /* likewise */
        struct classifier classifier; /* owned; zero: there is none yet */

        json_t *object; /* owned; the ledger's object without its entries; NULL: not read, or not there */
        uint64_t version, fence, quotas;
        uint64_t quotas_before; /* those that it carried before */
        int64_t quotas_since;   /* monotonic; since when it has been seen to carry the present ones */
        int64_t missing_since;  /* monotonic; the thread's own; 0: there is an object */
        uint64_t doubts;        /* how often it became doubtful: a read that began before that does not do */
        uint64_t closed_at;     /* the last version in which it was closed */
        int64_t closed_since;   /* monotonic; since when that has been seen */
        struct promises promises;

        struct credit *credits;  /* owned */
        int64_t credit_life;     /* ns */
        bool any_credit;         /* an entry of the ledger may be one, of whichever replica */
        bool contended;          /* somebody waits for credits to be closed */
        int64_t contended_until; /* monotonic; when to look again */

        struct pendings pendings;
        struct commit_waiter *behind; /* borrowed; who waits for the ledger to be current */

        int64_t obstacle_since; /* monotonic; 0: there is none */

        int64_t write_at;   /* monotonic; no write before it: pace, and waiting longer after failures */
        int64_t tidy_at;    /* when to write although nobody waits; 0: there is nothing to tidy up */
        int64_t tidy_delay; /* ns; how long this replica leaves it to others; another after each write */
        int64_t quotas_at;  /* when to write a new version of the quotas; 0: there is none */
        int64_t list_at;    /* no list of pods before it */
        int64_t backoff;    /* ns; 0: the last call to the store was good, lists aside */
        int64_t list_wait;  /* likewise, for lists */
        uint64_t commits, conflicts, unknown, credited, late;
};

/* Why nothing can be decided at the moment; NULL: it can. */
const char *cluster_obstacle(const struct cluster_ledger *ledger) requires_lock(ledger->lock);

/* Takes in an object of the store. -EINVAL: `error` says what is wrong with it; -ENOMEM. */
int cluster_take(struct cluster_ledger *ledger, const json_t *object, struct error *error)
        requires_lock(ledger->lock);

/* True if the reservation fits under its limits. */
bool cluster_keep(const struct cluster_ledger *ledger, const struct reservation *reservation,
                  const struct limit *limits, size_t n_limits, struct refusal *refusal) requires_lock(ledger->lock);

/* Drops a reservation, with this result for whoever waits; what is in the ledger of it stays. */
void cluster_drop(struct cluster_ledger *ledger, struct pending *pending, int result) requires_lock(ledger->lock);

/* The object must be read again. */
void cluster_doubt(struct cluster_ledger *ledger) requires_lock(ledger->lock);

/* After a failure of the store: waits longer and longer before the next call. */
void cluster_back_off(struct cluster_ledger *ledger) requires_lock(ledger->lock);

/* How long to wait after another failure; `wait` is how long it was after the last one, 0 for the first. */
int64_t cluster_next_wait(int64_t wait);

/* Lists pods, and notes their versions with their promises; *ret_newest: the largest of all. Without the lock. */
int cluster_list(struct cluster_ledger *ledger, const char *namespace, uint64_t *ret_newest, struct error *error);

/* Rules 3 and 4: the promise need not stand in the ledger any longer. */
bool cluster_is_removable(const struct promise *promise);

/* Rule 7: the version that the next write carries. */
uint64_t cluster_newest_quotas(const struct cluster_ledger *ledger) requires_lock(ledger->lock);

/* The object to write in place of the one that is known; new, or NULL. Borrows the entries. */
json_t *cluster_object(const struct cluster_ledger *ledger, bool open, uint64_t fence, uint64_t quotas,
                       json_t *entries) requires_lock(ledger->lock);

/* Writes what is queued and what the promises have come to, and tells what became of it; releases the lock for that
 * and acquires it again. */
void cluster_write(struct cluster_ledger *ledger) requires_lock(ledger->lock);

/* As what the ledger does; see quota/ledger.h. */
int cluster_give_back(struct ledger *base, const struct reservation_key *key, uint64_t commit, struct error *error);
int cluster_wait(struct ledger *base, struct commit_waiter *waiter, uint64_t commit);
int cluster_wait_current(struct ledger *base, struct commit_waiter *waiter);
bool cluster_cancel(struct ledger *base, struct commit_waiter *waiter);
const char *cluster_tell_obstacle(struct ledger *base, int64_t *ret_since);
int cluster_counter(struct ledger *base, const char *key, struct counter *ret);
size_t cluster_count(struct ledger *base);
uint64_t cluster_late(struct ledger *base);

/* Releases the lock, and tells those whose wait is over. */
void cluster_unlock(struct cluster_ledger *ledger) THREAD_SAFETY(release_capability(ledger->lock));

/* The threads. */
void *cluster_committer_run(void *ledger);
void *cluster_expiry_run(void *ledger);
