/*
 * The index finds what a look at every policy would find, in the order of precedence.
 */
#include "policy/index.h"

#include "objects.h"
#include "policy/resource_policy.h"
#include "policy/selector.h"

#define POLICY(name, spec)                                                                               \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\nmetadata: {name: " name \
        ", namespace: left}\nspec: {" spec ", units: [{resource: ecs}]}\n---\n"

static const char *const policies = POLICY("all", "selector: {}") POLICY("app-a", "selector: {app: a}") POLICY(
        "app-a-tier-b",
        "selector: {app: a, tier: b}") POLICY("in", "matchExpressions: [{key: app, operator: In, values: [a, c]}]")
        POLICY("not-in", "matchExpressions: [{key: app, operator: NotIn, values: [a]}]")
                POLICY("exists", "matchExpressions: [{key: tier, operator: Exists}]") POLICY(
                        "missing",
                        "matchExpressions: [{key: app, operator: DoesNotExist}]") "apiVersion: "
                                                                                  "scheduling.alibabacloud.com/"
                                                                                  "v1alpha1\nkind: ResourcePolicy\n"
                                                                                  "metadata: {name: elsewhere, "
                                                                                  "namespace: right}\nspec: {units: "
                                                                                  "[{resource: ecs}]}\n";

static const struct find_case {
        const char *name;
        const char *namespace;
        struct label labels[3];
        const char *found; /* names, in order, each with a space behind it */
} cases[] = {
        {"a pod without labels", "left", {{0}}, "missing not-in all "},
        {"one label", "left", {{"app", "a"}}, "app-a in all "},
        {"two labels: the most terms come first",
         "left",
         {{"app", "a"}, {"tier", "b"}},
         "app-a-tier-b app-a exists in all "},
        {"another value of In", "left", {{"app", "c"}}, "in not-in all "},
        {"a key that has only to exist", "left", {{"tier", "x"}}, "exists missing not-in all "},
        {"another namespace", "right", {{"app", "a"}}, "elsewhere "},
        {"a namespace without policies", "o", {{"app", "a"}}, ""},
};

START_TEST(finds)
{
        const struct find_case *test = &cases[_i];
        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
        _cleanup_(labels_freep) struct labels *labels = NULL;
        struct catalog *catalog = catalog_text(policies);
        char found[256] = "";
        size_t n = 0;

        while (test->labels[n].key)
                n++;
        ck_assert_int_eq(labels_new(&labels, test->labels, n), 0);
        ck_assert_int_eq(policy_index_find(catalog_policies(catalog), test->namespace, labels, &matches), 0);
        for (size_t i = 0; i < matches.count; i++) {
                strcat(found, matches.items[i]->name);
                strcat(found, " ");
        }
        /* Of one number of terms and no age, the name decides. */
        ck_assert_msg(!strcmp(found, test->found), "%s: %s", test->name, found);
        catalog_unref(catalog);
}
END_TEST

START_TEST(a_policy_with_several_values_of_a_key_is_found_once)
{
        struct catalog *catalog =
                catalog_text(POLICY("twice", "matchExpressions: [{key: app, operator: In, values: [a, a, b]}]"));
        const struct label label = {"app", "a"};
        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
        _cleanup_(labels_freep) struct labels *labels = NULL;

        ck_assert_int_eq(labels_new(&labels, &label, 1), 0);
        ck_assert_int_eq(policy_index_find(catalog_policies(catalog), "left", labels, &matches), 0);
        ck_assert_uint_eq(matches.count, 1);
        catalog_unref(catalog);
}
END_TEST

START_TEST(gets_a_policy_by_name)
{
        struct catalog *catalog = catalog_text(policies);
        const struct policy_index *index = catalog_policies(catalog);

        ck_assert_str_eq(policy_index_get(index, "left", "app-a#1", 5)->name, "app-a");
        ck_assert_str_eq(policy_index_get(index, "left", "app-a-tier-b", 12)->name, "app-a-tier-b");
        ck_assert_str_eq(policy_index_get(index, "right", "elsewhere", 9)->namespace, "right");
        ck_assert_ptr_null(policy_index_get(index, "left", "app", 3));
        ck_assert_ptr_null(policy_index_get(index, "o", "all", 3));
        for (size_t i = 0; i < policy_index_count(index); i++) {
                const struct resource_policy *policy = policy_index_at(index, i);

                ck_assert_ptr_eq(policy_index_get(index, policy->namespace, policy->name, strlen(policy->name)),
                                 policy);
        }
        catalog_unref(catalog);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, finds, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, a_policy_with_several_values_of_a_key_is_found_once);
        tcase_add_test(tests, gets_a_policy_by_name);
}

int main(void)
{
        return unit_main("index", add);
}
