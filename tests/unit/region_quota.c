/*
 * RegionQuota objects and the table of pools that they make (design section 6).
 */
#include "quota/region_quota.h"

#include <string.h>

#include "objects.h"

#define QUOTA(name, spec) \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: " name "}\nspec: " spec "\n---\n"

static const struct limit_case {
        const char *name;
        const char *region, *series;
        bool limited, offered;
        const char *pool;
        int64_t gpus;
} limits[] = {
        {"a region without a quota is unlimited", "elsewhere", "A10", false, true, "A10", 0},
        {"a series that is listed has its own pool", "r", "A10", true, true, "A10", 4},
        {"one that is not listed belongs to the others", "r", "T4", true, true, "*", 2},
        {"a pod that names no series belongs to the others", "r", "", true, true, "*", 2},
        {"without others, a series that is not listed is not offered", "s", "T4", true, false, "T4", 0},
        {"without others, a pod that names no series finds nothing", "s", "", true, false, "*", 0},
        {"two quotas of one region offer what both list, the first", "s", "A10", true, true, "A10", 1},
        {"two quotas of one region offer what both list, the second", "s", "L20", true, true, "L20", 7},
        {"an empty quota offers nothing", "t", "A10", true, false, "A10", 0},
};

START_TEST(finds_the_pool)
{
        const struct limit_case *test = &limits[_i];
        struct catalog *catalog =
                catalog_text(QUOTA("r", "{pools: [{gpuModelSeries: A10, gpus: 4}, {gpuModelSeries: \"*\", gpus: 2}]}")
                                     QUOTA("s-1", "{region: s, pools: [{gpuModelSeries: A10, gpus: 1}]}")
                                             QUOTA("s-2", "{region: s, pools: [{gpuModelSeries: L20, gpus: 7}]}")
                                                     QUOTA("t", "{pools: []}"));
        struct pool_limit limit = quota_table_find(catalog_quotas(catalog), test->region, test->series);

        ck_assert_msg(limit.limited == test->limited && limit.offered == test->offered, "%s", test->name);
        ck_assert_str_eq(limit.series, test->pool);
        if (limit.limited && limit.offered)
                ck_assert_int_eq(limit.gpus, test->gpus);
        catalog_unref(catalog);
}
END_TEST

/* Reads YAML into a catalog and keeps what is said of it. */
static struct catalog *read_catalog(const char *yaml, struct diagnostics *diagnostics)
{
        struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        struct manifests manifests = MANIFESTS_INIT;
        struct catalog *catalog;

        ck_assert_int_eq(manifests_parse(&manifests, "q.yaml", yaml, strlen(yaml), diagnostics), 0);
        ck_assert_int_eq(catalog_objects_read(&objects, &manifests, diagnostics), 0);
        ck_assert_int_eq(catalog_new(&catalog, &objects, NULL, diagnostics), 0);
        catalog_objects_clear(&objects);
        manifests_clear(&manifests);
        return catalog;
}

START_TEST(the_smaller_limit_holds_where_a_series_is_listed_twice)
{
        static const char *const objects[] = {
                QUOTA("r", "{pools: [{gpuModelSeries: A10, gpus: 4}, {gpuModelSeries: A10, gpus: 3}]}"),
                QUOTA("r", "{pools: [{gpuModelSeries: A10, gpus: 3}]}")
                        QUOTA("r-2", "{region: r, pools: [{gpuModelSeries: A10, gpus: 4}]}"),
        };
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct catalog *catalog = read_catalog(objects[_i], &diagnostics);

        ck_assert_int_eq(quota_table_find(catalog_quotas(catalog), "r", "A10").gpus, 3);
        ck_assert_uint_eq(diagnostics.n_errors, 1);
        ck_assert_ptr_nonnull(strstr(diagnostics.items[0].message, "listed twice"));
        catalog_unref(catalog);
}
END_TEST

START_TEST(the_first_of_two_quotas_with_one_name_stays)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct catalog *catalog = read_catalog(QUOTA("r", "{pools: [{gpuModelSeries: A10, gpus: 4}]}")
                                                       QUOTA("r", "{pools: [{gpuModelSeries: A10, gpus: 9}]}"),
                                               &diagnostics);

        ck_assert_int_eq(quota_table_find(catalog_quotas(catalog), "r", "A10").gpus, 4);
        ck_assert_uint_eq(diagnostics.n_errors, 1);
        catalog_unref(catalog);
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *yaml;
        unsigned line;
        const char *path;
        const char *message; /* NULL: any */
} faults[] = {
        {"no spec", "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\n", 1, "spec", NULL},
        {"no name", "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {}\nspec: {pools: []}\n", 3,
         "metadata.name", NULL},
        {"a negative number of GPUs",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata:\n  name: r\nspec:\n  pools:\n"
         "  - gpuModelSeries: A10\n    gpus: -1\n",
         8, "spec.pools[0].gpus", "must be a non-negative integer, not -1"},
        {"a number of GPUs in words",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata:\n  name: r\nspec:\n  pools:\n"
         "  - {gpuModelSeries: A10, gpus: 1}\n  - {gpuModelSeries: T4, gpus: many}\n",
         8, "spec.pools[1].gpus", "must be a non-negative integer, not \"many\""},
        {"no number of GPUs",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec:\n  pools:\n"
         "  - gpuModelSeries: A10\n",
         6, "spec.pools[0].gpus", NULL},
        {"no series",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec:\n  pools:\n  - gpus: 1\n",
         6, "spec.pools[0].gpuModelSeries", NULL},
        {"pools that are a map",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec:\n  pools: {A10: 1}\n", 5,
         "spec.pools", NULL},
};

START_TEST(names_the_fault)
{
        const struct fault_case *test = &faults[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;

        catalog_unref(read_catalog(test->yaml, &diagnostics));
        ck_assert_msg(diagnostics.n_errors == 1, "%s: %zu errors", test->name, diagnostics.n_errors);
        ck_assert_str_eq(diagnostics.items[0].path, test->path);
        ck_assert_msg(diagnostics.items[0].line == test->line, "%s: line %u", test->name, diagnostics.items[0].line);
        if (test->message)
                ck_assert_str_eq(diagnostics.items[0].message, test->message);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, finds_the_pool, 0, ARRAY_SIZE(limits));
        tcase_add_loop_test(tests, the_smaller_limit_holds_where_a_series_is_listed_twice, 0, 2);
        tcase_add_test(tests, the_first_of_two_quotas_with_one_name_stays);
        tcase_add_loop_test(tests, names_the_fault, 0, ARRAY_SIZE(faults));
}

int main(void)
{
        return unit_main("region_quota", add);
}
