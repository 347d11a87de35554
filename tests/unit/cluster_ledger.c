/*
 * A cluster ledger as requests and watches see it: when it decides and on what, how promises and pods are matched,
 * and how promises leave it. What it sees of pods and of its object is in cluster_view.c, what comes of its writes in
 * cluster_write.c, what several replicas do to each other in cluster_ledger_race.c.
 */
#include "quota/cluster_ledger.h"

#include "fake_ledger_store.h"

#define LONG (60 * NS_PER_SECOND)
#define SHORT (200 * NS_PER_MS)

START_TEST(a_reservation_is_written_before_it_holds)
{
        struct promised promised;

        start(LONG);
        close_gate();
        ck_assert_int_eq(ask(&promised, "r", 4, 10), LEDGER_RESERVED);
        ck_assert_int_eq(ledger_wait(ledger, &promised.told.waiter, promised.commit), 0);
        assert_pool(0, 4);
        sem_wait(&fake.arrived);
        ck_assert_uint_eq(fake_entries(), 0);
        ck_assert_int_eq(sem_trywait(&promised.told.done), -1);
        open_gates();
        sem_wait(&promised.told.done);
        ck_assert_int_eq(promised.told.result, 0);
        ck_assert_uint_eq(fake_entries(), 1);
        ck_assert_uint_eq(ledger_count(ledger), 1);
        assert_pool(0, 4);
}
END_TEST

START_TEST(what_takes_nothing_from_anybody_is_not_written)
{
        struct promised promised;
        unsigned writes;

        start(LONG);
        writes = fake_count(&fake.writes);
        ck_assert_int_eq(ask(&promised, "r", 0, 10), LEDGER_RESERVED);
        ck_assert_uint_eq(promised.commit, 0);
        ck_assert_uint_eq(strlen(promised.id), RESERVATION_ID_SIZE - 1);
        ck_assert_uint_eq(fake_count(&fake.writes), writes);
}
END_TEST

START_TEST(a_refusal_says_what_pods_and_promises_hold_together)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "A10", 3);
        struct limit limits[] = {gpu_limit("all", 100), gpu_limit("r", 11)};
        struct promised promised;
        struct refusal refusal;
        char id[RESERVATION_ID_SIZE];
        uint64_t commit;

        start(LONG);
        show_pod("a", "", "r", 5, 101);
        promise(&promised, 4);
        ck_assert_int_eq(ledger_reserve(ledger, reservation, 1, limits, 2, &refusal, id, &commit, NULL),
                         LEDGER_REFUSED);
        ck_assert_uint_eq(refusal.limit, 1);
        ck_assert_int_eq(quantity_value(refusal.used), 9);
        ck_assert_int_eq(quantity_value(refusal.wanted), 3);
        ck_assert_int_eq(ledger_reserve(ledger, reservation, 2, limits, 2, &refusal, id, &commit, NULL),
                         LEDGER_STALE);
}
END_TEST

START_TEST(what_comes_during_a_write_goes_into_the_next_one_together)
{
        struct promised first, same[3], other;

        start(LONG);
        close_gate();
        ck_assert_int_eq(ask(&first, "r", 1, 100), LEDGER_RESERVED);
        sem_wait(&fake.arrived);
        for (size_t i = 0; i < ARRAY_SIZE(same); i++)
                ck_assert_int_eq(ask(&same[i], "r", 1, 100), LEDGER_RESERVED);
        ck_assert_int_eq(ask(&other, "s", 1, 100), LEDGER_RESERVED);
        ck_assert_str_eq(same[0].id, same[2].id);
        ck_assert_str_ne(same[0].id, first.id);
        ck_assert_str_ne(same[0].id, other.id);
        open_gates();
        ck_assert_int_eq(result_of(&first), 0);
        for (size_t i = 0; i < ARRAY_SIZE(same); i++)
                ck_assert_int_eq(result_of(&same[i]), 0);
        ck_assert_int_eq(result_of(&other), 0);
        ck_assert_uint_eq(fake_entries(), 3);
        ck_assert_uint_eq(status().commits, 2);
}
END_TEST

static void show_fence(void)
{
        fake_change("{'fence': '101'}", NULL);
        observe();
}

static void reach_fence(void)
{
        ck_assert_int_eq(cluster_ledger_view(cluster, 101), 0);
}

static void show_quotas(void)
{
        fake_change("{'quotas': '9'}", NULL);
        observe();
}

