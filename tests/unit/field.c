/*
 * Fields: the way to them, what is read from them, and what is said of those that are wrong.
 */
#include "manifest/field.h"

#include "json.h"
#include "manifest/manifest.h"
#include "util/cleanup.h"
#include "util/labels.h"

static struct diagnostics diagnostics;

static void teardown(void)
{
        diagnostics_clear(&diagnostics);
}

START_TEST(a_path_is_written_as_a_person_would)
{
        json_auto_t *value = json_text("{'spec': {'units': [{'max': 1}], 'a.b/c': {'d': [[5]]}}}");
        struct field root = field_root(value, NULL, &diagnostics), spec = field_member(&root, "spec");
        struct field units = field_member(&spec, "units"), unit = field_item(&units, 0);
        struct field max = field_member(&unit, "max"), odd = field_member(&spec, "a.b/c");
        struct field d = field_member(&odd, "d"), list = field_item(&d, 0), item = field_item(&list, 0);
        struct field empty = field_member(&root, ""), top_odd = field_member(&root, "x y");
        const struct {
                const struct field *field;
                const char *path;
        } paths[] = {
                {&root, ""},
                {&spec, "spec"},
                {&units, "spec.units"},
                {&unit, "spec.units[0]"},
                {&max, "spec.units[0].max"},
                {&odd, "spec[a.b/c]"},
                {&d, "spec[a.b/c].d"},
                {&item, "spec[a.b/c].d[0][0]"},
                {&empty, "[]"},
                {&top_odd, "[x y]"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_(freep) char *path = field_path(paths[i].field);

                ck_assert_str_eq(path, paths[i].path);
        }
        ck_assert_int_eq(json_integer_value(max.value), 1);
        ck_assert_int_eq(json_integer_value(item.value), 5);
        ck_assert_uint_eq(field_count(&units), 1);
        ck_assert_uint_eq(field_count(&spec), 0);
}
END_TEST

START_TEST(what_is_not_there_reads_as_absent)
{
        json_auto_t *value = json_text("{'null': null, 'word': 'x', 'list': [null]}");
        struct field root = field_root(value, NULL, &diagnostics), list = field_member(&root, "list");
        struct field word = field_member(&root, "word"), none = field_root(NULL, NULL, &diagnostics);
        const struct field absent[] = {field_member(&root, "missing"), field_member(&root, "null"),
                                       field_item(&list, 0),           field_item(&list, 1),
                                       field_item(&root, 0),           field_member(&list, "x"),
                                       field_member(&word, "x"),       field_member(&none, "x")};

        for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
                const char *text = "before";
                struct labels *labels = NULL;
                int64_t count = -7;
                bool flag = true;
                int choice = -7;

                ck_assert_ptr_null(absent[i].value);
                ck_assert(field_object(&absent[i]) && field_array(&absent[i]));
                ck_assert(field_string(&absent[i], &text) && field_bool(&absent[i], &flag));
                ck_assert(field_count_number(&absent[i], &count) && field_labels(&absent[i], &labels));
                ck_assert(field_enum(&absent[i], (const char *const[]){"x", NULL}, &choice));
                ck_assert_str_eq(text, "before");
                ck_assert(flag && count == -7 && choice == -7 && !labels);
        }
        ck_assert_uint_eq(diagnostics.count, 0);
}
END_TEST

enum reader { OBJECT, ARRAY, STRING, BOOLEAN, COUNT, LABELS, ENUM };

static const char *const choices[] = {"a", "b", "c", NULL}, *const two_choices[] = {"a", "b", NULL};

static bool read_field(const struct field *field, enum reader reader)
{
        _cleanup_(labels_freep) struct labels *labels = NULL;
        const char *text;
        int64_t count;
        bool flag;
        int choice;

        switch (reader) {
        case OBJECT:
                return field_object(field);
        case ARRAY:
                return field_array(field);
        case STRING:
                return field_string(field, &text);
        case BOOLEAN:
                return field_bool(field, &flag);
        case COUNT:
                return field_count_number(field, &count);
        case LABELS:
                return field_labels(field, &labels);
        default:
                return field_enum(field, choices, &choice);
        }
}

