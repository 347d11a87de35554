/*
 * Counters: sums over reservations, which exist for as long as something is linked to them.
 */
#include "quota/counter.h"

#include "reservations.h"

static struct counters *counters;

static void setup(void)
{
        ck_assert_int_eq(counters_new(&counters), 0);
}

static void teardown(void)
{
        counters = counters_free(counters);
}

static struct counter_links link_to(const struct reservation *reservation, const char *first, const char *second)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        struct counter_links links = {0};

        if (first)
                ck_assert_int_eq(counter_keys_add(&keys, first, 0), 0);
        if (second)
                ck_assert_int_eq(counter_keys_add(&keys, second, 0), 0);
        ck_assert_int_eq(counters_link(counters, &keys, &reservation->resources, &links), 0);
        return links;
}

static void assert_counter(const char *key, int64_t gpus, int64_t pods, int64_t terminating_pods)
{
        const struct counter *counter = counters_find(counters, key);

        ck_assert_ptr_nonnull(counter);
        ck_assert_int_eq(quantity_value(counter->gpus), gpus);
        ck_assert_int_eq(counter->pods, pods);
        ck_assert_int_eq(counter->terminating_pods, terminating_pods);
}

static int64_t milli_cpu(const struct resources *resources)
{
        const struct quantity *cpu = resources_find(resources, "cpu");

        return cpu ? (int64_t)(cpu->nano / 1000000) : -1;
}

START_TEST(linking_counts_nothing_yet)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 4);
        struct counter_links links;

        ck_assert_ptr_null(counters_find(counters, "pool"));
        links = link_to(reservation, "pool", NULL);
        assert_counter("pool", 0, 0, 0);
        counters_add(&links, reservation, false);
        assert_counter("pool", 4, 1, 0);
        counters_subtract(&links, reservation, false);
        assert_counter("pool", 0, 0, 0);
        counters_unlink(counters, &links);
        ck_assert_ptr_null(counters_find(counters, "pool"));
}
END_TEST

START_TEST(a_reservation_counts_toward_each_of_its_keys)
{
        _cleanup_(reservation_freep) struct reservation *a = new_reservation("ns", "r", "", 4);
        _cleanup_(reservation_freep) struct reservation *b = new_reservation("ns", "r", "", 3);
        struct counter_links of_a = link_to(a, "pool", "unit"), of_b = link_to(b, "pool", NULL);

        counters_add(&of_a, a, false);
        counters_add(&of_b, b, false);
        assert_counter("pool", 7, 2, 0);
        assert_counter("unit", 4, 1, 0);
        counters_subtract(&of_a, a, false);
        counters_unlink(counters, &of_a);
        assert_counter("pool", 3, 1, 0);
        ck_assert_ptr_null(counters_find(counters, "unit"));
        counters_unlink(counters, &of_b);
}
END_TEST

START_TEST(a_reservation_without_keys_counts_nowhere)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 4);
        struct counter_links links = link_to(reservation, NULL, NULL);

        counters_add(&links, reservation, false);
        counters_subtract(&links, reservation, false);
        counters_unlink(counters, &links);
}
END_TEST

START_TEST(resources_add_up_by_name)
{
        _cleanup_(reservation_freep) struct reservation *a = new_reservation("ns", "r", "", 0);
        _cleanup_(reservation_freep) struct reservation *b = new_reservation("ns", "r", "", 0);
        struct counter_links of_a, of_b;
        const struct counter *counter;

        set_resource(a, "cpu", "500m");
        set_resource(b, "cpu", "2");
        set_resource(b, "memory", "1Gi");
        of_a = link_to(a, "unit", NULL);
        of_b = link_to(b, "unit", NULL);
        counters_add(&of_a, a, false);
        counters_add(&of_b, b, false);
        counter = counters_find(counters, "unit");
        ck_assert_int_eq(milli_cpu(&counter->resources), 2500);
        ck_assert_int_eq(quantity_value(*resources_find(&counter->resources, "memory")), 1073741824);
        ck_assert_int_eq(milli_cpu(&counter->terminating_resources), 0);
        counters_subtract(&of_b, b, false);
        ck_assert_int_eq(milli_cpu(&counter->resources), 500);
        ck_assert_int_eq(quantity_value(*resources_find(&counter->resources, "memory")), 0);
        counters_unlink(counters, &of_a);
        counters_unlink(counters, &of_b);
}
END_TEST

START_TEST(what_is_terminating_is_in_both_sums)
{
        _cleanup_(reservation_freep) struct reservation *a = new_reservation("ns", "r", "", 1);
        _cleanup_(reservation_freep) struct reservation *b = new_reservation("ns", "r", "", 2);
        struct counter_links of_a, of_b;
        const struct counter *counter;

        set_resource(a, "cpu", "1");
        set_resource(b, "cpu", "2");
        of_a = link_to(a, "unit", NULL);
        of_b = link_to(b, "unit", NULL);
        counters_add(&of_a, a, true);
        counters_add(&of_b, b, false);
        counter = counters_find(counters, "unit");
        assert_counter("unit", 3, 2, 1);
        ck_assert_int_eq(milli_cpu(&counter->resources), 3000);
        ck_assert_int_eq(milli_cpu(&counter->terminating_resources), 1000);
        counters_subtract(&of_a, a, true);
        assert_counter("unit", 2, 1, 0);
        ck_assert_int_eq(milli_cpu(&counter->resources), 2000);
        ck_assert_int_eq(milli_cpu(&counter->terminating_resources), 0);
        counters_unlink(counters, &of_a);
        counters_unlink(counters, &of_b);
}
END_TEST

