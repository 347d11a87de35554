/*
 * Entries: live ones count, parked ones do not but can come back, and a new classifier counts all of them anew.
 */
#include "quota/entries.h"

#include <errno.h>
#include <malloc.h>

#include "reservations.h"

static struct entries entries;

static void setup(void)
{
        ck_assert_int_eq(entries_init(&entries), 0);
}

static void teardown(void)
{
        entries_clear(&entries);
}

static void classify(struct classifier classifier)
{
        struct classifier former;

        ck_assert_int_eq(entries_classify(&entries, &classifier, &former), 0);
}

static struct entry *insert(const char *region, int64_t gpus, bool terminating)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", region, "", gpus);
        struct entry *entry = NULL;

        ck_assert_int_eq(entries_insert(&entries, &entry, reservation, terminating), 0);
        ck_assert_str_eq(entry->id, reservation->id);
        return entry;
}

/* What counts toward a key; nothing where there is no such counter. */
static void assert_counter(const char *key, int64_t gpus, int64_t pods, int64_t terminating)
{
        static const struct counter none;
        const struct counter *counter = counters_find(entries.shapes.counters, key);

        counter = counter ? counter : &none;
        ck_assert_int_eq(quantity_value(counter->gpus), gpus);
        ck_assert_int_eq(counter->pods, pods);
        ck_assert_int_eq(counter->terminating_pods, terminating);
}

START_TEST(without_a_classifier_nothing_counts)
{
        const struct entry *entry = insert("r", 2, false);

        ck_assert_ptr_eq(entries_find(&entries, entry->id), entry);
        ck_assert_uint_eq(entries_count(&entries), 1);
        assert_counter("all", 0, 0, 0);
        classify(BY_REGION(1));
        assert_counter("all", 2, 1, 0);
        assert_counter("r", 2, 1, 0);
}
END_TEST

START_TEST(a_parked_entry_counts_nowhere_and_can_come_back)
{
        struct entry *entry;

        classify(BY_REGION(1));
        entry = insert("r", 2, true);
        assert_counter("r", 2, 1, 1);
        entries_park(&entries, entry);
        ck_assert_ptr_null(entries_find(&entries, entry->id));
        ck_assert_uint_eq(entries_count(&entries), 0);
        assert_counter("r", 0, 0, 0);
        ck_assert_int_eq(entries_unpark(&entries, entry), 0);
        ck_assert_ptr_eq(entries_find(&entries, entry->id), entry);
        assert_counter("r", 2, 1, 1);
}
END_TEST

START_TEST(live_and_parked_entries_are_dropped)
{
        struct entry *live, *parked;

        classify(BY_REGION(1));
        live = insert("r", 1, false);
        parked = insert("r", 2, false);
        insert("s", 4, false);
        entries_park(&entries, parked);
        entries_drop(&entries, parked);
        assert_counter("r", 1, 1, 0);
        entries_drop(&entries, live);
        ck_assert_ptr_null(counters_find(entries.shapes.counters, "r"));
        assert_counter("all", 4, 1, 0);
        ck_assert_uint_eq(entries_count(&entries), 1);
}
END_TEST

START_TEST(marking_moves_between_the_sums)
{
        struct entry *entry;

        classify(BY_REGION(1));
        entry = insert("r", 2, false);
        entry_set_terminating(entry, true);
        assert_counter("r", 2, 1, 1);
        entry_set_terminating(entry, true);
        assert_counter("r", 2, 1, 1);
        entry_set_terminating(entry, false);
        assert_counter("r", 2, 1, 0);
}
END_TEST

static int classify_by_namespace(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)userdata;
        return counter_keys_add(ret, reservation->namespace, 0);
}

/* Fails at the reservation number *userdata. */
static int classify_until(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        int *left = userdata;

        return (*left)-- > 0 ? classify_by_namespace(NULL, reservation, ret) : -ENOMEM;
}

