/*
 * Deadlines pass in the order of time, whatever order they were set in; and once removed, never.
 */
#include "daemon/deadline.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "check.h"
#include "util/clock.h"

#define N 8

struct alarm {
        struct deadline deadline; /* first: what `passed` gets */
        int number;
};

static struct deadlines *deadlines;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int passed[N]; /* in the order of passing; guarded by lock */
static size_t n_passed;

static void pass(struct deadline *deadline)
{
        pthread_mutex_lock(&lock);
        passed[n_passed++] = ((struct alarm *)deadline)->number;
        pthread_mutex_unlock(&lock);
}

static size_t count(void)
{
        size_t n;

        pthread_mutex_lock(&lock);
        n = n_passed;
        pthread_mutex_unlock(&lock);
        return n;
}

static void wait_for(size_t n)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (count() < n && clock_monotonic() < end)
                usleep(1000);
        ck_assert_uint_eq(count(), n);
}

static void set(struct alarm *alarm, int number, int64_t at)
{
        *alarm = (struct alarm){.deadline = {.at = at, .passed = pass}, .number = number};
        deadlines_add(deadlines, &alarm->deadline);
}

static void setup(void)
{
        n_passed = 0;
        ck_assert_int_eq(deadlines_new(&deadlines, NULL), 0);
}

static void teardown(void)
{
        deadlines_free(deadlines);
}

static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};

START_TEST(they_pass_in_the_order_of_time)
{
        int64_t start = clock_monotonic() + 50 * NS_PER_MS;
        struct alarm alarms[4];

        for (size_t i = 0; i < 4; i++)
                set(&alarms[i], orders[_i][i], start + orders[_i][i] * 10 * NS_PER_MS);
        wait_for(4);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(passed[i], i);
}
END_TEST

START_TEST(one_does_not_pass_before_its_time)
{
        int64_t at = clock_monotonic() + 60 * NS_PER_MS;
        struct alarm alarm;

        set(&alarm, 1, at);
        wait_for(1);
        ck_assert_int_ge(clock_monotonic(), at);
}
END_TEST

START_TEST(one_of_the_past_passes_at_once)
{
        struct alarm alarm;

        set(&alarm, 1, clock_monotonic() - NS_PER_SECOND);
        wait_for(1);
}
END_TEST

START_TEST(one_that_is_removed_never_passes)
{
        int64_t soon = clock_monotonic() + 50 * NS_PER_MS;
        struct alarm removed, kept;

        set(&removed, 1, soon);
        set(&kept, 2, soon + 10 * NS_PER_MS);
        deadlines_remove(deadlines, &removed.deadline);
        wait_for(1);
        ck_assert_int_eq(passed[0], 2);
}
END_TEST

START_TEST(removing_one_that_passed_or_was_never_added_does_nothing)
{
        struct alarm alarm, other = {.deadline = {.passed = pass}};

        set(&alarm, 1, clock_monotonic());
        wait_for(1);
        deadlines_remove(deadlines, &alarm.deadline);
        deadlines_remove(deadlines, &alarm.deadline);
        deadlines_remove(deadlines, &other.deadline);
        ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(one_may_be_set_again)
{
        struct alarm alarm;

        set(&alarm, 1, clock_monotonic());
        wait_for(1);
        alarm.deadline.at = clock_monotonic() + 10 * NS_PER_MS;
        deadlines_add(deadlines, &alarm.deadline);
        wait_for(2);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, they_pass_in_the_order_of_time, 0, ARRAY_SIZE(orders));
        tcase_add_test(tests, one_does_not_pass_before_its_time);
        tcase_add_test(tests, one_of_the_past_passes_at_once);
        tcase_add_test(tests, one_that_is_removed_never_passes);
        tcase_add_test(tests, removing_one_that_passed_or_was_never_added_does_nothing);
        tcase_add_test(tests, one_may_be_set_again);
}

int main(void)
{
        return unit_main("deadline", add);
}
