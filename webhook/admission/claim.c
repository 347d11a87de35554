/*
 * A claim states its limits rather than leaving them to the ledger, which knows neither policies nor quotas. The
 * reservation in it describes the pod as it will be stored, with all that the unit adds: what it counts toward is
 * read from that, by the same rule that reads it again after a reload (admission/tally.c).
 */
#include "admission/claim.h"

#include <errno.h>
#include <string.h>

#include "admission/pod.h"
#include "admission/tally.h"
#include "policy/resource_policy.h"
#include "quota/region_quota.h"
#include "util/clock.h"
#include "util/labels.h"

void claim_clear(struct claim *claim)
{
        reservation_free(claim->reservation);
        free(claim->limits);
        free(claim->pool_key);
        free(claim->unit_key);
}

static int replace_string(char **to, const char *from)
{
        char *copy = strdup(from);

        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

static int replace_labels(struct labels **to, const struct labels *base, const struct labels *over)
{
        labels_free(*to);
        *to = NULL;
        return labels_merge(to, base, over);
}

/* The pod as it will be, with what the unit adds beside its own. */
static int describe(struct claim *claim, const struct pod *pod, const char *region, const char *series,
                    const struct unit *unit)
{
        struct reservation *reservation;
        int r;

        r = reservation_new(&claim->reservation);
        if (r < 0)
                return r;
        reservation = claim->reservation;
        reservation->gpus = *region ? pod->gpus : 0;
        reservation->created_at = clock_unix();
        r = replace_string(&reservation->namespace, pod->namespace);
        if (r >= 0)
                r = replace_string(&reservation->region, region);
        if (r >= 0)
                r = replace_string(&reservation->series, series);
        if (r >= 0)
                r = replace_labels(&reservation->labels, unit ? unit->pod_labels : NULL, pod->labels);
        if (r >= 0)
                r = replace_labels(&reservation->node_selector, unit ? unit->node_selector : NULL,
                                   pod->node_selector);
        if (r >= 0)
                r = resources_copy(&reservation->resources, &pod->requests);
        return r;
}

static void add_limit(struct claim *claim, const struct limit *limit)
{
        claim->limits[claim->n_limits++] = *limit;
}

/* A pod that asks for no GPU takes nothing from a pool, and is not kept out where it is full. */
static int bind_pool(struct claim *claim, const struct pool_limit *pool)
{
        if (!pool->limited || !claim->reservation->gpus)
                return 0;
        claim->pool_key = tally_pool_key(claim->reservation->region, pool->series);
        if (!claim->pool_key)
                return -ENOMEM;
        add_limit(claim,
                  &(struct limit){.kind = LIMIT_GPUS, .key = claim->pool_key, .limit = quantity_whole(pool->gpus)});
        return 0;
}

static int bind_unit(struct claim *claim, const struct resource_policy *policy, size_t index)
{
        const struct unit *unit = &policy->units[index];
        struct limit limit = {.ignore_terminating = policy->ignore_terminating_pod};
        int r;

        r = tally_unit_key(&claim->unit_key, policy, index, claim->reservation->labels);
        if (r < 0)
                return r;
        limit.key = claim->unit_key;
        if (unit->max >= 0) {
                limit.kind = LIMIT_PODS;
                limit.limit = quantity_whole(unit->max);
                add_limit(claim, &limit);
        }
        for (size_t i = 0; i < unit->max_resources.count; i++) {
                limit.kind = LIMIT_RESOURCE;
                limit.resource = unit->max_resources.items[i].name;
                limit.limit = unit->max_resources.items[i].quantity;
                add_limit(claim, &limit);
        }
        return 0;
}

/* Room for the pool and `more`. */
static int make_room(struct claim *claim, size_t more)
{
        claim->limits = calloc(more + 1, sizeof(*claim->limits));
        return claim->limits ? 0 : -ENOMEM;
}

int claim_new_unit(struct claim *ret, const struct pod *pod, const struct resource_policy *policy, size_t index,
                   const char *region, const char *series, const struct pool_limit *pool)
{
        const struct unit *unit = &policy->units[index];
        int r;

        r = make_room(ret, unit->max_resources.count + 1);
        if (r >= 0)
                r = describe(ret, pod, region, series, unit);
        if (r >= 0)
                r = bind_pool(ret, pool);
        if (r >= 0)
                r = bind_unit(ret, policy, index);
        if (r < 0)
                return r;
        free(steal_pointer(&ret->reservation->placement));
        return tally_placement(&ret->reservation->placement, policy, index);
}

int claim_new_static(struct claim *ret, const struct pod *pod, const struct pool_limit *pool)
{
        int r;

        r = make_room(ret, 0);
        if (r >= 0)
                r = describe(ret, pod, pod->own_region, pod->series, NULL);
        if (r >= 0 && pool)
                r = bind_pool(ret, pool);
        return r;
}
