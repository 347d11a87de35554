/*
 * Limits: counter + claim <= limit, of GPUs, pods or one resource, with or without what is terminating.
 */
#include "quota/limit.h"

#include "reservations.h"

/*
 * One counter "k": two pods of 3 GPUs and 1500m cpu each, one of which is terminating. The claim is a pod of 2 GPUs
 * and 500m cpu.
 */
static const struct limit_case {
        const char *name;
        enum limit_kind kind;
        const char *key, *resource, *limit;
        bool ignore_terminating;
        bool keeps;
        const char *used, *wanted; /* of a refusal */
} limit_cases[] = {
        {"GPUs up to the limit", LIMIT_GPUS, "k", NULL, "8", false, true, NULL, NULL},
        {"GPUs beyond the limit", LIMIT_GPUS, "k", NULL, "7", false, false, "6", "2"},
        {"GPUs of terminating pods count in any case", LIMIT_GPUS, "k", NULL, "7", true, false, "6", "2"},
        {"GPUs of a counter that is not there", LIMIT_GPUS, "other", NULL, "2", false, true, NULL, NULL},
        {"GPUs beyond a limit that nothing counts toward yet", LIMIT_GPUS, "other", NULL, "1", false, false, "0",
         "2"},
        {"pods up to the limit", LIMIT_PODS, "k", NULL, "3", false, true, NULL, NULL},
        {"pods beyond the limit", LIMIT_PODS, "k", NULL, "2", false, false, "2", "1"},
        {"pods up to the limit without those that are terminating", LIMIT_PODS, "k", NULL, "2", true, true, NULL,
         NULL},
        {"pods beyond the limit without those that are terminating", LIMIT_PODS, "k", NULL, "1", true, false, "1",
         "1"},
        {"no pod at all", LIMIT_PODS, "other", NULL, "0", false, false, "0", "1"},
        {"a resource up to the limit", LIMIT_RESOURCE, "k", "cpu", "3500m", false, true, NULL, NULL},
        {"a resource beyond the limit by the least there is", LIMIT_RESOURCE, "k", "cpu", "3499999999n", false, false,
         "3", "500m"},
        {"a resource without what is terminating", LIMIT_RESOURCE, "k", "cpu", "2", true, true, NULL, NULL},
        {"a resource beyond the limit without what is terminating", LIMIT_RESOURCE, "k", "cpu", "1999m", true, false,
         "1500m", "500m"},
        {"a resource that nobody asks for", LIMIT_RESOURCE, "k", "memory", "0", false, true, NULL, NULL},
};

static void assert_quantity(const char *name, struct quantity quantity, const char *expected)
{
        struct quantity value;

        ck_assert_int_eq(quantity_parse(&value, expected), 0);
        ck_assert_msg(!quantity_compare(quantity, value), "%s: not %s", name, expected);
}

/* Adds a pod to the counter "k"; the counter stays when the pod is freed. */
static void count_pod(struct counters *counters, bool terminating)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", "r", "", 3);
        struct counter_links links;

        set_resource(pod, "cpu", "1500m");
        ck_assert_int_eq(counter_keys_add(&keys, "k", 0), 0);
        ck_assert_int_eq(counters_link(counters, &keys, &pod->resources, &links), 0);
        counters_add(&links, pod, terminating);
        free(links.items);
}

static struct counters *make_counters(void)
{
        struct counters *counters;

        ck_assert_int_eq(counters_new(&counters), 0);
        count_pod(counters, false);
        count_pod(counters, true);
        return counters;
}

static struct reservation *make_claim(void)
{
        struct reservation *claim = new_reservation("ns", "r", "", 2);

        set_resource(claim, "cpu", "500m");
        return claim;
}

static bool keeps(const struct limit *limits, size_t n, const struct counters *counters,
                  const struct reservation *claim, struct refusal *ret)
{
        return limits_keep(limits, n, &counters, 1, claim, ret);
}

START_TEST(is_kept_or_broken)
{
        const struct limit_case *test = &limit_cases[_i];
        _cleanup_(counters_freep) struct counters *counters = make_counters();
        _cleanup_(reservation_freep) struct reservation *claim = make_claim();
        struct limit limit = {test->kind, test->key, test->resource, {0}, test->ignore_terminating};
        struct refusal refusal;

        ck_assert_int_eq(quantity_parse(&limit.limit, test->limit), 0);
        ck_assert_msg(keeps(&limit, 1, counters, claim, &refusal) == test->keeps, "%s", test->name);
        if (test->keeps)
                return;
        ck_assert_uint_eq(refusal.limit, 0);
        assert_quantity(test->name, refusal.used, test->used);
        assert_quantity(test->name, refusal.wanted, test->wanted);
}
END_TEST

/* How many pods of 2 GPUs and 500m cpu fit together, beside those of the counter "k" above. */
static const struct room_case {
        const char *name;
        struct {
                enum limit_kind kind;
                const char *resource, *limit;
                bool ignore_terminating;
        } limits[2];
        size_t n;
        int64_t room;
} room_cases[] = {
        {"nothing bounds them", {{0}}, 0, INT64_MAX},
        {"as many as the limit has GPUs for", {{LIMIT_GPUS, NULL, "12", false}}, 1, 3},
        {"a part of one is none", {{LIMIT_GPUS, NULL, "13", false}}, 1, 3},
        {"nothing is left", {{LIMIT_GPUS, NULL, "6", false}}, 1, 0},
        {"less than nothing is left", {{LIMIT_GPUS, NULL, "1", false}}, 1, 0},
        {"pods", {{LIMIT_PODS, NULL, "7", false}}, 1, 5},
        {"pods without those that are terminating", {{LIMIT_PODS, NULL, "7", true}}, 1, 6},
        {"a resource", {{LIMIT_RESOURCE, "cpu", "5", false}}, 1, 4},
        {"a resource that they do not ask for", {{LIMIT_RESOURCE, "memory", "1", false}}, 1, INT64_MAX},
        {"the narrowest of two", {{LIMIT_GPUS, NULL, "12", false}, {LIMIT_PODS, NULL, "4", false}}, 2, 2},
        {"the narrowest of two comes first", {{LIMIT_PODS, NULL, "4", false}, {LIMIT_GPUS, NULL, "12", false}}, 2, 2},
        {"nothing, whatever the next one says",
         {{LIMIT_GPUS, NULL, "1", false}, {LIMIT_RESOURCE, "memory", "1", false}},
         2,
         0},
};

