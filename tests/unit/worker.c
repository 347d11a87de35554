/*
 * A worker runs until it is ended, and can be started again after that.
 */
#include "util/worker.h"

#include "check.h"

struct work {
        struct worker worker;
        unsigned rounds; /* atomic */
};

static void *run(void *userdata)
{
        struct work *work = userdata;

        do {
                __atomic_add_fetch(&work->rounds, 1, __ATOMIC_RELAXED);
        } while (!stop_wait(&work->worker.stop, NS_PER_MS));
        return NULL;
}

START_TEST(it_works_until_it_is_ended)
{
        struct work work = {0};

        for (unsigned round = 1; round <= 3; round++) {
                ck_assert_int_eq(worker_start(&work.worker, run, &work), 0);
                worker_end(&work.worker);
                ck_assert_uint_ge(work.rounds, round);
        }
}
END_TEST

START_TEST(who_sleeps_for_long_is_woken_to_end)
{
        struct work work = {0};
        int64_t begun = clock_monotonic();

        ck_assert_int_eq(worker_start(&work.worker, run, &work), 0);
        while (!__atomic_load_n(&work.rounds, __ATOMIC_RELAXED))
                ;
        worker_end(&work.worker);
        ck_assert_int_lt(clock_monotonic() - begun, 10 * NS_PER_SECOND);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, it_works_until_it_is_ended);
        tcase_add_test(tests, who_sleeps_for_long_is_woken_to_end);
}

int main(void)
{
        return unit_main("worker", add);
}