static void reach_quotas(void)
{
        cluster_ledger_quotas(cluster, 0, 9);
}

static void show_closed(void)
{
        fake_change("{'open': false}", NULL);
        observe();
}

static void show_open(void)
{
        fake_change("{'open': true}", NULL);
        observe();
}

static const struct obstacle_case {
        const char *reason; /* begins so */
        void (*come)(void);
        void (*go)(void);
} obstacle_cases[] = {
        {"the view of pods is behind", show_fence, reach_fence},
        {"the view of quotas is behind", show_quotas, reach_quotas},
        {"the ledger was lost", show_closed, show_open},
        {"the ledger must be read again", show_lost, open_gates},
};

START_TEST(who_cannot_decide_waits_until_it_can)
{
        const struct obstacle_case *test = &obstacle_cases[_i];
        struct told told = {.waiter.done = tell}, cancelled = {.waiter.done = tell};
        struct promised promised;
        int64_t since = 0;

        sem_init(&told.done, 0, 0);
        sem_init(&cancelled.done, 0, 0);
        start(LONG);
        ck_assert_int_eq(ledger_wait_current(ledger, &told.waiter), 1);
        ck_assert_ptr_null(ledger_obstacle(ledger, &since));
        test->come();
        ck_assert_msg(!strncmp(status().reason, test->reason, strlen(test->reason)), "%s: %s", test->reason,
                      status().reason);
        ck_assert_str_eq(ledger_obstacle(ledger, &since), status().reason);
        ck_assert_int_gt(since, 0);
        ck_assert_msg(is_behind(), "%s", test->reason);
        ck_assert_int_eq(ask(&promised, "r", 1, 10), LEDGER_BEHIND);
        ck_assert_int_eq(ledger_wait_current(ledger, &told.waiter), 0);
        ck_assert_int_eq(ledger_wait_current(ledger, &cancelled.waiter), 0);
        ck_assert(ledger_cancel(ledger, &cancelled.waiter));
        ck_assert(!ledger_cancel(ledger, &cancelled.waiter));
        ck_assert_int_eq(sem_trywait(&told.done), -1);
        test->go();
        sem_wait(&told.done);
        ck_assert_msg(!told.result, "%s", test->reason);
        ck_assert(!ledger_cancel(ledger, &told.waiter));
        ck_assert_int_eq(sem_trywait(&cancelled.done), -1);
        ck_assert(!is_behind());
}
END_TEST

START_TEST(it_decides_once_everything_has_been_read)
{
        fake.read_result = -EIO;
        new_ledger(&fake_store, LONG);
        ck_assert_str_eq(status().reason, "policies and quotas have not been read");
        classify(1);
        ck_assert_str_eq(status().reason, "pods have not been listed");
        list_pods(NULL, 100);
        ck_assert_str_eq(status().reason, "the ledger has not been read");
        ck_assert(is_behind());
        pthread_mutex_lock(&fake.lock);
        fake.read_result = 0;
        pthread_mutex_unlock(&fake.lock);
        EVENTUALLY(status().current);
}
END_TEST

START_TEST(a_first_ledger_is_created_open_and_a_lost_one_closed)
{
        struct promised promised;
        bool first = _i;

        fake.is_first = first;
        fake.pods[0].id = other_id;
        fake.pods[0].version = 140;
        new_ledger(&fake_store, SHORT);
        classify(1);
        list_pods((struct listed_pod[]){{"a", other_id, 1, 140}, {0}}, 150);
        cluster_ledger_quotas(cluster, 7, 8);
        EVENTUALLY(fake_count(&fake.writes) == 1);
        if (!first) {
                EVENTUALLY(!strncmp(status().reason, "the ledger was lost", 19));
                EVENTUALLY(fake_count(&fake.writes) == 2);
                ck_assert_str_eq(fake_text("quotas"), "7");
        }
        EVENTUALLY(status().current);
        ck_assert_uint_eq(fake_count(&fake.lists), first ? 0 : 1);
        ck_assert_str_eq(fake_text("fence"), first ? "0" : "140");
        promise(&promised, 1);
}
END_TEST

