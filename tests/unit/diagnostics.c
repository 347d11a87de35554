/*
 * Diagnostics: how they read, and how they are counted and moved.
 */
#include "manifest/diagnostics.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "manifest/manifest.h"
#include "util/cleanup.h"

static char file[] = "policies.yaml", path[] = "spec.units[1].max", none[] = "", message[] = "must be a number";

static const struct format_case {
        const char *name;
        struct diagnostic diagnostic;
        const char *text;
} format_cases[] = {
        {"everything is known",
         {SEVERITY_ERROR, file, 12, path, message},
         "policies.yaml:12: spec.units[1].max: must be a number"},
        {"the line is not known",
         {SEVERITY_ERROR, file, 0, path, message},
         "policies.yaml: spec.units[1].max: must be a number"},
        {"the file as a whole", {SEVERITY_WARNING, file, 3, none, message}, "policies.yaml:3: must be a number"},
        {"the file as a whole, on no line",
         {SEVERITY_ERROR, file, 0, none, message},
         "policies.yaml: must be a number"},
        {"an object from no file", {SEVERITY_ERROR, NULL, 0, path, message}, "spec.units[1].max: must be a number"},
        {"a line of no file is left out",
         {SEVERITY_ERROR, NULL, 7, path, message},
         "spec.units[1].max: must be a number"},
        {"nothing but what is wrong", {SEVERITY_ERROR, NULL, 0, none, message}, "must be a number"},
};

START_TEST(reads_as_a_compiler_would_say_it)
{
        _cleanup_(freep) char *text = diagnostic_format(&format_cases[_i].diagnostic);

        ck_assert_str_eq(text, format_cases[_i].text);
}
END_TEST

START_TEST(errors_are_counted_and_warnings_kept)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;

        diagnostics_add(&diagnostics, SEVERITY_WARNING, NULL, "a", "may be %d", 1);
        diagnostics_add(&diagnostics, SEVERITY_ERROR, NULL, "b", "must be %s", "x");
        diagnostics_add_file(&diagnostics, SEVERITY_ERROR, "f", 3, "is %s", "bad");
        ck_assert_uint_eq(diagnostics.count, 3);
        ck_assert_uint_eq(diagnostics.n_errors, 2);
        ck_assert_int_eq(diagnostics.failure, 0);
        ck_assert_str_eq(diagnostics.items[0].message, "may be 1");
        ck_assert_ptr_null(diagnostics.items[0].file);
        ck_assert_uint_eq(diagnostics.items[0].line, 0);
        ck_assert_str_eq(diagnostics.items[1].path, "b");
        ck_assert_str_eq(diagnostics.items[2].file, "f");
        ck_assert_uint_eq(diagnostics.items[2].line, 3);
        ck_assert_str_eq(diagnostics.items[2].path, "");
        diagnostics_clear(&diagnostics);
        ck_assert_uint_eq(diagnostics.count, 0);
        ck_assert_uint_eq(diagnostics.n_errors, 0);
}
END_TEST

START_TEST(errors_alone_are_printed)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        diagnostics_add_file(&diagnostics, SEVERITY_WARNING, "a.yaml", 1, "an odd thing");
        diagnostics_add_file(&diagnostics, SEVERITY_ERROR, "a.yaml", 2, "a wrong thing");
        diagnostics_add_file(&diagnostics, SEVERITY_ERROR, "b.yaml", 3, "another");
        diagnostics_print_errors(&diagnostics, stream);
        ck_assert_int_eq(fclose(stream), 0);
        ck_assert_str_eq(text, "a.yaml:2: a wrong thing\nb.yaml:3: another\n");
}
END_TEST

START_TEST(the_line_is_looked_up_in_the_object)
{
        static const char text[] = "apiVersion: v1\nkind: Pod\nspec:\n  a: 1\n  b: 2\n";
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct manifests manifests = MANIFESTS_INIT;

        ck_assert_int_eq(manifests_parse(&manifests, "f.yaml", text, sizeof(text) - 1, &diagnostics), 0);
        diagnostics_add(&diagnostics, SEVERITY_ERROR, &manifests.items[0], "spec.b", "is wrong");
        diagnostics_add(&diagnostics, SEVERITY_ERROR, &manifests.items[0], "", "is wrong");
        manifests_clear(&manifests); /* what was said of it stays */
        ck_assert_str_eq(diagnostics.items[0].file, "f.yaml");
        ck_assert_uint_eq(diagnostics.items[0].line, 5);
        ck_assert_uint_eq(diagnostics.items[1].line, 1);
}
END_TEST

START_TEST(moving_appends_and_leaves_nothing_behind)
{
        _cleanup_(diagnostics_clear) struct diagnostics to = DIAGNOSTICS_INIT, from = DIAGNOSTICS_INIT;

        diagnostics_add(&to, SEVERITY_ERROR, NULL, "a", "first");
        diagnostics_add(&from, SEVERITY_WARNING, NULL, "b", "second");
        diagnostics_add(&from, SEVERITY_ERROR, NULL, "c", "third");
        diagnostics_move(&to, &from);
        ck_assert_uint_eq(to.count, 3);
        ck_assert_uint_eq(to.n_errors, 2);
        ck_assert_str_eq(to.items[0].message, "first");
        ck_assert_str_eq(to.items[1].message, "second");
        ck_assert_str_eq(to.items[2].message, "third");
        ck_assert_uint_eq(from.count, 0);
        ck_assert_uint_eq(from.n_errors, 0);
        diagnostics_move(&to, &from);
        ck_assert_uint_eq(to.count, 3);
}
END_TEST

START_TEST(what_was_lost_is_counted_where_it_is_moved_to)
{
        struct diagnostics to = DIAGNOSTICS_INIT, from = {.n_errors = 1, .failure = -ENOMEM};

        diagnostics_move(&to, &from);
        ck_assert_uint_eq(to.count, 0);
        ck_assert_uint_eq(to.n_errors, 1);
        ck_assert_int_eq(to.failure, -ENOMEM);
        ck_assert_int_eq(from.failure, 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, reads_as_a_compiler_would_say_it, 0, ARRAY_SIZE(format_cases));
        tcase_add_test(tests, errors_are_counted_and_warnings_kept);
        tcase_add_test(tests, errors_alone_are_printed);
        tcase_add_test(tests, the_line_is_looked_up_in_the_object);
        tcase_add_test(tests, moving_appends_and_leaves_nothing_behind);
        tcase_add_test(tests, what_was_lost_is_counted_where_it_is_moved_to);
}

int main(void)
{
        return unit_main("diagnostics", add);
}
