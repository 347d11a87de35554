/*
 * Promises: what pods have been promised and not yet been seen to ask for is counted, whichever of the promise and
 * its pods comes first; an entry of the ledger is read and written without loss.
 */
#include "quota/promise.h"

#include <errno.h>

#include "json.h"
#include "quota/entries.h"
#include "reservations.h"
#include "util/error.h"

static struct promises promises;
static int refuse_after; /* how often the classifier may still be asked; -1: for ever */

/* Toward the region, and toward the unit that placed the pod. */
static int classify(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        int r = 0;

        (void)userdata;
        if (refuse_after >= 0 && refuse_after-- == 0)
                return -ENOMEM;
        if (*reservation->region)
                r = counter_keys_add(ret, reservation->region, 0);
        if (r >= 0 && *reservation->placement)
                r = counter_keys_add(ret, reservation->placement, 0);
        return r;
}

static const struct classifier by_unit = {.generation = 1, .classify = classify};

static void setup(void)
{
        refuse_after = -1;
        ck_assert_int_eq(promises_init(&promises), 0);
        ck_assert_int_eq(promises_classify(&promises, &by_unit), 0);
}

static void teardown(void)
{
        promises_clear(&promises);
}

static struct reservation *share(const char *placement, int64_t gpus, const char *name, const char *quantity)
{
        struct reservation *reservation = new_reservation("ns", "r", "A10", gpus);

        set_text(&reservation->placement, placement);
        if (name)
                set_resource(reservation, name, quantity);
        return reservation;
}

/* A promise of nothing that counts toward its pool, and toward a unit if there is one. */
static struct promise *add_promise(const char *id, const char *unit)
{
        _cleanup_(counter_keys_clear) struct counter_keys counts = {0};
        struct promise_terms terms = {"ns", "r", "A10", unit ? unit : "", &counts};
        struct promise *promise = NULL;

        if (unit)
                ck_assert_int_eq(counter_keys_add(&counts, unit, 0), 0);
        ck_assert_int_eq(promises_add(&promises, &promise, id, &terms), 0);
        promise_become(&promises, promise, PROMISE_FORMING);
        return promise;
}

static int join(struct promise *promise, struct reservation *owned)
{
        _cleanup_(reservation_freep) struct reservation *reservation = owned;

        return promise_join(&promises, promise, reservation);
}

static void leave(struct promise *promise, struct reservation *owned)
{
        _cleanup_(reservation_freep) struct reservation *reservation = owned;

        promise_leave(promise, reservation);
}

static int see(struct promise *promise, struct reservation *owned, uint64_t version)
{
        _cleanup_(reservation_freep) struct reservation *pod = owned;

        return promise_see(promise, pod, version);
}

static void assert_counter(const char *key, int64_t gpus, int64_t pods, const char *cpu)
{
        static const struct counter none;
        const struct counter *counter = counters_find(promises.counters, key);
        struct quantity expected;
        const struct quantity *found;

        counter = counter ? counter : &none;
        ck_assert_msg(quantity_value(counter->gpus) == gpus, "%s: %lld GPUs, not %lld", key,
                      (long long)quantity_value(counter->gpus), (long long)gpus);
        ck_assert_msg(counter->pods == pods, "%s: %lld pods", key, (long long)counter->pods);
        if (!cpu)
                return;
        found = resources_find(&counter->resources, "cpu");
        ck_assert_int_eq(quantity_parse(&expected, cpu), 0);
        ck_assert_msg(!quantity_compare(found ? *found : quantity_whole(0), expected), "%s: not %s cpu", key, cpu);
}

static json_t *entry_of(const char *id, const char *rest)
{
        json_auto_t *entry = json_text(
                "{'namespace': 'ns', 'region': 'r', 'series': 'A10', 'placement': 'ns/p#0', 'counts': ['ns/p#0'],"
                " 'gpus': 4, 'pods': 2, 'resources': {'cpu': '3'}}");
        json_auto_t *changes = json_text(rest);

        ck_assert_int_eq(json_object_set_new(entry, "id", json_string(id)), 0);
        ck_assert_int_eq(json_object_update(entry, changes), 0);
        return json_incref(entry);
}

static int enter(struct promise **ret, const char *id, const char *rest, struct error *error)
{
        json_auto_t *entry = entry_of(id, rest);
        bool entered;

        return promises_enter(&promises, ret, &entered, entry, error);
}

static const char id_a[] = "0123456789abcdef0123456789abcdef";
static const char id_b[] = "fedcba9876543210fedcba9876543210";

