/*
 * The thread that writes the ledger's object, and all that it does besides: reads it after a doubt, creates it where
 * there is none, opens it when it was lost, and removes promises that are fulfilled or expired. It does one thing at
 * a time, and finds out what is due each time it has the lock; calls to the store are made without it.
 *
 * A write takes all reservations that are queued (rule 2), after checking their limits once more where the object has
 * changed since they were made, and is a compare-and-swap on the version that the checks were made on (rule 1). Then
 *
 *     it was stored           the reservations hold
 *     another version was     they go back into the queue, and are checked against that one
 *     nobody knows            they are decided again, under new ids; the object is read. What stands there
 *                             of the lost write has ids that no pod carries, and expires
 *
 * Removals wait for a write that is made anyway, or for a short while, a different one in each replica: the first
 * spares the others the same work. Nothing is lost if they race; one of them wins.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#define BACKOFF_FIRST (50 * NS_PER_MS)
#define BACKOFF_LAST (5 * NS_PER_SECOND)

/* After a conflict the watch mostly brings the other version sooner than asking for it would. */
#define CONFLICT_PATIENCE (30 * NS_PER_MS)

/* How long the ids of promises are known after they have left the ledger, or pods after they were seen without one.
 */
#define SEEN_FOR (10 * NS_PER_SECOND)

#define LOOK_EVERY (1 * NS_PER_SECOND)
#define TIDY_AFTER (50 * NS_PER_MS)
#define TIDY_SPREAD (250 * NS_PER_MS)

enum step { STEP_STOP, STEP_WAIT, STEP_READ, STEP_OPEN, STEP_LIST, STEP_WRITE };

static int64_t spread(int64_t most)
{
        return (int64_t)((double)rand() / ((double)RAND_MAX + 1) * (double)most);
}

static void back_off(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        ledger->backoff = ledger->backoff ? 2 * ledger->backoff : BACKOFF_FIRST;
        if (ledger->backoff > BACKOFF_LAST)
                ledger->backoff = BACKOFF_LAST;
        ledger->write_at = clock_monotonic() + ledger->backoff / 2 + spread(ledger->backoff / 2);
}

static bool is_overdue(const struct cluster_ledger *ledger, const struct promise *promise, int64_t now)
{
        return promise->state == PROMISE_ENTERED && !promise->expired &&
               now - promise->since > ledger->options.time_to_live;
}

static bool is_removable(const struct promise *promise)
{
        return promise_is_fulfilled(promise) || (promise->state == PROMISE_ENTERED && promise->expired);
}

/* What the promises want to be done. */
struct survey {
        bool removable, overdue;
};

/* Forgets ids that nobody will ask for any more. Those of pods that no promise was ever known of are late, or forged.
 */
static void sweep(struct cluster_ledger *ledger, struct promise *promise, int64_t now) requires_lock(ledger->lock)
{
        if (promise->state != PROMISE_SEEN || now - promise->since < SEEN_FOR)
                return;
        if (!promise->known) {
                ledger->late++;
                log_warn("a pod carries a reservation that is in no ledger: late, or forged",
                         log_string("reservation", promise->id), log_string("namespace", promise->namespace));
        }
        promises_drop(&ledger->promises, promise);
}

static struct survey survey(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        struct survey found = {0};
        struct promise *promise, *next;

        HASH_ITER (hh, ledger->promises.by_id, promise, next) {
                found.removable |= is_removable(promise);
                found.overdue |= is_overdue(ledger, promise, now);
                sweep(ledger, promise, now);
        }
        return found;
}

/* Whether something is to be written although nobody waits for it; notes when. */
static bool wants_tidying(struct cluster_ledger *ledger, const struct survey *found, int64_t now)
        requires_lock(ledger->lock)
{
        if (!found->removable && ledger->quotas_spec <= ledger->quotas)
                ledger->tidy_at = 0;
        else if (!ledger->tidy_at)
                ledger->tidy_at = now + TIDY_AFTER + spread(TIDY_SPREAD);
        return ledger->tidy_at && now >= ledger->tidy_at;
}

