/*
 * Waits between tries: which bounds the k-th has, by hand.
 */
#include "util/backoff.h"

#include "check.h"

static const struct delay_case {
        int64_t first, most;
        int64_t due[6]; /* of the first waits; each is between half of it and all of it */
} delay_cases[] = {
        {100, 1000, {100, 200, 400, 800, 1000, 1000}},
        {100, 100, {100, 100, 100, 100, 100, 100}},
        {1, 3, {1, 2, 3, 3, 3, 3}},
};

static void check_delays(struct backoff *backoff, const struct delay_case *test)
{
        for (size_t i = 0; i < ARRAY_SIZE(test->due); i++) {
                int64_t delay = backoff_delay(backoff);

                ck_assert_int_ge(delay, test->due[i] / 2);
                ck_assert_int_le(delay, test->due[i]);
        }
}

START_TEST(waits_double_up_to_the_longest)
{
        const struct delay_case *test = &delay_cases[_i];
        struct backoff backoff = BACKOFF(test->first, test->most);

        check_delays(&backoff, test);
        backoff_reset(&backoff);
        check_delays(&backoff, test);
}
END_TEST

START_TEST(random_numbers_reach_both_ends_and_stay_within)
{
        int seen[3] = {0};

        for (int i = 0; i < 1000; i++) {
                int64_t number = backoff_random(-1, 1);

                ck_assert_int_ge(number, -1);
                ck_assert_int_le(number, 1);
                seen[number + 1]++;
        }
        for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
                ck_assert_int_gt(seen[i], 0);
        ck_assert_int_eq(backoff_random(7, 7), 7);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, waits_double_up_to_the_longest, 0, ARRAY_SIZE(delay_cases));
        tcase_add_test(tests, random_numbers_reach_both_ends_and_stay_within);
}

int main(void)
{
        return unit_main("backoff", add);
}