START_TEST(shares_add_up_and_leave_again)
{
        struct promise *promise = add_promise(NULL, "ns/p#0");

        ck_assert_uint_eq(strlen(promise->id), 32);
        ck_assert_int_eq(join(promise, share("ns/p#0", 4, "cpu", "500m")), 0);
        ck_assert_int_eq(join(promise, share("ns/p#0", 1, "memory", "1Gi")), 0);
        assert_counter("r", 5, 2, NULL);
        assert_counter("ns/p#0", 5, 2, "500m");
        leave(promise, share("ns/p#0", 4, "cpu", "500m"));
        assert_counter("ns/p#0", 1, 1, "0");
        promises_drop(&promises, promise);
        ck_assert_ptr_null(counters_find(promises.counters, "r"));
        ck_assert_ptr_null(counters_find(promises.counters, "ns/p#0"));
}
END_TEST

static const struct match_case {
        const char *name;
        const char *namespace, *region, *series; /* of the pod; the promise is of ns, r, A10 */
        int matches;
} match_cases[] = {
        {"a pod of the promise's terms", "ns", "r", "A10", 1},
        {"a pod of another namespace", "other", "r", "A10", 0},
        {"a pod of another region", "ns", "s", "A10", 0},
        {"a pod of another series", "ns", "r", "T4", 0},
        {"a pod of no series", "ns", "r", "", 0},
        {"a pod of no region", "ns", "", "A10", 0},
};

START_TEST(a_pod_matches_within_its_pool_and_namespace)
{
        const struct match_case *test = &match_cases[_i];
        struct promise *promise = add_promise(NULL, NULL);

        ck_assert_int_eq(join(promise, share("", 4, NULL, NULL)), 0);
        ck_assert_msg(see(promise, new_reservation(test->namespace, test->region, test->series, 3), 77) ==
                              test->matches,
                      "%s", test->name);
        assert_counter("r", test->matches ? 1 : 4, test->matches ? 0 : 1, NULL);
        ck_assert_msg(promise->newest == (test->matches ? 77 : 0), "%s", test->name);
}
END_TEST

static const struct seen_case {
        const char *name;
        int64_t gpus[3]; /* of the pods that are seen; the promise is 4 GPUs and 3 cpu for two pods, of 2 GPUs each */
        const char *cpu[3];
        int64_t left_gpus, left_pods;
        const char *left_cpu;
        bool fulfilled;
} seen_cases[] = {
        {"none", {0}, {0}, 4, 2, "3", false},
        {"one of two", {2}, {"1"}, 2, 1, "2", false},
        {"both", {2, 2}, {"1", "2"}, 0, 0, "0", true},
        {"both, which ask for less than was promised", {1, 2}, {"1", "1"}, 1, 0, "1", false},
        {"both, which ask for more than was promised", {2, 9}, {"1", "9"}, 0, 0, "0", true},
        {"three, which is one too many", {2, 1, 1}, {"1", "1", "1"}, 0, 0, "0", true},
        {"one that asks for all the GPUs", {4}, {"1"}, 0, 1, "2", false},
};

START_TEST(what_is_seen_is_no_longer_counted)
{
        const struct seen_case *test = &seen_cases[_i];
        struct promise *promise = NULL;

        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(test->gpus) && test->gpus[i]; i++)
                ck_assert_int_eq(see(promise, share("ns/p#0", test->gpus[i], "cpu", test->cpu[i]), 10 + i), 1);
        assert_counter("r", test->left_gpus, test->left_pods, NULL);
        assert_counter("ns/p#0", test->left_gpus, test->left_pods, test->left_cpu);
        ck_assert_msg(promise_is_fulfilled(promise) == test->fulfilled, "%s", test->name);
        promise_unsee(promise);
        assert_counter("ns/p#0", 4, 2, "3");
        ck_assert_uint_eq(promise->newest, 0);
}
END_TEST

START_TEST(a_pod_may_be_seen_before_its_promise)
{
        struct promise *seen = add_promise(id_a, NULL), *promise = NULL;

        promise_become(&promises, seen, PROMISE_SEEN);
        ck_assert_int_eq(see(seen, share("ns/p#0", 2, "cpu", "1"), 50), 1);
        assert_counter("r", 0, 0, NULL);
        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        ck_assert_ptr_eq(promise, seen);
        assert_counter("r", 2, 1, NULL);
        assert_counter("ns/p#0", 2, 1, "2");
        ck_assert_uint_eq(promise->newest, 50);
        ck_assert(promise->known);
}
END_TEST

