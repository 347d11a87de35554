/*
 * What comes of a cluster ledger's writes: stored, refused because another replica was first, lost, or answered
 * wrongly; and of reservations that nobody wants any more.
 */
#include "quota/cluster_ledger.h"

#include "fake_ledger_store.h"

#define LONG (60 * NS_PER_SECOND)
#define SHORT (200 * NS_PER_MS)

/* One reservation is written, and waits at the gate. */
static void begin_write(struct promised *promised, int64_t gpus, int64_t limit)
{
        close_gate();
        ck_assert_int_eq(ask(promised, "r", gpus, limit), LEDGER_RESERVED);
        sem_wait(&fake.arrived);
}

/* The gate stays closed for those that follow. */
static void let_one_in(void)
{
        sem_post(&fake.gate);
}

static json_t *first_entry(json_t *object)
{
        return json_array_get(json_object_get(json_object_get(object, "spec"), "entries"), 0);
}

/* Outcomes are those of the writes after the one that creates the object. */
static void start_with(struct outcome first, struct outcome second)
{
        fake.outcomes[1] = first;
        fake.outcomes[2] = second;
        start(LONG);
}

START_TEST(after_a_conflict_what_still_fits_is_written_at_the_new_version)
{
        struct promised large, small, late;

        start(LONG);
        begin_write(&large, 3, 10);
        let_one_in();
        ck_assert_int_eq(result_of(&large), 0); /* 3 of 10 */
        begin_write(&large, 4, 10);
        ck_assert_int_eq(ask(&small, "r", 3, 10), LEDGER_RESERVED);
        ck_assert_int_eq(ask(&late, "r", 1, 10), LEDGER_REFUSED);
        fake_change("{}", "[" ENTRY_OF_4 "]"); /* and the 3 GPUs above are gone: fulfilled */
        if (_i)
                observe(); /* the watch is faster than the answer */
        open_gates();
        /* 4 of another replica, and 4 of the first in the queue; 3 more do not fit */
        ck_assert_int_eq(result_of(&large), 0);
        ck_assert_int_eq(result_of(&small), -ESTALE);
        ck_assert_uint_eq(status().conflicts, 1);
        ck_assert_uint_eq(fake_entries(), 2);
        assert_pool(0, 8);
}
END_TEST

static const struct outcome_case {
        const char *name;
        struct outcome outcome;
        int told;
        size_t entries; /* at once after it was told */
        uint64_t unknown;
} outcome_cases[] = {
        {"stored", {0}, 0, 1, 0},
        {"a lost answer of a write that was stored", {-EIO, true, NULL}, -ESTALE, 1, 1},
        {"a lost answer of a write that was not", {-EIO, false, NULL}, -ESTALE, 0, 1},
        {"an overloaded API server", {-EAGAIN, false, NULL}, 0, 1, 0},
        {"a forbidden write", {-EACCES, false, NULL}, -EACCES, 0, 0},
        {"no such object", {-ENOENT, false, NULL}, -ESTALE, 0, 0},
        {"a malformed object", {-EINVAL, false, NULL}, -ESTALE, 0, 0},
        {"a refusal by another replica's write that is our own", {-EBUSY, true, NULL}, 0, 1, 0},
        {"a refusal though nothing has changed", {-EBUSY, false, NULL}, 0, 1, 0},
        {"an answer without a version", {0, true, "{}"}, -ESTALE, 1, 0},
        {"an answer without a spec", {0, true, "{'metadata': {'resourceVersion': '9'}}"}, -ESTALE, 1, 0},
        {"an answer with an entry that is malformed",
         {0, true, "{'metadata': {'resourceVersion': '9'}, 'spec': {'open': true, 'entries': [1]}}"},
         -ESTALE,
         1,
         0},
};

