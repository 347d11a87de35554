/*
 * Who waits sleeps as long as was asked, or until it is stopped.
 */
#include "util/stop.h"

#include <unistd.h>

#include "check.h"

static struct stop stop;

static void setup(void)
{
        ck_assert_int_eq(stop_init(&stop), 0);
}

static void teardown(void)
{
        stop_destroy(&stop);
}

START_TEST(it_is_not_set_at_first)
{
        int64_t begun = clock_monotonic();

        ck_assert(!stop_is_set(&stop));
        ck_assert(!stop_wait(&stop, 20 * NS_PER_MS));
        ck_assert_int_ge(clock_monotonic() - begun, 20 * NS_PER_MS);
        ck_assert(!stop_wait(&stop, 0));
}
END_TEST

START_TEST(once_set_nobody_waits)
{
        int64_t begun = clock_monotonic();

        stop_set(&stop);
        ck_assert(stop_is_set(&stop));
        ck_assert(stop_wait(&stop, 30 * NS_PER_SECOND));
        ck_assert_int_lt(clock_monotonic() - begun, 10 * NS_PER_SECOND);
}
END_TEST

static void *set_later(void *userdata)
{
        (void)userdata;
        usleep(20000);
        stop_set(&stop);
        return NULL;
}

START_TEST(who_waits_is_woken)
{
        int64_t begun = clock_monotonic();
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, set_later, NULL), 0);
        ck_assert(stop_wait(&stop, 30 * NS_PER_SECOND));
        ck_assert_int_lt(clock_monotonic() - begun, 10 * NS_PER_SECOND);
        pthread_join(thread, NULL);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, it_is_not_set_at_first);
        tcase_add_test(tests, once_set_nobody_waits);
        tcase_add_test(tests, who_waits_is_woken);
}

int main(void)
{
        return unit_main("stop", add);
}
