/*
 * The nodes at one moment: found by name, and what virtual ones have by region and series.
 */
#include "admission/node_table.h"

#include "nodes.h"

START_TEST(finds_nodes_by_name)
{
        _cleanup_(node_table_unrefp) struct node_table *table =
                node_table_text(NODE("b", "", "1") ", " NODE("c", "", "2") ", " NODE("a", "", "3"));

        ck_assert_uint_eq(node_table_count(table), 3);
        ck_assert_str_eq(node_table_at(table, 0)->name, "a");
        ck_assert_int_eq(node_table_find(table, "a")->gpus, 3);
        ck_assert_int_eq(node_table_find(table, "c")->gpus, 2);
        ck_assert_ptr_null(node_table_find(table, "d"));
        ck_assert_ptr_null(node_table_find(table, ""));
        ck_assert_ptr_eq(node_table_gpu_resources(table), pod_default_gpu_resources);
}
END_TEST

START_TEST(there_may_be_none)
{
        _cleanup_(node_table_unrefp) struct node_table *table = node_table_text("");

        ck_assert_uint_eq(node_table_count(table), 0);
        ck_assert_ptr_null(node_table_find(table, "a"));
        ck_assert_int_eq(node_table_virtual_gpus(table, "r", ""), 0);
}
END_TEST

#define OF(series) ", 'alibabacloud.com/gpu-model-series': '" series "'"

static const struct capacity_case {
        const char *name, *region, *series, *nodes;
        int64_t gpus;
} cases[] = {
        {"all series of the region together", "r", "",
         VIRTUAL_NODE("a", "r", OF("A10"), "4") ", " VIRTUAL_NODE("b", "r", OF("T4"), "2") ", " VIRTUAL_NODE("c", "r",
                                                                                                             "", "1"),
         7},
        {"one series, and what may be of it", "r", "A10",
         VIRTUAL_NODE("a", "r", OF("A10"), "4") ", " VIRTUAL_NODE("b", "r", OF("T4"), "2") ", " VIRTUAL_NODE("c", "r",
                                                                                                             "", "1"),
         5},
        {"a series that the region does not have", "r", "L20", VIRTUAL_NODE("a", "r", OF("A10"), "4"), 0},
        {"another region's nodes do not count", "r", "", VIRTUAL_NODE("a", "s", "", "4"), 0},
        {"nor do real ones", "r", "", NODE("a", "'topology.kubernetes.io/region': 'r'", "4"), 0},
        {"nor those that take no pods", "r", "",
         NODE_OF("a", "'type': 'virtual-kubelet', 'topology.kubernetes.io/region': 'r'", "'unschedulable': true",
                 READY ", 'allocatable': {'nvidia.com/gpu': '4'}"),
         0},
};

START_TEST(adds_up_virtual_nodes)
{
        const struct capacity_case *test = &cases[_i];
        _cleanup_(node_table_unrefp) struct node_table *table = node_table_text(test->nodes);
        int64_t gpus = node_table_virtual_gpus(table, test->region, test->series);

        ck_assert_msg(gpus == test->gpus, "%s: %lld", test->name, (long long)gpus);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, finds_nodes_by_name);
        tcase_add_test(tests, there_may_be_none);
        tcase_add_loop_test(tests, adds_up_virtual_nodes, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("node_table", add);
}