static const struct reader_case {
        const char *name;
        enum reader reader;
        const char *value;
        const char *message; /* NULL: it is good */
} reader_cases[] = {
        {"an object", OBJECT, "{'a': 1}", NULL},
        {"a list is no object", OBJECT, "[]", "must be an object, not a list"},
        {"a word is no object", OBJECT, "'x'", "must be an object, not \"x\""},
        {"a list", ARRAY, "[1]", NULL},
        {"an object is no list", ARRAY, "{}", "must be a list, not an object"},
        {"a string", STRING, "'x'", NULL},
        {"an empty string", STRING, "''", NULL},
        {"a number is no string", STRING, "1", "must be a string, not 1"},
        {"a fraction is shown as it was written", STRING, "0.1", "must be a string, not 0.1"},
        {"a boolean is no string", STRING, "true", "must be a string, not true"},
        {"true", BOOLEAN, "true", NULL},
        {"a word is no boolean", BOOLEAN, "'true'", "must be true or false, not \"true\""},
        {"zero", COUNT, "0", NULL},
        {"the largest number", COUNT, "9223372036854775807", NULL},
        {"a negative number is no count", COUNT, "-1", "must be a non-negative integer, not -1"},
        {"a fraction is no count", COUNT, "1.5", "must be a non-negative integer, not 1.5"},
        {"a word is no count", COUNT, "'1'", "must be a non-negative integer, not \"1\""},
        {"labels", LABELS, "{'a': 'b', 'c': ''}", NULL},
        {"no labels", LABELS, "{}", NULL},
        {"a list is no labels", LABELS, "['a']", "must be an object, not a list"},
        {"one of the words", ENUM, "'c'", NULL},
        {"another word", ENUM, "'d'", "must be a, b or c, not \"d\""},
        {"a number for a word", ENUM, "1", "must be a string, not 1"},
        {"an empty word", ENUM, "''", "must be a, b or c, not \"\""},
};

START_TEST(readers_say_what_would_be_right)
{
        const struct reader_case *test = &reader_cases[_i];
        json_auto_t *value = json_text(test->value);
        struct field field = field_root(value, NULL, &diagnostics);

        ck_assert_msg(read_field(&field, test->reader) == !test->message, "%s", test->name);
        ck_assert_msg(diagnostics.n_errors == !!test->message, "%s", test->name);
        if (test->message)
                ck_assert_str_eq(diagnostics.items[0].message, test->message);
}
END_TEST

START_TEST(readers_give_what_is_written)
{
        json_auto_t *value = json_text("{'s': 'x', 'b': false, 'n': 7, 'l': {'k': 'v', 'j': 'w'}, 'e': 'b'}");
        struct field root = field_root(value, NULL, &diagnostics), s = field_member(&root, "s");
        struct field b = field_member(&root, "b"), n = field_member(&root, "n"), l = field_member(&root, "l");
        struct field e = field_member(&root, "e");
        _cleanup_(labels_freep) struct labels *labels = NULL;
        const char *text;
        int64_t count;
        bool flag = true;
        int choice;

        ck_assert(field_string(&s, &text) && field_bool(&b, &flag) && field_count_number(&n, &count));
        ck_assert(field_labels(&l, &labels) && field_enum(&e, choices, &choice));
        ck_assert_str_eq(text, "x");
        ck_assert(!flag);
        ck_assert_int_eq(count, 7);
        ck_assert_str_eq(labels_get(labels, "k"), "v");
        ck_assert_str_eq(labels_get(labels, "j"), "w");
        ck_assert_int_eq(choice, 1);
}
END_TEST