START_TEST(counters_that_are_still_linked_are_freed_with_the_rest)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 1);
        struct counter_links links;

        set_resource(reservation, "cpu", "1");
        links = link_to(reservation, "pool", "unit");
        counters_add(&links, reservation, true);
        counters = counters_free(counters);
        free(links.items);
}
END_TEST

START_TEST(keys_are_copied)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        char key[] = "pool";

        ck_assert_int_eq(counter_keys_add(&keys, key, 0), 0);
        key[0] = 't';
        ck_assert_int_eq(counter_keys_add(&keys, key, 0), 0);
        ck_assert_uint_eq(keys.count, 2);
        ck_assert_str_eq(keys.items[0].name, "pool");
        ck_assert_str_eq(keys.items[1].name, "tool");
}
END_TEST

START_TEST(keys_are_appended_to_those_that_there_are)
{
        _cleanup_(counter_keys_clear) struct counter_keys from = {0}, to = {0};

        ck_assert_int_eq(counter_keys_add(&to, "pool", 0), 0);
        ck_assert_int_eq(counter_keys_copy(&to, &from), 0);
        ck_assert_uint_eq(to.count, 1);
        ck_assert_int_eq(counter_keys_add(&from, "unit", 7), 0);
        ck_assert_int_eq(counter_keys_copy(&to, &from), 0);
        counter_keys_clear(&from);
        ck_assert_uint_eq(to.count, 2);
        ck_assert_str_eq(to.items[0].name, "pool");
        ck_assert_str_eq(to.items[1].name, "unit");
        ck_assert_int_eq(to.items[1].since, 7);
}
END_TEST

START_TEST(links_know_the_keys_of_their_counters)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 4);
        struct counter_links links = link_to(reservation, "pool", "unit"), none = {0};

        ck_assert(counter_links_have(&links, "pool"));
        ck_assert(counter_links_have(&links, "unit"));
        ck_assert(!counter_links_have(&links, "uni"));
        ck_assert(!counter_links_have(&none, "pool"));
        counters_unlink(counters, &links);
}
END_TEST

START_TEST(what_is_older_than_a_key_allows_does_not_count_there)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 4);
        struct counter_links links;

        ck_assert_int_eq(counter_keys_add(&keys, "unit", 100), 0);
        ck_assert_int_eq(counter_keys_add(&keys, "pool", 0), 0);
        ck_assert_int_eq(counters_link(counters, &keys, &reservation->resources, &links), 0);
        reservation->created_at = 99;
        counters_add(&links, reservation, false);
        assert_counter("unit", 0, 0, 0);
        assert_counter("pool", 4, 1, 0);
        counters_subtract(&links, reservation, false);
        reservation->created_at = 100;
        counters_add(&links, reservation, false);
        assert_counter("unit", 4, 1, 0);
        assert_counter("pool", 4, 1, 0);
        counters_unlink(counters, &links);
}
END_TEST

START_TEST(an_amount_counts_as_its_pods_do)
{
        char name[] = "cpu";
        struct resource cpu = {name, {0}};
        struct amount amount = {quantity_whole(6), 3, {.items = &cpu, .count = 1}};
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        struct counter_links links;
        const struct counter *counter;

        ck_assert_int_eq(quantity_parse(&cpu.quantity, "4500m"), 0);
        ck_assert_int_eq(counter_keys_add(&keys, "unit", 100), 0);
        ck_assert_int_eq(counters_link(counters, &keys, &amount.resources, &links), 0);
        counters_add_amount(&links, &amount);
        assert_counter("unit", 6, 3, 0);
        counter = counters_find(counters, "unit");
        ck_assert_int_eq(milli_cpu(&counter->resources), 4500);
        ck_assert_int_eq(milli_cpu(&counter->terminating_resources), 0);
        counters_subtract_amount(&links, &amount);
        assert_counter("unit", 0, 0, 0);
        ck_assert_int_eq(milli_cpu(&counter->resources), 0);
        counters_unlink(counters, &links);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, linking_counts_nothing_yet);
        tcase_add_test(tests, a_reservation_counts_toward_each_of_its_keys);
        tcase_add_test(tests, a_reservation_without_keys_counts_nowhere);
        tcase_add_test(tests, resources_add_up_by_name);
        tcase_add_test(tests, what_is_terminating_is_in_both_sums);
        tcase_add_test(tests, counters_that_are_still_linked_are_freed_with_the_rest);
        tcase_add_test(tests, what_is_older_than_a_key_allows_does_not_count_there);
        tcase_add_test(tests, an_amount_counts_as_its_pods_do);
        tcase_add_test(tests, keys_are_copied);
        tcase_add_test(tests, keys_are_appended_to_those_that_there_are);
        tcase_add_test(tests, links_know_the_keys_of_their_counters);
}

int main(void)
{
        return unit_main("counter", add);
}
