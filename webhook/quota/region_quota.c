/*
 * Reads RegionQuota objects and merges them into one table: region -> pools.
 *
 * A series that no pool of the region names is one of the others and belongs to the pool "*", if the region has
 * one; which pool a pod belongs to therefore follows from the table, and is asked anew whenever it changes.
 */
#include "quota/region_quota.h"

#include <errno.h>
#include <string.h>

#include "manifest/field.h"
#include "manifest/manifest.h"
#include "util/map.h"

static void region_quota_free(struct region_quota *quota)
{
        for (size_t i = 0; i < quota->n_pools; i++)
                free(quota->pools[i].series);
        free(quota->pools);
        free(quota->name);
        free(quota->region);
        free(quota->origin);
        free(quota);
}

struct region_quota *region_quota_ref(struct region_quota *quota)
{
        __atomic_add_fetch(&quota->references, 1, __ATOMIC_RELAXED);
        return quota;
}

struct region_quota *region_quota_unref(struct region_quota *quota)
{
        if (quota && __atomic_sub_fetch(&quota->references, 1, __ATOMIC_ACQ_REL) == 0)
                region_quota_free(quota);
        return NULL;
}

static bool copy_string(char **ret, const char *string, const struct field *field)
{
        *ret = strdup(string);
        return *ret || field_error(field, "out of memory");
}

static bool read_pool(struct pool *pool, const struct field *field)
{
        static const char *const known[] = {"gpuModelSeries", "gpus", NULL};
        struct field series = field_member(field, "gpuModelSeries");
        struct field gpus = field_member(field, "gpus");
        const char *text = NULL;

        pool->gpus = -1;
        if (!field_object(field) || !field_string(&series, &text) || !field_count_number(&gpus, &pool->gpus))
                return false;
        field_warn_unknown(field, known);
        if (!text || !*text)
                return field_must_be(&series, "a GPU model series such as \"GU8TF\", or \"*\" for every other one");
        if (pool->gpus < 0)
                return field_must_be(&gpus, "a non-negative integer");
        return copy_string(&pool->series, text, field);
}

static bool read_pools(struct region_quota *quota, const struct field *field)
{
        size_t n = field_count(field);
        bool good = field_array(field);

        if (!good)
                return false;
        quota->pools = calloc(n ? n : 1, sizeof(*quota->pools));
        if (!quota->pools)
                return field_error(field, "out of memory");
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(field, i);

                quota->n_pools++;
                good &= read_pool(&quota->pools[i], &item);
        }
        return good;
}

static bool read_spec(struct region_quota *quota, const struct field *field)
{
        static const char *const known[] = {"region", "pools", NULL};
        struct field region = field_member(field, "region");
        struct field pools = field_member(field, "pools");
        const char *text = quota->name;

        if (!field_object(field))
                return false;
        if (!field->value)
                return field_must_be(field, "an object with pools");
        field_warn_unknown(field, known);
        if (!field_string(&region, &text))
                return false;
        if (!*text)
                return field_must_be(&region, "a region id such as \"cn-beijing\"");
        return copy_string(&quota->region, text, &region) && read_pools(quota, &pools);
}

struct region_quota *region_quota_read(const struct manifest *manifest, struct diagnostics *diagnostics)
{
        static const char *const known[] = {"apiVersion", "kind", "metadata", "spec", "status", NULL};
        _cleanup_(region_quota_unrefp) struct region_quota *quota = calloc(1, sizeof(*quota));
        struct field root = field_root(manifest->object, manifest, diagnostics);
        struct field metadata = field_member(&root, "metadata");
        struct field name = field_member(&metadata, "name");
        struct field spec = field_member(&root, "spec");
        const char *text = NULL;

        if (!quota) {
                field_error(&root, "out of memory");
                return NULL;
        }
        quota->references = 1;
        field_warn_unknown(&root, known);
        if (!field_object(&metadata) || !field_string(&name, &text))
                return NULL;
        if (!text || !*text) {
                field_must_be(&name, "the quota's name");
                return NULL;
        }
        if (!copy_string(&quota->name, text, &name) ||
            !copy_string(&quota->origin, manifest->file ? manifest->file : "", &root) || !read_spec(quota, &spec))
                return NULL;
        return steal_pointer(&quota);
}

struct region {
        const char *name;   /* borrowed from one of its quotas */
        struct pool *pools; /* owned array, sorted by series; the strings are borrowed from the quotas */
        size_t n_pools;
        UT_hash_handle hh;
};

struct quota_table {
        struct region *regions;       /* owned, by name */
        struct region_quota **quotas; /* owned references */
        size_t n_quotas;
};