START_TEST(a_write_is_answered_only_where_it_is_known_to_be_stored)
{
        const struct outcome_case *test = &outcome_cases[_i];
        struct promised promised, again;
        int r;

        start_with(test->outcome, (struct outcome){0});
        ck_assert_int_eq(ask(&promised, "r", 4, 10), LEDGER_RESERVED);
        r = result_of(&promised);
        ck_assert_msg(r == test->told, "%s: %s", test->name, strerror(-r));
        ck_assert_msg(fake_entries() == test->entries, "%s: %zu entries", test->name, fake_entries());
        EVENTUALLY(status().current);
        ck_assert_msg(status().unknown == test->unknown, "%s", test->name);
        assert_pool(0, test->entries ? 4 : 0); /* an orphan counts as well */
        promise(&again, 1);
        ck_assert_msg(fake_entries() == test->entries + 1, "%s", test->name);
        ck_assert_str_ne(again.id, promised.id);
}
END_TEST

START_TEST(an_orphan_expires)
{
        struct promised promised;

        fake.outcomes[1] = (struct outcome){-EIO, true, NULL};
        start(SHORT);
        ck_assert_int_eq(ask(&promised, "r", 4, 10), LEDGER_RESERVED);
        ck_assert_int_eq(result_of(&promised), -ESTALE);
        EVENTUALLY(status().current);
        assert_pool(0, 4);
        EVENTUALLY(!fake_entries());
        EVENTUALLY(status().entries == 0);
        assert_pool(0, 0);
}
END_TEST

/* The first write was stored, though its answer says that it was refused. Who comes meanwhile is not in it. */
START_TEST(nobody_joins_what_may_be_stored_already)
{
        struct promised first, second;
        json_auto_t *object = NULL;

        start_with((struct outcome){-EBUSY, true, NULL}, (struct outcome){0});
        begin_write(&first, 2, 100);
        let_one_in();
        EVENTUALLY(status().conflicts == 1);
        if (ask(&second, "r", 3, 100) == LEDGER_BEHIND) {
                EVENTUALLY(status().current);
                ck_assert_int_eq(ask(&second, "r", 3, 100), LEDGER_RESERVED);
        }
        open_gates();
        ck_assert_int_eq(result_of(&first), 0);
        ck_assert_int_eq(result_of(&second), 0);
        ck_assert_str_ne(first.id, second.id);
        object = fake_get();
        ck_assert_int_eq(json_integer_value(json_object_get(first_entry(object), "gpus")), 2);
        assert_pool(0, 5);
}
END_TEST

START_TEST(what_a_watch_shows_of_a_lost_answer_holds)
{
        struct promised promised;

        start_with((struct outcome){-EIO, true, NULL}, (struct outcome){0});
        begin_write(&promised, 2, 100);
        pthread_mutex_lock(&fake.lock);
        fake.reads_gated = true;
        pthread_mutex_unlock(&fake.lock);
        let_one_in();
        sem_wait(&fake.read_arrived);
        ck_assert_int_eq(result_of(&promised), -ESTALE);
        observe();
        assert_pool(0, 2);
}
END_TEST

/* The watch shows our write and what followed, before its answer comes. */
START_TEST(what_was_removed_before_its_answer_came_does_not_hold)
{
        struct promised first, second;
        json_auto_t *sent = NULL;

        start(LONG);
        begin_write(&first, 2, 100);
        ck_assert_int_eq(ask(&second, "r", 5, 100), LEDGER_RESERVED);
        sent = json_pack("[{s:s, s:s, s:s, s:s, s:i, s:i}]", "id", first.id, "namespace", "ns", "region", "r",
                         "series", "A10", "gpus", 2, "pods", 1);
        fake_change("{}", "[]");
        json_object_set(fake_spec(), "entries", sent);
        observe();
        fake_change("{}", "[]");
        observe();
        open_gates();
        ck_assert_int_eq(result_of(&first), -ESTALE);
        ck_assert_int_eq(result_of(&second), 0);
        assert_pool(0, 5);
}
END_TEST

START_TEST(what_a_watch_shows_before_its_answer_holds)
{
        struct promised promised;
        json_auto_t *sent = NULL;

        fake.outcomes[1] = (struct outcome){-EIO, false, NULL};
        start(LONG);
        begin_write(&promised, 2, 100);
        sent = json_pack("[{s:s, s:s, s:s, s:s, s:i, s:i}]", "id", promised.id, "namespace", "ns", "region", "r",
                         "series", "A10", "gpus", 2, "pods", 1);
        fake_change("{}", "[]");
        json_object_set(fake_spec(), "entries", sent);
        observe();
        open_gates();
        ck_assert_int_eq(result_of(&promised), 0);
        assert_pool(0, 2);
}
END_TEST

