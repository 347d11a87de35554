/*
 * Rule 4: which promises have expired. One that this replica has observed for longer than its time to live, which is
 * longer than an API request can live, has all the pods that it will ever have; a list that begins after that shows
 * which of them are there, and the fence will cover them.
 *
 * A list of a large namespace takes seconds, and pods that are dropped after their admission may make it necessary
 * again and again. So lists are made by a thread of their own, and whatever is wrong with them costs capacity, not
 * availability; the removal itself is left to the thread that writes.
 */
#include <errno.h>
#include <string.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#define LOOK_EVERY (200 * NS_PER_MS)

/* Between two lists; longer after failures. */
#define LIST_PACE (50 * NS_PER_MS)

/* What a list says of pods that carry reservations. */
struct listing {
        struct cluster_ledger *ledger;
        uint64_t newest; /* the largest version of any of them */
};

static void found_pod(void *userdata, const char *id, uint64_t version) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct listing *listing = userdata;
        struct promise *promise;

        lock_acquire(&listing->ledger->lock);
        promise = promises_find(&listing->ledger->promises, id);
        if (promise && version > promise->newest)
                promise->newest = version;
        lock_release(&listing->ledger->lock);
        if (version > listing->newest)
                listing->newest = version;
}

int cluster_list(struct cluster_ledger *ledger, const char *namespace, uint64_t *ret_newest, struct error *error)
{
        const struct ledger_store *store = ledger->store;
        struct listing listing = {.ledger = ledger};
        int r = store->list(store->userdata, namespace, found_pod, &listing, error);

        *ret_newest = listing.newest;
        return r;
}

static bool is_overdue(const struct cluster_ledger *ledger, const struct promise *promise, int64_t now)
{
        return promise->state == PROMISE_ENTERED && !promise->expired &&
               now - promise->since > ledger->options.time_to_live;
}

/* Marks what is overdue in the namespace of the first one. Returns that namespace, new; NULL: there is none. */
static char *mark_overdue(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        struct promise *promise, *next;
        char *first = NULL;

        HASH_ITER (hh, ledger->promises.by_id, promise, next) {
                promise->listing = false;
                if (!is_overdue(ledger, promise, now))
                        continue;
                if (!first)
                        first = strdup(promise->namespace);
                promise->listing = first && !strcmp(first, promise->namespace);
        }
        return first;
}

static void note_list(struct cluster_ledger *ledger, int r, const struct error *error) requires_lock(ledger->lock)
{
        struct promise *promise, *next;

        ledger->list_wait = r < 0 ? cluster_next_wait(ledger->list_wait) : 0;
        ledger->list_at = clock_monotonic() + (r < 0 ? ledger->list_wait : LIST_PACE);
        if (r < 0) {
                if (r != -ECANCELED)
                        log_warn("pods cannot be listed; nothing expires", log_string("error", error_message(error)));
                return;
        }
        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                promise->expired |= promise->listing;
        pthread_cond_signal(&ledger->work);
}

/* Lists the pods of one namespace if anything is overdue, else waits a while. */
static void turn(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *where = NULL;
        int64_t now = clock_monotonic();
        uint64_t newest;
        int r;

        if (now >= ledger->list_at)
                where = mark_overdue(ledger, now);
        if (!where) {
                lock_wait_until(&ledger->lock, &ledger->overdue,
                                now < ledger->list_at ? ledger->list_at : now + LOOK_EVERY);
                return;
        }
        lock_release(&ledger->lock);
        r = cluster_list(ledger, where, &newest, &error);
        lock_acquire(&ledger->lock);
        note_list(ledger, r, &error);
}

void *cluster_expiry_run(void *userdata)
{
        struct cluster_ledger *ledger = userdata;

        lock_acquire(&ledger->lock);
        while (!ledger->stopping)
                turn(ledger);
        lock_release(&ledger->lock);
        return NULL;
}
