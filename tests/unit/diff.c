/*
 * Differences in the unified format of diff(1): hunks with three lines of context, counted as POSIX says.
 */
#include "util/diff.h"

#include <string.h>

#include "check.h"
#include "util/cleanup.h"

#define NAMES "--- old\n+++ new\n"

static const struct diff_case {
        const char *name;
        const char *old, *new;
        const char *diff;
} diff_cases[] = {
        {"the same", "a\nb\n", "a\nb\n", ""},
        {"nothing and nothing", "", "", ""},
        {"a changed line", "a\n", "b\n", NAMES "@@ -1,1 +1,1 @@\n-a\n+b\n"},
        {"a new text", "", "a\nb\n", NAMES "@@ -0,0 +1,2 @@\n+a\n+b\n"},
        {"a text that is gone", "a\nb\n", "", NAMES "@@ -1,2 +0,0 @@\n-a\n-b\n"},
        {"a line added in front", "b\n", "a\nb\n", NAMES "@@ -1,1 +1,2 @@\n+a\n b\n"},
        {"a line added behind", "a\n", "a\nb\n", NAMES "@@ -1,1 +1,2 @@\n a\n+b\n"},
        {"a line removed between", "a\nb\nc\n", "a\nc\n", NAMES "@@ -1,3 +1,2 @@\n a\n-b\n c\n"},
        {"an empty line", "a\nb\n", "a\n\nb\n", NAMES "@@ -1,2 +1,3 @@\n a\n+\n b\n"},
        {"what is removed comes before what is added", "a\nx\ny\nb\n", "a\n1\n2\nb\n",
         NAMES "@@ -1,4 +1,4 @@\n a\n-x\n-y\n+1\n+2\n b\n"},
        {"three lines of context on either side", "1\n2\n3\n4\nx\n6\n7\n8\n9\n", "1\n2\n3\n4\ny\n6\n7\n8\n9\n",
         NAMES "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-x\n+y\n 6\n 7\n 8\n"},
        {"six lines between two changes keep them in one hunk", "x\n1\n2\n3\n4\n5\n6\nx\n",
         "y\n1\n2\n3\n4\n5\n6\ny\n", NAMES "@@ -1,8 +1,8 @@\n-x\n+y\n 1\n 2\n 3\n 4\n 5\n 6\n-x\n+y\n"},
        {"seven lines between two changes part them", "x\n1\n2\n3\n4\n5\n6\n7\nx\n", "y\n1\n2\n3\n4\n5\n6\n7\ny\n",
         NAMES "@@ -1,4 +1,4 @@\n-x\n+y\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-x\n+y\n"},
        {"the second hunk's lines are counted on in both texts", "a\n1\n2\n3\n4\n5\n6\n7\n8\nb\n",
         "1\n2\n3\n4\n5\n6\n7\n8\nb\nc\n",
         NAMES "@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -8,3 +7,4 @@\n 7\n 8\n b\n+c\n"},
        {"the most lines are kept", "a\nb\nc\nd\ne\n", "c\nd\na\nb\ne\n",
         NAMES "@@ -1,5 +1,5 @@\n-a\n-b\n c\n d\n+a\n+b\n e\n"},
        {"a line that only begins alike differs", "ab\n", "a\n", NAMES "@@ -1,1 +1,1 @@\n-ab\n+a\n"},
};

START_TEST(prints_the_unified_format)
{
        const struct diff_case *test = &diff_cases[_i];
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_int_eq(diff_print(stream, "old", test->old, "new", test->new), 0);
        fclose(stream);
        ck_assert_msg(!strcmp(text, test->diff), "%s:\n%s", test->name, text);
}
END_TEST

/* A line of either text is printed once, with its own sign. */
START_TEST(long_texts_that_share_nothing_are_replaced)
{
        _cleanup_(freep) char *old = calloc(1, 2001), *new = calloc(1, 2001), *text = NULL;
        size_t size, removed = 0, added = 0;
        FILE *stream = open_memstream(&text, &size);

        for (int i = 0; i < 1000; i++) {
                memcpy(old + 2 * i, "a\n", 2);
                memcpy(new + 2 * i, "b\n", 2);
        }
        ck_assert_int_eq(diff_print(stream, "old", old, "new", new), 0);
        fclose(stream);
        ck_assert_ptr_nonnull(strstr(text, "@@ -1,1000 +1,1000 @@\n"));
        for (const char *c = text; (c = strchr(c, '\n')); c++) {
                removed += c[1] == '-';
                added += c[1] == '+';
        }
        ck_assert_uint_eq(removed, 1000);
        ck_assert_uint_eq(added, 1000 + 1); /* and the name of the new text */
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, prints_the_unified_format, 0, ARRAY_SIZE(diff_cases));
        tcase_add_test(tests, long_texts_that_share_nothing_are_replaced);
}

int main(void)
{
        return unit_main("diff", add);
}
