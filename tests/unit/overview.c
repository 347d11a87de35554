/*
 * What pools and units hold, as a person sees it: by the counters that decisions are made by, groups one by one, and
 * units without bounds as well.
 */
#include "cluster/overview.h"

#include "objects.h"
#include "quota/cluster_ledger.h"
#include "quota/usage.h"
#include "reservations.h"

#define POLICY(name, spec)                                                         \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n" \
        "metadata: {namespace: default, name: " name "}\nspec: {" spec "}\n---\n"
#define QUOTA                                                                         \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\n" \
        "spec: {pools: [{gpuModelSeries: A10, gpus: 4}]}\n---\n"
#define HERE "resource: eci, podLabels: {where: here}, nodeSelector: {alibabacloud.com/serverless-region-id: r}"

static struct cluster_ledger *ledger;
static struct usage *pods;

static void setup(void)
{
        static const struct cluster_ledger_options options = {.time_to_live = 1000000000};

        ck_assert_int_eq(cluster_ledger_new(&ledger, NULL, &options, NULL), 0);
        ck_assert_int_eq(usage_new(&pods), 0);
}

static void teardown(void)
{
        cluster_ledger_free(ledger);
}

/* A pod "here", in the region r, in a group of its label "app". */
static void add_pod(const char *uid, const char *app, const char *series, bool terminating)
{
        struct reservation *pod = new_reservation("default", "r", series, 1);
        const struct label labels[] = {{"app", app}, {"where", "here"}};
        const struct label selector[] = {{"alibabacloud.com/serverless-region-id", "r"}};

        labels_free(pod->labels);
        labels_free(pod->node_selector);
        ck_assert_int_eq(labels_new(&pod->labels, labels, 2), 0);
        ck_assert_int_eq(labels_new(&pod->node_selector, selector, 1), 0);
        set_resource(pod, "cpu", "500m");
        *pod->id = '\0';
        ck_assert_int_eq(usage_put(pods, uid, pod, 10, terminating), 1);
        reservation_free(pod);
}

/* What is told of the policies and quotas in `yaml`; a new object. */
static json_t *overview(const char *yaml)
{
        struct catalog *catalog = catalog_text(yaml);
        json_t *value = NULL;

        ck_assert_int_eq(cluster_ledger_use_pods(ledger, &pods, 20), 0);
        ck_assert_int_eq(overview_make(&value, catalog, ledger), 0);
        catalog_unref(catalog);
        return value;
}

