/*
 * One thread writes. It takes the whole queue, writes it without the lock, and then settles it: every change up to
 * and with the group's last number is durable, or else the group and the queue behind it are undone from the newest
 * to the oldest, because what was granted later may rest on what was given back earlier.
 *
 * Numbers are settled in order, so "up to here" is enough to answer for those that succeeded; the numbers of those
 * that failed are kept as ranges, which grow with every spell of failure and not with every change.
 */
#include "quota/committer.h"

#include <errno.h>
#include <pthread.h>
#include <utlist.h>

#include "util/error.h"
#include "util/thread.h"

struct range {
        uint64_t first, last;
};

struct committer {
        struct lock *lock;               /* borrowed */
        const struct committer_ops *ops; /* borrowed */
        void *userdata;                  /* borrowed */
        pthread_t thread;
        pthread_cond_t work;           /* the queue is not empty, or stopping */
        struct change *queue;          /* owned until settled; guarded by lock, as are the following */
        struct commit_waiter *waiters; /* borrowed */
        uint64_t last;                 /* the number given out last */
        uint64_t settled;              /* every number up to this one is durable or failed */
        struct range *failed;          /* owned; in order */
        size_t n_failed, failed_capacity;
        bool stopping;
};

static bool has_failed(const struct committer *committer, uint64_t commit) requires_lock(*committer->lock)
{
        for (size_t i = committer->n_failed; i > 0; i--)
                if (commit >= committer->failed[i - 1].first && commit <= committer->failed[i - 1].last)
                        return true;
        return false;
}

/* True if there is room for another range. */
static bool make_room(struct committer *committer) requires_lock(*committer->lock)
{
        size_t capacity = 2 * committer->failed_capacity;
        struct range *larger;

        if (committer->n_failed < committer->failed_capacity)
                return true;
        larger = reallocarray(committer->failed, capacity, sizeof(*larger));
        if (!larger)
                return false;
        committer->failed = larger;
        committer->failed_capacity = capacity;
        return true;
}

/*
 * Joins the range to the last one if nothing succeeded between them, or if there is no room for another: to call a
 * success a failure is safe, the other way round is not. There is always room for the first.
 */
static void add_failed(struct committer *committer, uint64_t first, uint64_t last) requires_lock(*committer->lock)
{
        bool room = make_room(committer);
        struct range *latest = committer->n_failed ? &committer->failed[committer->n_failed - 1] : NULL;

        if (latest && (latest->last + 1 == first || !room))
                latest->last = last;
        else
                committer->failed[committer->n_failed++] = (struct range){first, last};
}

/* Takes those out of the list whose number is settled. */
static struct commit_waiter *take_settled(struct committer *committer) requires_lock(*committer->lock)
{
        struct commit_waiter *taken = NULL, *waiter, *next;

        DL_FOREACH_SAFE2 (committer->waiters, waiter, next, next) {
                if (waiter->commit > committer->settled)
                        continue;
                DL_DELETE2(committer->waiters, waiter, previous, next);
                DL_APPEND2(taken, waiter, previous, next);
        }
        return taken;
}

static void tell(struct commit_waiter *waiters, int result, const char *reason)
{
        struct commit_waiter *waiter, *next;

        /* A waiter may be gone as soon as it has been told. */
        DL_FOREACH_SAFE2 (waiters, waiter, next, next)
                waiter->done(waiter, result, reason);
}

static void settle_all(struct committer *committer, struct change **list, bool durable)
        requires_lock(*committer->lock)
{
        while (*list) {
                struct change *change = durable ? *list : (*list)->previous; /* the last one of a utlist */

                DL_DELETE2(*list, change, previous, next);
                committer->ops->settle(committer->userdata, change, durable);
        }
}

static void settle_group(struct committer *committer, struct change *group, int result)
        requires_lock(*committer->lock)
{
        if (result >= 0) {
                committer->settled = group->previous->commit;
                settle_all(committer, &group, true);
                return;
        }
        settle_all(committer, &committer->queue, false);
        settle_all(committer, &group, false);
        add_failed(committer, committer->settled + 1, committer->last);
        committer->settled = committer->last;
}

static struct change *take_queue(struct committer *committer) requires_lock(*committer->lock)
{
        struct change *group;

        while (!committer->queue && !committer->stopping)
                lock_wait(committer->lock, &committer->work);
        group = committer->queue;
        committer->queue = NULL;
        return group;
}

static void *run(void *userdata)
{
        struct committer *committer = userdata;
        struct change *group;

        for (;;) {
                _cleanup_error_ struct error error = ERROR_INIT;
                struct commit_waiter *waiters;
                int r;

                lock_acquire(committer->lock);
                group = take_queue(committer);
                r = group ? committer->ops->prepare(committer->userdata, &error) : 0;
                lock_release(committer->lock);
                if (!group)
                        return NULL;

                if (r >= 0)
                        r = committer->ops->write(committer->userdata, group, &error);

                lock_acquire(committer->lock);
                settle_group(committer, group, r);
                waiters = take_settled(committer);
                lock_release(committer->lock);
                tell(waiters, r < 0 ? r : 0, r < 0 ? error_message(&error) : "");
        }
}

int committer_new(struct committer **ret, struct lock *lock, const struct committer_ops *ops, void *userdata,
                  struct error *error)
{
        struct committer *committer = calloc(1, sizeof(*committer));
        int r;

        if (!committer)
                return error_oom(error);
        committer->lock = lock;
        committer->ops = ops;
        committer->userdata = userdata;
        committer->failed_capacity = 16;
        committer->failed = calloc(committer->failed_capacity, sizeof(*committer->failed));
        r = committer->failed ? pthread_cond_init(&committer->work, NULL) : ENOMEM;
        if (!r)
                r = thread_start(&committer->thread, run, committer);
        if (r) {
                free(committer->failed);
                free(committer);
                return error_set_errno(error, r, "cannot start the thread that writes the ledger");
        }
        *ret = committer;
        return 0;
}

struct committer *committer_free(struct committer *committer)
{
        if (!committer)
                return NULL;
        lock_acquire(committer->lock);
        committer->stopping = true;
        pthread_cond_signal(&committer->work);
        lock_release(committer->lock);
        pthread_join(committer->thread, NULL);
        pthread_cond_destroy(&committer->work);
        free(committer->failed);
        free(committer);
        return NULL;
}

uint64_t committer_queue(struct committer *committer, struct change *change)
{
        change->commit = ++committer->last;
        DL_APPEND2(committer->queue, change, previous, next);
        pthread_cond_signal(&committer->work);
        return change->commit;
}

int committer_wait(struct committer *committer, struct commit_waiter *waiter, uint64_t commit)
{
        int r = 0;

        lock_acquire(committer->lock);
        if (commit <= committer->settled) {
                r = has_failed(committer, commit) ? -EIO : 1;
        } else {
                waiter->commit = commit;
                DL_APPEND2(committer->waiters, waiter, previous, next);
        }
        lock_release(committer->lock);
        return r;
}

bool committer_cancel(struct committer *committer, struct commit_waiter *waiter)
{
        struct commit_waiter *found;

        lock_acquire(committer->lock);
        DL_FOREACH2 (committer->waiters, found, next)
                if (found == waiter)
                        break;
        if (found)
                DL_DELETE2(committer->waiters, waiter, previous, next);
        lock_release(committer->lock);
        return found;
}
