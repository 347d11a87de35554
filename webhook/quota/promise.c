/*
 * A promise is counted by what is unmatched of it, and whatever changes that amount goes through recount(), so that
 * the counters and the table cannot drift apart. As in the rest of the counting, what can fail (making room, linking)
 * comes first, and what is counted changes after.
 *
 * Pods and entries arrive in any order: a pod may be seen before the entry that promised it, because one watch is
 * ahead of the other. What its pods asked for is therefore kept by id as soon as one is seen, and the entry, when it
 * arrives, finds it there.
 */
#include "quota/promise.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "quota/entries.h"

/* Zero of every resource that is named. */
static int zero_of(struct resources *ret, const struct resources *names)
{
        int r = resources_copy(ret, names);

        for (size_t i = 0; i < ret->count; i++)
                ret->items[i].quantity = quantity_whole(0);
        return r;
}

int promises_init(struct promises *promises)
{
        *promises = (struct promises){0};
        return counters_new(&promises->counters);
}

static void free_terms(struct promise *promise)
{
        free(promise->namespace);
        free(promise->region);
        free(promise->series);
        free(promise->placement);
        counter_keys_clear(&promise->counts);
        amount_clear(&promise->promised);
}

static void promise_free(struct promise *promise)
{
        free_terms(promise);
        json_decref(promise->json);
        amount_clear(&promise->seen);
        amount_clear(&promise->unmatched);
        free(promise->links.items);
        free(promise);
}

void promises_clear(struct promises *promises)
{
        struct promise *promise, *next;

        HASH_ITER (hh, promises->by_id, promise, next) {
                HASH_DEL(promises->by_id, promise);
                promise_free(promise);
        }
        promises->forming = NULL;
        promises->counters = counters_free(promises->counters);
}

struct promise *promises_find(const struct promises *promises, const char *id)
{
        struct promise *promise;

        HASH_FIND_STR(promises->by_id, id, promise);
        return promise;
}

/* What a pod counts for that says no more than its pool. */
static int pool_keys(const struct classifier *classifier, const char *region, const char *series,
                     struct counter_keys *ret)
{
        const struct reservation pool = {
                .namespace = (char *)"", .region = (char *)region, .series = (char *)series, .placement = (char *)""};

        return classifier && classifier->classify ? classifier->classify(classifier->userdata, &pool, ret) : 0;
}

static bool has_key(const struct counter_keys *keys, const char *name)
{
        for (size_t i = 0; i < keys->count; i++)
                if (!strcmp(keys->items[i].name, name))
                        return true;
        return false;
}

int promises_counts(const struct promises *promises, const struct reservation *reservation, struct counter_keys *ret,
                    bool *ret_charged)
{
        const struct classifier *classifier = promises->classifier;
        _cleanup_(counter_keys_clear) struct counter_keys all = {0}, pool = {0};
        int r;

        r = classifier->classify(classifier->userdata, reservation, &all);
        if (r >= 0)
                r = pool_keys(classifier, reservation->region, reservation->series, &pool);
        for (size_t i = 0; i < all.count && r >= 0; i++)
                if (!has_key(&pool, all.items[i].name))
                        r = counter_keys_add(ret, all.items[i].name, 0);
        *ret_charged = ret->count || (pool.count && reservation->gpus);
        return r;
}

/* Links to the counters of the pool and of what else it counts toward, with room for what is promised. */
static int link_promise(struct counters *counters, const struct classifier *classifier, const struct promise *promise,
                        struct counter_links *ret)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        int r;

        r = pool_keys(classifier, promise->region, promise->series, &keys);
        if (r >= 0)
                r = counter_keys_copy(&keys, &promise->counts);
        return r < 0 ? r : counters_link(counters, &keys, &promise->promised.resources, ret);
}

/* Brings what is counted up to date; cannot fail. */
static void recount(struct promise *promise)
{
        counters_subtract_amount(&promise->links, &promise->unmatched);
        amount_set_excess(&promise->unmatched, &promise->promised, &promise->seen);
        counters_add_amount(&promise->links, &promise->unmatched);
}

/* Counts the promise anew after its terms or the names of its resources have changed. What was counted is taken out
 * of the counters that it was counted in: those that it counts toward now may not know its resources. */
