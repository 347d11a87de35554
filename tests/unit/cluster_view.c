/*
 * What a cluster ledger sees of pods and of its object: in which order they come, what a list replaces, and what is
 * done about an object that nobody can read.
 */
#include "quota/cluster_ledger.h"

#include "fake_ledger_store.h"

#define LONG (60 * NS_PER_SECOND)

START_TEST(a_pod_may_be_seen_before_its_promise)
{
        start(LONG);
        show_pod("a", other_id, "r", 3, 101);
        assert_pool(3, 0);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        assert_pool(3, 1);
        show_pod("b", other_id, "r", 1, 102);
        assert_pool(4, 0);
        EVENTUALLY(!fake_entries());
        ck_assert_str_eq(fake_text("fence"), "102");
        ck_assert_uint_eq(status().late, 0);
}
END_TEST

START_TEST(a_pod_of_another_pool_matches_nothing)
{
        start(LONG);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        show_pod("a", other_id, "s", 4, 101);
        assert_pool(0, 4);
        ck_assert_uint_eq(status().late, 1);
}
END_TEST

/* Whoever removed the promise had seen the pods up to version 101. */
START_TEST(a_pod_that_comes_after_its_promise_was_removed_is_late)
{
        start(LONG);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        fake_change("{'fence': '101'}", "[]");
        observe();
        show_pod("a", other_id, "r", 2, 101);
        ck_assert_uint_eq(status().late, 0);
        show_pod("b", other_id, "r", 2, 102);
        ck_assert_uint_eq(status().late, 1);
        assert_pool(4, 0);
}
END_TEST

START_TEST(a_change_of_a_pod_is_not_another_pod)
{
        start(LONG);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        show_pod("a", other_id, "r", 2, 101);
        show_pod("a", other_id, "r", 2, 102);
        assert_pool(2, 2);
}
END_TEST

START_TEST(a_list_finds_the_pods_of_promises_that_are_known)
{
        start(LONG);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        show_pod("gone", other_id, "r", 1, 101);
        ck_assert_int_eq(cluster_ledger_pod_gone(cluster, "gone", 102), 0);
        show_pod("a", other_id, "r", 1, 103);
        assert_pool(1, 2);
        list_pods((struct listed_pod[]){{"a", other_id, 1, 104}, {"b", other_id, 1, 105}, {0}}, 110);
        assert_pool(2, 1);
}
END_TEST

/* The object is read once more after a list; of what it shows, the pods may be in the list already. */
START_TEST(a_list_finds_the_pods_of_promises_that_come_with_the_next_read)
{
        start(LONG);
        fake_change("{}", "[" ENTRY_OF_4 ", " ENTRY_OF_3 "]");
        pthread_mutex_lock(&fake.lock);
        fake.reads_gated = true;
        pthread_mutex_unlock(&fake.lock);
        list_pods((struct listed_pod[]){{"a", other_id, 3, 105}, {0}}, 110);
        ck_assert(is_behind());
        open_gates();
        show_pod("b", "fedcba9876543210fedcba9876543210", "r", 1, 111);
        EVENTUALLY(status().current);
        assert_pool(4, 1 + 2);
}
END_TEST

/* A read that was under way when the list ended does not show what was promised since. */
START_TEST(the_read_begins_after_the_list)
{
        start(LONG);
        show_lost();
        sem_wait(&fake.read_arrived);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        list_pods((struct listed_pod[]){{"a", other_id, 4, 105}, {0}}, 110);
        open_gates();
        EVENTUALLY(status().current);
        observe();
        assert_pool(4, 0);
}
END_TEST

/* An old list: of the pods that it does not show, nothing may be counted as seen. */
START_TEST(a_view_that_goes_back_has_not_seen_what_it_had)
{
        start(LONG);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        show_pod("a", other_id, "r", 1, 105);
        show_pod("b", other_id, "r", 2, 110);
        assert_pool(3, 1);
        list_pods((struct listed_pod[]){{"a", other_id, 1, 105}, {0}}, 107);
        assert_pool(1, 3);
        EVENTUALLY(status().current);
        show_pod("b", other_id, "r", 2, 110);
        assert_pool(3, 1);
}
END_TEST

START_TEST(fields_that_are_not_known_survive_a_write)
{
        struct promised promised;
        json_auto_t *object = NULL;
        json_t *spec;

        start(LONG);
        fake_change("{'later': {'a': 1}}", "[{'id': '0123456789abcdef0123456789abcdef', 'namespace': 'ns',"
                                           " 'region': 'r', 'gpus': 1, 'pods': 1, 'later': [2]}]");
        observe();
        promise(&promised, 1);
        object = fake_get();
        spec = json_object_get(object, "spec");
        ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(spec, "later"), "a")), 1);
        ck_assert_uint_eq(json_array_size(json_object_get(spec, "entries")), 2);
        ck_assert_ptr_nonnull(json_object_get(json_array_get(json_object_get(spec, "entries"), 0), "later"));
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(object, "metadata"), "name")),
                         "regionfit");
}
END_TEST

