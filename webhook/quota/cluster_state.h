/*
 * What the two halves of a cluster ledger share: the one that answers requests and takes in what is seen of the
 * cluster (quota/cluster_ledger.c), and the thread that writes (quota/cluster_committer.c).
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "quota/cluster_ledger.h"
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
        pthread_cond_t work; /* something that the thread waits for may have come */
        pthread_t thread;
        bool started;  /* there is a thread */
        bool stopping; /* guarded by lock, as is all that follows */

        struct usage *pods;           /* owned; the view; NULL: not listed yet */
        uint64_t view;                /* the version that it has reached */
        uint64_t quotas_spec;         /* see cluster_ledger_quotas() */
        uint64_t quotas_view;         /* likewise */
        struct classifier classifier; /* owned; zero: there is none yet */
        bool miscounted;              /* pods and promises are not counted by the same classifier */

        json_t *object; /* owned; the ledger's object without its entries; NULL: not read, or not there */
        uint64_t version, fence, quotas;
        bool open;
        bool doubtful;        /* the object must be read before anything else is done */
        bool match_listed;    /* what it says anew is matched against all pods of the view */
        int64_t closed_since; /* monotonic; since when it has been seen closed */
        struct promises promises;

        struct pendings pendings;
        bool recheck;                 /* the ledger's version has changed since limits in the queue were checked */
        struct commit_waiter *behind; /* borrowed; who waits for the ledger to be current */

        int64_t obstacle_since; /* monotonic; 0: there is none */

        int64_t write_at; /* monotonic; no write before it: pace, and waiting longer after failures */
        int64_t tidy_at;  /* when to write although nobody waits; 0: there is nothing to tidy up */
        int64_t backoff;  /* ns; 0: the last call to the store was good */
        uint64_t commits, conflicts, unknown, late;
};

/* Why nothing can be decided at the moment; NULL: it can. */
const char *cluster_obstacle(const struct cluster_ledger *ledger) requires_lock(ledger->lock);

/* Takes in an object of the store. -EINVAL: `error` says what is wrong with it; -ENOMEM. */
int cluster_take(struct cluster_ledger *ledger, const json_t *object, struct error *error)
        requires_lock(ledger->lock);

/* Counts a reservation that has left its promise again, if it still fits; else drops it, to be decided again. */
void cluster_recheck(struct cluster_ledger *ledger, struct pending *pending) requires_lock(ledger->lock);

/* Drops a reservation that is not in the ledger, with this result for whoever waits. */
void cluster_drop(struct cluster_ledger *ledger, struct pending *pending, int result) requires_lock(ledger->lock);

/* Releases the lock, and tells those whose wait is over. */
void cluster_unlock(struct cluster_ledger *ledger) THREAD_SAFETY(release_capability(ledger->lock));

/* The thread. */
void *cluster_committer_run(void *ledger);
