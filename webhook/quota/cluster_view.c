/*
 * What a cluster ledger takes in: pods, the object of promises, the version of the quotas.
 *
 * A list of pods replaces the view in one step; until it has ended, the view that was there goes on. The pods that
 * are new in it are then matched with their promises like those that an event brings. What is not known at that
 * moment, promises whose object is on its way, is found out by reading the object once more after every list:
 * whatever that shows for the first time is matched with all pods of the view, and whatever is promised later has its
 * pods ADDED after the list.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

static void reach(struct cluster_ledger *ledger, uint64_t version) requires_lock(ledger->lock)
{
        if (version > ledger->view)
                ledger->view = version;
}

/* A promise that only its pods tell of. */
static int add_seen(struct cluster_ledger *ledger, struct promise **ret, const struct reservation *pod)
        requires_lock(ledger->lock)
{
        static const struct counter_keys none;
        const struct promise_terms terms = {
                .namespace = pod->namespace,
                .region = pod->region,
                .series = pod->series,
                .placement = "",
                .counts = &none,
        };
        int r = promises_add(&ledger->promises, ret, pod->id, &terms);

        if (r >= 0)
                (*ret)->since = clock_monotonic();
        return r;
}

static void report_late(struct cluster_ledger *ledger, const struct reservation *pod, const char *why)
        requires_lock(ledger->lock)
{
        ledger->late++;
        log_warn(why, log_string("reservation", pod->id), log_string("namespace", pod->namespace),
                 log_string("region", pod->region), log_string("series", pod->series));
}

/* Whoever removed a promise had seen its pods, and made the fence cover them. A lost ledger says nothing of them. */
static bool is_late(const struct cluster_ledger *ledger, const struct promise *promise, uint64_t version)
        requires_lock(ledger->lock)
{
        return promise->state == PROMISE_SEEN && promise->known && ledger->open && version > ledger->fence;
}

/* A pod that carries a reservation was ADDED. Rule 6: one of another pool or namespace matches nothing. */
static int match(struct cluster_ledger *ledger, const struct reservation *pod, uint64_t version)
        requires_lock(ledger->lock)
{
        struct promise *promise = promises_find(&ledger->promises, pod->id);
        int r = 0;

        if (!promise)
                r = add_seen(ledger, &promise, pod);
        if (r >= 0)
                r = promise_see(promise, pod, version);
        if (r < 0)
                return r;
        if (!r)
                report_late(ledger, pod, "a pod carries the reservation of another pool or namespace");
        else if (is_late(ledger, promise, version))
                report_late(ledger, pod, "a pod came after its reservation was removed from the ledger");
        return 0;
}

int cluster_ledger_pod(struct cluster_ledger *ledger, const char *uid, const struct reservation *pod,
                       uint64_t version, bool terminating)
{
        int r = -ESTALE;

        lock_acquire(&ledger->lock);
        if (ledger->pods)
                r = usage_put(ledger->pods, uid, pod, version, terminating);
        if (r > 0 && *pod->id)
                r = match(ledger, pod, version);
        if (r >= 0)
                reach(ledger, version);
        cluster_unlock(ledger);
        return r < 0 ? r : 0;
}

int cluster_ledger_pod_gone(struct cluster_ledger *ledger, const char *uid, uint64_t version)
{
        lock_acquire(&ledger->lock);
        if (ledger->pods)
                usage_remove(ledger->pods, uid);
        reach(ledger, version);
        cluster_unlock(ledger);
        return 0;
}

int cluster_ledger_view(struct cluster_ledger *ledger, uint64_t version)
{
        lock_acquire(&ledger->lock);
        reach(ledger, version);
        cluster_unlock(ledger);
        return 0;
}

/* The pod as it is to be matched: what it counts for is shared with others, its reservation is its own. */
static struct reservation as_listed(const struct usage_pod *listed)
{
        struct reservation pod = *listed->pod;

        snprintf(pod.id, sizeof(pod.id), "%s", listed->id);
        return pod;
}

/* A pod of a list: matched now if it was not in the view before and its promise is known. */
static int match_new(void *userdata, const struct usage_pod *listed) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct cluster_ledger *ledger = userdata;
        struct reservation pod;

        if (!*listed->id || (ledger->pods && usage_has(ledger->pods, listed->uid)) ||
            !promises_find(&ledger->promises, listed->id))
                return 0;
        pod = as_listed(listed);
        return match(ledger, &pod, listed->version);
}