/* What only reads: the pods and the object come in any order. */
START_TEST(a_ledger_without_a_store_decides_and_writes_nothing)
{
        struct promised promised;

        new_ledger(NULL, LONG);
        classify(1);
        if (_i)
                list_pods((struct listed_pod[]){{"a", other_id, 3, 90}, {0}}, 100);
        fake_change("{}", "[" ENTRY_OF_4 "]");
        observe();
        if (!_i)
                list_pods((struct listed_pod[]){{"a", other_id, 3, 90}, {0}}, 100);
        ck_assert_str_eq(status().reason, "");
        assert_pool(3, 1);
        ck_assert_int_eq(ask(&promised, "r", 6, 10), LEDGER_RESERVED);
        ck_assert_uint_eq(promised.commit, 0);
        ck_assert_int_eq(ask(&promised, "r", 1, 10), LEDGER_REFUSED);
        ck_assert_uint_eq(fake.writes + fake.reads, 0);
        cluster_ledger_lost(cluster);
        ck_assert_str_eq(status().reason, "");
        assert_pool(3, 6);
}
END_TEST

START_TEST(without_a_store_a_ledger_that_is_not_there_is_empty)
{
        struct promised promised;

        new_ledger(NULL, LONG);
        classify(1);
        list_pods(NULL, 100);
        ck_assert_int_eq(ask(&promised, "r", 10, 10), LEDGER_RESERVED);
        ck_assert_int_eq(ask(&promised, "r", 1, 10), LEDGER_REFUSED);
}
END_TEST

static const struct malformed_case {
        const char *name, *object;
} malformed_cases[] = {
        {"no version", "{'spec': {'open': true}}"},
        {"a version that is a number", "{'metadata': {'resourceVersion': 7}, 'spec': {'open': true}}"},
        {"a fence that is text", "{'metadata': {'resourceVersion': '99'}, 'spec': {'open': true, 'fence': 'x'}}"},
        {"quotas that are text", "{'metadata': {'resourceVersion': '99'}, 'spec': {'open': true, 'quotas': 'x'}}"},
        {"entries that are no list",
         "{'metadata': {'resourceVersion': '99'}, 'spec': {'open': true, 'entries': {}}}"},
        {"an entry without an id",
         "{'metadata': {'resourceVersion': '99'}, 'spec': {'open': true, 'entries': [{'gpus': 1, 'pods': 1}]}}"},
        {"no spec", "{'metadata': {'resourceVersion': '99'}}"},
};

START_TEST(on_an_object_that_is_malformed_nothing_is_decided)
{
        const struct malformed_case *test = &malformed_cases[_i];
        json_auto_t *object = json_text(test->object);

        start(LONG);
        pthread_mutex_lock(&fake.lock);
        fake.reads_gated = true;
        pthread_mutex_unlock(&fake.lock);
        ck_assert_msg(cluster_ledger_observe(cluster, object) == -EINVAL, "%s", test->name);
        ck_assert_msg(is_behind(), "%s", test->name);
        open_gates();
        EVENTUALLY(status().current);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
        tcase_add_test(tests, a_pod_may_be_seen_before_its_promise);
        tcase_add_test(tests, a_pod_of_another_pool_matches_nothing);
        tcase_add_test(tests, a_pod_that_comes_after_its_promise_was_removed_is_late);
        tcase_add_test(tests, a_change_of_a_pod_is_not_another_pod);
        tcase_add_test(tests, a_list_finds_the_pods_of_promises_that_are_known);
        tcase_add_test(tests, a_list_finds_the_pods_of_promises_that_come_with_the_next_read);
        tcase_add_test(tests, the_read_begins_after_the_list);
        tcase_add_test(tests, a_view_that_goes_back_has_not_seen_what_it_had);
        tcase_add_test(tests, fields_that_are_not_known_survive_a_write);
        tcase_add_loop_test(tests, a_ledger_without_a_store_decides_and_writes_nothing, 0, 2);
        tcase_add_test(tests, without_a_store_a_ledger_that_is_not_there_is_empty);
        tcase_add_loop_test(tests, on_an_object_that_is_malformed_nothing_is_decided, 0, ARRAY_SIZE(malformed_cases));
}

int main(void)
{
        return unit_main("cluster_view", add);
}
