/*
 * Pods: which fields are read, how the effective request is computed (KEP-753, KEP-2837, KEP-688), and what is
 * said of a malformed one. tests/golden compares many more requests with Kubernetes' own code.
 */
#include "admission/pod.h"

#include "objects.h"

#define GPUS(n) "{'resources': {'limits': {'nvidia.com/gpu': " n "}}}"

static const struct gpu_case {
        const char *name;
        const char *spec;
        int64_t gpus;
} gpu_cases[] = {
        {"no container asks for a GPU", "{'containers': [{}]}", 0},
        {"containers are summed up", "{'containers': [" GPUS("1") ", " GPUS("'2'") "]}", 3},
        {"requests win over limits",
         "{'containers': [{'resources': {'limits': {'nvidia.com/gpu': 4}, 'requests': {'nvidia.com/gpu': 2}}}]}", 2},
        {"an init container that asks for less changes nothing",
         "{'initContainers': [" GPUS("1") "], 'containers': [" GPUS("2") "]}", 2},
        {"an init container that asks for more is what counts",
         "{'initContainers': [" GPUS("1") ", " GPUS("4") "], 'containers': [" GPUS("2") "]}", 4},
        {"a sidecar runs beside the containers",
         "{'initContainers': [{'restartPolicy': 'Always', 'resources': {'limits': {'nvidia.com/gpu': 1}}}], "
         "'containers': [" GPUS("2") "]}",
         3},
        {"a sidecar runs beside the init containers that come after it",
         "{'initContainers': [{'restartPolicy': 'Always', 'resources': {'limits': {'nvidia.com/gpu': 1}}}, " GPUS(
                 "4") "], 'containers': [" GPUS("2") "]}",
         5},
        {"a sidecar does not run beside the init containers before it",
         "{'initContainers': [" GPUS("4") ", {'restartPolicy': 'Always', 'resources': {'limits': {'nvidia.com/gpu': "
                                          "1}}}], 'containers': [" GPUS("2") "]}",
         4},
        {"overhead is added", "{'containers': [" GPUS("1") "], 'overhead': {'nvidia.com/gpu': 1}}", 2},
        {"pod-level resources do not know GPUs",
         "{'containers': [" GPUS("2") "], 'resources': {'requests': {'nvidia.com/gpu': 8, 'cpu': 1}}}", 2},
        {"the two resource names that count by default are summed up",
         "{'containers': [{'resources': {'limits': {'nvidia.com/gpu': 1, 'alibabacloud.com/ppu': 2}}}]}", 3},
        {"another vendor's GPUs do not count by default",
         "{'containers': [{'resources': {'limits': {'amd.com/gpu': 1}}}]}", 0},
};

START_TEST(counts_gpus)
{
        const struct gpu_case *test = &gpu_cases[_i];
        json_auto_t *spec = json_text(test->spec), *object = json_pack("{s:O}", "spec", spec);
        struct pod pod = POD_INIT;

        pod_from(&pod, object);
        ck_assert_msg(pod.gpus == test->gpus, "%s: %lld", test->name, (long long)pod.gpus);
}
END_TEST

START_TEST(pod_level_resources_win_for_cpu_and_memory)
{
        json_auto_t *object = json_text(
                "{'spec': {'containers': [{'resources': {'requests': {'cpu': '1', 'memory': '1Gi'}}}], 'resources': "
                "{'requests': {'cpu': '3'}, 'limits': {'memory': '8Gi'}}}}");
        struct pod pod = POD_INIT;

        pod_from(&pod, object);
        ck_assert_int_eq(quantity_value(*resources_find(&pod.requests, "cpu")), 3);
        /* The containers ask for memory, so the pod's limit does not become its request. */
        ck_assert_int_eq(quantity_value(*resources_find(&pod.requests, "memory")), 1073741824);
}
END_TEST