static int relink(struct promises *promises, struct promise *promise)
{
        struct resources unmatched = {0};
        struct counter_links links = {0};
        int r;

        r = zero_of(&unmatched, &promise->promised.resources);
        if (r >= 0)
                r = link_promise(promises->counters, promises->classifier, promise, &links);
        if (r < 0) {
                resources_clear(&unmatched);
                return r;
        }
        counters_subtract_amount(&promise->links, &promise->unmatched);
        counters_unlink(promises->counters, &promise->links);
        amount_clear(&promise->unmatched);
        promise->unmatched.resources = unmatched;
        promise->links = links;
        recount(promise);
        return 0;
}

static int set_terms(struct promise *promise, const struct promise_terms *terms)
{
        promise->namespace = strdup(terms->namespace);
        promise->region = strdup(terms->region);
        promise->series = strdup(terms->series);
        promise->placement = strdup(terms->placement);
        if (!promise->namespace || !promise->region || !promise->series || !promise->placement)
                return -ENOMEM;
        return terms->counts ? counter_keys_copy(&promise->counts, terms->counts) : 0;
}

static int insert(struct promises *promises, struct promise *promise)
{
        HASH_ADD_STR(promises->by_id, id, promise);
        return promise->hh.tbl ? 0 : -ENOMEM;
}

int promises_add(struct promises *promises, struct promise **ret, const char *id, const struct promise_terms *terms)
{
        struct promise *promise = calloc(1, sizeof(*promise));
        int r = promise ? 0 : -ENOMEM;

        if (r >= 0 && id)
                snprintf(promise->id, sizeof(promise->id), "%s", id);
        else if (r >= 0)
                r = reservation_make_id(promise->id);
        if (r >= 0)
                r = set_terms(promise, terms);
        if (r >= 0)
                r = insert(promises, promise);
        if (r < 0) {
                if (promise)
                        promise_free(promise);
                return r;
        }
        r = relink(promises, promise);
        if (r < 0) {
                promises_drop(promises, promise);
                return r;
        }
        *ret = promise;
        return 0;
}

void promises_drop(struct promises *promises, struct promise *promise)
{
        promise_become(promises, promise, PROMISE_SEEN);
        counters_subtract_amount(&promise->links, &promise->unmatched);
        counters_unlink(promises->counters, &promise->links);
        HASH_DEL(promises->by_id, promise);
        promise_free(promise);
}

void promise_become(struct promises *promises, struct promise *promise, enum promise_state state)
{
        if (promise->state == PROMISE_FORMING)
                DL_DELETE2(promises->forming, promise, previous, next);
        promise->state = state;
        if (state == PROMISE_FORMING)
                DL_APPEND2(promises->forming, promise, previous, next);
}

static bool same_keys(const struct counter_keys *a, const struct counter_keys *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (strcmp(a->items[i].name, b->items[i].name))
                        return false;
        return true;
}

bool promise_terms_equal(const struct promise_terms *a, const struct promise_terms *b)
{
        return !strcmp(a->region, b->region) && !strcmp(a->series, b->series) &&
               !strcmp(a->namespace, b->namespace) && !strcmp(a->placement, b->placement) &&
               same_keys(a->counts, b->counts);
}

static bool has_terms(const struct promise *promise, const struct promise_terms *terms)
{
        const struct promise_terms own = {
                .namespace = promise->namespace,
                .region = promise->region,
                .series = promise->series,
                .placement = promise->placement,
                .counts = &promise->counts,
        };

        return promise_terms_equal(&own, terms);
}

struct promise *promises_forming(const struct promises *promises, const struct promise_terms *terms)
{
        struct promise *promise;

        DL_FOREACH2 (promises->forming, promise, next)
                if (has_terms(promise, terms))
                        return promise;
        return NULL;
}

/* Resources matter only where a unit bounds them; the pool is counted in GPUs. */
static bool counts_resources(const struct promise *promise)
{
        return promise->counts.count;
}

static bool knows(const struct amount *amount, const struct resources *names)
{
        for (size_t i = 0; i < names->count; i++)
                if (!resources_find(&amount->resources, names->items[i].name))
                        return false;
        return true;
}

/* Makes room for the resources' names wherever the promise is counted. */
static int widen(struct promises *promises, struct promise *promise, const struct resources *names)
{
        struct resources former = promise->promised.resources, wider = {0}, zero = {0};
        int r;

        r = resources_copy(&wider, &former);
        if (r >= 0)
                r = zero_of(&zero, names);
        if (r >= 0)
                r = resources_add(&wider, &zero);
        promise->promised.resources = wider;
        if (r >= 0)
                r = relink(promises, promise);
        if (r < 0)
                promise->promised.resources = former;
        resources_clear(&zero);
        resources_clear(r < 0 ? &wider : &former);
        return r;
}

