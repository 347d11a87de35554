/*
 * Counting follows the pods, not the decisions: which units a reservation counts toward is worked out from the
 * labels and node selector that its pod carries, and again whenever the policies change. So a policy that is
 * edited, replaced or renamed counts the pods that are there, without anything being carried over.
 *
 * Nor does the age of a pod decide what it counts toward (the counters see to that), so that pods which differ in it
 * alone are classified once.
 *
 * Only units that have a bound are counted. A pod that a policy has placed counts as selected by it even where
 * the labels that the unit added make the selector miss it.
 */
#include "admission/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/node_groups.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "policy/selector.h"
#include "quota/ledger.h"
#include "quota/region_quota.h"
#include "util/arena.h"
#include "util/labels.h"
#include "util/text.h"

#define UNIT_NAME "unit "

/* Room on the stack for the keys of an ordinary pod. */
#define KEYS_BLOCK 1024

char *tally_pool_key(struct arena *arena, const char *region, const char *series)
{
        return text_join(arena, (const char *const[]){"pool ", region, "/", series}, 4);
}

char *tally_region_key(struct arena *arena, const char *region, const char *series)
{
        return text_join(arena, (const char *const[]){"region ", region, *series ? "/" : "", series}, 4);
}

char *tally_unit_name(struct arena *arena, const struct resource_policy *policy, size_t unit)
{
        return text_join(arena, (const char *const[]){UNIT_NAME, policy->units[unit].placement}, 2);
}

/* The values of the policy's matchLabelKeys are put behind commas, which label values do not have. */
int tally_unit_key(char **ret, struct arena *arena, const struct resource_policy *policy, size_t unit,
                   const struct labels *labels)
{
        size_t n = 2 + 2 * policy->n_match_label_keys;
        const char **parts = arena_array(arena, n, sizeof(*parts)), **part = parts;

        if (!parts)
                return -ENOMEM;
        *part++ = UNIT_NAME;
        *part++ = policy->units[unit].placement;
        for (size_t i = 0; i < policy->n_match_label_keys; i++) {
                *part++ = ",";
                *part = labels_get(labels, policy->match_label_keys[i]);
                if (!*part++)
                        return 0;
        }
        *ret = text_join(arena, parts, n);
        return *ret ? 1 : -ENOMEM;
}

static bool carries(const struct reservation *reservation, const struct resource_policy *policy, size_t index)
{
        const struct unit *unit = &policy->units[index];

        if (!labels_count(unit->pod_labels) && !labels_count(unit->node_selector))
                return !strcmp(reservation->placement, unit->placement);
        return labels_include(reservation->labels, unit->pod_labels) &&
               labels_include(reservation->node_selector, unit->node_selector);
}

static bool is_bounded(const struct unit *unit)
{
        return unit->max >= 0 || unit->max_resources.count;
}

static int add_units(const struct resource_policy *policy, const struct reservation *reservation, bool unbounded,
                     struct arena *arena, struct counter_keys *ret)
{
        int64_t since = policy->ignore_previous_pod ? policy->created_at : 0;

