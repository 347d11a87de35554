/*
 * What a pod's author wrote is never overwritten (design section 7): labels, nodeSelector and required node affinity,
 * whose operators mean what core/v1 NodeSelectorOperator says.
 */
#include "admission/conflict.h"

#include "objects.h"
#include "policy/index.h"
#include "policy/resource_policy.h"

#define UNIT                                                                               \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"         \
        "metadata: {name: p, namespace: default}\nspec: {units: [{resource: %s, "          \
        "podLabels: {alibabacloud.com/serverless-region-id: r1, "                          \
        "alibabacloud.com/gpu-model-series: A10, alibabacloud.com/compute-qos: default}, " \
        "nodeSelector: {type: virtual-kubelet, generation: '7'}}]}\n"

#define TERMS(terms)                                                                                             \
        "'affinity': {'nodeAffinity': {'requiredDuringSchedulingIgnoredDuringExecution': {'nodeSelectorTerms': " \
        "[" terms "]}}}"
#define TERM(key, relation, values) \
        "{'matchExpressions': [{'key': '" key "', 'operator': '" relation "', 'values': [" values "]}]}"

static const struct conflict_case {
        const char *name;
        const char *metadata, *spec; /* what the pod has beside its name and containers */
        const char *conflict;        /* NULL: none */
} cases[] = {
        {"a pod that says nothing fits", "", "", NULL},
        {"a label of its own does not matter", "'labels': {'app': 'a'}", "", NULL},
        {"a label with the unit's value agrees", "'labels': {'alibabacloud.com/compute-qos': 'default'}", "", NULL},
        {"a label with another value", "'labels': {'alibabacloud.com/compute-qos': 'best-effort'}", "",
         "the pod's label alibabacloud.com/compute-qos is \"best-effort\", the unit's \"default\""},
        {"an empty label is a value too", "'labels': {'alibabacloud.com/compute-qos': ''}", "",
         "the pod's label alibabacloud.com/compute-qos is \"\", the unit's \"default\""},
        {"another region in the label", "'labels': {'alibabacloud.com/serverless-region-id': 'r2'}", "",
         "the pod asks for region r2, the unit is r1"},
        {"another region in the node selector", "", "'nodeSelector': {'topology.kubernetes.io/region': 'r2'}",
         "the pod asks for region r2, the unit is r1"},
        {"the same region in the node selector", "", "'nodeSelector': {'topology.kubernetes.io/region': 'r1'}", NULL},
        {"another model in the label", "'labels': {'alibabacloud.com/gpu-model-series': 'T4'}", "",
         "the pod asks for GPU model series T4, the unit is A10"},
        {"another model in the node selector", "", "'nodeSelector': {'alibabacloud.com/gpu-model-series': 'T4'}",
         "the pod asks for GPU model series T4, the unit is A10"},
        {"a node selector with another value", "", "'nodeSelector': {'type': 'ecs'}",
         "the pod's nodeSelector type is \"ecs\", the unit's \"virtual-kubelet\""},
        {"a node selector of its own", "", "'nodeSelector': {'disk': 'ssd'}", NULL},
        {"affinity that the unit satisfies: In", "", TERMS(TERM("type", "In", "'ecs', 'virtual-kubelet'")), NULL},
        {"affinity that it breaks: In", "", TERMS(TERM("type", "In", "'ecs'")),
         "the pod's required node affinity (type In) contradicts the unit's type=virtual-kubelet"},
        {"affinity that it breaks: NotIn", "", TERMS(TERM("type", "NotIn", "'virtual-kubelet'")),
         "the pod's required node affinity (type NotIn) contradicts the unit's type=virtual-kubelet"},
        {"affinity that it satisfies: Exists", "", TERMS(TERM("type", "Exists", "")), NULL},
        {"affinity that it breaks: DoesNotExist", "", TERMS(TERM("type", "DoesNotExist", "")),
         "the pod's required node affinity (type DoesNotExist) contradicts the unit's type=virtual-kubelet"},
        {"affinity that it satisfies: Gt", "", TERMS(TERM("generation", "Gt", "'6'")), NULL},
        {"affinity that it breaks: Gt is not at least", "", TERMS(TERM("generation", "Gt", "'7'")),
         "the pod's required node affinity (generation Gt) contradicts the unit's generation=7"},
        {"affinity that it satisfies: Lt", "", TERMS(TERM("generation", "Lt", "'8'")), NULL},
        {"affinity that it breaks: Lt against what is no number", "", TERMS(TERM("type", "Lt", "'8'")),
         "the pod's required node affinity (type Lt) contradicts the unit's type=virtual-kubelet"},
        {"affinity for a key that the unit does not touch", "", TERMS(TERM("zone", "In", "'b'")), NULL},
        {"affinity for another region", "", TERMS(TERM("topology.kubernetes.io/region", "In", "'r2', 'r3'")),
         "the pod's required node affinity (topology.kubernetes.io/region In) contradicts the unit's "
         "topology.kubernetes.io/region=r1"},
        {"one alternative of the affinity is enough", "",
         TERMS(TERM("type", "In", "'ecs'") ", " TERM("zone", "Exists", "")), NULL},
        {"affinity whose every alternative is broken", "",
         TERMS(TERM("type", "In", "'ecs'") ", " TERM("generation", "In", "'8'")),
         "the pod's required node affinity (generation In) contradicts the unit's generation=7"},
};

static char *find(const char *resource, const char *metadata, const char *spec)
{
        char yaml[1024], text[1024], *conflict = NULL;
        struct catalog *catalog;
        struct pod pod = POD_INIT;
        json_t *object;
        int r;

        snprintf(yaml, sizeof(yaml), UNIT, resource);
        snprintf(text, sizeof(text), "{'metadata': {'name': 'x'%s%s}, 'spec': {'containers': [{}]%s%s}}",
                 *metadata ? ", " : "", metadata, *spec ? ", " : "", spec);
        catalog = catalog_text(yaml);
        object = json_text(text);
        pod_from(&pod, object);
        r = conflict_find(&conflict, &pod, &policy_index_at(catalog_policies(catalog), 0)->units[0]);
        ck_assert_int_eq(r, conflict != NULL);
        pod = POD_INIT;
        json_decref(object);
        catalog_unref(catalog);
        return conflict;
}

START_TEST(finds_what_contradicts)
{
        const struct conflict_case *test = &cases[_i];
        char *conflict = find("acs", test->metadata, test->spec);

        ck_assert_msg(!conflict == !test->conflict, "%s: %s", test->name, conflict ? conflict : "nothing found");
        if (conflict)
                ck_assert_str_eq(conflict, test->conflict);
        free(conflict);
}
END_TEST

START_TEST(a_pod_with_a_serverless_region_is_not_for_real_nodes)
{
        char *conflict = find("ecs", "'labels': {'alibabacloud.com/serverless-region-id': 'r1'}", "");

        ck_assert_str_eq(conflict, "the pod asks for serverless region r1, the unit is of real nodes (ecs)");
        free(conflict);
        ck_assert_ptr_null(find("eci", "'labels': {'alibabacloud.com/serverless-region-id': 'r1'}", ""));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, finds_what_contradicts, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, a_pod_with_a_serverless_region_is_not_for_real_nodes);
}

int main(void)
{
        return unit_main("conflict", add);
}