START_TEST(a_new_classifier_counts_anew_and_hands_back_the_former)
{
        struct classifier next = {.generation = 2, .classify = classify_by_namespace}, former;
        struct entry *parked;

        classify(BY_REGION(1));
        insert("r", 1, false);
        insert("s", 2, true);
        parked = insert("s", 4, false);
        entries_park(&entries, parked);
        ck_assert_int_eq(entries_classify(&entries, &next, &former), 0);
        ck_assert_uint_eq(former.generation, 1);
        ck_assert_uint_eq(entries.shapes.classifier.generation, 2);
        ck_assert_ptr_null(counters_find(entries.shapes.counters, "r"));
        assert_counter("ns", 3, 2, 1);
        ck_assert_int_eq(entries_unpark(&entries, parked), 0);
        assert_counter("ns", 7, 3, 1);
}
END_TEST

START_TEST(a_classifier_that_fails_changes_nothing)
{
        int left = _i;
        struct classifier next = {.generation = 2, .classify = classify_until, .userdata = &left}, former;

        classify(BY_REGION(1));
        insert("r", 1, false);
        insert("s", 2, true);
        entries_park(&entries, insert("s", 4, false));
        ck_assert_int_eq(entries_classify(&entries, &next, &former), -ENOMEM);
        ck_assert_uint_eq(entries.shapes.classifier.generation, 1);
        assert_counter("r", 1, 1, 0);
        assert_counter("s", 2, 1, 1);
        assert_counter("ns", 0, 0, 0);
}
END_TEST

START_TEST(what_cannot_be_classified_is_not_inserted)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 1);
        struct entry *entry;
        int left = 0;

        classify((struct classifier){.generation = 1, .classify = classify_until, .userdata = &left});
        ck_assert_int_eq(entries_insert(&entries, &entry, reservation, false), -ENOMEM);
        ck_assert_uint_eq(entries_count(&entries), 0);
}
END_TEST

/* Counts how often it is asked. */
static int classify_counting(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        ++*(int *)userdata;
        return classify_by_namespace(NULL, reservation, ret);
}

START_TEST(the_classifier_is_asked_once_for_all_that_are_alike)
{
        int asked = 0;

        classify((struct classifier){.generation = 1, .classify = classify_counting, .userdata = &asked});
        insert("r", 1, false);
        insert("r", 1, true);
        ck_assert_int_eq(asked, 1);
        insert("r", 2, false);
        ck_assert_int_eq(asked, 2);
        classify((struct classifier){.generation = 2, .classify = classify_counting, .userdata = &asked});
        ck_assert_int_eq(asked, 4);
        assert_counter("ns", 4, 3, 1);
}
END_TEST

/* As for the pods of a cluster (usage.c). Sanitizers have an allocator of their own, which does not tell. */
START_TEST(reservations_of_one_template_take_little_memory)
{
        enum { RESERVATIONS = 10000 };
        size_t before = mallinfo2().uordblks;

        for (int i = 0; i < RESERVATIONS; i++)
                insert("r", 1, false);
        ck_assert_uint_lt(mallinfo2().uordblks - before, 200 * RESERVATIONS);
}
END_TEST

static void count_release(void *userdata)
{
        ++*(int *)userdata;
}

START_TEST(the_classifier_is_released_at_the_end)
{
        int released = 0;

        classify((struct classifier){
                .generation = 1, .classify = classify_by_namespace, .userdata = &released, .release = count_release});
        insert("r", 1, false);
        entries_clear(&entries);
        ck_assert_int_eq(released, 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, without_a_classifier_nothing_counts);
        tcase_add_test(tests, a_parked_entry_counts_nowhere_and_can_come_back);
        tcase_add_test(tests, live_and_parked_entries_are_dropped);
        tcase_add_test(tests, marking_moves_between_the_sums);
        tcase_add_test(tests, a_new_classifier_counts_anew_and_hands_back_the_former);
        tcase_add_loop_test(tests, a_classifier_that_fails_changes_nothing, 0, 3);
        tcase_add_test(tests, what_cannot_be_classified_is_not_inserted);
        tcase_add_test(tests, the_classifier_is_asked_once_for_all_that_are_alike);
        tcase_add_test(tests, reservations_of_one_template_take_little_memory);
        tcase_add_test(tests, the_classifier_is_released_at_the_end);
}

int main(void)
{
        return unit_main("entries", add);
}