        for (size_t i = 0; i < policy->n_units; i++) {
                char *key;
                int r;

                if (!(unbounded || is_bounded(&policy->units[i])) || !carries(reservation, policy, i))
                        continue;
                r = tally_unit_key(&key, arena, policy, i, reservation->labels);
                if (r > 0)
                        r = counter_keys_add(ret, key, since);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The key is NULL where memory ran out. */
static int add_key(struct counter_keys *ret, const char *key)
{
        return key ? counter_keys_add(ret, key, 0) : -ENOMEM;
}

static int add_region(const struct catalog *catalog, const struct reservation *reservation, struct arena *arena,
                      struct counter_keys *ret)
{
        int r;

        if (!catalog_nodes(catalog))
                return 0;
        r = add_key(ret, tally_region_key(arena, reservation->region, ""));
        if (r >= 0 && *reservation->series)
                r = add_key(ret, tally_region_key(arena, reservation->region, reservation->series));
        return r;
}

static int add_pool(const struct catalog *catalog, const struct reservation *reservation, struct arena *arena,
                    struct counter_keys *ret)
{
        struct pool_limit pool;
        int r;

        if (!*reservation->region)
                return 0;
        pool = quota_table_find(catalog_quotas(catalog), reservation->region, reservation->series);
        r = add_key(ret, tally_pool_key(arena, reservation->region, pool.series));
        return r < 0 ? r : add_region(catalog, reservation, arena, ret);
}

/* True if the pod was placed on a unit of this policy that is for virtual nodes. */
static bool is_placed_virtually(const struct reservation *reservation, const struct resource_policy *placing)
{
        const char *hash = strrchr(reservation->placement, '#');
        size_t index = placing && hash ? strtoul(hash + 1, NULL, 10) : 0;

        return placing && index < placing->n_units && unit_is_virtual(&placing->units[index]);
}

/* Until it is bound, a pod for virtual nodes takes from no real ones, whatever its nodeSelector leaves open. */
static int add_nodes(const struct catalog *catalog, const struct reservation *reservation,
                     const struct resource_policy *placing, struct counter_keys *ret)
{
        const struct node_groups *groups = catalog_node_groups(catalog);

        if (!groups || (!reservation->node && (*reservation->region || is_placed_virtually(reservation, placing))))
                return 0;
        return node_groups_classify(groups, reservation, ret);
}

/* The policy that placed the pod, if it still exists. */
static const struct resource_policy *placing_policy(const struct catalog *catalog,
                                                    const struct reservation *reservation)
{
        const char *slash = strchr(reservation->placement, '/');
        const char *hash = slash ? strchr(slash, '#') : NULL;

        if (!hash)
                return NULL;
        return policy_index_get(catalog_policies(catalog), reservation->namespace, slash + 1,
                                (size_t)(hash - slash - 1));
}

static int classify(const struct catalog *catalog, const struct reservation *reservation, bool unbounded,
                    struct counter_keys *ret)
{
        const struct resource_policy *placing = placing_policy(catalog, reservation);
        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
        _cleanup_(arena_clear) struct arena arena;
        _Alignas(max_align_t) char block[KEYS_BLOCK];
        int r;

        arena_init(&arena, block, sizeof(block));
        r = add_pool(catalog, reservation, &arena, ret);
        if (r >= 0)
                r = add_nodes(catalog, reservation, placing, ret);
        if (r < 0)
                return r;
        r = policy_index_find(catalog_policies(catalog), reservation->namespace, reservation->labels, &matches);
        for (size_t i = 0; i < matches.count && r >= 0; i++) {
                if (matches.items[i] == placing)
                        placing = NULL;
                r = add_units(matches.items[i], reservation, unbounded, &arena, ret);
        }
        if (placing && r >= 0)
                r = add_units(placing, reservation, unbounded, &arena, ret);
        return r;
}

int tally_classify(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        return classify(userdata, reservation, false, ret);
}

int tally_classify_all(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        return classify(userdata, reservation, true, ret);
}

static bool policy_reads(const struct resource_policy *policy, const char *label)
{
        for (size_t i = 0; i < selector_count(policy->selector); i++)
                if (!strcmp(selector_at(policy->selector, i)->key, label))
                        return true;
        for (size_t i = 0; i < policy->n_match_label_keys; i++)
                if (!strcmp(policy->match_label_keys[i], label))
                        return true;
        for (size_t i = 0; i < policy->n_units; i++)
                if (labels_get(policy->units[i].pod_labels, label))
                        return true;
        return false;
}

bool tally_reads(void *userdata, const char *label)
{
        const struct policy_index *policies = catalog_policies(userdata);

        for (size_t i = 0; i < policy_index_count(policies); i++)
                if (policy_reads(policy_index_at(policies, i), label))
                        return true;
        return false;
}
