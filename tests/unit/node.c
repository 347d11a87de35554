/*
 * What is read of a Node (core/v1), and which changes of it matter.
 */
#include "admission/node.h"

#include "nodes.h"
#include "util/labels.h"

static struct node *read_text(const char *text)
{
        json_auto_t *object = json_text(text);

        return node_from(object);
}

static const struct node_case {
        const char *name, *node;
        bool is_virtual, schedulable;
        const char *region, *series;
        int64_t gpus;
} cases[] = {
        {"a real node", NODE("n", "'disk': 'ssd'", "8"), false, true, "", "", 8},
        {"GPUs of every resource that counts",
         NODE_OF("n", "", "",
                 READY ", 'allocatable': {'cpu': '64', 'nvidia.com/gpu': 4, 'alibabacloud.com/ppu': '2'}"),
         false, true, "", "", 6},
        {"no GPUs", NODE_OF("n", "", "", READY ", 'allocatable': {'cpu': '64', 'nvidia.com/gpu': '0'}"), false, true,
         "", "", 0},
        {"cordoned", NODE_OF("n", "", "'unschedulable': true", READY), false, false, "", "", 0},
        {"not Ready", NODE_OF("n", "", "", "'conditions': [{'type': 'Ready', 'status': 'False'}]"), false, false, "",
         "", 0},
        {"not heard of", NODE_OF("n", "", "", "'conditions': [{'type': 'Ready', 'status': 'Unknown'}]"), false, false,
         "", "", 0},
        {"other conditions say nothing",
         NODE_OF("n", "", "",
                 "'conditions': [{'type': 'DiskPressure', 'status': 'True'}, {'type': 'Ready', 'status': 'True'}, "
                 "{'type': 'MemoryPressure', 'status': 'False'}]"),
         false, true, "", "", 0},
        {"new, without conditions", NODE_OF("n", "", "", ""), false, false, "", "", 0},
        {"virtual by its label",
         VIRTUAL_NODE("n", "cn-beijing", ", 'alibabacloud.com/gpu-model-series': 'GU8TF'", "16"), true, true,
         "cn-beijing", "GU8TF", 16},
        {"virtual by its taint",
         NODE_OF("n", "'alibabacloud.com/serverless-region-id': 'cn-beijing'",
                 "'taints': [{'key': 'a'}, {'key': 'virtual-kubelet.io/provider', 'value': 'alibabacloud', 'effect': "
                 "'NoSchedule'}]",
                 READY),
         true, true, "cn-beijing", "", 0},
        {"of another type", NODE("n", "'type': 'gpu'", "1"), false, true, "", "", 1},
};

START_TEST(reads)
{
        const struct node_case *test = &cases[_i];
        _cleanup_(node_unrefp) struct node *node = read_text(test->node);

        ck_assert_str_eq(node->name, "n");
        ck_assert_msg(node->is_virtual == test->is_virtual && node->schedulable == test->schedulable &&
                              !strcmp(node->region, test->region) && !strcmp(node->series, test->series) &&
                              node->gpus == test->gpus,
                      "%s", test->name);
}
END_TEST

static const struct fault_case {
        const char *node, *path;
} faults[] = {
        {"{'spec': {}}", "metadata.name"},
        {"{'metadata': {'name': ''}}", "metadata.name"},
        {"{'metadata': {'name': 'n', 'labels': {'a': 1}}}", "metadata.labels.a"},
        {"{'metadata': {'name': 'n'}, 'spec': {'unschedulable': 'yes'}}", "spec.unschedulable"},
        {"{'metadata': {'name': 'n'}, 'spec': {'taints': {}}}", "spec.taints"},
        {"{'metadata': {'name': 'n'}, 'spec': {'taints': [{'key': 1}]}}", "spec.taints[0].key"},
        {"{'metadata': {'name': 'n'}, 'status': {'conditions': [{'type': 1}]}}", "status.conditions[0].type"},
        {"{'metadata': {'name': 'n'}, 'status': {'allocatable': {'nvidia.com/gpu': 'many'}}}",
         "status.allocatable[nvidia.com/gpu]"},
        {"[]", ""},
};

START_TEST(says_what_is_malformed)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        json_auto_t *object = json_text(faults[_i].node);
        struct field root = field_root(object, NULL, &diagnostics);

        ck_assert_ptr_null(node_read(&root, pod_default_gpu_resources));
        ck_assert_uint_eq(diagnostics.n_errors, 1);
        ck_assert_str_eq(diagnostics.items[0].path, faults[_i].path);
}
END_TEST

static const struct change_case {
        const char *name, *node;
        bool equal;
} changes[] = {
        {"nothing", NODE("n", "'a': 'b'", "8"), true},
        {"a heartbeat",
         NODE_OF("n", "'a': 'b'", "",
                 "'conditions': [{'type': 'Ready', 'status': 'True', 'lastHeartbeatTime': '2026-01-01T00:00:00Z'}], "
                 "'allocatable': {'cpu': '3', 'nvidia.com/gpu': '8'}"),
         true},
        {"another name", NODE("m", "'a': 'b'", "8"), false},
        {"a label's value", NODE("n", "'a': 'c'", "8"), false},
        {"one label more", NODE("n", "'a': 'b', 'c': 'd'", "8"), false},
        {"one label less", NODE("n", "", "8"), false},
        {"its GPUs", NODE("n", "'a': 'b'", "7"), false},
        {"GPUs of another resource",
         NODE_OF("n", "'a': 'b'", "", READY ", 'allocatable': {'alibabacloud.com/ppu': '8'}"), false},
        {"cordoned",
         NODE_OF("n", "'a': 'b'", "'unschedulable': true", READY ", 'allocatable': {'nvidia.com/gpu': '8'}"), false},
        {"the taint of virtual nodes",
         NODE_OF("n", "'a': 'b'", "'taints': [{'key': 'virtual-kubelet.io/provider'}]",
                 READY ", 'allocatable': {'nvidia.com/gpu': '8'}"),
         false},
};

START_TEST(tells_what_matters)
{
        const struct change_case *test = &changes[_i];
        _cleanup_(node_unrefp) struct node *before = read_text(NODE("n", "'a': 'b'", "8")),
                                           *after = read_text(test->node);

        ck_assert_msg(node_equal(before, after) == test->equal, "%s", test->name);
        ck_assert_msg(node_equal(after, before) == test->equal, "%s", test->name);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, reads, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, says_what_is_malformed, 0, ARRAY_SIZE(faults));
        tcase_add_loop_test(tests, tells_what_matters, 0, ARRAY_SIZE(changes));
}

int main(void)
{
        return unit_main("node", add);
}