/* A write that nobody waits for any more is not made once more. */
START_TEST(what_is_given_back_is_not_written_if_it_has_not_been)
{
        const struct reservation_key key = {0};
        struct promised writing, queued;

        fake.outcomes[1] = (struct outcome){-EAGAIN, false, NULL};
        start(LONG);
        begin_write(&writing, 2, 100);
        ck_assert_int_eq(ask(&queued, "r", 5, 100), LEDGER_RESERVED);
        ck_assert_int_eq(ledger_wait(ledger, &queued.told.waiter, queued.commit), 0);
        ck_assert(ledger_cancel(ledger, &queued.told.waiter));
        ck_assert_int_eq(ledger_give_back(ledger, &key, queued.commit, NULL), 0);
        assert_pool(0, 2);
        ck_assert_int_eq(ledger_give_back(ledger, &key, writing.commit, NULL), 0);
        open_gates();
        EVENTUALLY(fake_count(&fake.writes) >= 2);
        EVENTUALLY(status().current);
        promise(&queued, 1);
        ck_assert_uint_eq(fake_entries(), 1);
        assert_pool(0, 1);
}
END_TEST

START_TEST(what_is_given_back_too_late_stays_until_it_expires)
{
        const struct reservation_key key = {0};
        struct promised writing, settled;

        start(SHORT);
        begin_write(&writing, 2, 100);
        ck_assert_int_eq(ledger_give_back(ledger, &key, writing.commit, NULL), 0);
        open_gates();
        ck_assert_int_eq(ask(&settled, "r", 3, 100), LEDGER_RESERVED);
        EVENTUALLY(fake_entries() == 2);
        EVENTUALLY(status().entries == 2);
        ck_assert_int_eq(ledger_give_back(ledger, &key, settled.commit, NULL), 0);
        assert_pool(0, 5);
        EVENTUALLY(!fake_entries());
}
END_TEST

START_TEST(who_has_cancelled_may_ask_again)
{
        struct promised promised;

        start(LONG);
        begin_write(&promised, 2, 100);
        ck_assert_int_eq(ledger_wait(ledger, &promised.told.waiter, promised.commit), 0);
        ck_assert(ledger_cancel(ledger, &promised.told.waiter));
        open_gates();
        ck_assert_int_eq(result_of(&promised), 0);
        ck_assert_int_eq(sem_trywait(&promised.told.done), -1);
}
END_TEST

START_TEST(a_deleted_ledger_is_made_again)
{
        struct promised promised;

        fake.is_first = false;
        fake_change("{}", "[" ENTRY_OF_4 "]");
        start(SHORT);
        assert_pool(0, 4);
        pthread_mutex_lock(&fake.lock);
        json_decref(fake.object);
        fake.object = NULL;
        pthread_mutex_unlock(&fake.lock);
        ck_assert_int_eq(ask(&promised, "r", 2, 100), LEDGER_RESERVED);
        ck_assert_int_eq(result_of(&promised), -ESTALE);
        EVENTUALLY(status().current);
        ck_assert_uint_ge(fake_count(&fake.lists), 1);
        assert_pool(0, 0);
        promise(&promised, 2);
}
END_TEST

/* Quotas have changed while a write was under way: what is queued was decided on the former ones. */
START_TEST(after_other_quotas_what_is_queued_is_decided_again)
{
        struct promised writing, queued;

        start(LONG);
        begin_write(&writing, 2, 100);
        ck_assert_int_eq(ask(&queued, "r", 5, 100), LEDGER_RESERVED);
        classify(2);
        assert_pool(0, 7);
        open_gates();
        ck_assert_int_eq(result_of(&writing), 0);
        ck_assert_int_eq(result_of(&queued), -ESTALE);
        assert_pool(0, 2);
        ck_assert_uint_eq(fake_entries(), 1);
}
END_TEST