static enum step next_step(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        struct survey found;

        if (ledger->stopping)
                return STEP_STOP;
        if (now < ledger->write_at)
                return STEP_WAIT;
        if (!ledger->object || ledger->doubtful)
                return STEP_READ;
        if (!ledger->open)
                return ledger->pods && now - ledger->closed_since > ledger->options.time_to_live ? STEP_OPEN
                                                                                                 : STEP_WAIT;
        found = survey(ledger, now);
        if (found.overdue)
                return STEP_LIST;
        if (cluster_obstacle(ledger))
                return STEP_WAIT;
        return ledger->pendings.queue || wants_tidying(ledger, &found, now) ? STEP_WRITE : STEP_WAIT;
}

static void wait_for_work(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        int64_t until = now + LOOK_EVERY;

        if (now < ledger->write_at && ledger->write_at < until)
                until = ledger->write_at;
        if (ledger->tidy_at > now && ledger->tidy_at < until)
                until = ledger->tidy_at;
        lock_wait_until(&ledger->lock, &ledger->work, until);
}

static json_t *new_object(bool open)
{
        return json_pack("{s:s, s:s, s:{s:s}, s:{s:b, s:s, s:s, s:[]}}", "apiVersion", RESERVATION_LEDGER_API_VERSION,
                         "kind", RESERVATION_LEDGER_KIND, "metadata", "name", RESERVATION_LEDGER_NAME, "spec", "open",
                         open, "fence", "0", "quotas", "0", "entries");
}

/* Rule 5: where something may have been promised before, the ledger is created closed. */
static int create(struct cluster_ledger *ledger, json_t **ret, struct error *error)
{
        const struct ledger_store *store = ledger->store;
        json_auto_t *object = NULL;
        int first = store->is_first(store->userdata, error);

        if (first < 0)
                return first;
        object = new_object(first);
        if (!object)
                return error_oom(error);
        log_info(first ? "the ledger is created" : "the ledger was lost: it is created closed");
        return store->write(store->userdata, object, ret, error);
}

static int read_object(struct cluster_ledger *ledger, json_t **ret, struct error *error)
{
        const struct ledger_store *store = ledger->store;
        int r = store->read(store->userdata, ret, error);

        return r == -ENOENT ? create(ledger, ret, error) : r;
}

/* What is read after a doubt holds even if it is older than what was known: then it was put back from a backup. */
static void step_read(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        uint64_t before = ledger->version;
        json_auto_t *object = NULL;
        int r;

        lock_release(&ledger->lock);
        r = read_object(ledger, &object, &error);
        lock_acquire(&ledger->lock);
        if (r >= 0) {
                if (ledger->version == before)
                        ledger->version = 0;
                r = cluster_take(ledger, object, &error);
                if (r >= 0)
                        ledger->doubtful = ledger->match_listed = false;
        }
        ledger->recheck = true;
        if (r >= 0) {
                ledger->backoff = 0;
                return;
        }
        back_off(ledger);
        if (r != -ECANCELED && r != -EBUSY)
                log_warn("the ledger cannot be read", log_string("error", error_message(&error)));
}

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

static void report_list(int r, const struct error *error)
{
        if (r != -ECANCELED)
                log_warn("pods cannot be listed; nothing expires", log_string("error", error_message(error)));
}

/* Marks what is overdue in the namespace of the first one. Returns that namespace, new; NULL: there is none. */
static char *mark_overdue(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        int64_t now = clock_monotonic();
        struct promise *promise, *next;
        char *namespace = NULL;

        HASH_ITER (hh, ledger->promises.by_id, promise, next) {
                promise->listing = false;
                if (!is_overdue(ledger, promise, now))
                        continue;
                if (!namespace)
                namespace = strdup(promise->namespace);
                promise->listing = namespace && !strcmp(namespace, promise->namespace);
        }
        return namespace;
}

