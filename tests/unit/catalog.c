/*
 * The snapshot of policies and quotas: what is malformed is left out, of two objects with one name the first stays,
 * and every snapshot is newer than the one before.
 */
#include "admission/catalog.h"

#include "objects.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "quota/ledger.h"
#include "quota/region_quota.h"

#define POLICY(namespace, name, spec)                                              \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n" \
        "metadata: {namespace: " namespace ", name: " name "}\nspec: {" spec "}\n---\n"
#define QUOTA(name, gpus)                                                                          \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: " name "}\nspec: " \
        "{pools: [{gpuModelSeries: A10, gpus: " gpus "}]}\n---\n"
#define OTHER "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"

static void read_objects(struct catalog_objects *ret, const char *file, const char *yaml,
                         struct diagnostics *diagnostics)
{
        struct manifests manifests = MANIFESTS_INIT;

        ck_assert_int_eq(manifests_parse(&manifests, file, yaml, strlen(yaml), diagnostics), 0);
        ck_assert_int_eq(catalog_objects_read(ret, &manifests, diagnostics), 0);
        manifests_clear(&manifests);
}

static const struct object_case {
        const char *name;
        const char *yaml;
        size_t n_policies, n_quotas, n_errors;
} cases[] = {
        {"policies and quotas are taken", POLICY("a", "p", "units: [{resource: ecs}]") QUOTA("r", "1"), 1, 1, 0},
        {"other kinds are passed over", OTHER, 0, 0, 0},
        {"a malformed policy is left out, and the others stay",
         POLICY("a", "p", "units: []") POLICY("a", "q", "units: [{resource: ecs}]"), 1, 0, 1},
        {"a malformed quota is left out, and the others stay", QUOTA("r", "-1") QUOTA("s", "1"), 0, 1, 1},
        {"another version of the API is another kind",
         "apiVersion: regionfit.io/v1\nkind: RegionQuota\nmetadata: {name: r}\nspec: {pools: []}\n", 0, 0, 0},
};

START_TEST(reads)
{
        const struct object_case *test = &cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(catalog_objects_clear) struct catalog_objects objects = CATALOG_OBJECTS_INIT;

        read_objects(&objects, "test.yaml", test->yaml, &diagnostics);
        ck_assert_msg(objects.n_policies == test->n_policies && objects.n_quotas == test->n_quotas &&
                              diagnostics.n_errors == test->n_errors,
                      "%s", test->name);
}
END_TEST

START_TEST(of_two_policies_with_one_name_the_first_file_s_stays)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(catalog_objects_clear) struct catalog_objects all = CATALOG_OBJECTS_INIT,
                                                                more = CATALOG_OBJECTS_INIT;
        struct catalog *catalog;

        read_objects(&all, "a.yaml", POLICY("x", "p", "units: [{resource: ecs, max: 1}]"), &diagnostics);
        read_objects(&more, "b.yaml",
                     POLICY("x", "p", "units: [{resource: ecs, max: 2}]")
                             POLICY("z", "p", "units: [{resource: ecs}]"),
                     &diagnostics);
        ck_assert_int_eq(catalog_objects_append(&all, &more), 0);
        ck_assert_uint_eq(diagnostics.count, 0);
        ck_assert_int_eq(catalog_new(&catalog, &all, NULL, &diagnostics), 0);
        ck_assert_uint_eq(policy_index_count(catalog_policies(catalog)), 2);
        ck_assert_int_eq(policy_index_get(catalog_policies(catalog), "x", "p", 1)->units[0].max, 1);
        ck_assert_uint_eq(diagnostics.n_errors, 1);
        ck_assert_str_eq(diagnostics.items[0].file, "b.yaml");
        ck_assert_str_eq(diagnostics.items[0].message,
                         "ResourcePolicy x/p is defined already in a.yaml; this one has no effect");
        catalog_unref(catalog);
}
END_TEST

START_TEST(a_catalog_outlives_the_objects_that_it_was_made_of)
{
        struct catalog *catalog = catalog_text(POLICY("a", "p", "units: [{resource: ecs}]") QUOTA("r", "5"));

        ck_assert_str_eq(policy_index_at(catalog_policies(catalog), 0)->name, "p");
        ck_assert_int_eq(quota_table_find(catalog_quotas(catalog), "r", "A10").gpus, 5);
        catalog_unref(catalog);
}
END_TEST

START_TEST(each_snapshot_is_newer_and_its_classifier_holds_it)
{
        struct catalog *first = catalog_text(OTHER), *second = catalog_text(OTHER);
        struct classifier classifier = catalog_classifier(second);

        ck_assert_uint_gt(catalog_generation(second), catalog_generation(first));
        ck_assert_uint_eq(classifier.generation, catalog_generation(second));
        catalog_unref(second);
        ck_assert_uint_eq(catalog_generation(classifier.userdata), classifier.generation);
        classifier.release(classifier.userdata);
        catalog_unref(first);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, reads, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, of_two_policies_with_one_name_the_first_file_s_stays);
        tcase_add_test(tests, a_catalog_outlives_the_objects_that_it_was_made_of);
        tcase_add_test(tests, each_snapshot_is_newer_and_its_classifier_holds_it);
}

int main(void)
{
        return unit_main("catalog", add);
}