START_TEST(a_pod_that_was_seen_before_a_promise_of_another_pool_does_not_match)
{
        struct promise *promise = add_promise(id_a, NULL);

        promise_become(&promises, promise, PROMISE_SEEN);
        ck_assert_int_eq(see(promise, share("", 2, NULL, NULL), 50), 1);
        ck_assert_int_eq(enter(&promise, id_a, "{'region': 's'}", NULL), 0);
        assert_counter("s", 4, 2, NULL);
        assert_counter("r", 0, 0, NULL);
        ck_assert_uint_eq(promise->newest, 0);
}
END_TEST

START_TEST(what_leaves_the_ledger_counts_nowhere_and_may_come_back)
{
        struct promise *promise = NULL;

        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        promise_remove(promise, 5);
        ck_assert_int_eq(promise->state, PROMISE_SEEN);
        ck_assert_int_eq(promise->since, 5);
        assert_counter("r", 0, 0, NULL);
        assert_counter("ns/p#0", 0, 0, "0");
        ck_assert(!promise_is_fulfilled(promise));
        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        assert_counter("ns/p#0", 4, 2, "3");
}
END_TEST

static const struct change_case {
        const char *name;
        const char *changes; /* to the entry of entry_of() */
        int64_t gpus, pods;
        const char *unit, *cpu;
} change_cases[] = {
        {"more GPUs", "{'gpus': 9}", 9, 2, "ns/p#0", "3"},
        {"fewer pods", "{'pods': 1}", 4, 1, "ns/p#0", "3"},
        {"no resources", "{'resources': {}}", 4, 2, "ns/p#0", "0"},
        {"another resource", "{'resources': {'memory': '1Gi'}}", 4, 2, "ns/p#0", "0"},
        {"another unit", "{'counts': ['ns/p#1']}", 4, 2, "ns/p#1", "3"},
        {"another unit and another resource", "{'counts': ['ns/p#1'], 'resources': {'memory': '1Gi'}}", 4, 2,
         "ns/p#1", "0"},
        {"another namespace", "{'namespace': 'other'}", 4, 2, "ns/p#0", "3"},
};

START_TEST(an_entry_that_somebody_has_changed_is_counted_as_it_is)
{
        const struct change_case *test = &change_cases[_i];
        struct promise *promise = NULL, *again = NULL;

        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        ck_assert_int_eq(enter(&again, id_a, test->changes, NULL), 0);
        ck_assert_ptr_eq(again, promise);
        assert_counter("r", test->gpus, test->pods, NULL);
        assert_counter(test->unit, test->gpus, test->pods, test->cpu);
        promise_remove(promise, 0);
        assert_counter("r", 0, 0, NULL);
        assert_counter(test->unit, 0, 0, "0");
}
END_TEST

static const struct entry_case {
        const char *name;
        const char *changes;
        const char *error; /* begins so; NULL: it is read */
} entry_cases[] = {
        {"an entry", "{}", NULL},
        {"an entry without resources", "{'resources': null}", NULL},
        {"an entry of no pool", "{'region': '', 'series': '', 'gpus': 0}", NULL},
        {"no id", "{'id': null}", "id: "},
        {"an id that is too short", "{'id': 'abc'}", "id: "},
        {"an id that is a number", "{'id': 7}", "id: "},
        {"GPUs that are text", "{'gpus': '4'}", "gpus: "},
        {"pods below zero", "{'pods': -1}", "pods: "},
        {"a region that is a number", "{'region': 7}", "region: "},
        {"counters that are text", "{'counts': 'ns/p#0'}", "counts: "},
        {"a counter that is a number", "{'counts': [7]}", "counts[0]: "},
        {"a quantity that is none", "{'resources': {'cpu': 'much'}}", "resources"},
        {"resources that are a list", "{'resources': []}", "resources: "},
};

START_TEST(an_entry_is_read_or_it_is_said_what_is_wrong)
{
        const struct entry_case *test = &entry_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        struct promise *promise = NULL;
        int r = enter(&promise, id_a, test->changes, &error);

        ck_assert_msg(r == (test->error ? -EINVAL : 0), "%s: %d %s", test->name, r, error_message(&error));
        if (!test->error)
                return;
        ck_assert_msg(!strncmp(error_message(&error), test->error, strlen(test->error)), "%s: %s", test->name,
                      error_message(&error));
        ck_assert_ptr_null(promises.by_id);
}
END_TEST

