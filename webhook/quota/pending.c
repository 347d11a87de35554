/*
 * A reservation leaves the queue when its fate is known, and the table when whoever made it has learnt of that: by
 * the call of its waiter, by asking after the fact, or by saying that nobody will ask. So a success is never guessed
 * from a number that is no longer known, except that a number which the table has never held, or holds no more, has
 * been asked about already.
 *
 * Waiters are told after the lock is released; until then they are in a list of their own.
 */
#include "quota/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "quota/reservation.h"

static void drop(struct pendings *pendings, struct pending *pending)
{
        HASH_DEL(pendings->by_number, pending);
        reservation_free(pending->reservation);
        limits_free(pending->limits, pending->n_limits);
        free(pending);
}

void pendings_clear(struct pendings *pendings)
{
        struct pending *pending, *next;

        HASH_ITER (hh, pendings->by_number, pending, next)
                drop(pendings, pending);
        *pendings = (struct pendings){0};
}

int pendings_add(struct pendings *pendings, struct pending **ret, struct promise *promise,
                 struct reservation **reservation, const struct limit *limits, size_t n_limits, uint64_t generation)
{
        struct pending *pending = calloc(1, sizeof(*pending));

        if (!pending || limits_copy(&pending->limits, limits, n_limits) < 0) {
                free(pending);
                return -ENOMEM;
        }
        pending->n_limits = n_limits;
        pending->number = pendings->last_number + 1;
        HASH_ADD(hh, pendings->by_number, number, sizeof(pending->number), pending);
        if (!pending->hh.tbl) {
                limits_free(pending->limits, n_limits);
                free(pending);
                return -ENOMEM;
        }
        pendings->last_number++;
        pending->promise = promise;
        pending->reservation = *reservation;
        pending->generation = generation;
        *reservation = NULL;
        DL_APPEND2(pendings->queue, pending, previous, next);
        *ret = pending;
        return 0;
}

void pendings_settle(struct pendings *pendings, struct pending *pending, int result)
{
        DL_DELETE2(pendings->queue, pending, previous, next);
        pending->state = PENDING_SETTLED;
        pending->promise = NULL;
        pending->result = result;
        if (pending->waiter) {
                pending->waiter->result = result;
                DL_APPEND2(pendings->told, pending->waiter, previous, next);
        }
        if (pending->waiter || pending->forgotten)
                drop(pendings, pending);
}

struct pending *pendings_find(const struct pendings *pendings, uint64_t number)
{
        struct pending *pending;

        HASH_FIND(hh, pendings->by_number, &number, sizeof(number), pending);
        return pending;
}

int pendings_wait(struct pendings *pendings, struct commit_waiter *waiter, uint64_t number)
{
        struct pending *pending = number ? pendings_find(pendings, number) : NULL;
        int r;

        if (!pending)
                return number ? -EINVAL : 1;
        if (pending->state != PENDING_SETTLED) {
                waiter->commit = number;
                pending->waiter = waiter;
                return 0;
        }
        r = pending->result < 0 ? pending->result : 1;
        drop(pendings, pending);
        return r;
}

void pendings_forget(struct pendings *pendings, struct pending *pending)
{
        pending->waiter = NULL;
        pending->forgotten = true;
        if (pending->state == PENDING_SETTLED)
                drop(pendings, pending);
}

bool pendings_cancel(struct pendings *pendings, struct commit_waiter *waiter)
{
        struct pending *pending = pendings_find(pendings, waiter->commit);

        if (!pending || pending->waiter != waiter)
                return false;
        pending->waiter = NULL;
        return true;
}
