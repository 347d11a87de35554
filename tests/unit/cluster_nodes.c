/*
 * The nodes of the cluster: a table when the first list has ended, and another whenever something has changed that
 * matters, and only then.
 */
#include "cluster/nodes.h"

#include "nodes.h"

#define A(gpus) NODE("a", "", gpus)
#define B(gpus) NODE("b", "", gpus)

static struct cluster_nodes *nodes;
static unsigned tables; /* how many there have been */
static char last[256];  /* the last one: "a=8 b=4 " */

static void use(void *userdata, struct node_table *table)
{
        ck_assert_ptr_eq(userdata, &tables);
        tables++;
        *last = '\0';
        for (size_t i = 0; i < node_table_count(table); i++) {
                const struct node *node = node_table_at(table, i);
                size_t length = strlen(last);

                snprintf(last + length, sizeof(last) - length, "%s=%d ", node->name, (int)node->gpus);
        }
}

static void setup(void)
{
        tables = 0;
        *last = '\0';
        ck_assert_int_eq(cluster_nodes_new(&nodes, pod_default_gpu_resources, use, &tables), 0);
}

static void teardown(void)
{
        nodes = cluster_nodes_free(nodes);
}

/* What stands between the brackets of a JSON array of nodes. */
static void list(const char *text)
{
        char whole[2048];
        json_t *array, *item;
        size_t i;

        snprintf(whole, sizeof(whole), "[%s]", text);
        array = json_text(whole);
        ck_assert_int_eq(cluster_nodes_ops.list_begin(nodes), 0);
        json_array_foreach (array, i, item)
                ck_assert_int_eq(cluster_nodes_ops.list_item(nodes, item), 0);
        json_decref(array);
        ck_assert_int_eq(cluster_nodes_ops.list_end(nodes, 9), 0);
}

static int send_event(enum reflector_event event, const char *text)
{
        json_auto_t *object = json_text(text);

        return cluster_nodes_ops.event(nodes, event, object, 10);
}

static void assert_told(unsigned n, const char *expected)
{
        ck_assert_uint_eq(tables, n);
        ck_assert_str_eq(last, expected);
}

START_TEST(the_first_list_makes_a_table_even_of_nothing)
{
        list("");
        assert_told(1, "");
        list("");
        assert_told(1, "");
}
END_TEST

START_TEST(a_list_makes_another_where_something_differs)
{
        list(B("4") ", " A("8"));
        assert_told(1, "a=8 b=4 ");
        list(A("8") ", " B("4"));
        assert_told(1, "a=8 b=4 ");
        list(A("8") ", " B("2"));
        assert_told(2, "a=8 b=2 ");
        list(A("8") ", " NODE("c", "", "2"));
        assert_told(3, "a=8 c=2 ");
        list(A("8"));
        assert_told(4, "a=8 ");
}
END_TEST

START_TEST(a_list_that_broke_off_changes_nothing)
{
        json_auto_t *other = json_text(B("4"));

        list(A("8"));
        ck_assert_int_eq(cluster_nodes_ops.list_begin(nodes), 0);
        ck_assert_int_eq(cluster_nodes_ops.list_item(nodes, other), 0);
        list(A("8"));
        assert_told(1, "a=8 ");
}
END_TEST

START_TEST(events_make_another_where_they_matter)
{
        list(A("8"));
        ck_assert_int_eq(send_event(REFLECTOR_ADDED, B("4")), 0);
        assert_told(2, "a=8 b=4 ");
        ck_assert_int_eq(send_event(REFLECTOR_MODIFIED, B("4")), 0);
        assert_told(2, "a=8 b=4 ");
        ck_assert_int_eq(send_event(REFLECTOR_MODIFIED, B("3")), 0);
        assert_told(3, "a=8 b=3 ");
        ck_assert_int_eq(send_event(REFLECTOR_DELETED, A("8")), 0);
        assert_told(4, "b=3 ");
        ck_assert_int_eq(send_event(REFLECTOR_DELETED, A("8")), 0);
        assert_told(4, "b=3 ");
}
END_TEST

#define MALFORMED "{'metadata': {'name': 'a'}, 'spec': []}"

START_TEST(a_malformed_node_stays_as_it_was)
{
        list(A("8"));
        ck_assert_int_eq(send_event(REFLECTOR_MODIFIED, MALFORMED), 0);
        ck_assert_int_eq(send_event(REFLECTOR_ADDED, "{'metadata': {'name': 'x'}, 'spec': []}"), 0);
        ck_assert_int_eq(send_event(REFLECTOR_ADDED, "[]"), 0);
        list(MALFORMED ", " B("4"));
        assert_told(2, "a=8 b=4 ");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, the_first_list_makes_a_table_even_of_nothing);
        tcase_add_test(tests, a_list_makes_another_where_something_differs);
        tcase_add_test(tests, a_list_that_broke_off_changes_nothing);
        tcase_add_test(tests, events_make_another_where_they_matter);
        tcase_add_test(tests, a_malformed_node_stays_as_it_was);
}

int main(void)
{
        return unit_main("cluster_nodes", add);
}
