/*
 * What a pod counts toward (design sections 2 and 6: usage, max, matchLabelKeys, ignorePreviousPod).
 */
#include "admission/tally.h"

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

START_TEST(counts)
{
        const struct tally_case *test = &cases[_i];
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        struct catalog *catalog = catalog_text(test->yaml);
        json_auto_t *object = json_text(test->reservation);
        struct reservation reservation = {
                .namespace = text_in(object, "namespace", "default"),
                .labels = labels_in(object, "labels"),
                .node_selector = labels_in(object, "node_selector"),
                .region = text_in(object, "region", ""),
                .series = text_in(object, "series", ""),
                .placement = text_in(object, "placement", ""),
        };
        char found[256] = "";

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
        labels_free(reservation.labels);
        labels_free(reservation.node_selector);
        catalog_unref(catalog);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, counts, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("tally", add);
}
