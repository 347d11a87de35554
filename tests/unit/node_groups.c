/*
 * The nodes of a unit's nodeSelector, what they have, and which pods take from it.
 */
#include "admission/node_groups.h"

#include "nodes.h"
#include "objects.h"
#include "quota/counter.h"
#include "quota/reservation.h"

#define POLICY                                                                                              \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\nmetadata: {name: p}\n"     \
        "spec: {units: [{resource: ecs, nodeSelector: {zone: a, disk: ssd}}, {resource: elastic}, "         \
        "{resource: ecs, nodeSelector: {disk: ssd, zone: a}}, {resource: ecs, nodeSelector: {disk: nvme}}," \
        "{resource: acs, nodeSelector: {type: virtual-kubelet}}]}\n"
#define SSD "'disk': 'ssd', 'zone': 'a'"
#define NODES                                                                                            \
        NODE("one", SSD, "8")                                                                            \
        ", " NODE("two", SSD ", 'more': ''", "4") ", " NODE("other", "'disk': 'ssd'", "2") ", " NODE_OF( \
                "cordoned", SSD, "'unschedulable': true",                                                \
                READY ", 'allocatable': {'nvidia.com/gpu': '8'}") ", " VIRTUAL_NODE("virtual", "r", ", " SSD, "100")

static struct catalog *catalog;
static const struct node_groups *groups;

static void setup(void)
{
        struct node_table *nodes = node_table_text(NODES);

        catalog = catalog_with_nodes(POLICY, nodes);
        groups = catalog_node_groups(catalog);
        node_table_unref(nodes);
}

static void teardown(void)
{
        catalog = catalog_unref(catalog);
}

static struct labels *labels_text(const char *text)
{
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        json_auto_t *object = json_text(text);
        struct field root = field_root(object, NULL, &diagnostics);
        struct labels *labels = NULL;

        ck_assert(field_labels(&root, &labels));
        return labels;
}

static const struct group_case {
        const char *name, *selector;
        const char *key; /* NULL: there is no such group */
        size_t n_nodes;
        int64_t gpus;
} cases[] = {
        {"those that match it and take pods", "{'zone': 'a', 'disk': 'ssd'}", "nodes disk=ssd,zone=a", 2, 12},
        {"all real ones, for a unit without a nodeSelector", "{}", "nodes ", 3, 14},
        {"none", "{'disk': 'nvme'}", "nodes disk=nvme", 0, 0},
        {"a nodeSelector that no unit for real nodes has", "{'type': 'virtual-kubelet'}", NULL, 0, 0},
        {"a part of one", "{'disk': 'ssd'}", NULL, 0, 0},
};

START_TEST(adds_up_the_nodes_of_a_selector)
{
        const struct group_case *test = &cases[_i];
        _cleanup_(labels_freep) struct labels *selector = labels_text(test->selector);
        const struct node_group *group;
        struct quantity gpus;

        ck_assert_int_eq(node_groups_find(groups, &group, selector), 0);
        ck_assert_msg(!group == !test->key, "%s", test->name);
        if (!group)
                return;
        ck_assert_str_eq(group->key, test->key);
        ck_assert_uint_eq(group->n_nodes, test->n_nodes);
        ck_assert(node_group_capacity(group, "nvidia.com/gpu", &gpus));
        ck_assert_int_eq(quantity_value(gpus), test->gpus);
        ck_assert(node_group_capacity(group, "alibabacloud.com/ppu", &gpus));
        ck_assert_int_eq(quantity_value(gpus), 0);
        ck_assert(!node_group_capacity(group, "cpu", &gpus));
}
END_TEST

static const struct taking_case {
        const char *name;
        const char *node; /* NULL: not bound */
        const char *selector, *resource;
        const char *keys; /* in the order of units, each with a semicolon behind it */
} takers[] = {
        {"one that runs on a node takes from every group that the node is in", "one", "{}", "nvidia.com/gpu",
         "nodes disk=ssd,zone=a;nodes ;"},
        {"whatever its own nodeSelector says", "other", "{'disk': 'ssd', 'zone': 'a'}", "nvidia.com/gpu", "nodes ;"},
        {"one on a node that takes no more pods takes from none", "cordoned", "{}", "nvidia.com/gpu", ""},
        {"nor one on a virtual node", "virtual", "{}", "nvidia.com/gpu", ""},
        {"nor one on a node that is not known", "gone", "{}", "nvidia.com/gpu", ""},
        {"one that is not bound takes from the groups whose nodeSelector it carries", NULL,
         "{'disk': 'ssd', 'zone': 'a', 'more': ''}", "nvidia.com/gpu", "nodes disk=ssd,zone=a;nodes ;"},
        {"one that could go anywhere", NULL, "{}", "alibabacloud.com/ppu", "nodes ;"},
        {"what asks for no GPU takes none", "one", "{}", "cpu", ""},
};

START_TEST(pods_take_from_groups)
{
        const struct taking_case *test = &takers[_i];
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        _cleanup_(labels_freep) struct labels *selector = labels_text(test->selector);
        char resource[32], found[256] = "";
        struct resource item = {resource, quantity_whole(2)};
        struct reservation reservation = {
                .node = (char *)test->node, .node_selector = selector, .resources = {.items = &item, .count = 1}};

        strcpy(resource, test->resource);
        ck_assert_int_eq(node_groups_classify(groups, &reservation, &keys), 0);
        for (size_t i = 0; i < keys.count; i++)
                strcat(strcat(found, keys.items[i].name), ";");
        ck_assert_msg(!strcmp(found, test->keys), "%s: %s", test->name, found);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, adds_up_the_nodes_of_a_selector, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, pods_take_from_groups, 0, ARRAY_SIZE(takers));
}

int main(void)
{
        return unit_main("node_groups", add);
}
