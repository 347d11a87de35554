/*
 * One write of the ledger's object. It takes all reservations that are queued (rule 2), after checking their limits
 * once more where the object has changed since they were made, and is a compare-and-swap on the version that the
 * checks were made on (rule 1). Then
 *
 *     it was stored           the reservations hold
 *     another version was     they stay in the queue, and are checked against that one
 *     it was not stored       likewise, where it is worth trying again
 *     nobody knows            they are decided again, under new ids; the object is read. What stands there
 *                             of the lost write has ids that no pod carries, and expires
 *
 * Whatever the answer: a reservation whose promise is in the newest version that we know of has been written, and
 * holds. A watch may know that before the answer does, and a client that repeats a write on a lost connection may be
 * told of a conflict with itself. For the same reason nobody joins a promise any more that has been in a write.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <utlist.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

/* After a conflict the watch mostly brings the other version sooner than asking for it would. */
#define CONFLICT_PATIENCE (30 * NS_PER_MS)

/* The object's metadata and spec are copied, as what is stored must not change under those who hold it. */
json_t *cluster_object(const struct cluster_ledger *ledger, bool open, uint64_t fence, uint64_t quotas,
                       json_t *entries)
{
        json_auto_t *object = json_copy(ledger->object);
        json_t *spec = json_copy(json_object_get(ledger->object, "spec"));
        char text[2][24];

        snprintf(text[0], sizeof(text[0]), "%" PRIu64, fence);
        snprintf(text[1], sizeof(text[1]), "%" PRIu64, quotas);
        if (!object || !spec || json_object_set_new(object, "spec", spec) < 0 ||
            json_object_set_new(spec, "open", json_boolean(open)) < 0 ||
            json_object_set_new(spec, "fence", json_string(text[0])) < 0 ||
            json_object_set_new(spec, "quotas", json_string(text[1])) < 0 ||
            json_object_set(spec, "entries", entries) < 0)
                return NULL;
        return steal_pointer(&object);
}

uint64_t cluster_newest_quotas(const struct cluster_ledger *ledger)
{
        return ledger->quotas > ledger->quotas_spec ? ledger->quotas : ledger->quotas_spec;
}

/* The promise still waits to be written, so reservations may leave it. */
static bool is_unwritten(const struct promise *promise)
{
        return promise->state == PROMISE_FORMING || promise->state == PROMISE_WRITING;
}

void cluster_drop(struct cluster_ledger *ledger, struct pending *pending, int result)
{
        struct promise *promise = pending->promise;

        if (is_unwritten(promise)) {
                promise_leave(promise, pending->reservation);
                if (!promise->promised.pods)
                        promises_drop(&ledger->promises, promise);
        }
        pendings_settle(&ledger->pendings, pending, result);
}

/* What became of a reservation, as far as the newest version tells: it is written; or it was, and has been removed
 * before anybody was told of it. False: it is not written. */
static bool settle_written(struct cluster_ledger *ledger, struct pending *pending) requires_lock(ledger->lock)
{
        if (is_unwritten(pending->promise))
                return false;
        pendings_settle(&ledger->pendings, pending, pending->promise->state == PROMISE_ENTERED ? 0 : -ESTALE);
        return true;
}

/* Counts a reservation that has left its promise again, if it still fits; else it is to be decided again. */
static void recheck(struct cluster_ledger *ledger, struct pending *pending) requires_lock(ledger->lock)
{
        struct refusal refusal;
        bool fits = pending->generation == ledger->classifier.generation &&
                    cluster_keep(ledger, pending->reservation, pending->limits, pending->n_limits, &refusal);

        if (fits && promise_join(&ledger->promises, pending->promise, pending->reservation) >= 0)
                return;
        pendings_settle(&ledger->pendings, pending, -ESTALE);
}

/* Rule 1: what is queued must fit on the version that is about to be replaced. */
static void check_queue(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        struct promise *promise, *following;
        struct pending *pending, *next;

        if (!ledger->recheck)
                return;
        DL_FOREACH_SAFE2 (ledger->pendings.queue, pending, next, next)
                if (!settle_written(ledger, pending))
                        promise_leave(pending->promise, pending->reservation);
        DL_FOREACH_SAFE2 (ledger->pendings.queue, pending, next, next)
                recheck(ledger, pending);
        HASH_ITER (hh, ledger->promises.by_id, promise, following)
                if (is_unwritten(promise) && !promise->promised.pods)
                        promises_drop(&ledger->promises, promise);
        ledger->recheck = false;
}

/* What is to be written. */
struct group {
        json_t *object;   /* owned */
        uint64_t version; /* of the object that it replaces */
};

