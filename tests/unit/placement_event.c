/*
 * What a workload is told of its pods: refusals, and why a pod is not on the first unit.
 */
#include "cluster/placement_event.h"

#include "admission/decide.h"
#include "kube/event_recorder.h"
#include "objects.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"

#define OWNER                                                                                             \
        "'ownerReferences': [{'apiVersion': 'apps/v1', 'kind': 'ReplicaSet', 'name': 'web', 'uid': 'u', " \
        "'controller': true}]"
#define POD(metadata)                                                                          \
        "{'metadata': {'name': 'x', 'namespace': 'default', 'labels': {'app': 'a'}, " metadata \
        "}, 'spec': {'containers': "                                                           \
        "[{'resources': {'limits': {'nvidia.com/gpu': '1'}}}]}}"
#define UNIT(region, more)                                                                \
        "{resource: eci, podLabels: {alibabacloud.com/serverless-region-id: " region ", " \
        "alibabacloud.com/gpu-model-series: s}" more "}"
#define OBJECTS(spec)                                                                    \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"       \
        "metadata: {name: p, namespace: default}\nspec: {" spec "}\n---\n"               \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: full}\n" \
        "spec: {pools: [{gpuModelSeries: s, gpus: 0}]}\n"

static const struct event_case {
        const char *name;
        const char *yaml;
        const char *pod;
        const char *event; /* "type reason: message"; "": nothing is told */
} cases[] = {
        {"nothing of a pod on its first unit", OBJECTS("units: [" UNIT("r", "") "]"), POD(OWNER), ""},
        {"a later unit, and why no earlier one",
         OBJECTS("units: [" UNIT("full", "") ", " UNIT("r", ", max: 0") ", " UNIT("r", "") "]"), POD(OWNER),
         "Normal PlacedOnLaterUnit: placed on units[2] of ResourcePolicy default/p, in r/s: units[0] eci full/s: "
         "full: 1 GPU wanted, 0 of 0 remaining; units[1] eci r/s: max reached: 0 of max 0 pods"},
        {"a unit of real nodes is in no region", OBJECTS("units: [" UNIT("full", "") ", {resource: ecs}]"),
         POD(OWNER),
         "Normal PlacedOnLaterUnit: placed on units[1] of ResourcePolicy default/p: units[0] eci full/s: full: 1 GPU "
         "wanted, 0 of 0 remaining"},
        {"a refusal", OBJECTS("strategy: required, units: [" UNIT("full", "") "]"), POD(OWNER),
         "Warning PlacementDenied: no unit of ResourcePolicy default/p fits: units[0] eci full/s: full: 1 GPU "
         "wanted, 0 of 0 remaining"},
        {"a pod that is let through as it is", OBJECTS("units: [" UNIT("full", "") "]"), POD(OWNER),
         "Warning NotPlaced: no unit of ResourcePolicy default/p fits: units[0] eci full/s: full: 1 GPU wanted, 0 of "
         "0 remaining"},
        {"nothing of a pod that no controller owns", OBJECTS("strategy: required, units: [" UNIT("full", "") "]"),
         POD("'uid': ''"), ""},
        {"nothing where no policy selects the pod", OBJECTS("selector: {app: b}, units: [" UNIT("full", "") "]"),
         POD(OWNER), ""},
};

static char recorded[512];

void event_recorder_record(struct event_recorder *recorder, const struct event_object *object, enum event_type type,
                           const char *reason, const char *message)
{
        ck_assert_ptr_eq(recorder, recorded);
        ck_assert_str_eq(recorded, "");
        ck_assert_str_eq(object->api_version, "apps/v1");
        ck_assert_str_eq(object->kind, "ReplicaSet");
        ck_assert_str_eq(object->namespace, "default");
        ck_assert_str_eq(object->name, "web");
        ck_assert_str_eq(object->uid, "u");
        snprintf(recorded, sizeof(recorded), "%s %s: %s", type == EVENT_NORMAL ? "Normal" : "Warning", reason,
                 message);
}

START_TEST(a_workload_is_told)
{
        const struct event_case *test = &cases[_i];
        const struct decide_options options = {0};
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_(catalog_unrefp) struct catalog *catalog = catalog_text(test->yaml);
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        struct pod pod = POD_INIT;
        json_auto_t *object = json_text(test->pod);
        struct classifier classifier = catalog_classifier(catalog);

        ck_assert_int_eq(embedded_ledger_new(&ledger, NULL, NULL), 0);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
        pod_from(&pod, object);
        ck_assert_int_eq(decide(&decision, catalog, ledger, &options, &pod, true, NULL), 0);
        placement_event_record(recorded, &pod, &decision);
        ck_assert_msg(!strcmp(recorded, test->event), "%s: %s", test->name, recorded);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, a_workload_is_told, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("placement_event", add);
}
