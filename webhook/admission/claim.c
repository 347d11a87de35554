/*
 * A claim states its limits rather than leaving them to the ledger, which knows neither policies nor quotas. The
 * reservation in it describes the pod as it will be stored, with all that the unit adds: what it counts toward is
 * read from that, by the same rule that reads it again after a reload (admission/tally.c).
 */
#include "admission/claim.h"

#include <errno.h>
#include <string.h>

#include "admission/node_groups.h"
#include "admission/node_table.h"
#include "admission/pod.h"
#include "admission/tally.h"
#include "policy/resource_policy.h"
#include "quota/region_quota.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/labels.h"

/* The pod as it will be, with what the unit adds beside its own. */
static int describe(struct claim *claim, const struct pod *pod, const char *region, const char *series,
                    const struct unit *unit)
{
        const struct labels *labels, *node_selector;
        int r;

        r = labels_join(claim->arena, &labels, unit ? unit->pod_labels : NULL, pod->labels);
        if (r >= 0)
                r = labels_join(claim->arena, &node_selector, unit ? unit->node_selector : NULL, pod->node_selector);
        if (r < 0)
                return r;
        claim->reservation = (struct reservation){
                .namespace = (char *)pod->namespace,
                .labels = (struct labels *)labels,
                .node_selector = (struct labels *)node_selector,
                .region = (char *)region,
                .series = (char *)series,
                .placement = unit ? unit->placement : (char *)"",
                .gpus = *region ? pod->gpus : 0,
                .resources = pod->requests,
                .created_at = clock_unix(),
        };
        return reservation_make_id(claim->reservation.id);
}

static void add_limit(struct claim *claim, const struct limit *limit, enum verdict_kind verdict)
{
        claim->limits[claim->n_limits] = *limit;
        claim->verdicts[claim->n_limits++] = verdict;
}

/* The key is NULL where memory ran out. */
static int add_gpu_limit(struct claim *claim, const char *key, int64_t gpus, enum verdict_kind verdict)
{
        if (!key)
                return -ENOMEM;
        add_limit(claim, &(struct limit){.kind = LIMIT_GPUS, .key = key, .limit = quantity_whole(gpus)}, verdict);
        return 0;
}

static int bind_pool(struct claim *claim, const struct pool_limit *pool)
{
        if (!pool || !pool->limited)
                return 0;
        claim->pool_key = tally_pool_key(claim->arena, claim->reservation.region, pool->series);
        return add_gpu_limit(claim, claim->pool_key, pool->gpus, VERDICT_POOL_FULL);
}

/* By what the region's virtual nodes have, of all series together and of this one. */
static int bind_region(struct claim *claim, const struct node_table *nodes)
{
        const char *region = claim->reservation.region, *series = claim->reservation.series;
        int r;

        if (!nodes)
                return 0;
        r = add_gpu_limit(claim, tally_region_key(claim->arena, region, ""),
                          node_table_virtual_gpus(nodes, region, ""), VERDICT_REGION_FULL);
        if (r < 0 || !*series)
                return r;
        return add_gpu_limit(claim, tally_region_key(claim->arena, region, series),
                             node_table_virtual_gpus(nodes, region, series), VERDICT_REGION_FULL);
}

/* A pod that asks for no GPU takes nothing from a pool, and is not kept out where it is full. */
static int bind_gpus(struct claim *claim, const struct claim_bounds *bounds)
{
        int r;

        if (!claim->reservation.gpus)
                return 0;
        r = bind_pool(claim, bounds->pool);
        return r < 0 ? r : bind_region(claim, bounds->virtual_nodes);
}

/* By what the unit's real nodes have of each GPU resource that the pod asks for. */
static void bind_nodes(struct claim *claim, const struct pod *pod, const struct claim_bounds *bounds)
{
        const struct node_group *group = bounds->nodes;

        for (size_t i = 0; group && i < pod->requests.count; i++) {
                const struct resource *resource = &pod->requests.items[i];
                struct limit limit = {.kind = LIMIT_RESOURCE, .key = group->key, .resource = resource->name};

                if (!node_group_capacity(group, resource->name, &limit.limit) ||
                    quantity_compare(resource->quantity, quantity_whole(0)) <= 0)
                        continue;
                add_limit(claim, &limit, VERDICT_NODES_FULL);
        }
}

static int bind_unit(struct claim *claim, const struct resource_policy *policy, size_t index)
{
        const struct unit *unit = &policy->units[index];
        struct limit limit = {.ignore_terminating = policy->ignore_terminating_pod};
        char *key;
        int r;

        if (unit->max < 0 && !unit->max_resources.count)
                return 0;
        r = tally_unit_key(&key, claim->arena, policy, index, claim->reservation.labels);
        if (r <= 0)
                return r;
        limit.key = key;
        if (unit->max >= 0) {
                limit.kind = LIMIT_PODS;
                limit.limit = quantity_whole(unit->max);
                add_limit(claim, &limit, VERDICT_MAX_REACHED);
        }
        for (size_t i = 0; i < unit->max_resources.count; i++) {
                limit.kind = LIMIT_RESOURCE;
                limit.resource = unit->max_resources.items[i].name;
                limit.limit = unit->max_resources.items[i].quantity;
                add_limit(claim, &limit, VERDICT_RESOURCES_FULL);
        }
        return 0;
}

/* Room for the pool, the region and its series, and `more`. */
static int make_room(struct claim *claim, size_t more)
{
        claim->limits = arena_array(claim->arena, more + 3, sizeof(*claim->limits));
        claim->verdicts = arena_array(claim->arena, more + 3, sizeof(*claim->verdicts));
        return claim->limits && claim->verdicts ? 0 : -ENOMEM;
}

int claim_new_unit(struct claim *ret, const struct pod *pod, const struct resource_policy *policy, size_t index,
                   const char *region, const char *series, const struct claim_bounds *bounds)
{
        const struct unit *unit = &policy->units[index];
        int r;

        r = make_room(ret, unit->max_resources.count + 1 + pod->requests.count);
        if (r >= 0)
                r = describe(ret, pod, region, series, unit);
        if (r >= 0)
                r = bind_gpus(ret, bounds);
        if (r >= 0)
                r = bind_unit(ret, policy, index);
        if (r >= 0)
                bind_nodes(ret, pod, bounds);
        return r;
}

int claim_new_static(struct claim *ret, const struct pod *pod, const struct claim_bounds *bounds)
{
        int r;

        r = make_room(ret, 0);
        if (r >= 0)
                r = describe(ret, pod, pod->own_region, pod->series, NULL);
        return r < 0 ? r : bind_gpus(ret, bounds);
}
