/*
 * Durations, with values from the documentation of Go's time.ParseDuration and hand calculation.
 */
#include "util/duration.h"

#include <errno.h>

#include "check.h"

#define S INT64_C(1000000000)

static const struct duration_case {
        const char *text;
        int64_t ns;
        int result;
} cases[] = {
        {"0", 0, 0},
        {"10s", 10 * S, 0},
        {"+5s", 5 * S, 0},
        {"1m30s", 90 * S, 0},
        {"1h15m30.918s", 4530 * S + 918000000, 0},
        {"500ms", S / 2, 0},
        {"1.5h", 5400 * S, 0},
        {".5s", S / 2, 0},
        {"1.s", S, 0},
        {"1us", 1000, 0},
        {"1\xc2\xb5s", 1000, 0},
        {"1\xce\xbcs", 1000, 0},
        {"0.000000001s", 1, 0},
        {"0.0000000001s", 0, 0},
        {"2562047h", INT64_C(2562047) * 3600 * S, 0},
        {"2562048h", 0, -ERANGE},
        {"99999999999999999999s", 0, -ERANGE},
        {"", 0, -EINVAL},
        {"10", 0, -EINVAL},
        {"s", 0, -EINVAL},
        {".s", 0, -EINVAL},
        {"-1s", 0, -EINVAL},
        {"10 s", 0, -EINVAL},
        {"10x", 0, -EINVAL},
        {"10s5", 0, -EINVAL},
        {"1..5s", 0, -EINVAL},
};

START_TEST(parses)
{
        int64_t ns = -1;
        int r = duration_parse(&ns, cases[_i].text);

        ck_assert_msg(r == cases[_i].result, "\"%s\" answers %d", cases[_i].text, r);
        if (!r)
                ck_assert_msg(ns == cases[_i].ns, "\"%s\" is %lld ns", cases[_i].text, (long long)ns);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, parses, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("duration", add);
}