/* Rule 4: the list begins after the time to live is over, and the fence will cover what it shows. */
static void step_list(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct ledger_store *store = ledger->store;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *namespace = mark_overdue(ledger);
        struct listing listing = {.ledger = ledger};
        struct promise *promise, *next;
        int r = -ENOMEM;

        if (namespace) {
                lock_release(&ledger->lock);
                r = store->list(store->userdata, namespace, found_pod, &listing, &error);
                lock_acquire(&ledger->lock);
        }
        if (r < 0) {
                report_list(r, &error);
                back_off(ledger);
                return;
        }
        ledger->backoff = 0;
        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                promise->expired |= promise->listing;
}

/* The object's metadata and spec are copied, as what is stored must not change under those who hold it. */
static json_t *object_with(const struct cluster_ledger *ledger, bool open, uint64_t fence, uint64_t quotas,
                           json_t *entries) requires_lock(ledger->lock)
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

/* Rule 5. */
static void step_open(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct ledger_store *store = ledger->store;
        _cleanup_error_ struct error error = ERROR_INIT;
        struct listing listing = {.ledger = ledger};
        json_auto_t *entries = json_array(), *object = NULL, *stored = NULL;
        uint64_t version = ledger->version;
        int r;

        lock_release(&ledger->lock);
        r = store->list(store->userdata, NULL, found_pod, &listing, &error);
        lock_acquire(&ledger->lock);
        if (r >= 0 && ledger->version != version)
                return;
        if (r >= 0)
                object = object_with(ledger, true, listing.newest, ledger->quotas, entries);
        lock_release(&ledger->lock);
        if (r >= 0)
                r = object ? store->write(store->userdata, object, &stored, &error) : error_oom(&error);
        lock_acquire(&ledger->lock);
        if (r >= 0)
                r = cluster_take(ledger, stored, &error);
        if (r >= 0) {
                log_info("the ledger is open again");
                return;
        }
        ledger->doubtful = true;
        back_off(ledger);
        if (r != -EBUSY)
                log_warn("the ledger cannot be opened", log_string("error", error_message(&error)));
}

/* Rule 1: what is queued must fit on the version that is about to be replaced. */
static void check_queue(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        struct promise *promise, *following;
        struct pending *pending, *next;

        if (!ledger->recheck)
                return;
        DL_FOREACH2 (ledger->pendings.queue, pending, next)
                promise_leave(pending->promise, pending->reservation);
        DL_FOREACH_SAFE2 (ledger->pendings.queue, pending, next, next)
                cluster_recheck(ledger, pending);
        HASH_ITER (hh, ledger->promises.by_id, promise, following)
                if ((promise->state == PROMISE_FORMING || promise->state == PROMISE_WRITING) &&
                    !promise->promised.pods)
                        promises_drop(&ledger->promises, promise);
        ledger->recheck = false;
}

/* What is to be written. */
struct group {
        json_t *object;   /* owned */
        uint64_t version; /* of the object that it replaces */
};

static bool add_entry(struct cluster_ledger *ledger, struct promise *promise, json_t *entries, uint64_t *fence)
        requires_lock(ledger->lock)
{
        json_t *json;

        if (is_removable(promise)) {
                if (promise->newest > *fence)
                        *fence = promise->newest;
                return true;
        }
        if (promise->state == PROMISE_SEEN)
                return true;
        json = promise_to_json(promise);
        if (!json || json_array_append(entries, json) < 0)
                return false;
        if (promise->state == PROMISE_FORMING)
                promise_become(&ledger->promises, promise, PROMISE_WRITING);
        return true;
}

/* Puts promises and reservations of a group that was not stored back to where they were. */
static void requeue(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        struct pending *pending;

        DL_FOREACH2 (ledger->pendings.queue, pending, next) {
                if (pending->state != PENDING_WRITING)
                        continue;
                pending->state = PENDING_QUEUED;
        }
        ledger->recheck = true;
}

