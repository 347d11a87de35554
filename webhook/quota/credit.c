/*
 * A credit is a promise like any other to everybody else: an entry of the ledger that pods have not matched yet. What
 * makes it one is kept here, in the replica that may spend it: until when, and how much of it has been spent.
 *
 * One is asked for when several pods of a kind wait for one write, and the next when half of it is spent, or half of
 * its life is over; so a stream of pods finds an open one always, a single pod causes none, and a stream that ends
 * leaves nothing to renew. It takes a small part of what is left, so that several replicas can hold some without
 * being in each other's way.
 *
 * A write that was not stored, or of which nobody knows, costs the credit its promise: another one is asked for, with
 * another id, and what turns up of the first is removed.
 */
#include "quota/credit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/labels.h"

/* How many pods that wait together make a stream. */
#define STREAM 4
#define CREDIT_MAX 256

/* A credit takes no more than this part of what is left. */
#define CREDIT_PART 8

/* How much longer than its life others wait for a credit to be closed. */
#define CLOSING_TIME (1 * NS_PER_SECOND)

static struct credit *credit_free(struct credit *credit)
{
        if (!credit)
                return NULL;
        reservation_free(credit->share);
        counter_keys_clear(&credit->counts);
        limits_free(credit->limits, credit->n_limits);
        amount_clear(&credit->spent);
        free(credit);
        return NULL;
}
DEFINE_CLEANUP(struct credit *, credit_free);

static void drop(struct cluster_ledger *ledger, struct credit *credit) requires_lock(ledger->lock)
{
        DL_DELETE2(ledger->credits, credit, previous, next);
        credit_free(credit);
}

static struct promise_terms terms_of(const struct reservation *reservation, const struct counter_keys *counts)
{
        return (struct promise_terms){
                .namespace = reservation->namespace,
                .region = reservation->region,
                .series = reservation->series,
                .placement = reservation->placement,
                .counts = counts,
        };
}

/* The promise as the ledger has it; NULL: it does not. */
static struct promise *entered(const struct cluster_ledger *ledger, const struct credit *credit)
        requires_lock(ledger->lock)
{
        struct promise *promise = promises_find(&ledger->promises, credit->id);

        return promise && promise->state == PROMISE_ENTERED ? promise : NULL;
}

static bool is_of(const struct credit *credit, const struct promise_terms *terms, uint64_t generation)
{
        const struct promise_terms own = terms_of(credit->share, &credit->counts);

        return credit->generation == generation && promise_terms_equal(&own, terms);
}

static bool is_open(const struct cluster_ledger *ledger, const struct credit *credit) requires_lock(ledger->lock)
{
        return credit->state == CREDIT_OPEN && clock_boot() <= credit->until &&
               credit->generation == ledger->classifier.generation && ledger->quotas_view >= ledger->quotas;
}

static bool covers(const struct promise *promise, const struct amount *spent, const struct reservation *pod)
{
        const struct amount *promised = &promise->promised;
        struct quantity gpus = quantity_add(spent->gpus, quantity_whole(pod->gpus));

        if (spent->pods >= promised->pods || quantity_compare(gpus, promised->gpus) > 0)
                return false;
        for (size_t i = 0; promise->counts.count && i < pod->resources.count; i++) {
                const struct resource *resource = &pod->resources.items[i];
                const struct quantity *most = resources_find(&promised->resources, resource->name);
                const struct quantity *now = resources_find(&spent->resources, resource->name);

                if (!most ||
                    quantity_compare(now ? quantity_add(*now, resource->quantity) : resource->quantity, *most) > 0)
                        return false;
        }
        return true;
}

/* The one that is on its way, or NULL. */
static struct credit *successor(const struct cluster_ledger *ledger, const struct promise_terms *terms)
        requires_lock(ledger->lock)
{
        struct credit *credit;

        DL_FOREACH2 (ledger->credits, credit, next)
                if ((credit->state == CREDIT_WANTED || credit->state == CREDIT_WRITING) &&
                    is_of(credit, terms, ledger->classifier.generation))
                        break;
        return credit;
}