/* Of the pods that a list does not show which is older than the view, none may be taken for seen. */
static void go_back(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        struct promise *promise, *next;

        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                promise_unsee(promise);
        ledger->pods = usage_free(ledger->pods);
}

/* Without a store, whatever the object says anew goes on to be matched with all pods. */
static int use_pods(struct cluster_ledger *ledger, struct usage **pods, uint64_t version) requires_lock(ledger->lock)
{
        struct usage *former;
        int r = 0;

        if (ledger->classifier.classify)
                r = usage_classify(*pods, &ledger->classifier);
        if (r >= 0 && version < ledger->view)
                go_back(ledger);
        if (r >= 0)
                r = usage_visit(*pods, match_new, ledger);
        if (r < 0) {
                go_back(ledger); /* nor may any be matched again by the next list */
                return r;
        }
        former = ledger->pods;
        ledger->pods = *pods;
        *pods = former;
        ledger->view = version;
        ledger->match_listed = true;
        if (ledger->store)
                cluster_doubt(ledger);
        return 0;
}

int cluster_ledger_use_pods(struct cluster_ledger *ledger, struct usage **pods, uint64_t version)
{
        int r;

        lock_acquire(&ledger->lock);
        r = use_pods(ledger, pods, version);
        pthread_cond_signal(&ledger->work);
        cluster_unlock(ledger);
        if (r >= 0)
                *pods = usage_free(*pods); /* the former ones; many */
        return r;
}

/* An optional member. */
static int read_version(const json_t *object, const char *key, uint64_t *ret, struct error *error)
{
        const char *text = json_string_value(json_object_get(object, key));
        char *end = NULL;

        *ret = 0;
        if (!json_object_get(object, key))
                return 0;
        if (text && *text)
                *ret = strtoull(text, &end, 10);
        return end && !*end ? 0 : error_set(error, EINVAL, "%s: must be a resourceVersion", key);
}

/* A pod of the view, for promises that have turned up after it was listed. */
static int match_marked(void *userdata, const struct usage_pod *listed) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct cluster_ledger *ledger = userdata;
        struct promise *promise = *listed->id ? promises_find(&ledger->promises, listed->id) : NULL;
        struct reservation pod;
        int r;

        if (!promise || !promise->fresh)
                return 0;
        pod = as_listed(listed);
        r = promise_see(promise, &pod, listed->version);
        return r < 0 ? r : 0;
}

/* After a list: what has turned up since is matched with all pods, whichever of them an event has matched already. */
static int match_fresh(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        struct promise *promise, *next;
        bool any = false;

        HASH_ITER (hh, ledger->promises.by_id, promise, next) {
                if (promise->fresh)
                        promise_unsee(promise);
                any |= promise->fresh;
        }
        return any ? usage_visit(ledger->pods, match_marked, ledger) : 0;
}

static int take_entry(struct cluster_ledger *ledger, json_t *entry, struct error *error) requires_lock(ledger->lock)
{
        struct promise *promise = NULL;
        bool entered = false;
        int r;

        r = promises_enter(&ledger->promises, &promise, &entered, entry, error);
        if (r < 0)
                return r;
        promise->mark = true;
        promise->fresh = entered;
        if (entered) {
                promise->since = clock_monotonic();
                promise->listing = promise->expired = false;
        }
        return 0;
}

static int take_entries(struct cluster_ledger *ledger, const json_t *entries, struct error *error)
        requires_lock(ledger->lock)
{
        struct promise *promise, *next;
        size_t i;
        json_t *entry;
        bool any_credit = false;
        int r = 0;

        ledger->any_credit = true;
        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                promise->mark = promise->fresh = false;
        json_array_foreach (entries, i, entry)
                if (r >= 0)
                        r = take_entry(ledger, entry, error);
        if (r < 0)
                return r;
        HASH_ITER (hh, ledger->promises.by_id, promise, next) {
                if (promise->state == PROMISE_ENTERED && !promise->mark)
                        promise_remove(promise, clock_monotonic());
                any_credit |= promise->state == PROMISE_ENTERED && promise->credit;
        }
        ledger->any_credit = any_credit;
        if (!ledger->match_listed || !ledger->pods)
                return 0;
        return match_fresh(ledger) < 0 ? error_oom(error) : 0;
}

/* The object without its entries, which are kept as promises. */
static json_t *without_entries(const json_t *object)
{
        json_auto_t *copy = json_copy((json_t *)object);
        json_t *spec = json_copy(json_object_get(object, "spec"));

        if (!copy || !spec || json_object_set_new(copy, "spec", spec) < 0)
                return NULL;
        json_object_del(spec, "entries");
        return steal_pointer(&copy);
}

