/*
 * What a workload is told of its pods: refusals, and why a pod is not on the first unit.
 */
#include "cluster/placement_event.h"

#include "admission/decide.h"
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
        const char *reason; /* NULL: nothing is told */
        bool warning;
        const char *message;
} cases[] = {
        {"nothing of a pod on its first unit", OBJECTS("units: [" UNIT("r", "") "]"), POD(OWNER), NULL, false, NULL},
        {"a later unit, and why no earlier one",
         OBJECTS("units: [" UNIT("full", "") ", " UNIT("r", ", max: 0") ", " UNIT("r", "") "]"), POD(OWNER),
         "PlacedOnLaterUnit", false,
         "placed on units[2] of ResourcePolicy default/p, in r/s: units[0] eci full/s: full: 1 GPU wanted, 0 of 0 "
         "remaining; units[1] eci r/s: max reached: 0 of max 0 pods"},
        {"a unit of real nodes is in no region", OBJECTS("units: [" UNIT("full", "") ", {resource: ecs}]"),
         POD(OWNER), "PlacedOnLaterUnit", false,
         "placed on units[1] of ResourcePolicy default/p: units[0] eci full/s: full: 1 GPU wanted, 0 of 0 remaining"},
        {"a refusal", OBJECTS("strategy: required, units: [" UNIT("full", "") "]"), POD(OWNER), "PlacementDenied",
         true, "no unit of ResourcePolicy default/p fits: units[0] eci full/s: full: 1 GPU wanted, 0 of 0 remaining"},
        {"a pod that is let through as it is", OBJECTS("units: [" UNIT("full", "") "]"), POD(OWNER), "NotPlaced",
         true, "no unit of ResourcePolicy default/p fits: units[0] eci full/s: full: 1 GPU wanted, 0 of 0 remaining"},
        {"nothing of a pod that no controller owns", OBJECTS("strategy: required, units: [" UNIT("full", "") "]"),
         POD("'uid': ''"), NULL, false, NULL},
        {"nothing where no policy selects the pod", OBJECTS("selector: {app: b}, units: [" UNIT("full", "") "]"),
         POD(OWNER), NULL, false, NULL},
};

/* Decides on the pod as it is, and makes the event of it. */
static int make(struct placement_event *event, const char *yaml, const char *text)
{
        const struct decide_options options = {0};
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_(catalog_unrefp) struct catalog *catalog = catalog_text(yaml);
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        _cleanup_(pod_clear) struct pod pod = POD_INIT;
        json_auto_t *object = json_text(text);
        struct classifier classifier = catalog_classifier(catalog);

        ck_assert_int_eq(embedded_ledger_new(&ledger, NULL, NULL), 0);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
        pod_from(&pod, object);
        ck_assert_int_eq(decide(&decision, catalog, ledger, &options, &pod, true, NULL), 0);
        return placement_event_make(event, &pod, &decision);
}

START_TEST(a_workload_is_told)
{
        const struct event_case *test = &cases[_i];
        _cleanup_(placement_event_clear) struct placement_event event = PLACEMENT_EVENT_INIT;
        int r = make(&event, test->yaml, test->pod);

        ck_assert_msg(r == (test->reason ? 1 : 0), "%s", test->name);
        if (!test->reason)
                return;
        ck_assert_msg(!strcmp(event.reason, test->reason), "%s: %s", test->name, event.reason);
        ck_assert_msg(!strcmp(event.message, test->message), "%s: %s", test->name, event.message);
        ck_assert(event.warning == test->warning);
}
END_TEST

START_TEST(a_message_is_no_longer_than_an_event_s_note_may_be)
{
        _cleanup_(placement_event_clear) struct placement_event event = PLACEMENT_EVENT_INIT;
        _cleanup_(freep) char *yaml = NULL;
        char units[4096] = UNIT("full", "");

        for (int i = 0; i < 20; i++)
                strcat(units, ", " UNIT("full", ""));
        ck_assert_int_gt(asprintf(&yaml, OBJECTS("strategy: required, units: [%s]"), units), 0);
        ck_assert_int_eq(make(&event, yaml, POD(OWNER)), 1);
        ck_assert_uint_eq(strlen(event.message), 1024);
        ck_assert_str_eq(event.message + 1021, "...");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, a_workload_is_told, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, a_message_is_no_longer_than_an_event_s_note_may_be);
}

int main(void)
{
        return unit_main("placement_event", add);
}
