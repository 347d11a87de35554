/*
 * Points in time as Kubernetes writes them; the values are date(1)'s.
 */
#include "kube/timestamp.h"

#include "check.h"

static const struct time_case {
        int64_t micro;
        const char *seconds, *text;
} time_cases[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z"},
        {951782399999999, "2000-02-28T23:59:59Z", "2000-02-28T23:59:59.999999Z"},
        {951782400000000, "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"},
        {1767323045678901, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678901Z"},
};

START_TEST(times_are_written_in_both_ways)
{
        const struct time_case *test = &time_cases[_i];
        char buffer[TIMESTAMP_SIZE];

        ck_assert_str_eq(timestamp_seconds(test->micro / 1000000, buffer), test->seconds);
        ck_assert_str_eq(timestamp_micro(test->micro, buffer), test->text);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, times_are_written_in_both_ways, 0, ARRAY_SIZE(time_cases));
}

int main(void)
{
        return unit_main("timestamp", add);
}