int promise_join(struct promises *promises, struct promise *promise, const struct reservation *reservation)
{
        bool resources = counts_resources(promise);
        int r = 0;

        if (resources && !knows(&promise->promised, &reservation->resources))
                r = widen(promises, promise, &reservation->resources);
        if (r >= 0)
                r = amount_add(&promise->promised, reservation, resources);
        recount(promise);
        return r;
}

void promise_leave(struct promise *promise, const struct reservation *reservation)
{
        amount_subtract(&promise->promised, reservation);
        recount(promise);
}

int promise_see(struct promise *promise, const struct reservation *pod, uint64_t version)
{
        if (strcmp(promise->region, pod->region) || (*pod->region && strcmp(promise->series, pod->series)) ||
            strcmp(promise->namespace, pod->namespace))
                return 0;
        if (amount_add(&promise->seen, pod, true) < 0)
                return -ENOMEM;
        if (version > promise->newest)
                promise->newest = version;
        recount(promise);
        return 1;
}

void promise_unsee(struct promise *promise)
{
        amount_clear(&promise->seen);
        promise->newest = 0;
        recount(promise);
}

bool promise_is_fulfilled(const struct promise *promise)
{
        return promise->state == PROMISE_ENTERED && !promise->unmatched.pods && !promise->unmatched.gpus.nano;
}

/* Takes the new terms in exchange for the old ones; `other` has those afterwards. */
static void swap_terms(struct promise *promise, struct promise *other)
{
        struct promise former = *promise;

        promise->namespace = other->namespace;
        promise->region = other->region;
        promise->series = other->series;
        promise->placement = other->placement;
        promise->counts = other->counts;
        promise->promised = other->promised;
        other->namespace = former.namespace;
        other->region = former.region;
        other->series = former.series;
        other->placement = former.placement;
        other->counts = former.counts;
        other->promised = former.promised;
}

int promise_set(struct promises *promises, struct promise *promise, const struct promise_terms *terms,
                struct amount *amount)
{
        _cleanup_(free_terms) struct promise other = {.promised = *amount};
        int r = set_terms(&other, terms);

        *amount = (struct amount){0};
        if (r < 0)
                return r;
        swap_terms(promise, &other);
        if (relink(promises, promise) < 0) {
                swap_terms(promise, &other);
                return -ENOMEM;
        }
        if (strcmp(promise->region, other.region) || strcmp(promise->series, other.series) ||
            strcmp(promise->namespace, other.namespace))
                promise_unsee(promise);
        return 0;
}

void promise_remove(struct promise *promise, int64_t now)
{
        counters_subtract_amount(&promise->links, &promise->unmatched);
        amount_clear(&promise->promised);
        amount_clear(&promise->unmatched);
        promise->state = PROMISE_SEEN;
        promise->since = now;
}

/* Everything into a second set of counters first. */
static int link_all(struct promises *promises, struct counters *counters, const struct classifier *classifier,
                    struct counter_links *links)
{
        struct promise *promise, *next;
        size_t i = 0;
        int r = 0;

        HASH_ITER (hh, promises->by_id, promise, next)
                if (r >= 0)
                        r = link_promise(counters, classifier, promise, &links[i++]);
        return r;
}

int promises_classify(struct promises *promises, const struct classifier *classifier)
{
        size_t n = HASH_COUNT(promises->by_id), i = 0;
        _cleanup_(counters_freep) struct counters *counters = NULL;
        _cleanup_(freep) struct counter_links *links = calloc(n + 1, sizeof(*links));
        struct promise *promise, *next;
        int r;

        r = links ? counters_new(&counters) : -ENOMEM;
        if (r >= 0)
                r = link_all(promises, counters, classifier, links);
        if (r < 0) {
                for (i = 0; i < n && links; i++)
                        free(links[i].items);
                return r;
        }
        HASH_ITER (hh, promises->by_id, promise, next) {
                free(promise->links.items);
                promise->links = links[i++];
                counters_add_amount(&promise->links, &promise->unmatched);
        }
        counters_free(promises->counters);
        promises->counters = steal_pointer(&counters);
        promises->classifier = classifier;
        return 0;
}