static int classify_by_group(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        const char *group = labels_get(reservation->labels, "group");
        char key[64];
        int r = 0;

        (void)userdata;
        if (*reservation->region)
                r = counter_keys_add(ret, reservation->region, 0);
        snprintf(key, sizeof(key), "unit,%s", group ? group : "");
        return r < 0 || !group ? r : counter_keys_add(ret, key, 0);
}

static struct reservation *of_group(const char *group, const char *id)
{
        struct reservation *reservation = new_reservation("ns", "r", "A10", 1);

        labels_free(reservation->labels);
        ck_assert_int_eq(labels_new(&reservation->labels, &(struct label){"group", group}, 1), 0);
        set_resource(reservation, "cpu", "500m");
        if (id)
                snprintf(reservation->id, sizeof(reservation->id), "%s", id);
        return reservation;
}

static void assert_group(const char *key, int64_t pods, int64_t milli_cpu)
{
        struct counter counter;
        const struct quantity *cpu;

        ck_assert_int_eq(ledger_counter(ledger, key, &counter), 0);
        cpu = resources_find(&counter.resources, "cpu");
        ck_assert_int_eq(counter.pods, pods);
        ck_assert_int_eq(cpu ? (int64_t)(cpu->nano / 1000000) : 0, milli_cpu);
        counter_clear(&counter);
}

/* matchLabelKeys: each group of label values has a counter of its own. */
START_TEST(groups_of_a_unit_are_counted_apart_and_pass_on_to_their_pods)
{
        struct classifier classifier = {.generation = 1, .classify = classify_by_group};
        const char *groups[] = {"blue", "blue", "green"};
        char ids[3][RESERVATION_ID_SIZE];
        uint64_t commits[3];

        start(LONG);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
                _cleanup_(reservation_freep) struct reservation *reservation = of_group(groups[i], NULL);
                struct limit limit = {.kind = LIMIT_PODS, .key = i < 2 ? "unit,blue" : "unit,green"};
                struct refusal refusal;

                limit.limit = quantity_whole(2);
                ck_assert_int_eq(
                        ledger_reserve(ledger, reservation, 1, &limit, 1, &refusal, ids[i], &commits[i], NULL),
                        LEDGER_RESERVED);
        }
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                ck_assert_int_eq(wait_for_commit(ledger, commits[i]), 0);
        assert_group("unit,blue", 2, 1000);
        assert_group("unit,green", 1, 500);
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
                _cleanup_(reservation_freep) struct reservation *pod = of_group(groups[i], ids[i]);
                char uid[] = "a";

                uid[0] += (char)i;
                ck_assert_int_eq(cluster_ledger_pod(cluster, uid, pod, 101 + i, false), 0);
                assert_group("unit,blue", 2, 1000);
                assert_group("unit,green", 1, 500);
        }
        EVENTUALLY(!fake_entries());
        assert_group("unit,blue", 2, 1000);
        assert_pool(3, 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
        tcase_add_loop_test(tests, after_a_conflict_what_still_fits_is_written_at_the_new_version, 0, 2);
        tcase_add_loop_test(tests, a_write_is_answered_only_where_it_is_known_to_be_stored, 0,
                            ARRAY_SIZE(outcome_cases));
        tcase_add_test(tests, an_orphan_expires);
        tcase_add_test(tests, nobody_joins_what_may_be_stored_already);
        tcase_add_test(tests, what_a_watch_shows_of_a_lost_answer_holds);
        tcase_add_test(tests, what_was_removed_before_its_answer_came_does_not_hold);
        tcase_add_test(tests, what_a_watch_shows_before_its_answer_holds);
        tcase_add_test(tests, what_is_given_back_is_not_written_if_it_has_not_been);
        tcase_add_test(tests, what_is_given_back_too_late_stays_until_it_expires);
        tcase_add_test(tests, who_has_cancelled_may_ask_again);
        tcase_add_test(tests, a_deleted_ledger_is_made_again);
        tcase_add_test(tests, after_other_quotas_what_is_queued_is_decided_again);
        tcase_add_test(tests, groups_of_a_unit_are_counted_apart_and_pass_on_to_their_pods);
}

int main(void)
{
        return unit_main("cluster_write", add);
}
