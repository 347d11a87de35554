/*
 * Who waits for a cluster ledger: for a reservation to be written, or until the ledger is current, so that it is
 * worth deciding again.
 *
 * Whatever changes what is known ends in cluster_unlock(), which finds out whether an obstacle has gone; so there is
 * one place to wake those who wait, and no change can forget to. They are told after the lock is released, for what
 * they do next may take it again.
 */
#include <errno.h>
#include <utlist.h>

#include "quota/cluster_state.h"
#include "util/clock.h"

static struct cluster_ledger *cluster_of(struct ledger *ledger)
{
        return (struct cluster_ledger *)ledger;
}

void cluster_unlock(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct commit_waiter *told, *waiter, *next;
        bool current = !cluster_obstacle(ledger);

        if (ledger->contended && clock_monotonic() >= ledger->contended_until)
                ledger->contended = false;
        if (current)
                ledger->obstacle_since = 0;
        else if (!ledger->obstacle_since)
                ledger->obstacle_since = clock_monotonic();
        if (current && ledger->pendings.queue)
                pthread_cond_signal(&ledger->work);
        if (current && !ledger->contended && ledger->behind) {
                DL_CONCAT2(ledger->pendings.told, ledger->behind, previous, next);
                ledger->behind = NULL;
        }
        told = ledger->pendings.told;
        ledger->pendings.told = NULL;
        lock_release(&ledger->lock);

        /* A waiter may be gone as soon as it has been told. */
        DL_FOREACH_SAFE2 (told, waiter, next, next)
                waiter->done(waiter, waiter->result, waiter->result < 0 ? "the ledger could not be written" : "");
}

/* What is in the ledger already, or on its way, stays until it expires. */
int cluster_give_back(struct ledger *base, const struct reservation_key *key, uint64_t commit, struct error *error)
{
        struct cluster_ledger *ledger = cluster_of(base);
        struct pending *pending;

        (void)key, (void)error;
        lock_acquire(&ledger->lock);
        pending = pendings_find(&ledger->pendings, commit);
        if (pending)
                pendings_forget(&ledger->pendings, pending);
        if (pending && pendings_find(&ledger->pendings, commit) && pending->state == PENDING_QUEUED)
                cluster_drop(ledger, pending, -ECANCELED);
        cluster_unlock(ledger);
        return 0;
}

int cluster_wait(struct ledger *base, struct commit_waiter *waiter, uint64_t commit)
{
        struct cluster_ledger *ledger = cluster_of(base);
        int r;

        lock_acquire(&ledger->lock);
        r = pendings_wait(&ledger->pendings, waiter, commit);
        lock_release(&ledger->lock);
        return r;
}

int cluster_wait_current(struct ledger *base, struct commit_waiter *waiter)
{
        struct cluster_ledger *ledger = cluster_of(base);
        int r = 1;

        lock_acquire(&ledger->lock);
        if (cluster_obstacle(ledger) || ledger->contended) {
                waiter->commit = 0;
                waiter->result = 0;
                DL_APPEND2(ledger->behind, waiter, previous, next);
                r = 0;
        }
        lock_release(&ledger->lock);
        return r;
}

static bool cancel_behind(struct cluster_ledger *ledger, struct commit_waiter *waiter) requires_lock(ledger->lock)
{
        struct commit_waiter *found;

        DL_FOREACH2 (ledger->behind, found, next)
                if (found == waiter)
                        break;
        if (found)
                DL_DELETE2(ledger->behind, waiter, previous, next);
        return found;
}

bool cluster_cancel(struct ledger *base, struct commit_waiter *waiter)
{
        struct cluster_ledger *ledger = cluster_of(base);
        bool cancelled;

        lock_acquire(&ledger->lock);
        cancelled = waiter->commit ? pendings_cancel(&ledger->pendings, waiter) : cancel_behind(ledger, waiter);
        lock_release(&ledger->lock);
        return cancelled;
}
