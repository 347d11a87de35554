/*
 * Quantities as apimachinery's resource.Quantity reads, compares and rounds them. tests/golden compares many more
 * with Kubernetes' own code.
 */
#include "quota/quantity.h"

#include <errno.h>

#include "json.h"
#include "manifest/field.h"

#define MAX INT64_MAX

/* An exact value: whole units (a quantity goes beyond int64) and 1e-9 units, with a sign. */
static struct quantity exact(int sign, uint64_t units, int64_t nano)
{
        return (struct quantity){.nano = sign * ((quantity_nano)units * QUANTITY_NANO_PER_UNIT + nano)};
}

static const struct parse_case {
        const char *text;
        int sign;
        uint64_t units;
        int64_t nano;
} parse_cases[] = {
        {"0", 1, 0, 0},
        {"5", 1, 5, 0},
        {"+5", 1, 5, 0},
        {"-5", -1, 5, 0},
        {"007", 1, 7, 0},
        {"1.5", 1, 1, 500000000},
        {".5", 1, 0, 500000000},
        {"5.", 1, 5, 0},
        {"-.25", -1, 0, 250000000},
        {"500m", 1, 0, 500000000},
        {"1500m", 1, 1, 500000000},
        {"7u", 1, 0, 7000},
        {"7n", 1, 0, 7},
        {"3k", 1, 3000, 0},
        {"3M", 1, 3000000, 0},
        {"3G", 1, 3000000000, 0},
        {"3T", 1, 3000000000000, 0},
        {"3P", 1, 3000000000000000, 0},
        {"3E", 1, 3000000000000000000, 0},
        {"3Ki", 1, 3072, 0},
        {"3Mi", 1, 3145728, 0},
        {"3Gi", 1, 3221225472, 0},
        {"3Ti", 1, 3298534883328, 0},
        {"3Pi", 1, 3377699720527872, 0},
        {"3Ei", 1, 3458764513820540928, 0},
        {"1.5Gi", 1, 1610612736, 0},
        {"1.1Ki", 1, 1126, 400000000},
        {"-1.5Ki", -1, 1536, 0},
        {"100.035k", 1, 100035, 0},
        {"1e3", 1, 1000, 0},
        {"1E3", 1, 1000, 0},
        {"1e+3", 1, 1000, 0},
        {"1e-3", 1, 0, 1000000},
        {"1.5e1", 1, 15, 0},
        {"12e0", 1, 12, 0},
        /* Finer than 1e-9: away from zero. */
        {"0.1n", 1, 0, 1},
        {"-0.1n", -1, 0, 1},
        {"1.0000000001", 1, 1, 1},
        {"1e-100", 1, 0, 1},
        {"0e-100", 1, 0, 0},
        {"0.00000000000Ki", 1, 0, 0},
        {"0.0000000000001Ki", 1, 0, 1},
        /* The largest. */
        {"9223372036854775807", 1, MAX, 0},
        {"9223372036854775807n", 1, 9223372036, 854775807},
        {"9999999999999999999", 1, 9999999999999999999U, 0},
        {"10000000000000000000", 1, 10000000000000000000U, 0},
        {"10000000000000000001", 1, 10000000000000000000U, 0},
        {"1e20", 1, 10000000000000000000U, 0},
        {"-1e20", -1, 10000000000000000000U, 0},
        {"11E", 1, 10000000000000000000U, 0},
        {"1e1000000000", 1, 10000000000000000000U, 0},
        {"123456789012345678901234567890123456789012345678901234567890", 1, 10000000000000000000U, 0},
        {"123456789012345678901234567890e-20", 1, 1234567890, 123456790},
        {"7Ei", 1, 8070450532247928832, 0},
        {"8Ei", 1, MAX, 0},
        {"-8Ei", -1, MAX, 0},
        {"99999999999999999999Ki", 1, MAX, 0},
};

START_TEST(parses)
{
        const struct parse_case *test = &parse_cases[_i];
        struct quantity quantity;

        ck_assert_msg(quantity_parse(&quantity, test->text) == 0, "%s", test->text);
        ck_assert_msg(!quantity_compare(quantity, exact(test->sign, test->units, test->nano)), "%s", test->text);
}
END_TEST

/* The first ones are those of apimachinery's own test. */
static const char *const no_quantities[] = {
        "1.1.M",   "1+1.0M", "0.1mi", "0.1am", "aoeu",  ".5i",  "1i",  "-3.01i",
        "-3.01e-", "",       " ",     " 1",    "1 ",    "1 k",  "--1", "+-1",
        "1K",      "1ki",    "1KI",   "1g",    "1kB",   "1Kii", "1e",  "1e+",
        "1e1.5",   "1e3k",   "0x10",  "1,5",   "1_000", "inf",  "nan", "1e99999999999999999999",
};

START_TEST(refuses_what_is_no_quantity)
{
        struct quantity quantity;

        ck_assert_msg(quantity_parse(&quantity, no_quantities[_i]) == -EINVAL, "\"%s\"", no_quantities[_i]);
}
END_TEST

static const struct json_case {
        const char *json;
        int r;
        uint64_t units;
        int64_t nano;
} json_cases[] = {
        {"'1.5Gi'", 0, 1610612736, 0},
        {"' \\t2\\n'", 0, 2, 0},
        {"3", 0, 3, 0},
        {"0.1", 0, 0, 100000000},
        {"2.5", 0, 2, 500000000},
        {"1e3", 0, 1000, 0},
        {"1e25", 0, 10000000000000000000U, 0},
        {"1e-12", 0, 0, 1},
        {"''", -EINVAL, 0, 0},
        {"'  '", -EINVAL, 0, 0},
        {"'1 000'", -EINVAL, 0, 0},
        {"true", -EINVAL, 0, 0},
        {"null", -EINVAL, 0, 0},
        {"[1]", -EINVAL, 0, 0},
        {"{}", -EINVAL, 0, 0},
};