START_TEST(an_entry_is_kept_with_the_fields_that_are_not_known)
{
        json_auto_t *entry = entry_of(id_a, "{'borrowed': {'by': 'somebody'}}");
        struct promise *promise = NULL;
        bool entered = false;

        ck_assert_int_eq(promises_enter(&promises, &promise, &entered, entry, NULL), 0);
        ck_assert(entered);
        ck_assert(json_equal(promise_to_json(promise), entry));
        ck_assert_int_eq(promises_enter(&promises, &promise, &entered, entry, NULL), 0);
        ck_assert(!entered);
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
        struct promise *promise = add_promise(id_a, "ns/p#0"), *again = NULL;
        json_auto_t *expected = json_text(
                "{'id': '0123456789abcdef0123456789abcdef', 'namespace': 'ns', 'region': 'r', 'series': 'A10',"
                " 'placement': 'ns/p#0', 'counts': ['ns/p#0'], 'gpus': 3, 'pods': 2, 'resources': {'cpu': '2'}}");
        json_auto_t *json = NULL;
        bool entered = false;

        ck_assert_int_eq(join(promise, share("ns/p#0", 1, "cpu", "500m")), 0);
        ck_assert_int_eq(join(promise, share("ns/p#0", 2, "cpu", "1500m")), 0);
        json = json_incref(promise_to_json(promise));
        ck_assert_msg(json_equal(json, expected), "%s", json_dumps(json, 0));
        promises_drop(&promises, promise);
        ck_assert_int_eq(promises_enter(&promises, &again, &entered, json, NULL), 0);
        assert_counter("r", 3, 2, NULL);
        assert_counter("ns/p#0", 3, 2, "2");
}
END_TEST

static const struct rest_case {
        const char *name;
        bool resources;
        const char *expected;
} rest_cases[] = {
        {"with resources", true,
         "{'id': '0123456789abcdef0123456789abcdef', 'more': 1, 'gpus': 3, 'pods': 2, 'resources': {'cpu': '2'}}"},
        {"without", false,
         "{'id': '0123456789abcdef0123456789abcdef', 'more': 1, 'gpus': 3, 'pods': 2, 'resources': {'cpu': '8'}}"},
};

START_TEST(an_entry_is_written_with_another_amount_and_is_no_credit_then)
{
        const struct rest_case *test = &rest_cases[_i];
        json_auto_t *json = json_text("{'id': '0123456789abcdef0123456789abcdef', 'more': 1, 'gpus': 8, 'pods': 8,"
                                      " 'resources': {'cpu': '8'}, 'credit': true}");
        json_auto_t *before = json_deep_copy(json), *expected = json_text(test->expected), *found = NULL;
        _cleanup_(amount_clear) struct amount amount = {0};
        _cleanup_(reservation_freep) struct reservation *one = share("", 1, "cpu", "500m"),
                                                        *two = share("", 2, "cpu", "1500m");

        ck_assert_int_eq(amount_add(&amount, one, true), 0);
        ck_assert_int_eq(amount_add(&amount, two, true), 0);
        found = promise_json_with(json, &amount, test->resources);
        ck_assert_msg(json_equal(found, expected), "%s: %s", test->name, json_dumps(found, 0));
        ck_assert(json_equal(json, before));
}
END_TEST

START_TEST(a_credit_is_known_by_its_entry)
{
        struct promise *promise = add_promise(id_a, NULL), *again = NULL;
        json_auto_t *json = NULL;
        bool entered = false;

        ck_assert_int_eq(join(promise, share("", 1, NULL, NULL)), 0);
        ck_assert_ptr_null(json_object_get(promise_to_json(promise), "credit"));
        promise->credit = true;
        json = json_deep_copy(promise_to_json(promise));
        promises_drop(&promises, promise);
        ck_assert_int_eq(promises_enter(&promises, &again, &entered, json, NULL), 0);
        ck_assert(again->credit);
        json_decref(json);
        json = promise_json_with(again->json, &again->promised, false);
        ck_assert_int_eq(promises_enter(&promises, &again, &entered, json, NULL), 0);
        ck_assert(!again->credit);
}
END_TEST

START_TEST(resources_matter_only_where_a_unit_bounds_them)
{
        struct promise *promise = add_promise(id_a, NULL);

        ck_assert_int_eq(join(promise, share("", 1, "cpu", "500m")), 0);
        ck_assert_ptr_null(json_object_get(promise_to_json(promise), "resources"));
}
END_TEST