static int credit_new(struct credit **ret, const struct reservation *share, const struct counter_keys *counts,
                      const struct limit *limits, size_t n_limits)
{
        _cleanup_(credit_freep) struct credit *credit = calloc(1, sizeof(*credit));
        int r = credit ? 0 : -ENOMEM;

        if (r >= 0)
                r = reservation_copy(&credit->share, share);
        if (r >= 0)
                r = counter_keys_copy(&credit->counts, counts);
        if (r >= 0)
                r = limits_copy(&credit->limits, limits, n_limits);
        if (r < 0)
                return r;
        credit->n_limits = n_limits;
        *ret = steal_pointer(&credit);
        return 0;
}

/* How many pods a credit may be of: a small part of what is left. */
static int64_t room_for(const struct cluster_ledger *ledger, const struct reservation *share,
                        const struct limit *limits, size_t n_limits) requires_lock(ledger->lock)
{
        const struct counters *counters[2];

        if (!ledger->pods)
                return 0;
        counters[0] = usage_counters(ledger->pods);
        counters[1] = ledger->promises.counters;
        return limits_room(limits, n_limits, counters, 2, share) / CREDIT_PART;
}

/* Not having one costs time and nothing else, so running out of memory is no failure here. */
static void want(struct cluster_ledger *ledger, const struct reservation *share, const struct counter_keys *counts,
                 const struct limit *limits, size_t n_limits, int64_t pods) requires_lock(ledger->lock)
{
        const struct promise_terms terms = terms_of(share, counts);
        struct credit *credit = successor(ledger, &terms);

        pods = pods < CREDIT_MAX ? pods : CREDIT_MAX;
        if (credit) {
                credit->wanted = pods > credit->wanted ? pods : credit->wanted;
                return;
        }
        if (!ledger->store || room_for(ledger, share, limits, n_limits) < 1 ||
            credit_new(&credit, share, counts, limits, n_limits) < 0)
                return;
        credit->generation = ledger->classifier.generation;
        credit->wanted = pods;
        DL_APPEND2(ledger->credits, credit, previous, next);
        pthread_cond_signal(&ledger->work);
}

void credit_want(struct cluster_ledger *ledger, const struct reservation *reservation,
                 const struct counter_keys *counts, const struct limit *limits, size_t n_limits, int64_t together)
        THREAD_SAFETY(no_thread_safety_analysis)
{
        if (together >= STREAM)
                want(ledger, reservation, counts, limits, n_limits, 4 * together);
}

/* Half of it, or of its life, is over. */
static bool is_half_used(const struct cluster_ledger *ledger, const struct credit *credit,
                         const struct promise *promise) requires_lock(ledger->lock)
{
        return 2 * credit->spent.pods >= promise->promised.pods ||
               clock_boot() > credit->until - ledger->credit_life / 2;
}

/* Another one is open already, for the stream to go on with. */
static bool has_fresh(const struct cluster_ledger *ledger, const struct credit *credit) requires_lock(ledger->lock)
{
        const struct promise_terms terms = terms_of(credit->share, &credit->counts);
        const struct credit *other;

        DL_FOREACH2 (ledger->credits, other, next) {
                const struct promise *promise = entered(ledger, other);

                if (other != credit && promise && is_open(ledger, other) &&
                    is_of(other, &terms, credit->generation) && !is_half_used(ledger, other, promise))
                        return true;
        }
        return false;
}

/* The next one should be there when it ends, but no more than one: each is a write, and an entry in all that follow.
 */
static void want_next(struct cluster_ledger *ledger, const struct credit *credit, const struct promise *promise,
                      const struct limit *limits, size_t n_limits) requires_lock(ledger->lock)
{
        if (is_half_used(ledger, credit, promise) && !has_fresh(ledger, credit))
                want(ledger, credit->share, &credit->counts, limits, n_limits,
                     3 * credit->spent.pods > STREAM ? 3 * credit->spent.pods : STREAM);
}

