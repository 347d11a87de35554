/*
 * Warnings as k8s.io/apimachinery's NewWarningHeader writes them, and quoted-strings by RFC 9110 5.6.4.
 */
#include "kube/warning.h"

#include <string.h>

#include "check.h"
#include "util/cleanup.h"

static const struct warning_case {
        const char *name, *line, *text;
} cases[] = {
        {"an API server's warning", "Warning: 299 - \"nothing fits\"\r\n", "nothing fits\n"},
        {"a header's name has no case", "warning: 299 - \"nothing fits\"\r\n", "nothing fits\n"},
        {"quotes and backslashes are escaped", "Warning: 299 - \"a \\\"b\\\" c:\\\\d\"\r\n", "a \"b\" c:\\d\n"},
        {"a date may follow", "Warning: 299 - \"late\" \"Sat, 25 Aug 2012 23:34:45 GMT\"\r\n", "late\n"},
        {"another code is a cache's", "Warning: 110 - \"Response is stale\"\r\n", NULL},
        {"another header", "Content-Type: application/json\r\n", NULL},
        {"no text", "Warning: 299 -\r\n", NULL},
        {"an empty text", "Warning: 299 - \"\"\r\n", ""},
        {"a text without end", "Warning: 299 - \"never", ""},
        {"a text that ends in a backslash", "Warning: 299 - \"never\\", ""},
        {"the name alone", "Warning:", NULL},
        {"half a name", "Warn", NULL},
        {"nothing", "", NULL},
};

START_TEST(takes)
{
        const struct warning_case *test = &cases[_i];
        _cleanup_(freep) char *warnings = NULL, *exact = NULL;
        size_t size = strlen(test->line);

        exact = malloc(size + 1); /* so that a sanitizer sees a byte too many */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, test->line, size);
        exact = realloc(exact, size ? size : 1);
        ck_assert_ptr_nonnull(exact);
        ck_assert_int_eq(warning_take(&warnings, exact, size), 0);
        if (!test->text)
                ck_assert_msg(!warnings, "%s: \"%s\"", test->name, warnings);
        else
                ck_assert_msg(warnings && !strcmp(warnings, test->text), "%s: \"%s\"", test->name, warnings);
}
END_TEST

START_TEST(several_are_lines_in_their_order)
{
        static const char first[] = "Warning: 299 - \"one\"\r\n", second[] = "Warning: 299 - \"another\"\r\n";
        _cleanup_(freep) char *warnings = NULL;

        ck_assert_int_eq(warning_take(&warnings, first, strlen(first)), 0);
        ck_assert_int_eq(warning_take(&warnings, second, strlen(second)), 0);
        ck_assert_str_eq(warnings, "one\nanother\n");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, takes, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, several_are_lines_in_their_order);
}

int main(void)
{
        return unit_main("warning", add);
}
