/*
 * What a pod counts toward (design sections 2 and 6: usage, max, matchLabelKeys, ignorePreviousPod).
 */
#include "admission/tally.h"

#include "nodes.h"
#include "objects.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "quota/counter.h"
#include "quota/reservation.h"
#include "util/labels.h"

#define POLICY(metadata, spec)                                                     \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n" \
        "metadata: {namespace: default, " metadata "}\nspec: {" spec "}\n---\n"
#define QUOTA                                                                         \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\n" \
        "spec: {pools: [{gpuModelSeries: A10, gpus: 4}, {gpuModelSeries: \"*\", gpus: 2}]}\n---\n"
#define BOUNDED "units: [{resource: ecs, max: 1, podLabels: {where: here}}]"

static const struct tally_case {
        const char *name;
        const char *yaml;
        const char *reservation; /* what differs from an empty one */
        const char *keys;        /* in order, each with a semicolon behind it; "@" and since, where that is not 0 */
} cases[] = {
        {"a pod with a region counts toward its pool", QUOTA, "{'region': 'r', 'series': 'A10'}", "pool r/A10;"},
        {"a series that is not listed counts toward the others", QUOTA, "{'region': 'r', 'series': 'T4'}",
         "pool r/*;"},
        {"so does a pod that names no series", QUOTA, "{'region': 'r'}", "pool r/*;"},
        {"a region without a quota is counted too", QUOTA, "{'region': 's', 'series': 'T4'}", "pool s/T4;"},
        {"a pod without a region counts toward no pool", QUOTA, "{'series': 'A10'}", ""},
        {"a pod that the policy selects and that carries the unit's labels",
         POLICY("name: p", "selector: {app: a}, " BOUNDED), "{'labels': {'app': 'a', 'where': 'here'}}",
         "unit default/p#0;"},
        {"whoever placed it", POLICY("name: p", "selector: {app: a}, " BOUNDED),
         "{'labels': {'app': 'a', 'where': 'here'}, 'placement': 'default/other#3'}", "unit default/p#0;"},
        {"not one that carries other labels", POLICY("name: p", "selector: {app: a}, " BOUNDED),
         "{'labels': {'app': 'a', 'where': 'there'}}", ""},
        {"not one that the policy does not select", POLICY("name: p", "selector: {app: a}, " BOUNDED),
         "{'labels': {'app': 'b', 'where': 'here'}}", ""},
        {"not one of another namespace", POLICY("name: p", "selector: {app: a}, " BOUNDED),
         "{'namespace': 'x', 'labels': {'app': 'a', 'where': 'here'}}", ""},
        {"one that the policy placed, even where it selects it no more",
         POLICY("name: p", "selector: {app: a}, " BOUNDED),
         "{'labels': {'app': 'b', 'where': 'here'}, 'placement': 'default/p#0'}", "unit default/p#0;"},
        {"once, where the policy placed and selects it", POLICY("name: p", "selector: {app: a}, " BOUNDED),
         "{'labels': {'app': 'a', 'where': 'here'}, 'placement': 'default/p#0'}", "unit default/p#0;"},
        {"toward every unit whose labels it carries",
         POLICY("name: p", "units: [{resource: ecs, max: 1, podLabels: {a: b}}, {resource: ecs, max: 1, podLabels: "
                           "{c: d}}]"),
         "{'labels': {'a': 'b', 'c': 'd'}}", "unit default/p#0;unit default/p#1;"},
        {"toward the units of every policy that selects it", POLICY("name: p", BOUNDED) POLICY("name: q", BOUNDED),
         "{'labels': {'where': 'here'}}", "unit default/p#0;unit default/q#0;"},
        {"the node selector counts as well",
         POLICY("name: p", "units: [{resource: ecs, max: 1, nodeSelector: {disk: ssd}}]"),
         "{'node_selector': {'disk': 'ssd'}}", "unit default/p#0;"},
        {"not toward a unit without bounds", POLICY("name: p", "units: [{resource: ecs, podLabels: {where: here}}]"),
         "{'labels': {'where': 'here'}}", ""},
        {"maxResources is a bound",
         POLICY("name: p", "units: [{resource: ecs, maxResources: {cpu: 1}, podLabels: "
                           "{where: here}}]"),
         "{'labels': {'where': 'here'}}", "unit default/p#0;"},
        {"a unit that adds nothing counts those placed on it", POLICY("name: p", "units: [{resource: ecs, max: 1}]"),
         "{'placement': 'default/p#0'}", "unit default/p#0;"},
        {"and no others", POLICY("name: p", "units: [{resource: ecs, max: 1}]"), "{'placement': 'default/p#1'}", ""},
        {"each group of matchLabelKeys has its own count", POLICY("name: p", "matchLabelKeys: [rev, team], " BOUNDED),
         "{'labels': {'where': 'here', 'rev': '7', 'team': 'x'}}", "unit default/p#0,7,x;"},
        {"a pod without such a label counts nowhere", POLICY("name: p", "matchLabelKeys: [rev], " BOUNDED),
         "{'labels': {'where': 'here'}}", ""},
        {"ignorePreviousPod leaves out pods older than the policy",
         POLICY("name: p, creationTimestamp: \"1970-01-01T00:01:41Z\"", "ignorePreviousPod: true, " BOUNDED),
         "{'labels': {'where': 'here'}}", "unit default/p#0@101;"},
        {"and otherwise age does not matter", POLICY("name: p, creationTimestamp: \"1970-01-01T00:01:41Z\"", BOUNDED),
         "{'labels': {'where': 'here'}}", "unit default/p#0;"},
};