static void expect(const char *name, const json_t *value, const char *expected_text)
{
        json_auto_t *expected = json_text(expected_text);
        _cleanup_(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

        ck_assert_msg(json_equal(value, expected), "%s: %s", name, text);
}

START_TEST(a_pool_has_what_pods_hold_and_what_is_promised)
{
        json_auto_t *object = json_text(
                "{'metadata': {'name': 'regionfit', 'resourceVersion': '5'}, 'spec': {'open': true, 'entries': ["
                "{'id': '00ff1a527c1d4d7e9a506f2f0f3f8c11', 'namespace': 'default', 'region': 'r', 'series': 'A10',"
                " 'placement': '', 'gpus': 2, 'pods': 1}]}}");
        json_auto_t *value = NULL;

        add_pod("1", "a", "A10", false);
        ck_assert_int_eq(cluster_ledger_observe(ledger, object), 0);
        value = overview(QUOTA);
        expect("pools", json_object_get(value, "pools"),
               "[{'region': 'r', 'gpuModelSeries': 'A10', 'limit': 4, 'used': 1, 'reserved': 2, 'remaining': 1}]");
        expect("policies", json_object_get(value, "policies"), "[]");
}
END_TEST

START_TEST(pools_that_no_quota_lists_are_told_where_pods_hold_something)
{
        json_auto_t *limited = NULL, *unlimited = NULL;

        add_pod("1", "a", "L20", false);
        limited = overview(QUOTA);
        expect("a series that is not offered", json_object_get(limited, "pools"),
               "[{'region': 'r', 'gpuModelSeries': 'A10', 'limit': 4, 'used': 0, 'reserved': 0, 'remaining': 4},"
               "{'region': 'r', 'gpuModelSeries': 'L20', 'limit': 0, 'used': 1, 'reserved': 0, 'remaining': -1}]");
        ck_assert_int_eq(usage_new(&pods), 0);
        add_pod("1", "a", "L20", false);
        unlimited = overview(POLICY("p", "units: [{resource: ecs}]"));
        expect("a region without a quota", json_object_get(unlimited, "pools"),
               "[{'region': 'r', 'gpuModelSeries': 'L20', 'limit': null, 'used': 1, 'reserved': 0, "
               "'remaining': null}]");
}
END_TEST

#define UNIT(group, pods, max, resources)                                                                       \
        "{'unit': 0, 'resource': 'eci', 'region': 'r', 'gpuModelSeries': '', 'group': " group ", 'pods': " pods \
        ", 'max': " max ", 'resources': [" resources "]}"

static const struct unit_case {
        const char *name;
        const char *spec;
        const char *units;
} cases[] = {
        {"a unit with a bound", "units: [{" HERE ", max: 5}]", "[" UNIT("{}", "3", "5", "") "]"},
        {"terminating pods count where the policy says so",
         "ignoreTerminatingPod: false, units: [{" HERE ", max: 5}]", "[" UNIT("{}", "4", "5", "") "]"},
        {"a unit without a bound is counted all the same", "units: [{" HERE "}]",
         "[" UNIT("{}", "3", "null", "") "]"},
        {"resources that are bounded are told", "units: [{" HERE ", maxResources: {cpu: 4, memory: 1Gi}}]",
         "[" UNIT("{}", "3", "null",
                  "{'name': 'cpu', 'used': '1.5', 'limit': '4'}, "
                  "{'name': 'memory', 'used': '0', 'limit': '1073741824'}") "]"},
        {"each group that has pods is told", "matchLabelKeys: [app], units: [{" HERE ", max: 5}]",
         "[" UNIT("{'app': 'a'}", "2", "5", "") ", " UNIT("{'app': 'b'}", "1", "5", "") "]"},
        {"groups of several labels", "matchLabelKeys: [where, app], units: [{" HERE ", max: 5}]",
         "[" UNIT("{'where': 'here', 'app': 'a'}", "2", "5", "") ", " UNIT("{'where': 'here', 'app': 'b'}", "1", "5",
                                                                           "") "]"},
        {"without a pod there is no group", "selector: {app: z}, matchLabelKeys: [app], units: [{" HERE ", max: 5}]",
         "[" UNIT("{}", "0", "5", "") "]"},
};

START_TEST(a_unit_has_the_pods_that_count_toward_it)
{
        const struct unit_case *test = &cases[_i];
        _cleanup_(freep) char *yaml = NULL;
        json_auto_t *value = NULL;
        const json_t *policy;

        add_pod("1", "a", "A10", false);
        add_pod("2", "a", "A10", false);
        add_pod("3", "b", "A10", false);
        add_pod("4", "b", "A10", true);
        ck_assert_int_gt(asprintf(&yaml, POLICY("p", "%s"), test->spec), 0);
        value = overview(yaml);
        policy = json_array_get(json_object_get(value, "policies"), 0);
        ck_assert_str_eq(json_string_value(json_object_get(policy, "namespace")), "default");
        ck_assert_str_eq(json_string_value(json_object_get(policy, "name")), "p");
        expect(test->name, json_object_get(policy, "units"), test->units);
}
END_TEST

START_TEST(policies_come_by_name_and_one_s_name_may_begin_like_another_s)
{
        json_auto_t *value = NULL;
        const json_t *policies;

        add_pod("1", "a", "A10", false);
        value = overview(POLICY("p1", "matchLabelKeys: [app], units: [{" HERE "}, {resource: ecs}]")
                                 POLICY("p", "matchLabelKeys: [app], units: [{" HERE "}]"));
        policies = json_object_get(value, "policies");
        ck_assert_uint_eq(json_array_size(policies), 2);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(policies, 0), "name")), "p");
        ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(policies, 0), "units")), 1);
        ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(policies, 1), "units")), 2);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, a_pool_has_what_pods_hold_and_what_is_promised);
        tcase_add_test(tests, pools_that_no_quota_lists_are_told_where_pods_hold_something);
        tcase_add_loop_test(tests, a_unit_has_the_pods_that_count_toward_it, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, policies_come_by_name_and_one_s_name_may_begin_like_another_s);
}

int main(void)
{
        return unit_main("overview", add);
}
