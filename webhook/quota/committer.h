/*
 * Group commit: changes that were made in memory become durable together, in the order in which they were made.
 *
 * While one group is being written, later changes queue; the next group takes them all. Whoever waits for a change
 * holds no thread. If a group cannot be written, it and everything queued behind it is undone, newest first, as the
 * later changes were made on top of it.
 *
 * Thread-safe. It shares the lock of whoever makes the changes, so that the queue has the order of the changes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/commit_waiter.h"
#include "util/cleanup.h"
#include "util/thread_safety.h"

struct error;
struct committer;

/* One change in the queue; embedded in what the owner knows of it. */
struct change {
        struct change *previous, *next; /* the committer's, guarded by the lock */
        uint64_t commit;                /* its number; grows from 1 */
};

struct committer_ops {
        /* Called with the lock: notes what write() needs of the state beside the changes. Negative errno: the group
         * fails as if write() had. */
        int (*prepare)(void *userdata, struct error *error);

        /* Called without the lock. `first` begins the group; what prepare() noted ends here. */
        int (*write)(void *userdata, const struct change *first, struct error *error);

        /* Called with the lock, once for each change: it is durable, or it is to be undone; then it is freed. */
        void (*settle)(void *userdata, struct change *change, bool durable);
};

/* Starts the writing thread. Lock, operations and their data are borrowed. */
int committer_new(struct committer **ret, struct lock *lock, const struct committer_ops *ops, void *userdata,
                  struct error *error);

/* Writes what is queued and ends the thread. */
struct committer *committer_free(struct committer *committer);
DEFINE_CLEANUP(struct committer *, committer_free);

/* Queues a change that has just been made; call with the lock held. Returns its number. */
uint64_t committer_queue(struct committer *committer, struct change *change);

/* Returns 1 where `commit` is durable already (0 always is): `done` is not called. Returns 0 where it will be
 * (perhaps before this returns). Negative errno where the commit has failed: `done` is not called either. */
int committer_wait(struct committer *committer, struct commit_waiter *waiter, uint64_t commit);

/* False where `done` has been, or is being, called. */
bool committer_cancel(struct committer *committer, struct commit_waiter *waiter);