START_TEST(a_fulfilled_promise_is_removed_and_the_fence_covers_its_pods)
{
        struct promised first, second;

        start(LONG);
        close_gate();
        ck_assert_int_eq(ask(&first, "s", 1, 100), LEDGER_RESERVED);
        sem_wait(&fake.arrived);
        ck_assert_int_eq(ask(&first, "r", 2, 100), LEDGER_RESERVED);
        ck_assert_int_eq(ask(&second, "r", 3, 100), LEDGER_RESERVED);
        open_gates();
        ck_assert_int_eq(result_of(&first), 0);
        ck_assert_int_eq(result_of(&second), 0);
        assert_pool(0, 5);
        show_pod("a", first.id, "r", 2, 107);
        assert_pool(2, 3);
        show_pod("b", second.id, "r", 3, 105);
        ck_assert_int_eq(cluster_ledger_pod_gone(cluster, "b", 120), 0);
        assert_pool(2, 0);
        EVENTUALLY(fake_entries() == 1); /* that of the other pool */
        ck_assert_str_eq(fake_text("fence"), "107");
        assert_pool(2, 0);
}
END_TEST

START_TEST(a_promise_expires_after_its_time_and_a_list_which_the_fence_covers)
{
        struct promised promised;
        int64_t begin = clock_monotonic();

        start(SHORT);
        promise(&promised, 4);
        fake.pods[0].id = promised.id;
        fake.pods[0].version = 133;
        EVENTUALLY(!fake_entries());
        ck_assert_int_gt(clock_monotonic() - begin, SHORT);
        ck_assert_uint_eq(fake_count(&fake.lists), 1);
        ck_assert_str_eq(fake.listed_namespace, "ns");
        ck_assert_str_eq(fake_text("fence"), "133");
        ck_assert(is_behind());
        ck_assert_int_eq(cluster_ledger_view(cluster, 133), 0);
        assert_pool(0, 0);
        promise(&promised, 4);
}
END_TEST

START_TEST(nothing_expires_without_a_list_and_promises_go_on)
{
        struct promised promised;

        start(SHORT);
        fake.list_result = -EIO;
        promise(&promised, 4);
        EVENTUALLY(fake_count(&fake.lists) > 3);
        promise(&promised, 1);
        promise(&promised, 1);
        ck_assert_uint_eq(fake_entries(), 3);
        assert_pool(0, 6);
        pthread_mutex_lock(&fake.lock);
        fake.list_result = 0;
        pthread_mutex_unlock(&fake.lock);
        EVENTUALLY(!fake_entries());
}
END_TEST

START_TEST(a_newer_quota_is_written_though_nobody_reserves)
{
        start(LONG);
        cluster_ledger_quotas(cluster, 12, 15);
        EVENTUALLY(cluster_ledger_quotas_written(cluster) == 12);
        ck_assert_str_eq(fake_text("quotas"), "12");
        cluster_ledger_quotas(cluster, 11, 15);
        ck_assert_uint_eq(cluster_ledger_quotas_written(cluster), 12);
}
END_TEST

START_TEST(a_list_that_takes_long_holds_up_nobody)
{
        struct promised promised;

        start(SHORT);
        pthread_mutex_lock(&fake.lock);
        fake.lists_gated = true;
        pthread_mutex_unlock(&fake.lock);
        promise(&promised, 4);
        EVENTUALLY(fake_count(&fake.lists) == 1);
        promise(&promised, 1);
        promise(&promised, 1);
        ck_assert_uint_eq(fake_entries(), 3);
        open_gates();
        EVENTUALLY(!fake_entries());
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
        tcase_add_test(tests, a_reservation_is_written_before_it_holds);
        tcase_add_test(tests, what_takes_nothing_from_anybody_is_not_written);
        tcase_add_test(tests, a_refusal_says_what_pods_and_promises_hold_together);
        tcase_add_test(tests, what_comes_during_a_write_goes_into_the_next_one_together);
        tcase_add_loop_test(tests, who_cannot_decide_waits_until_it_can, 0, ARRAY_SIZE(obstacle_cases));
        tcase_add_test(tests, it_decides_once_everything_has_been_read);
        tcase_add_loop_test(tests, a_first_ledger_is_created_open_and_a_lost_one_closed, 0, 2);
        tcase_add_test(tests, a_fulfilled_promise_is_removed_and_the_fence_covers_its_pods);
        tcase_add_test(tests, a_promise_expires_after_its_time_and_a_list_which_the_fence_covers);
        tcase_add_test(tests, nothing_expires_without_a_list_and_promises_go_on);
        tcase_add_test(tests, a_list_that_takes_long_holds_up_nobody);
        tcase_add_test(tests, a_newer_quota_is_written_though_nobody_reserves);
}

int main(void)
{
        return unit_main("cluster_ledger", add);
}
