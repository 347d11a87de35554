/*
 * Decisions where the nodes are known: units for real nodes fit by what is free on them, and with
 * --capacity-from-nodes what a region's virtual nodes have caps its pools.
 */
#include "admission/decide.h"

#include "admission/admission.h"
#include "nodes.h"
#include "objects.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"

#define POLICY(units)                                                                                   \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\nmetadata: {name: p}\n" \
        "spec: {strategy: required, units: [" units "]}\n"
#define QUOTA(pools)                                                                                                 \
        "---\napiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec: {pools: [" pools "]}" \
        "\n"
#define SSD "{resource: ecs, nodeSelector: {disk: ssd}}"
#define REGION(series)                                                           \
        "{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: r, " \
        "alibabacloud.com/gpu-model-series: " series "}}"
#define OF(series) ", 'alibabacloud.com/gpu-model-series': '" series "'"
#define SSD_NODES NODE("a", "'disk': 'ssd'", "2") ", " NODE("b", "'disk': 'ssd'", "1") ", " NODE("c", "", "8")

static const struct node_case {
        const char *name, *objects, *nodes;
        const char *gpus; /* of each pod */
        bool capacity_from_nodes;
        int n, placed; /* pods that come, and that are placed before the first is denied */
        const char *message;
} cases[] = {
        {"a unit gives what its nodes have", POLICY(SSD), SSD_NODES, "1", false, 5, 3,
         "units[0] ecs: full: nvidia.com/gpu: 1 wanted, 0 of 3 free on the unit's nodes"},
        {"a pod that wants more than is left does not fit", POLICY(SSD), SSD_NODES, "2", false, 5, 1,
         "nvidia.com/gpu: 2 wanted, 1 of 3 free"},
        {"a pod that asks for no GPU always fits", POLICY(SSD), SSD_NODES, "0", false, 5, 5, NULL},
        {"but not where no node is", POLICY("{resource: ecs, nodeSelector: {disk: nvme}}"), SSD_NODES, "0", false, 1,
         0, "units[0] ecs: no node: no schedulable node matches the unit's nodeSelector"},
        {"nodes without GPUs have none to give", POLICY(SSD), NODE_OF("a", "'disk': 'ssd'", "", READY), "1", false, 1,
         0, "nvidia.com/gpu: 1 wanted, 0 of 0 free"},
        {"no nodes at all", POLICY("{resource: elastic}"), "", "1", false, 1, 0, "units[0] elastic: no node"},
        {"max is a bound beside them", POLICY("{resource: ecs, max: 2, nodeSelector: {disk: ssd}}"), SSD_NODES, "1",
         false, 5, 2, "max reached: 2 of max 2 pods"},
        {"the next unit is tried", POLICY(SSD ", {resource: ecs}"), SSD_NODES, "1", false, 20, 11,
         "units[1] ecs: full: nvidia.com/gpu: 1 wanted, 0 of 11 free"},
        {"two units with one nodeSelector share the nodes",
         POLICY(SSD ", {resource: ecs, podLabels: {a: b}, nodeSelector: {disk: ssd}}"), SSD_NODES, "1", false, 20, 3,
         "units[1] ecs: full"},
        {"ExceedMax keeps a bounded unit's pods from going on where nodes lack GPUs",
         "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\nmetadata: {name: p}\nspec: "
         "{strategy: required, whenTryNextUnits: {policy: ExceedMax}, units: [{resource: ecs, max: 9, nodeSelector: "
         "{disk: ssd}}, {resource: ecs}]}\n",
         SSD_NODES, "1", false, 20, 3, "units[1] ecs: not reached"},
        {"virtual nodes cap nothing by themselves", POLICY(REGION("A10")), VIRTUAL_NODE("v", "r", "", "2"), "1",
         false, 5, 5, NULL},
        {"they do with --capacity-from-nodes", POLICY(REGION("A10")), VIRTUAL_NODE("v", "r", "", "2"), "1", true, 5,
         2, "units[0] acs r/A10: full: 1 GPU wanted, 0 of 2 remaining on the region's virtual nodes"},
        {"the smaller of quota and nodes holds: nodes", POLICY(REGION("A10")) QUOTA("{gpuModelSeries: A10, gpus: 4}"),
         VIRTUAL_NODE("v", "r", OF("A10"), "2"), "1", true, 5, 2, "0 of 2 remaining on the region's virtual nodes"},
        {"the smaller of quota and nodes holds: quota", POLICY(REGION("A10")) QUOTA("{gpuModelSeries: A10, gpus: 2}"),
         VIRTUAL_NODE("v", "r", OF("A10"), "4"), "1", true, 5, 2, "full: 1 GPU wanted, 0 of 2 remaining"},
        {"each series has its own nodes where they say so", POLICY(REGION("A10") ", " REGION("T4")),
         VIRTUAL_NODE("v", "r", OF("A10"), "2") ", " VIRTUAL_NODE("w", "r", OF("T4"), "1"), "1", true, 5, 3,
         "units[1] acs r/T4: full"},
        {"otherwise all series share the region's", POLICY(REGION("A10") ", " REGION("T4")),
         VIRTUAL_NODE("v", "r", "", "3"), "1", true, 5, 3, "units[1] acs r/T4: full"},
        {"a region without virtual nodes gives nothing", POLICY(REGION("A10")), NODE("a", "", "8"), "1", true, 1, 0,
         "0 of 0 remaining on the region's virtual nodes"},
        {"a pod for virtual nodes takes nothing from real ones", POLICY("{resource: acs, max: 3}, {resource: ecs}"),
         NODE("a", "", "2"), "1", false, 9, 5, "units[1] ecs: full"},
};

static struct catalog *catalog;
static struct ledger *ledger;
static struct admission *admission;

static void open_all(const struct node_case *test)
{
        const struct admission_options options = {.gpu_resources = pod_default_gpu_resources};
        struct node_table *nodes = node_table_text(test->nodes);

        catalog = catalog_with_nodes(test->objects, nodes);
        node_table_unref(nodes);
        ck_assert_int_eq(embedded_ledger_new(&ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&admission, ledger, &options, NULL), 0);
        ck_assert_int_eq(admission_use(admission, catalog, NULL), 0);
}

static void close_all(void)
{
        admission_free(admission);
        ledger_free(ledger);
        catalog_unref(catalog);
}

START_TEST(places_until_it_is_full)
{
        const struct node_case *test = &cases[_i];
        const struct decide_options options = {.capacity_from_nodes = test->capacity_from_nodes};
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        struct pod pod = POD_INIT;
        char text[256];
        json_t *object;
        int placed = 0;

        snprintf(text, sizeof(text),
                 "{'spec': {'containers': [{'resources': {'limits': {'nvidia.com/gpu': '%s'}}}]}}", test->gpus);
        object = json_text(text);
        open_all(test);
        pod_from(&pod, object);
        while (placed < test->n) {
                decision_clear(&decision);
                ck_assert_int_eq(decide(&decision, catalog, ledger, &options, &pod, true, NULL), 0);
                if (decision.outcome != OUTCOME_PLACED)
                        break;
                placed++;
        }
        ck_assert_msg(placed == test->placed, "%s: %d placed", test->name, placed);
        if (test->message)
                ck_assert_msg(strstr(decision.message, test->message), "%s: %s", test->name, decision.message);
        decision_clear(&decision);
        close_all();
        json_decref(object);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, places_until_it_is_full, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("decide_nodes", add);
}