START_TEST(reads_what_a_decision_needs)
{
        json_auto_t *object =
                json_text("{'metadata': {'generateName': 'web-', 'namespace': 'n', 'uid': 'u', 'creationTimestamp': "
                          "'1970-01-01T00:01:01Z', 'labels': "
                          "{'alibabacloud.com/serverless-region-id': 'r', 'alibabacloud.com/gpu-model-series': 's'}, "
                          "'annotations': {'regionfit.io/reservation': 'id', 'regionfit.io/placement': 'n/p#1'}, "
                          "'ownerReferences': [{'kind': 'Other', "
                          "'name': 'o'}, "
                          "{'apiVersion': 'apps/v1', 'kind': 'ReplicaSet', 'name': 'web-1', 'uid': 'o-1', "
                          "'controller': true}], 'deletionTimestamp': "
                          "'2026-01-01T00:00:00Z', 'deletionGracePeriodSeconds': 0}, 'spec': {'nodeName': 'node', "
                          "'schedulerName': 'ack-co-scheduler'}, 'status': {'phase': 'Running'}}");
        struct pod pod = POD_INIT;

        pod_from(&pod, object);
        ck_assert_str_eq(pod.name, "web-");
        ck_assert(pod.generated);
        ck_assert_str_eq(pod.namespace, "n");
        ck_assert_str_eq(pod.own_region, "r");
        ck_assert_str_eq(pod.region, "r");
        ck_assert_str_eq(pod.series, "s");
        ck_assert_str_eq(pod.reservation, "id");
        ck_assert_str_eq(pod.owner_kind, "ReplicaSet");
        ck_assert_str_eq(pod.owner_name, "web-1");
        ck_assert_str_eq(pod.owner_api_version, "apps/v1");
        ck_assert_str_eq(pod.owner_uid, "o-1");
        ck_assert_str_eq(pod.node_name, "node");
        ck_assert_str_eq(pod.scheduler, "ack-co-scheduler");
        ck_assert(pod.terminating && pod.deletion_confirmed);
        ck_assert_int_eq(pod.phase, POD_RUNNING);
        ck_assert_str_eq(pod.uid, "u");
        ck_assert_str_eq(pod.placement, "n/p#1");
        ck_assert_int_eq(pod.created_at, 61);
}
END_TEST

static const struct toleration_case {
        const char *name;
        const char *tolerations;
        bool tolerates;
} tolerations[] = {
        {"none", "[]", false},
        {"the taint, any value and effect", "[{'key': 'virtual-kubelet.io/provider', 'operator': 'Exists'}]", true},
        {"the taint with effect NoSchedule",
         "[{'key': 'virtual-kubelet.io/provider', 'operator': 'Exists', 'effect': 'NoSchedule'}]", true},
        {"the taint with another effect",
         "[{'key': 'virtual-kubelet.io/provider', 'operator': 'Exists', 'effect': 'NoExecute'}]", false},
        {"every taint", "[{'operator': 'Exists'}]", true},
        {"one value of the taint", "[{'key': 'virtual-kubelet.io/provider', 'value': 'x', 'effect': 'NoSchedule'}]",
         false},
        {"another taint", "[{'key': 'a', 'operator': 'Exists'}]", false},
};

START_TEST(knows_what_is_tolerated)
{
        const struct toleration_case *test = &tolerations[_i];
        json_auto_t *list = json_text(test->tolerations),
                    *object = json_pack("{s:{s:O}}", "spec", "tolerations", list);
        struct pod pod = POD_INIT;

        pod_from(&pod, object);
        ck_assert_msg(pod.tolerates_virtual_nodes == test->tolerates, "%s", test->name);
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *pod;
        const char *path;
} faults[] = {
        {"labels that are a list", "{'metadata': {'labels': []}}", "metadata.labels"},
        {"a label that is a number", "{'metadata': {'labels': {'a': 1}}}", "metadata.labels.a"},
        {"a spec that is a string", "{'spec': 'x'}", "spec"},
        {"containers that are a map", "{'spec': {'containers': {}}}", "spec.containers"},
        {"a quantity that is none", "{'spec': {'containers': [{'resources': {'requests': {'cpu': 'x'}}}]}}",
         "spec.containers[0].resources.requests.cpu"},
        {"a quantity of an init container",
         "{'spec': {'initContainers': [{}, {'resources': {'limits': {'nvidia.com/gpu': true}}}]}}",
         "spec.initContainers[1].resources.limits[nvidia.com/gpu]"},
        {"a phase that is none", "{'status': {'phase': 'Sleeping'}}", "status.phase"},
        {"tolerations of strings", "{'spec': {'tolerations': ['x']}}", "spec.tolerations[0]"},
};

START_TEST(names_the_fault)
{
        const struct fault_case *test = &faults[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        json_auto_t *object = json_text(test->pod);
        struct field root = field_root(object, NULL, &diagnostics);
        struct pod pod = POD_INIT;

        ck_assert_msg(!pod_read(&pod, &root, "default", pod_default_gpu_resources, &pod_memory), "%s", test->name);
        ck_assert_uint_ge(diagnostics.count, 1);
        ck_assert_str_eq(diagnostics.items[0].path, test->path);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, counts_gpus, 0, ARRAY_SIZE(gpu_cases));
        tcase_add_test(tests, pod_level_resources_win_for_cpu_and_memory);
        tcase_add_test(tests, reads_what_a_decision_needs);
        tcase_add_loop_test(tests, knows_what_is_tolerated, 0, ARRAY_SIZE(tolerations));
        tcase_add_loop_test(tests, names_the_fault, 0, ARRAY_SIZE(faults));
}

int main(void)
{
        return unit_main("pod", add);
}