static struct labels *labels_in(const json_t *object, const char *key)
{
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_root((json_t *)object, NULL, &diagnostics), member = field_member(&root, key);
        struct labels *labels = NULL;

        ck_assert(field_labels(&member, &labels));
        return labels;
}

static char *text_in(const json_t *object, const char *key, const char *otherwise)
{
        const char *text = json_string_value(json_object_get(object, key));

        return strdup(text ? text : otherwise);
}

static void check_keys(struct catalog *catalog, const struct tally_case *test)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        json_auto_t *object = json_text(test->reservation);
        char name[16];
        struct resource gpu = {name, quantity_whole(1)};
        struct reservation reservation = {
                .namespace = text_in(object, "namespace", "default"),
                .labels = labels_in(object, "labels"),
                .node_selector = labels_in(object, "node_selector"),
                .region = text_in(object, "region", ""),
                .series = text_in(object, "series", ""),
                .placement = text_in(object, "placement", ""),
                .node = json_object_get(object, "node") ? text_in(object, "node", "") : NULL,
                .resources = {.items = &gpu, .count = 1},
        };
        char found[256] = "";

        strcpy(name, "nvidia.com/gpu");

        ck_assert_int_eq(tally_classify(catalog, &reservation, &keys), 0);
        for (size_t i = 0; i < keys.count; i++) {
                char since[32] = "";

                if (keys.items[i].since)
                        snprintf(since, sizeof(since), "@%lld", (long long)keys.items[i].since);
                strcat(strcat(strcat(found, keys.items[i].name), since), ";");
        }
        ck_assert_msg(!strcmp(found, test->keys), "%s: %s", test->name, found);
        free(reservation.namespace);
        free(reservation.region);
        free(reservation.series);
        free(reservation.placement);
        free(reservation.node);
        labels_free(reservation.labels);
        labels_free(reservation.node_selector);
}

START_TEST(counts)
{
        struct catalog *catalog = catalog_text(cases[_i].yaml);

        check_keys(catalog, &cases[_i]);
        catalog_unref(catalog);
}
END_TEST

#define REAL_AND_VIRTUAL                                                                                           \
        POLICY("name: p", "units: [{resource: ecs, nodeSelector: {disk: ssd}}, {resource: acs}, {resource: ecs}]") \
        QUOTA

/* Where these are known: the real node "real" with disk=ssd, and a virtual one. */
static const struct tally_case node_cases[] = {
        {"what is charged to a pool counts toward the region's virtual nodes, altogether and by series",
         REAL_AND_VIRTUAL, "{'region': 'r', 'series': 'T4'}", "pool r/*;region r;region r/T4;"},
        {"and altogether alone where it names no series", REAL_AND_VIRTUAL, "{'region': 'r'}", "pool r/*;region r;"},
        {"and toward no real nodes, whatever its nodeSelector", REAL_AND_VIRTUAL,
         "{'region': 'r', 'node_selector': {'disk': 'ssd'}}", "pool r/*;region r;"},
        {"unless it runs there all the same", REAL_AND_VIRTUAL, "{'region': 'r', 'node': 'real'}",
         "pool r/*;region r;nodes disk=ssd;nodes ;"},
        {"what is not bound counts toward the nodes that its nodeSelector names", REAL_AND_VIRTUAL,
         "{'node_selector': {'disk': 'ssd'}}", "nodes disk=ssd;nodes ;"},
        {"and toward those of units that name none", REAL_AND_VIRTUAL, "{'placement': 'default/p#2'}", "nodes ;"},
        {"but not where it was placed on a unit for virtual nodes", REAL_AND_VIRTUAL, "{'placement': 'default/p#1'}",
         ""},
        {"what runs on a node counts there", REAL_AND_VIRTUAL, "{'node': 'real'}", "nodes disk=ssd;nodes ;"},
        {"what runs on a virtual node counts toward no real one", REAL_AND_VIRTUAL, "{'node': 'virtual'}", ""},
};

START_TEST(counts_where_nodes_are_known)
{
        struct node_table *nodes =
                node_table_text(NODE("real", "'disk': 'ssd'", "8") ", " VIRTUAL_NODE("virtual", "r", "", "8"));
        struct catalog *catalog = catalog_with_nodes(node_cases[_i].yaml, nodes);

        check_keys(catalog, &node_cases[_i]);
        catalog_unref(catalog);
        node_table_unref(nodes);
}
END_TEST

static const struct reading_case {
        const char *name, *yaml;
        bool reads; /* the label "l" */
} reading_cases[] = {
        {"a label that no policy names", POLICY("name: p", "selector: {app: a}, " BOUNDED), false},
        {"one that a selector names", POLICY("name: p", BOUNDED) POLICY("name: q", "selector: {l: a}, " BOUNDED),
         true},
        {"one that must be missing",
         POLICY("name: p", "matchExpressions: [{key: l, operator: DoesNotExist}], " BOUNDED), true},
        {"one that a unit adds", POLICY("name: p", "units: [{resource: ecs, max: 1, podLabels: {l: a}}]"), true},
        {"one of matchLabelKeys", POLICY("name: p", "matchLabelKeys: [l], " BOUNDED), true},
};

START_TEST(reads_labels_that_policies_name)
{
        struct catalog *catalog = catalog_text(reading_cases[_i].yaml);

        ck_assert_msg(tally_reads(catalog, "l") == reading_cases[_i].reads, "%s", reading_cases[_i].name);
        catalog_unref(catalog);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, counts, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, reads_labels_that_policies_name, 0, ARRAY_SIZE(reading_cases));
        tcase_add_loop_test(tests, counts_where_nodes_are_known, 0, ARRAY_SIZE(node_cases));
}

int main(void)
{
        return unit_main("tally", add);
}
