/*
 * The counters are those that decisions are made by, so what is shown here cannot differ from what a request would be
 * told; only that units without bounds are counted as well. Which groups of a unit there are, the names of the
 * counters tell: that of a group is the unit's, with a comma and a value for each label behind it.
 */
#include "cluster/overview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/tally.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "quota/cluster_ledger.h"
#include "quota/counter.h"
#include "quota/ledger.h"
#include "quota/region_quota.h"
#include "util/cleanup.h"

#define POOL_PREFIX "pool "

/* What an overview is made from. */
struct overview {
        const struct catalog *catalog; /* borrowed */
        struct cluster_ledger *ledger; /* borrowed */
        char **keys;                   /* owned; of the counters, in order, each once */
        size_t n_keys;
        json_t *pools, *policies; /* owned */
};

static void overview_clear(struct overview *overview)
{
        for (size_t i = 0; i < overview->n_keys; i++)
                free(overview->keys[i]);
        free(overview->keys);
        json_decref(overview->pools);
        json_decref(overview->policies);
}

static int add_key(void *userdata, const char *key, const struct counter *counter)
{
        struct overview *overview = userdata;
        char **keys = reallocarray(overview->keys, overview->n_keys + 1, sizeof(*keys));

        (void)counter;
        if (!keys)
                return -ENOMEM;
        overview->keys = keys;
        keys[overview->n_keys] = strdup(key);
        if (!keys[overview->n_keys])
                return -ENOMEM;
        overview->n_keys++;
        return 0;
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect_keys(struct overview *overview)
{
        size_t kept = 0;
        int r = cluster_ledger_visit(overview->ledger, add_key, overview);

        if (r < 0 || !overview->n_keys)
                return r;
        qsort(overview->keys, overview->n_keys, sizeof(*overview->keys), compare_keys);
        for (size_t i = 1; i < overview->n_keys; i++) {
                if (strcmp(overview->keys[kept], overview->keys[i]))
                        overview->keys[++kept] = overview->keys[i];
                else
                        free(overview->keys[i]);
        }
        overview->n_keys = kept + 1;
        return 0;
}

/* A negative limit: there is none. */
static int add_pool(struct overview *overview, const char *region, const char *series, int64_t limit)
{
        _cleanup_(freep) char *key = tally_pool_key(NULL, region, series);
        int64_t used, reserved;
        json_t *pool;

        if (!key)
                return -ENOMEM;
        cluster_ledger_pool(overview->ledger, key, &used, &reserved);
        pool = json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "region", region, "gpuModelSeries", series, "limit",
                         limit < 0 ? json_null() : json_integer(limit), "used", (json_int_t)used, "reserved",
                         (json_int_t)reserved, "remaining",
                         limit < 0 ? json_null() : json_integer(limit - used - reserved));
        return json_array_append_new(overview->pools, pool) == 0 ? 0 : -ENOMEM;
}

static int add_limited_pool(void *userdata, const char *region, const struct pool *pool)
{
        return add_pool(userdata, region, pool->series, pool->gpus);
}

/* Pools that pods take from although no quota lists them. */
static int add_other_pools(struct overview *overview)
{
        int r = 0;

        for (size_t i = 0; i < overview->n_keys && r >= 0; i++) {
                const char *region = overview->keys[i] + strlen(POOL_PREFIX), *slash;
                _cleanup_(freep) char *name = NULL;
                struct pool_limit limit;

                if (strncmp(overview->keys[i], POOL_PREFIX, strlen(POOL_PREFIX)))
                        continue;
                slash = strchr(region, '/');
                name = slash ? strndup(region, (size_t)(slash - region)) : NULL;
                if (!name)
                        return slash ? -ENOMEM : 0;
                limit = quota_table_find(catalog_quotas(overview->catalog), name, slash + 1);
                if (!limit.limited || !limit.offered)
                        r = add_pool(overview, name, slash + 1, limit.limited ? 0 : -1);
        }
        return r;
}

/* A quantity of the counter that counts toward a bound. */
static struct quantity used_of(const struct counter *counter, const char *name, bool ignore_terminating)
{
        const struct quantity *all = resources_find(&counter->resources, name);
        const struct quantity *terminating = resources_find(&counter->terminating_resources, name);
        struct quantity used = all ? *all : quantity_whole(0);

        return ignore_terminating && terminating ? quantity_subtract(used, *terminating) : used;
}

static json_t *describe_resources(const struct resource_policy *policy, const struct unit *unit,
                                  const struct counter *counter)
{
        json_t *list = json_array();

        for (size_t i = 0; i < unit->max_resources.count; i++) {
                const struct resource *limit = &unit->max_resources.items[i];
                struct quantity used = used_of(counter, limit->name, policy->ignore_terminating_pod);
                char used_text[QUANTITY_TEXT_MAX], limit_text[QUANTITY_TEXT_MAX];

                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", limit->name, "used",
                                                      quantity_format(used, used_text), "limit",
                                                      quantity_format(limit->quantity, limit_text)));
        }
        if (json_array_size(list) == unit->max_resources.count)
                return list;
        json_decref(list);
        return NULL;
}