static int collect(struct cluster_ledger *ledger, struct group *group) requires_lock(ledger->lock)
{
        uint64_t quotas = ledger->quotas > ledger->quotas_spec ? ledger->quotas : ledger->quotas_spec;
        json_auto_t *entries = json_array();
        uint64_t fence = ledger->fence;
        struct promise *promise, *next;
        struct pending *pending;
        bool good = entries;

        DL_FOREACH2 (ledger->pendings.queue, pending, next)
                pending->state = PENDING_WRITING;
        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                good = good && add_entry(ledger, promise, entries, &fence);
        group->version = ledger->version;
        group->object = good ? object_with(ledger, true, fence, quotas, entries) : NULL;
        if (group->object)
                return 0;
        requeue(ledger);
        return -ENOMEM;
}

/* Every reservation of the group whose promise is in the ledger holds; the others get this result. */
static void settle(struct cluster_ledger *ledger, int result) requires_lock(ledger->lock)
{
        struct pending *pending, *next;

        DL_FOREACH_SAFE2 (ledger->pendings.queue, pending, next, next) {
                struct promise *promise = pending->promise;

                if (pending->state != PENDING_WRITING)
                        continue;
                if (promise->state == PROMISE_ENTERED) {
                        pendings_settle(&ledger->pendings, pending, 0);
                        continue;
                }
                promise_leave(promise, pending->reservation);
                pendings_settle(&ledger->pendings, pending, result);
                if (!promise->promised.pods)
                        promises_drop(&ledger->promises, promise);
        }
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
                ledger->doubtful = true;
}

static void after_write(struct cluster_ledger *ledger, const struct group *group, int r, const json_t *stored,
                        struct error *error) requires_lock(ledger->lock)
{
        if (r >= 0)
                r = cluster_take(ledger, stored, error);
        if (r >= 0) {
                ledger->commits++;
                ledger->backoff = 0;
                settle(ledger, -ESTALE);
                return;
        }
        if (r == -EBUSY) {
                after_conflict(ledger, group);
                return;
        }
        log_warn("the ledger cannot be written", log_string("error", error_message(error)));
        back_off(ledger);
        if (r == -EAGAIN) {
                requeue(ledger);
                return;
        }
        ledger->unknown += r == -EIO;
        ledger->doubtful = true;
        settle(ledger, r == -EACCES ? -EACCES : -ESTALE);
}

static void step_write(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct ledger_store *store = ledger->store;
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *stored = NULL;
        struct group group = {0};
        int r;

        check_queue(ledger);
        r = collect(ledger, &group);
        ledger->tidy_at = 0;
        ledger->write_at = clock_monotonic() + ledger->options.pace;
        if (r < 0) {
                back_off(ledger);
                return;
        }
        cluster_unlock(ledger);
        r = store->write(store->userdata, group.object, &stored, &error);
        json_decref(group.object);
        lock_acquire(&ledger->lock);
        after_write(ledger, &group, r, stored, &error);
}

/* Does one step. False: the end. */
static bool turn(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        int64_t now = clock_monotonic();

        switch (next_step(ledger, now)) {
        case STEP_STOP:
                return false;
        case STEP_WAIT:
                wait_for_work(ledger, now);
                return true;
        case STEP_READ:
                step_read(ledger);
                return true;
        case STEP_OPEN:
                step_open(ledger);
                return true;
        case STEP_LIST:
                step_list(ledger);
                return true;
        case STEP_WRITE:
                step_write(ledger);
                return true;
        }
        return false;
}

void *cluster_committer_run(void *userdata) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct cluster_ledger *ledger = userdata;
        bool goes_on = true;

        while (goes_on) {
                lock_acquire(&ledger->lock);
                goes_on = turn(ledger);
                cluster_unlock(ledger);
        }
        return NULL;
}