static int spend(struct credit *credit, const struct reservation *pod)
{
        if (resources_add(&credit->spent.resources, &pod->resources) < 0)
                return -ENOMEM;
        credit->spent.gpus = quantity_add(credit->spent.gpus, quantity_whole(pod->gpus));
        credit->spent.pods++;
        return 0;
}

int credit_spend(struct cluster_ledger *ledger, const struct reservation *reservation,
                 const struct counter_keys *counts, uint64_t generation, const struct limit *limits, size_t n_limits,
                 char ret_id[static RESERVATION_ID_SIZE]) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct promise_terms terms = terms_of(reservation, counts);
        struct credit *credit;

        DL_FOREACH2 (ledger->credits, credit, next) {
                struct promise *promise;

                if (!is_of(credit, &terms, generation) || !is_open(ledger, credit))
                        continue;
                promise = entered(ledger, credit);
                if (!promise || !covers(promise, &credit->spent, reservation))
                        continue;
                if (spend(credit, reservation) < 0)
                        return -ENOMEM;
                ledger->credited++;
                memcpy(ret_id, credit->id, RESERVATION_ID_SIZE);
                want_next(ledger, credit, promise, limits, n_limits);
                return 1;
        }
        return 0;
}

/* Its replica, if it lives, closes it soon. */
static bool may_end(const struct cluster_ledger *ledger, const struct promise *promise, int64_t now)
        requires_lock(ledger->lock)
{
        return promise->state == PROMISE_ENTERED && promise->credit && !promise_is_fulfilled(promise) &&
               now - promise->since < ledger->credit_life + CLOSING_TIME;
}

/* The most that the end of a credit gives back. */
static struct quantity rest_of(const struct promise *promise, const struct limit *limit)
{
        const struct quantity *resource;

        if (!counter_links_have(&promise->links, limit->key))
                return quantity_whole(0);
        if (limit->kind == LIMIT_GPUS)
                return promise->unmatched.gpus;
        if (limit->kind == LIMIT_PODS)
                return quantity_whole(promise->unmatched.pods);
        resource = resources_find(&promise->unmatched.resources, limit->resource);
        return resource ? *resource : quantity_whole(0);
}

bool credit_may_return(struct cluster_ledger *ledger, const struct limit *limit, const struct refusal *refusal)
        THREAD_SAFETY(no_thread_safety_analysis)
{
        struct quantity least = quantity_add(refusal->used, refusal->wanted);
        int64_t now = clock_monotonic();
        const struct promise *promise, *next;
        struct credit *credit;

        if (!ledger->any_credit)
                return false;
        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                if (may_end(ledger, promise, now))
                        least = quantity_subtract(least, rest_of(promise, limit));
        if (quantity_compare(least, limit->limit) > 0)
                return false;
        DL_FOREACH2 (ledger->credits, credit, next) {
                promise = credit->state == CREDIT_OPEN ? entered(ledger, credit) : NULL;
                if (promise && counter_links_have(&promise->links, limit->key))
                        credit->state = CREDIT_CLOSED;
        }
        return true;
}

/* Makes a promise of so many pods; it goes into the write that is being put together. */
static int make_promise(struct cluster_ledger *ledger, struct credit *credit, int64_t pods)
        requires_lock(ledger->lock)
{
        const struct promise_terms terms = terms_of(credit->share, &credit->counts);
        struct promise *promise;
        int r;

        r = promises_add(&ledger->promises, &promise, NULL, &terms);
        if (r < 0)
                return r;
        for (int64_t i = 0; i < pods && r >= 0; i++)
                r = promise_join(&ledger->promises, promise, credit->share);
        if (r < 0) {
                promises_drop(&ledger->promises, promise);
                return r;
        }
        promise_become(&ledger->promises, promise, PROMISE_FORMING);
        promise->credit = true;
        memcpy(credit->id, promise->id, sizeof(credit->id));
        credit->state = CREDIT_WRITING;
        credit->until = clock_boot() + ledger->credit_life;
        return 0;
}