/* {key: value} from ",value,value"; "" gives none. */
static json_t *describe_group(const struct resource_policy *policy, const char *values)
{
        json_t *group = json_object();

        for (size_t i = 0; i < policy->n_match_label_keys && *values; i++) {
                size_t length = strcspn(values + 1, ",");

                if (json_object_set_new(group, policy->match_label_keys[i], json_stringn(values + 1, length)) < 0) {
                        json_decref(group);
                        return NULL;
                }
                values += 1 + length;
        }
        return group;
}

/* One unit, or one group of it. */
static int add_unit(struct overview *overview, json_t *units, const struct resource_policy *policy, size_t index,
                    const char *key, const char *values)
{
        const struct unit *unit = &policy->units[index];
        struct counter counter = {0};
        json_t *description;
        int64_t pods;
        int r = ledger_counter(cluster_ledger_base(overview->ledger), key, &counter);

        if (r < 0)
                return r;
        pods = counter.pods - (policy->ignore_terminating_pod ? counter.terminating_pods : 0);
        description = json_pack("{s:i, s:s, s:s, s:s, s:o, s:I, s:o, s:o}", "unit", (int)index, "resource",
                                unit_resource_names[unit->resource], "region", unit->region, "gpuModelSeries",
                                unit->series, "group", describe_group(policy, values), "pods", (json_int_t)pods,
                                "max", unit->max < 0 ? json_null() : json_integer(unit->max), "resources",
                                describe_resources(policy, unit, &counter));
        counter_clear(&counter);
        return json_array_append_new(units, description) == 0 ? 0 : -ENOMEM;
}

/* The first key that is not before this one. */
static size_t lower_bound(const struct overview *overview, const char *key)
{
        size_t low = 0, high = overview->n_keys;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(overview->keys[middle], key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Every group that has pods; where none has, the unit itself. */
static int add_groups(struct overview *overview, json_t *units, const struct resource_policy *policy, size_t index,
                      const char *key)
{
        size_t length = strlen(key), n = 0;
        int r = 0;

        for (size_t i = lower_bound(overview, key); i < overview->n_keys && r >= 0; i++) {
                if (strncmp(overview->keys[i], key, length))
                        break;
                if (overview->keys[i][length] != ',')
                        continue;
                r = add_unit(overview, units, policy, index, overview->keys[i], overview->keys[i] + length);
                n++;
        }
        return r < 0 || n ? r : add_unit(overview, units, policy, index, key, "");
}

static int add_policy(struct overview *overview, const struct resource_policy *policy)
{
        json_t *units = json_array();
        json_t *description =
                json_pack("{s:s, s:s, s:o}", "namespace", policy->namespace, "name", policy->name, "units", units);
        int r = json_array_append_new(overview->policies, description) == 0 ? 0 : -ENOMEM;

        for (size_t i = 0; i < policy->n_units && r >= 0; i++) {
                _cleanup_(freep) char *key = tally_unit_name(NULL, policy, i);

                if (!key)
                        r = -ENOMEM;
                else if (policy->n_match_label_keys)
                        r = add_groups(overview, units, policy, i, key);
                else
                        r = add_unit(overview, units, policy, i, key, "");
        }
        return r;
}

static int make(struct overview *overview)
{
        const struct policy_index *policies = catalog_policies(overview->catalog);
        int r = collect_keys(overview);

        overview->pools = json_array();
        overview->policies = json_array();
        if (!overview->pools || !overview->policies)
                return -ENOMEM;
        if (r >= 0)
                r = quota_table_visit(catalog_quotas(overview->catalog), add_limited_pool, overview);
        if (r >= 0)
                r = add_other_pools(overview);
        for (size_t i = 0; i < policy_index_count(policies) && r >= 0; i++)
                r = add_policy(overview, policy_index_at(policies, i));
        return r;
}

int overview_make(json_t **ret, struct catalog *catalog, struct cluster_ledger *ledger)
{
        _cleanup_(overview_clear) struct overview overview = {.catalog = catalog, .ledger = ledger};
        struct classifier classifier = catalog_classifier(catalog);
        int r;

        classifier.classify = tally_classify_all;
        r = ledger_classify(cluster_ledger_base(ledger), &classifier, NULL);
        if (r < 0) {
                classifier.release(classifier.userdata);
                return r;
        }
        r = make(&overview);
        if (r < 0)
                return r;
        *ret = json_pack("{s:O, s:O}", "pools", overview.pools, "policies", overview.policies);
        return *ret ? 0 : -ENOMEM;
}
