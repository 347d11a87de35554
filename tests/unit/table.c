/*
 * Tables in aligned columns, three blanks apart, as kubectl prints them.
 */
#include "util/table.h"

#include <string.h>

#include "check.h"
#include "util/cleanup.h"

#define ROWS_MAX 4

static const struct table_case {
        const char *name;
        const char *rows[ROWS_MAX][TABLE_COLUMNS_MAX + 1]; /* the first one is the heading */
        const char *text;
} table_cases[] = {
        {"a heading alone", {{"NAME", "AGE"}}, "NAME   AGE\n"},
        {"one column", {{"NAME"}, {"a"}, {"longer"}}, "NAME\na\nlonger\n"},
        {"columns are as wide as their widest text",
         {{"NAME", "GPUS", "AGE"}, {"a", "1", "5m"}, {"longer", "1234567", "1h"}},
         "NAME     GPUS      AGE\na        1         5m\nlonger   1234567   1h\n"},
        {"blanks at the end are left out",
         {{"NAME", "NODE", "NOTE"}, {"a", "", ""}, {"b", "n", ""}},
         "NAME   NODE   NOTE\na\nb      n\n"},
        {"an empty text keeps its place",
         {{"NAME", "NODE", "NOTE"}, {"a", "", "x"}, {"", "n", ""}},
         "NAME   NODE   NOTE\na             x\n       n\n"},
        {"letters beyond ASCII are one column wide",
         {{"N", "V"}, {"\xc3\xa9\xc3\xa9", "1"}, {"ab", "2"}},
         "N    V\n\xc3\xa9\xc3\xa9   1\nab   2\n"},
        {"eight columns",
         {{"A", "B", "C", "D", "E", "F", "G", "H"}, {"1", "2", "3", "4", "5", "6", "7", "8"}},
         "A   B   C   D   E   F   G   H\n1   2   3   4   5   6   7   8\n"},
};

START_TEST(prints_aligned_columns)
{
        const struct table_case *test = &table_cases[_i];
        _cleanup_(table_clear) struct table table = {0};
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_int_eq(table_init(&table, test->rows[0]), 0);
        for (size_t i = 1; i < ROWS_MAX && test->rows[i][0]; i++)
                ck_assert_int_eq(table_add(&table, test->rows[i]), 0);
        table_print(&table, stream);
        fclose(stream);
        ck_assert_msg(!strcmp(text, test->text), "%s:\n%s", test->name, text);
}
END_TEST

START_TEST(rows_are_copied)
{
        _cleanup_(table_clear) struct table table = {0};
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        char cell[] = "cell";

        ck_assert_int_eq(table_init(&table, (const char *const[]){"NAME", NULL}), 0);
        ck_assert_int_eq(table_add(&table, (const char *const[]){cell}), 0);
        memset(cell, 'x', sizeof(cell) - 1);
        table_print(&table, stream);
        fclose(stream);
        ck_assert_str_eq(text, "NAME\ncell\n");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, prints_aligned_columns, 0, ARRAY_SIZE(table_cases));
        tcase_add_test(tests, rows_are_copied);
}

int main(void)
{
        return unit_main("table", add);
}