START_TEST(reads_json_strings_and_numbers)
{
        const struct json_case *test = &json_cases[_i];
        json_auto_t *value = json_text(test->json);
        struct field field = field_root(value, NULL, NULL);
        struct quantity quantity;

        ck_assert_msg(quantity_read(&quantity, &field) == test->r, "%s", test->json);
        if (!test->r)
                ck_assert_msg(!quantity_compare(quantity, exact(1, test->units, test->nano)), "%s", test->json);
}
END_TEST

static const struct value_case {
        int sign;
        uint64_t units;
        int64_t nano;
        int64_t value;
        const char *text;
} value_cases[] = {
        {1, 0, 0, 0, "0"},
        {1, 0, 1, 1, "0.000000001"},
        {-1, 0, 1, -1, "-0.000000001"},
        {1, 1, 0, 1, "1"},
        {1, 1, 100000000, 2, "1.1"},
        {-1, 1, 100000000, -2, "-1.1"},
        {1, 1, 999999999, 2, "1.999999999"},
        {1, 0, 10, 1, "0.00000001"},
        {1, 1073741824, 0, 1073741824, "1073741824"},
        {1, 100, 0, 100, "100"},
        {1, MAX, 0, MAX, "9223372036854775807"},
        {-1, MAX, 0, -MAX, "-9223372036854775807"},
        {1, MAX, 1, MAX, "9223372036854775807.000000001"},
        {-1, 9223372036854775808U, 0, INT64_MIN, "-9223372036854775808"},
        {1, 10000000000000000000U, 0, MAX, "10000000000000000000"},
        {-1, 10000000000000000000U, 0, INT64_MIN, "-10000000000000000000"},
};

START_TEST(the_value_is_whole_and_away_from_zero)
{
        const struct value_case *test = &value_cases[_i];

        ck_assert_int_eq(quantity_value(exact(test->sign, test->units, test->nano)), test->value);
}
END_TEST

START_TEST(formats_as_a_plain_decimal_that_reads_as_itself)
{
        const struct value_case *test = &value_cases[_i];
        struct quantity quantity = exact(test->sign, test->units, test->nano), again;
        char buffer[QUANTITY_TEXT_MAX];

        ck_assert_str_eq(quantity_format(quantity, buffer), test->text);
        ck_assert_int_eq(quantity_parse(&again, buffer), 0);
        ck_assert_int_eq(quantity_compare(quantity, again), 0);
}
END_TEST

START_TEST(ten_billion_of_the_largest_add_up)
{
        struct quantity sum = quantity_whole(0), tenth = exact(1, 10000000000000000000U, 0);
        char buffer[QUANTITY_TEXT_MAX];

        for (int i = 0; i < 10; i++) {
                struct quantity ten = quantity_whole(0);

                for (int j = 0; j < 10; j++)
                        ten = quantity_add(ten, tenth);
                tenth = ten;
        }
        sum = quantity_add(sum, tenth);
        ck_assert_str_eq(quantity_format(sum, buffer), "100000000000000000000000000000");
        ck_assert_int_eq(quantity_value(sum), MAX);
        ck_assert_str_eq(quantity_format(quantity_subtract(quantity_whole(0), sum), buffer),
                         "-100000000000000000000000000000");
        ck_assert_int_gt(quantity_compare(sum, quantity_whole(MAX)), 0);
}
END_TEST

static const struct compare_case {
        const char *a, *b;
        int order;
} compare_cases[] = {
        {"1", "1000m", 0},  {"1Gi", "1073741824", 0}, {"1G", "1Gi", -1}, {"-1", "1n", -1},
        {"2", "1999m", 1},  {"0", "-0", 0},           {"-2", "-1", -1},  {"1e19", "9223372036854775807", 1},
        {"0.1", "100m", 0}, {"1e30", "1e40", 0},
};

START_TEST(compares_and_adds_exactly)
{
        const struct compare_case *test = &compare_cases[_i];
        struct quantity a, b;

        ck_assert_int_eq(quantity_parse(&a, test->a), 0);
        ck_assert_int_eq(quantity_parse(&b, test->b), 0);
        ck_assert_int_eq(quantity_compare(a, b), test->order);
        ck_assert_int_eq(quantity_compare(b, a), -test->order);
        ck_assert_int_eq(quantity_compare(quantity_subtract(quantity_add(a, b), b), a), 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, parses, 0, ARRAY_SIZE(parse_cases));
        tcase_add_loop_test(tests, refuses_what_is_no_quantity, 0, ARRAY_SIZE(no_quantities));
        tcase_add_loop_test(tests, reads_json_strings_and_numbers, 0, ARRAY_SIZE(json_cases));
        tcase_add_loop_test(tests, the_value_is_whole_and_away_from_zero, 0, ARRAY_SIZE(value_cases));
        tcase_add_loop_test(tests, formats_as_a_plain_decimal_that_reads_as_itself, 0, ARRAY_SIZE(value_cases));
        tcase_add_test(tests, ten_billion_of_the_largest_add_up);
        tcase_add_loop_test(tests, compares_and_adds_exactly, 0, ARRAY_SIZE(compare_cases));
}

int main(void)
{
        return unit_main("quantity", add);
}