/* Rule 5: a closed ledger waits from each of its versions on, as one that is lost twice looks like one. */
static void note_open(struct cluster_ledger *ledger, bool open, uint64_t version) requires_lock(ledger->lock)
{
        if (!open && (ledger->open || ledger->closed_at != version)) {
                ledger->closed_since = clock_monotonic();
                ledger->closed_at = version;
        }
        ledger->open = open;
}

/* The members of the object that are not optional; else whatever is malformed might be taken for empty. */
static int check_form(const json_t *object, uint64_t version, struct error *error)
{
        const json_t *spec = json_object_get(object, "spec"), *entries = json_object_get(spec, "entries");

        if (!version)
                return error_set(error, EINVAL, "metadata.resourceVersion: must not be missing");
        if (!json_is_object(spec) || (entries && !json_is_array(entries)))
                return error_set(error, EINVAL, "spec: must be an object whose entries are a list");
        return 0;
}

/* Rule 7: a credit is spent without a look at the ledger, so the version counts once those of its time are over. */
static bool may_be_ignored(const struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        return ledger->any_credit && clock_monotonic() - ledger->quotas_since <= ledger->credit_life;
}

static void note_quotas(struct cluster_ledger *ledger, uint64_t quotas) requires_lock(ledger->lock)
{
        if (quotas == ledger->quotas)
                return;
        if (!may_be_ignored(ledger))
                ledger->quotas_before = ledger->quotas;
        ledger->quotas_since = clock_monotonic();
        ledger->quotas = quotas;
}

int cluster_take(struct cluster_ledger *ledger, const json_t *object, struct error *error)
{
        const json_t *spec = json_object_get(object, "spec");
        uint64_t version, fence, quotas;
        json_t *rest;
        int r;

        r = read_version(json_object_get(object, "metadata"), "resourceVersion", &version, error);
        if (r >= 0)
                r = check_form(object, version, error);
        if (r < 0 || version <= ledger->version)
                return r;
        r = read_version(spec, "fence", &fence, error);
        if (r >= 0)
                r = read_version(spec, "quotas", &quotas, error);
        if (r >= 0)
                r = take_entries(ledger, json_object_get(spec, "entries"), error);
        if (r < 0)
                return r;
        rest = without_entries(object);
        if (!rest)
                return error_oom(error);
        json_decref(ledger->object);
        ledger->object = rest;
        ledger->version = version;
        ledger->fence = fence;
        note_quotas(ledger, quotas);
        ledger->recheck = true;
        ledger->contended = false;
        note_open(ledger, json_is_true(json_object_get(spec, "open")), version);
        return 0;
}

int cluster_ledger_observe(struct cluster_ledger *ledger, const json_t *object)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        lock_acquire(&ledger->lock);
        r = cluster_take(ledger, object, &error);
        if (r < 0)
                cluster_doubt(ledger);
        else if (!ledger->store)
                ledger->doubtful = false;
        pthread_cond_signal(&ledger->work);
        cluster_unlock(ledger);
        if (r < 0)
                log_error("the ledger's object is malformed", log_string("error", error_message(&error)));
        return r;
}

/* Without a store, a ledger that is not there is empty. */
static void forget_object(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        take_entries(ledger, NULL, NULL);
        json_decref(ledger->object);
        ledger->object = NULL;
        ledger->version = ledger->fence = ledger->quotas = 0;
        ledger->doubtful = false;
}

void cluster_ledger_lost(struct cluster_ledger *ledger)
{
        lock_acquire(&ledger->lock);
        if (ledger->store)
                cluster_doubt(ledger);
        else
                forget_object(ledger);
        pthread_cond_signal(&ledger->work);
        cluster_unlock(ledger);
}

void cluster_ledger_quotas(struct cluster_ledger *ledger, uint64_t spec_version, uint64_t view_version)
{
        lock_acquire(&ledger->lock);
        ledger->quotas_spec = spec_version;
        ledger->quotas_view = view_version;
        pthread_cond_signal(&ledger->work);
        cluster_unlock(ledger);
}

uint64_t cluster_ledger_quotas_written(struct cluster_ledger *ledger)
{
        uint64_t quotas;

        lock_acquire(&ledger->lock);
        quotas = may_be_ignored(ledger) ? ledger->quotas_before : ledger->quotas;
        lock_release(&ledger->lock);
        return quotas;
}