/* One whose promise is fulfilled may be removed from the ledger by anybody. */
static bool is_over(const struct cluster_ledger *ledger, const struct credit *credit) requires_lock(ledger->lock)
{
        const struct promise *promise = credit->state == CREDIT_OPEN ? entered(ledger, credit) : NULL;

        return credit->state == CREDIT_OPEN &&
               (clock_boot() > credit->until || credit->generation != ledger->classifier.generation || !promise ||
                promise_is_fulfilled(promise));
}

void credits_collect(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct credit *credit, *next;

        DL_FOREACH_SAFE2 (ledger->credits, credit, next, next) {
                int64_t room;

                if (is_over(ledger, credit))
                        credit->state = CREDIT_CLOSED;
                if (credit->state != CREDIT_WANTED)
                        continue;
                room = credit->generation == ledger->classifier.generation
                               ? room_for(ledger, credit->share, credit->limits, credit->n_limits)
                               : 0;
                if (room < 1 || make_promise(ledger, credit, room < credit->wanted ? room : credit->wanted) < 0)
                        drop(ledger, credit);
        }
}

static struct credit *find(const struct cluster_ledger *ledger, const char *id) requires_lock(ledger->lock)
{
        struct credit *credit;

        DL_FOREACH2 (ledger->credits, credit, next)
                if (!strcmp(credit->id, id))
                        break;
        return credit;
}

bool credit_entry(struct cluster_ledger *ledger, const char *id, json_t *json, json_t **ret)
        THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct credit *credit = find(ledger, id);

        if (!credit || credit->state != CREDIT_CLOSED)
                return false;
        *ret = credit->spent.pods ? promise_json_with(json, &credit->spent, credit->counts.count) : NULL;
        return !credit->spent.pods || *ret;
}

/* Another one takes the place of what was not stored, unless the store fails. */
static void replace(struct cluster_ledger *ledger, struct credit *credit) requires_lock(ledger->lock)
{
        struct promise *promise = promises_find(&ledger->promises, credit->id);

        if (promise)
                promises_drop(&ledger->promises, promise);
        credit->state = CREDIT_CLOSED;
        if (!ledger->backoff && credit->generation == ledger->classifier.generation)
                want(ledger, credit->share, &credit->counts, credit->limits, credit->n_limits, credit->wanted);
}

/* What is stored is open. What is closed is forgotten once it is known that the ledger has it so. */
static void settle(struct cluster_ledger *ledger, struct credit *credit) requires_lock(ledger->lock)
{
        const struct promise *promise = entered(ledger, credit);

        if (credit->state == CREDIT_WANTED)
                return;
        if (credit->state == CREDIT_WRITING && promise)
                credit->state = CREDIT_OPEN;
        else if (credit->state == CREDIT_WRITING)
                replace(ledger, credit);
        if (!ledger->doubtful && (!promise || !promise->credit))
                drop(ledger, credit);
}

void credits_settle(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct credit *credit, *next;

        DL_FOREACH_SAFE2 (ledger->credits, credit, next, next)
                settle(ledger, credit);
}

int64_t credits_due(const struct cluster_ledger *ledger, int64_t now) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct credit *credit;
        int64_t due = 0;

        DL_FOREACH2 (ledger->credits, credit, next) {
                bool at_once = credit->state == CREDIT_WANTED || credit->state == CREDIT_CLOSED;
                int64_t left = at_once || is_over(ledger, credit) ? 0 : credit->until - clock_boot();

                if (!due || now + left < due)
                        due = now + (left > 0 ? left : 0);
        }
        return due;
}

void credits_close(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct credit *credit, *next;

        DL_FOREACH_SAFE2 (ledger->credits, credit, next, next)
                if (credit->state == CREDIT_WANTED)
                        drop(ledger, credit);
                else if (credit->state == CREDIT_OPEN)
                        credit->state = CREDIT_CLOSED;
}

void credits_clear(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct credit *credit, *next;

        DL_FOREACH_SAFE2 (ledger->credits, credit, next, next)
                drop(ledger, credit);
}