static const struct forming_case {
        const char *name;
        const char *namespace, *region, *series, *placement, *count;
        enum promise_state state; /* of the promise, which is of ns, r, A10 and counts toward u */
        bool joins;
} forming_cases[] = {
        {"the same terms", "ns", "r", "A10", "u", "u", PROMISE_FORMING, true},
        {"another namespace", "other", "r", "A10", "u", "u", PROMISE_FORMING, false},
        {"another region", "ns", "s", "A10", "u", "u", PROMISE_FORMING, false},
        {"another series", "ns", "r", "T4", "u", "u", PROMISE_FORMING, false},
        {"another placement", "ns", "r", "A10", "v", "u", PROMISE_FORMING, false},
        {"another group of labels", "ns", "r", "A10", "u", "u,blue", PROMISE_FORMING, false},
        {"no counter", "ns", "r", "A10", "u", NULL, PROMISE_FORMING, false},
        {"one that is being written", "ns", "r", "A10", "u", "u", PROMISE_WRITING, false},
        {"one that is in the ledger", "ns", "r", "A10", "u", "u", PROMISE_ENTERED, false},
        {"one that only its pods tell of", "ns", "r", "A10", "u", "u", PROMISE_SEEN, false},
};

START_TEST(reservations_join_the_promise_of_their_terms)
{
        const struct forming_case *test = &forming_cases[_i];
        _cleanup_(counter_keys_clear) struct counter_keys counts = {0};
        struct promise_terms terms = {test->namespace, test->region, test->series, test->placement, &counts};
        struct promise *promise = add_promise(NULL, "u");

        promise_become(&promises, promise, test->state);
        if (test->count)
                ck_assert_int_eq(counter_keys_add(&counts, test->count, 0), 0);
        ck_assert_msg(promises_forming(&promises, &terms) == (test->joins ? promise : NULL), "%s", test->name);
}
END_TEST

static const struct charge_case {
        const char *name;
        const char *region, *placement;
        int64_t gpus;
        size_t counts;
        bool charged;
} charge_cases[] = {
        {"GPUs of a pool", "r", "", 2, 0, true},
        {"no GPUs of a pool", "r", "", 0, 0, false},
        {"a place in a unit", "", "ns/p#0", 0, 1, true},
        {"GPUs of a pool and a place in a unit", "r", "ns/p#0", 2, 1, true},
        {"GPUs of nowhere", "", "", 2, 0, false},
};

START_TEST(what_takes_nothing_from_anybody_is_not_charged)
{
        const struct charge_case *test = &charge_cases[_i];
        _cleanup_(reservation_freep) struct reservation *reservation =
                new_reservation("ns", test->region, "A10", test->gpus);
        _cleanup_(counter_keys_clear) struct counter_keys counts = {0};
        bool charged = false;

        set_text(&reservation->placement, test->placement);
        ck_assert_int_eq(promises_counts(&promises, reservation, &counts, &charged), 0);
        ck_assert_msg(counts.count == test->counts, "%s: %zu counters", test->name, counts.count);
        ck_assert_msg(charged == test->charged, "%s", test->name);
}
END_TEST

static int classify_by_series(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)userdata;
        return counter_keys_add(ret, reservation->series, 0);
}

START_TEST(a_new_classifier_counts_every_promise_anew)
{
        static const struct classifier by_series = {.generation = 2, .classify = classify_by_series};
        struct promise *a = NULL, *b = NULL;

        ck_assert_int_eq(enter(&a, id_a, "{}", NULL), 0);
        ck_assert_int_eq(enter(&b, id_b, "{'series': 'T4'}", NULL), 0);
        assert_counter("r", 8, 4, NULL);
        refuse_after = 1;
        ck_assert_int_eq(promises_classify(&promises, &by_unit), -ENOMEM);
        assert_counter("r", 8, 4, NULL);
        ck_assert_int_eq(promises_classify(&promises, &by_series), 0);
        assert_counter("r", 0, 0, NULL);
        assert_counter("A10", 4, 2, NULL);
        assert_counter("T4", 4, 2, NULL);
        assert_counter("ns/p#0", 8, 4, "6");
}
END_TEST

START_TEST(without_a_classifier_a_promise_counts_toward_its_units_alone)
{
        struct promise *promise = NULL;

        promises_clear(&promises);
        ck_assert_int_eq(promises_init(&promises), 0);
        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        assert_counter("r", 0, 0, NULL);
        assert_counter("ns/p#0", 4, 2, "3");
        ck_assert_int_eq(promises_classify(&promises, &by_unit), 0);
        assert_counter("r", 4, 2, NULL);
}
END_TEST