struct quota_table *quota_table_free(struct quota_table *table)
{
        struct region *region, *next;

        if (!table)
                return NULL;
        HASH_ITER (hh, table->regions, region, next) {
                HASH_DEL(table->regions, region);
                free(region->pools);
                free(region);
        }
        for (size_t i = 0; i < table->n_quotas; i++)
                region_quota_unref(table->quotas[i]);
        free(table->quotas);
        free(table);
        return NULL;
}

static int compare_pools(const void *a, const void *b)
{
        const struct pool *x = a, *y = b;

        return strcmp(x->series, y->series);
}

static struct pool *region_find(const struct region *region, const char *series)
{
        const struct pool key = {.series = (char *)series};

        return region->n_pools ? bsearch(&key, region->pools, region->n_pools, sizeof(key), compare_pools) : NULL;
}

/* Finds the region, or adds it. */
static struct region *table_region(struct quota_table *table, const char *name)
{
        struct region *region;

        HASH_FIND_STR(table->regions, name, region);
        if (region)
                return region;
        region = calloc(1, sizeof(*region));
        if (!region)
                return NULL;
        region->name = name;
        HASH_ADD_KEYPTR(hh, table->regions, region->name, strlen(region->name), region);
        if (!region->hh.tbl) {
                free(region);
                return NULL;
        }
        return region;
}

static void report_duplicate(struct diagnostics *diagnostics, const struct region_quota *quota, const char *series)
{
        diagnostics_add_file(
                diagnostics, SEVERITY_ERROR, quota->origin, 0,
                "RegionQuota %s: spec.pools: the series \"%s\" of region %s is listed twice; the smaller "
                "limit holds",
                quota->name, series, quota->region);
}

static int region_add(struct region *region, const struct region_quota *quota, const struct pool *pool,
                      struct diagnostics *diagnostics)
{
        struct pool *known = region_find(region, pool->series), *pools;

        if (known) {
                report_duplicate(diagnostics, quota, pool->series);
                if (pool->gpus < known->gpus)
                        known->gpus = pool->gpus;
                return 0;
        }
        pools = reallocarray(region->pools, region->n_pools + 1, sizeof(*pools));
        if (!pools)
                return -ENOMEM;
        region->pools = pools;
        region->pools[region->n_pools++] = *pool;
        qsort(region->pools, region->n_pools, sizeof(*region->pools), compare_pools);
        return 0;
}

static int table_add(struct quota_table *table, struct region_quota *quota, struct diagnostics *diagnostics)
{
        struct region *region;
        int r;

        table->quotas[table->n_quotas++] = region_quota_ref(quota);
        region = table_region(table, quota->region);
        if (!region)
                return -ENOMEM;
        for (size_t i = 0; i < quota->n_pools; i++) {
                r = region_add(region, quota, &quota->pools[i], diagnostics);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_regions(const struct region *a, const struct region *b)
{
        return strcmp(a->name, b->name);
}

int quota_table_new(struct quota_table **ret, struct region_quota *const *quotas, size_t n,
                    struct diagnostics *diagnostics)
{
        _cleanup_(quota_table_freep) struct quota_table *table = calloc(1, sizeof(*table));
        int r;

        if (!table)
                return -ENOMEM;
        table->quotas = calloc(n ? n : 1, sizeof(struct region_quota *));
        if (!table->quotas)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = table_add(table, quotas[i], diagnostics);
                if (r < 0)
                        return r;
        }
        HASH_SORT(table->regions, compare_regions);
        *ret = steal_pointer(&table);
        return 0;
}

struct pool_limit quota_table_find(const struct quota_table *table, const char *region_name, const char *series)
{
        const struct pool *pool = NULL;
        struct region *region;

        HASH_FIND_STR(table->regions, region_name, region);
        if (!region)
                return (struct pool_limit){.offered = true, .series = *series ? series : POOL_SERIES_OTHERS};
        if (*series)
                pool = region_find(region, series);
        if (!pool)
                pool = region_find(region, POOL_SERIES_OTHERS);
        if (!pool)
                return (struct pool_limit){.limited = true, .series = *series ? series : POOL_SERIES_OTHERS};
        return (struct pool_limit){.limited = true, .offered = true, .series = pool->series, .gpus = pool->gpus};
}

int quota_table_visit(const struct quota_table *table,
                      int (*visit)(void *userdata, const char *region, const struct pool *pool), void *userdata)
{
        int r;

        for (const struct region *region = table->regions; region; region = region->hh.next) {
                for (size_t i = 0; i < region->n_pools; i++) {
                        r = visit(userdata, region->name, &region->pools[i]);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