START_TEST(there_is_room_for_so_many)
{
        const struct room_case *test = &room_cases[_i];
        _cleanup_(counters_freep) struct counters *counters = make_counters();
        _cleanup_(reservation_freep) struct reservation *claim = make_claim();
        const struct counters *sets[] = {counters};
        struct limit limits[2] = {0};

        for (size_t i = 0; i < test->n; i++) {
                limits[i] = (struct limit){
                        test->limits[i].kind, "k", test->limits[i].resource, {0}, test->limits[i].ignore_terminating};
                ck_assert_int_eq(quantity_parse(&limits[i].limit, test->limits[i].limit), 0);
        }
        ck_assert_msg(limits_room(limits, test->n, sets, 1, claim) == test->room, "%s", test->name);
}
END_TEST

START_TEST(there_is_no_room_even_for_claims_of_nothing_where_too_much_is_taken)
{
        _cleanup_(counters_freep) struct counters *counters = make_counters();
        _cleanup_(reservation_freep) struct reservation *claim = new_reservation("ns", "r", "", 0);
        const struct counters *sets[] = {counters};
        struct limit limit = gpu_limit("k", 5);

        ck_assert_int_eq(limits_room(&limit, 1, sets, 1, claim), 0);
        limit = gpu_limit("k", 6);
        ck_assert_int_eq(limits_room(&limit, 1, sets, 1, claim), INT64_MAX);
}
END_TEST

START_TEST(the_first_limit_that_is_broken_is_told)
{
        _cleanup_(counters_freep) struct counters *counters = make_counters();
        _cleanup_(reservation_freep) struct reservation *claim = make_claim();
        struct limit limits[] = {gpu_limit("k", 8), gpu_limit("k", 7), gpu_limit("k", 1)};
        struct refusal refusal;

        ck_assert(!keeps(limits, 3, counters, claim, &refusal));
        ck_assert_uint_eq(refusal.limit, 1);
        ck_assert(keeps(limits, 1, counters, claim, &refusal));
        ck_assert(keeps(NULL, 0, counters, claim, &refusal));
}
END_TEST

START_TEST(several_sets_of_counters_are_added_up)
{
        _cleanup_(counters_freep) struct counters *a = make_counters(), *b = make_counters();
        _cleanup_(reservation_freep) struct reservation *claim = make_claim();
        const struct counters *both[] = {a, b};
        struct limit limit = gpu_limit("k", 14);
        struct refusal refusal;

        ck_assert(limits_keep(&limit, 1, both, 2, claim, &refusal));
        limit = gpu_limit("k", 13);
        ck_assert(!limits_keep(&limit, 1, both, 2, claim, &refusal));
        assert_quantity("used", refusal.used, "12");
        ck_assert(limits_keep(&limit, 1, both, 1, claim, &refusal));
}
END_TEST

START_TEST(a_claim_of_nothing_is_refused_where_too_much_is_taken)
{
        _cleanup_(counters_freep) struct counters *counters = make_counters();
        _cleanup_(reservation_freep) struct reservation *claim = new_reservation("ns", "r", "", 0);
        struct limit limit = gpu_limit("k", 5);
        struct refusal refusal;

        ck_assert(!keeps(&limit, 1, counters, claim, &refusal));
        limit = gpu_limit("k", 6);
        ck_assert(keeps(&limit, 1, counters, claim, &refusal));
}
END_TEST

START_TEST(a_copy_owns_its_text)
{
        char key[] = "k", resource[] = "cpu";
        struct limit limits[] = {
                gpu_limit(key, 8),
                {.kind = LIMIT_RESOURCE, .key = key, .resource = resource, .ignore_terminating = true},
        };
        struct limit *copy = NULL;

        ck_assert_int_eq(limits_copy(&copy, limits, 2), 0);
        key[0] = resource[0] = 'x';
        ck_assert_str_eq(copy[0].key, "k");
        ck_assert_ptr_null(copy[0].resource);
        ck_assert_int_eq(quantity_value(copy[0].limit), 8);
        ck_assert_int_eq(copy[1].kind, LIMIT_RESOURCE);
        ck_assert_str_eq(copy[1].resource, "cpu");
        ck_assert(copy[1].ignore_terminating);
        limits_free(copy, 2);
        ck_assert_int_eq(limits_copy(&copy, NULL, 0), 0);
        ck_assert_ptr_null(copy);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, is_kept_or_broken, 0, ARRAY_SIZE(limit_cases));
        tcase_add_loop_test(tests, there_is_room_for_so_many, 0, ARRAY_SIZE(room_cases));
        tcase_add_test(tests, there_is_no_room_even_for_claims_of_nothing_where_too_much_is_taken);
        tcase_add_test(tests, the_first_limit_that_is_broken_is_told);
        tcase_add_test(tests, a_copy_owns_its_text);
        tcase_add_test(tests, several_sets_of_counters_are_added_up);
        tcase_add_test(tests, a_claim_of_nothing_is_refused_where_too_much_is_taken);
}

int main(void)
{
        return unit_main("limit", add);
}
