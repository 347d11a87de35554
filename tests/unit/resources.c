/*
 * Lists of resources: sums and maxima by name, and reading them (core/v1 ResourceList).
 */
#include "quota/resources.h"

#include <stdio.h>

#include "json.h"
#include "manifest/field.h"

/* "cpu=1500m memory=1Gi" */
static struct resources list_of(const char *text)
{
        struct resources resources = RESOURCES_INIT;
        struct quantity quantity;
        char name[64], value[64];
        int n;

        for (; sscanf(text, " %63[^=]=%63s%n", name, value, &n) == 2; text += n) {
                ck_assert_int_eq(quantity_parse(&quantity, value), 0);
                ck_assert_int_eq(resources_set(&resources, name, quantity), 0);
        }
        return resources;
}

/* "cpu=1.5 memory=1073741824" */
static char *text_of(const struct resources *resources)
{
        char *text = NULL, buffer[QUANTITY_TEXT_MAX];
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        for (size_t i = 0; i < resources->count; i++)
                fprintf(stream, "%s%s=%s", i ? " " : "", resources->items[i].name,
                        quantity_format(resources->items[i].quantity, buffer));
        fclose(stream);
        return text;
}

static void assert_list(const char *name, const struct resources *resources, const char *expected)
{
        _cleanup_(freep) char *text = text_of(resources);

        ck_assert_msg(!strcmp(text, expected), "%s: %s", name, text);
}

static const struct two_case {
        const char *name;
        const char *to, *from;
        const char *sum, *most;
} two_cases[] = {
        {"nothing and nothing", "", "", "", ""},
        {"something and nothing", "cpu=1", "", "cpu=1", "cpu=1"},
        {"nothing and something", "", "cpu=1 memory=2", "cpu=1 memory=2", "cpu=1 memory=2"},
        {"the same names", "cpu=1 memory=1Ki", "cpu=500m memory=2Ki", "cpu=1.5 memory=3072", "cpu=1 memory=2048"},
        {"names in another order", "a=1 b=2", "b=1 a=2", "a=3 b=3", "a=2 b=2"},
        {"other names come behind", "b=1", "a=2 b=3 c=4", "b=4 a=2 c=4", "b=3 a=2 c=4"},
        {"a name that is new is taken even if it is negative", "a=1", "b=-1", "a=1 b=-1", "a=1 b=-1"},
};

START_TEST(adds_by_name)
{
        const struct two_case *test = &two_cases[_i];
        _cleanup_(resources_clear) struct resources to = list_of(test->to), from = list_of(test->from);

        ck_assert_int_eq(resources_add(&to, &from), 0);
        assert_list(test->name, &to, test->sum);
}
END_TEST

START_TEST(takes_the_larger_by_name)
{
        const struct two_case *test = &two_cases[_i];
        _cleanup_(resources_clear) struct resources to = list_of(test->to), from = list_of(test->from);

        ck_assert_int_eq(resources_max(&to, &from), 0);
        assert_list(test->name, &to, test->most);
}
END_TEST

START_TEST(subtracting_what_was_added_leaves_what_was_there)
{
        const struct two_case *test = &two_cases[_i];
        _cleanup_(resources_clear) struct resources to = list_of(test->to), from = list_of(test->from);
        _cleanup_(resources_clear) struct resources before = list_of(test->to);

        ck_assert_int_eq(resources_add(&to, &from), 0);
        resources_subtract(&to, &from);
        for (size_t i = 0; i < to.count; i++) {
                const struct quantity *was = resources_find(&before, to.items[i].name);

                ck_assert_int_eq(quantity_compare(to.items[i].quantity, was ? *was : quantity_whole(0)), 0);
        }
}
END_TEST

START_TEST(a_copy_is_its_own)
{
        _cleanup_(resources_clear) struct resources list = list_of("cpu=1 memory=2"), copy = RESOURCES_INIT;

        ck_assert_int_eq(resources_copy(&copy, &list), 0);
        ck_assert_int_eq(resources_set(&list, "cpu", quantity_whole(9)), 0);
        assert_list("the copy", &copy, "cpu=1 memory=2");
        assert_list("the list", &list, "cpu=9 memory=2");
        ck_assert_ptr_null(resources_find(&list, "cp"));
        ck_assert_ptr_null(resources_find(&list, "CPU"));
}
END_TEST

static const struct read_case {
        const char *name;
        const char *object;
        const char *list; /* NULL: refused */
        const char *path; /* of the first error */
} read_cases[] = {
        {"strings and numbers are quantities", "{'resources': {'cpu': '500m', 'nvidia.com/gpu': 2}}",
         "cpu=0.5 nvidia.com/gpu=2", NULL},
        {"nothing is an empty list", "{}", "", NULL},
        {"null is an empty list", "{'resources': null}", "", NULL},
        {"a quantity that is null is left out", "{'resources': {'cpu': null, 'memory': '1'}}", "memory=1", NULL},
        {"a word is no quantity", "{'resources': {'cpu': 'much'}}", NULL, "resources.cpu"},
        {"a boolean is no quantity", "{'resources': {'nvidia.com/gpu': true}}", NULL, "resources[nvidia.com/gpu]"},
        {"a list is no map", "{'resources': ['cpu']}", NULL, "resources"},
};

START_TEST(reads_a_map_of_quantities)
{
        const struct read_case *test = &read_cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(resources_clear) struct resources resources = RESOURCES_INIT;
        json_auto_t *object = json_text(test->object);
        struct field root = field_root(object, NULL, &diagnostics), field = field_member(&root, "resources");

        ck_assert_msg(resources_read(&resources, &field) == !!test->list, "%s", test->name);
        ck_assert_msg(diagnostics.n_errors == !test->list, "%s", test->name);
        if (test->list)
                assert_list(test->name, &resources, test->list);
        else
                ck_assert_str_eq(diagnostics.items[0].path, test->path);
}
END_TEST

START_TEST(every_wrong_quantity_is_told)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(resources_clear) struct resources resources = RESOURCES_INIT;
        json_auto_t *object = json_text("{'a': 'x', 'b': '1', 'c': 'y'}");
        struct field root = field_root(object, NULL, &diagnostics);

        ck_assert(!resources_read(&resources, &root));
        ck_assert_uint_eq(diagnostics.n_errors, 2);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, adds_by_name, 0, ARRAY_SIZE(two_cases));
        tcase_add_loop_test(tests, takes_the_larger_by_name, 0, ARRAY_SIZE(two_cases));
        tcase_add_loop_test(tests, subtracting_what_was_added_leaves_what_was_there, 0, ARRAY_SIZE(two_cases));
        tcase_add_test(tests, a_copy_is_its_own);
        tcase_add_loop_test(tests, reads_a_map_of_quantities, 0, ARRAY_SIZE(read_cases));
        tcase_add_test(tests, every_wrong_quantity_is_told);
}

int main(void)
{
        return unit_main("resources", add);
}