START_TEST(every_label_that_is_wrong_is_told)
{
        json_auto_t *value = json_text("{'labels': {'a': 1, 'b': 'x', 'c.d/e': null, 'f.g/h': true}}");
        struct field root = field_root(value, NULL, &diagnostics), field = field_member(&root, "labels");
        struct labels *labels = NULL;

        ck_assert(!field_labels(&field, &labels));
        ck_assert_ptr_null(labels);
        ck_assert_uint_eq(diagnostics.n_errors, 2);
        ck_assert_str_eq(diagnostics.items[0].path, "labels.a");
        ck_assert_str_eq(diagnostics.items[1].path, "labels[f.g/h]");
}
END_TEST

START_TEST(what_is_missing_is_called_missing)
{
        struct field root = field_root(NULL, NULL, &diagnostics), field = field_member(&root, "spec");

        ck_assert(!field_must_be(&field, "an object"));
        ck_assert_str_eq(diagnostics.items[0].path, "spec");
        ck_assert_str_eq(diagnostics.items[0].message, "must be an object; it is missing");
}
END_TEST

START_TEST(two_words_are_joined_by_or)
{
        json_auto_t *value = json_text("'x'");
        struct field field = field_root(value, NULL, &diagnostics);
        int choice;

        ck_assert(!field_enum(&field, two_choices, &choice));
        ck_assert_str_eq(diagnostics.items[0].message, "must be a or b, not \"x\"");
}
END_TEST

START_TEST(unknown_members_are_warned_of)
{
        json_auto_t *value = json_text("{'spec': {'a': 1, 'x': 1, 'b': 1, 'aa': 1}}");
        struct field root = field_root(value, NULL, &diagnostics), spec = field_member(&root, "spec");
        struct field none = field_member(&root, "none");

        field_warn_unknown(&spec, choices);
        field_warn_unknown(&none, choices);
        ck_assert_uint_eq(diagnostics.count, 2);
        ck_assert_uint_eq(diagnostics.n_errors, 0);
        ck_assert_str_eq(diagnostics.items[0].path, "spec.x");
        ck_assert_str_eq(diagnostics.items[1].path, "spec.aa");
        ck_assert_int_eq(diagnostics.items[0].severity, SEVERITY_WARNING);
}
END_TEST

START_TEST(a_fault_has_the_file_and_line_of_its_field)
{
        static const char text[] = "apiVersion: v1\nkind: Pod\nspec:\n  units:\n  - max: x\n";
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        struct field root, spec, units, unit, max;
        int64_t count;

        ck_assert_int_eq(manifests_parse(&manifests, "p.yaml", text, sizeof(text) - 1, &diagnostics), 0);
        root = field_root(manifests.items[0].object, &manifests.items[0], &diagnostics);
        spec = field_member(&root, "spec");
        units = field_member(&spec, "units");
        unit = field_item(&units, 0);
        max = field_member(&unit, "max");
        ck_assert(!field_count_number(&max, &count));
        ck_assert_str_eq(diagnostics.items[0].file, "p.yaml");
        ck_assert_uint_eq(diagnostics.items[0].line, 5);
        ck_assert_str_eq(diagnostics.items[0].path, "spec.units[0].max");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, NULL, teardown);
        tcase_add_test(tests, a_path_is_written_as_a_person_would);
        tcase_add_test(tests, what_is_not_there_reads_as_absent);
        tcase_add_loop_test(tests, readers_say_what_would_be_right, 0, ARRAY_SIZE(reader_cases));
        tcase_add_test(tests, readers_give_what_is_written);
        tcase_add_test(tests, every_label_that_is_wrong_is_told);
        tcase_add_test(tests, what_is_missing_is_called_missing);
        tcase_add_test(tests, two_words_are_joined_by_or);
        tcase_add_test(tests, unknown_members_are_warned_of);
        tcase_add_test(tests, a_fault_has_the_file_and_line_of_its_field);
}

int main(void)
{
        return unit_main("field", add);
}