bool cluster_is_removable(const struct promise *promise)
{
        return promise_is_fulfilled(promise) || (promise->state == PROMISE_ENTERED && promise->expired);
}

/* Adds the entry, or (rules 3 and 4) what the fence must cover in its place. */
static bool add_entry(struct cluster_ledger *ledger, struct promise *promise, json_t *entries, uint64_t *fence)
        requires_lock(ledger->lock)
{
        json_t *json, *closed = NULL;

        if (promise->state == PROMISE_SEEN)
                return true;
        if (cluster_is_removable(promise)) {
                if (promise->newest > *fence)
                        *fence = promise->newest;
                return true;
        }
        if (credit_entry(ledger, promise->id, promise->json, &closed))
                return !closed || json_array_append_new(entries, closed) == 0;
        json = promise_to_json(promise);
        if (!json || json_array_append(entries, json) < 0)
                return false;
        if (promise->state == PROMISE_FORMING)
                promise_become(&ledger->promises, promise, PROMISE_WRITING);
        return true;
}

/* What was not stored waits for the next write, but for what nobody asks for any more. */
static void requeue(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        struct pending *pending, *next;

        DL_FOREACH_SAFE2 (ledger->pendings.queue, pending, next, next) {
                if (pending->state != PENDING_WRITING)
                        continue;
                pending->state = PENDING_QUEUED;
                if (pending->forgotten)
                        cluster_drop(ledger, pending, -ECANCELED);
        }
        ledger->recheck = true;
}

static int collect(struct cluster_ledger *ledger, struct group *group) requires_lock(ledger->lock)
{
        json_auto_t *entries = json_array();
        uint64_t fence = ledger->fence;
        struct promise *promise, *next;
        struct pending *pending;
        bool good = entries;

        DL_FOREACH2 (ledger->pendings.queue, pending, next)
                pending->state = PENDING_WRITING;
        credits_collect(ledger);
        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                good = good && add_entry(ledger, promise, entries, &fence);
        group->version = ledger->version;
        group->object = good ? cluster_object(ledger, true, fence, cluster_newest_quotas(ledger), entries) : NULL;
        if (group->object)
                return 0;
        requeue(ledger);
        return -ENOMEM;
}

/* The group's reservations hold, or get this result. */
static void settle(struct cluster_ledger *ledger, int result) requires_lock(ledger->lock)
{
        struct pending *pending, *next;

        DL_FOREACH_SAFE2 (ledger->pendings.queue, pending, next, next)
                if (pending->state == PENDING_WRITING && !settle_written(ledger, pending))
                        cluster_drop(ledger, pending, result);
}

/* Another version is stored than the one that was to be replaced: mostly, its watch event is on the way. */
static void after_conflict(struct cluster_ledger *ledger, const struct group *group) requires_lock(ledger->lock)
{
        int64_t until = clock_monotonic() + CONFLICT_PATIENCE;

        ledger->conflicts++;
        requeue(ledger);
        while (ledger->version == group->version && !ledger->stopping && clock_monotonic() < until)
                lock_wait_until(&ledger->lock, &ledger->work, until);
        if (ledger->version == group->version)
                cluster_doubt(ledger);
}

static void after_failure(struct cluster_ledger *ledger, int r, const struct error *error) requires_lock(ledger->lock)
{
        log_warn("the ledger cannot be written", log_string("error", error_message(error)));
        cluster_back_off(ledger);
        if (r == -EAGAIN) {
                requeue(ledger);
                return;
        }
        ledger->unknown += r == -EIO;
        cluster_doubt(ledger);
        settle(ledger, r == -EACCES ? -EACCES : -ESTALE);
}

void cluster_write(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct ledger_store *store = ledger->store;
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *stored = NULL;
        struct group group = {0};
        bool waited = ledger->pendings.queue;
        int r;

        check_queue(ledger);
        if (waited && !ledger->pendings.queue)
                return;
        r = collect(ledger, &group);
        ledger->tidy_at = ledger->tidy_delay = 0;
        ledger->write_at = clock_monotonic() + ledger->options.pace;
        if (r < 0) {
                credits_settle(ledger);
                cluster_back_off(ledger);
                return;
        }
        cluster_unlock(ledger);
        r = store->write(store->userdata, group.object, &stored, &error);
        lock_acquire(&ledger->lock);

        json_decref(group.object);
        if (r >= 0)
                r = cluster_take(ledger, stored, &error);
        if (r == -EBUSY) {
                after_conflict(ledger, &group);
        } else if (r < 0) {
                after_failure(ledger, r, &error);
        } else {
                ledger->commits++;
                ledger->backoff = 0;
                settle(ledger, -ESTALE);
        }
        credits_settle(ledger);
}