/* What can fail comes first: a resource that is new to the promise needs room in its counters. */
START_TEST(what_cannot_be_counted_does_not_join)
{
        struct promise *promise = add_promise(id_a, "ns/p#0");

        ck_assert_int_eq(join(promise, share("ns/p#0", 4, "cpu", "500m")), 0);
        refuse_after = 0;
        ck_assert_int_eq(join(promise, share("ns/p#0", 1, "memory", "1Gi")), -ENOMEM);
        assert_counter("ns/p#0", 4, 1, "500m");
        refuse_after = -1;
        leave(promise, share("ns/p#0", 4, "cpu", "500m"));
        assert_counter("r", 0, 0, NULL);
        assert_counter("ns/p#0", 0, 0, "0");
}
END_TEST

START_TEST(what_cannot_be_counted_is_not_added)
{
        static const struct counter_keys none;
        const struct promise_terms terms = {"ns", "r", "A10", "", &none};
        struct promise *promise = NULL;

        refuse_after = 0;
        ck_assert_int_eq(promises_add(&promises, &promise, id_a, &terms), -ENOMEM);
        ck_assert_ptr_null(promises_find(&promises, id_a));
        ck_assert_ptr_null(counters_find(promises.counters, "r"));
}
END_TEST

START_TEST(an_entry_that_cannot_be_counted_anew_is_counted_as_it_was)
{
        struct promise *promise = NULL, *again = NULL;

        ck_assert_int_eq(enter(&promise, id_a, "{}", NULL), 0);
        ck_assert_int_eq(see(promise, share("ns/p#0", 1, "cpu", "1"), 3), 1);
        refuse_after = 0;
        ck_assert_int_eq(enter(&again, id_a, "{'namespace': 'other', 'resources': {'memory': '1'}}", NULL), -ENOMEM);
        assert_counter("ns/p#0", 3, 1, "2");
        ck_assert_str_eq(promise->namespace, "ns");
        ck_assert_int_eq(see(promise, share("ns/p#0", 1, "cpu", "1"), 4), 1);
        assert_counter("ns/p#0", 2, 0, "1");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, shares_add_up_and_leave_again);
        tcase_add_loop_test(tests, a_pod_matches_within_its_pool_and_namespace, 0, ARRAY_SIZE(match_cases));
        tcase_add_loop_test(tests, what_is_seen_is_no_longer_counted, 0, ARRAY_SIZE(seen_cases));
        tcase_add_test(tests, a_pod_may_be_seen_before_its_promise);
        tcase_add_test(tests, a_pod_that_was_seen_before_a_promise_of_another_pool_does_not_match);
        tcase_add_test(tests, what_leaves_the_ledger_counts_nowhere_and_may_come_back);
        tcase_add_loop_test(tests, an_entry_that_somebody_has_changed_is_counted_as_it_is, 0,
                            ARRAY_SIZE(change_cases));
        tcase_add_loop_test(tests, an_entry_is_read_or_it_is_said_what_is_wrong, 0, ARRAY_SIZE(entry_cases));
        tcase_add_test(tests, an_entry_is_kept_with_the_fields_that_are_not_known);
        tcase_add_test(tests, what_is_written_is_read_back);
        tcase_add_loop_test(tests, an_entry_is_written_with_another_amount_and_is_no_credit_then, 0,
                            ARRAY_SIZE(rest_cases));
        tcase_add_test(tests, a_credit_is_known_by_its_entry);
        tcase_add_test(tests, resources_matter_only_where_a_unit_bounds_them);
        tcase_add_loop_test(tests, reservations_join_the_promise_of_their_terms, 0, ARRAY_SIZE(forming_cases));
        tcase_add_loop_test(tests, what_takes_nothing_from_anybody_is_not_charged, 0, ARRAY_SIZE(charge_cases));
        tcase_add_test(tests, a_new_classifier_counts_every_promise_anew);
        tcase_add_test(tests, without_a_classifier_a_promise_counts_toward_its_units_alone);
        tcase_add_test(tests, what_cannot_be_counted_does_not_join);
        tcase_add_test(tests, what_cannot_be_counted_is_not_added);
        tcase_add_test(tests, an_entry_that_cannot_be_counted_anew_is_counted_as_it_was);
}

int main(void)
{
        return unit_main("promise", add);
}
