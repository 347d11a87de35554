/*
 * The status of a RegionQuota: its pools by the limits in force, the columns of kubectl, and conditions whose time is
 * that of their last change.
 */
#include "cluster/quota_status.h"

#include <errno.h>

#include "cluster/known_object.h"
#include "cluster_objects.h"

#define NOW 1767225600 /* 2026-01-01T00:00:00Z */

/* Six GPUs are used and two reserved of every pool, but none of the series "idle". */
static int pool(void *userdata, const char *region, const char *series, int64_t *ret_used, int64_t *ret_reserved)
{
        (void)region;
        if (userdata)
                return -ENOMEM;
        *ret_used = strcmp(series, "idle") ? 6 : 0;
        *ret_reserved = strcmp(series, "idle") ? 2 : 0;
        return 0;
}

static int64_t seven_at_most(void *userdata, const char *region, const char *series, int64_t gpus)
{
        (void)userdata, (void)region, (void)series;
        return gpus < 7 ? gpus : 7;
}

static struct known_object *quota_text(const char *name, const char *spec, const struct known_object *former)
{
        json_t *object = json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion", "regionfit.io/v1alpha1", "kind",
                                   "RegionQuota", "metadata", "name", name, "spec", json_text(spec));
        struct known_object *known = NULL;

        set_metadata(object, name, former ? 20 : 10, former ? 2 : 1);
        ck_assert_int_eq(known_object_read(&known, &known_quota, object, former), 0);
        json_decref(object);
        return known;
}

/* The status of the first of some quotas. */
static json_t *status_of(struct known_object **quotas, size_t n, const struct quota_numbers *numbers, int64_t now)
{
        json_t *status = NULL;

        ck_assert_int_eq(quota_status_make(&status, quotas, n, 0, numbers, now), 0);
        for (size_t i = 0; i < n; i++)
                known_object_unref(quotas[i]);
        return status;
}

static const char *line(const json_t *status, const char *key)
{
        return json_string_value(json_object_get(status, key));
}

static const char *condition(const json_t *status, size_t i, const char *key)
{
        return json_string_value(json_object_get(json_array_get(json_object_get(status, "conditions"), i), key));
}

#define TWO                                                                            \
        "{'region': 'cn-beijing', 'pools': [{'gpuModelSeries': 'GU8TF', 'gpus': 16}, " \
        "{'gpuModelSeries': '*', 'gpus': 8}]}"

START_TEST(every_pool_has_its_numbers_and_a_column_has_all_of_them)
{
        static const struct quota_numbers numbers = {.pool = pool};
        struct known_object *quota = quota_text("q", TWO, NULL);
        json_t *status = status_of(&quota, 1, &numbers, NOW);
        json_t *expected = json_text(
                "{'observedGeneration': 1, 'region': 'cn-beijing', 'pools': ["
                "{'gpuModelSeries': 'GU8TF', 'limit': 16, 'used': 6, 'reserved': 2, 'remaining': 8},"
                "{'gpuModelSeries': '*', 'limit': 8, 'used': 6, 'reserved': 2, 'remaining': 0}],"
                "'series': 'GU8TF,*', 'limit': '16,8', 'used': '6,6', 'reserved': '2,2', 'remaining': '8,0',"
                "'conditions': [{'type': 'Ready', 'status': 'True', 'observedGeneration': 1,"
                " 'lastTransitionTime': '2026-01-01T00:00:00Z', 'reason': 'InForce', 'message': 'its limits hold'},"
                "{'type': 'OverLimit', 'status': 'False', 'observedGeneration': 1,"
                " 'lastTransitionTime': '2026-01-01T00:00:00Z', 'reason': 'WithinLimit',"
                " 'message': 'no pool holds more than its limit'}]}");

        ck_assert(json_equal(status, expected));
        json_decref(expected);
        json_decref(status);
}
END_TEST

#define POOL(series, gpus) "{'gpuModelSeries': '" series "', 'gpus': " gpus "}"

static const struct status_case {
        const char *name;
        const char *spec;
        const char *other; /* another quota's spec, or NULL */
        const char *limit, *remaining;
        const char *ready, *reason, *message;
        const char *over, *over_message;
} status_cases[] = {
        {"without pools there is nothing to show", "{'pools': []}", NULL, "", "", "True", "InForce",
         "its limits hold", "False", "no pool holds more than its limit"},
        {"live pods over a lowered limit are told", "{'pools': [" POOL("A10", "4") "]}", NULL, "4", "-4", "True",
         "InForce", "its limits hold", "True", "A10: 6 of 4 GPUs are in use"},
        {"every pool that is over its limit is told", "{'pools': [" POOL("A10", "4") "," POOL("L20", "0") "]}", NULL,
         "4,0", "-4,-8", "True", "InForce", "its limits hold", "True",
         "A10: 6 of 4 GPUs are in use; L20: 6 of 0 GPUs are in use"},
        {"a series that is listed twice is one pool with the smaller limit",
         "{'pools': [" POOL("A10", "30") "," POOL("A10", "20") "]}", NULL, "20", "12", "False", "DuplicateSeries",
         "A10 is listed twice; the smaller limit holds", "False", "no pool holds more than its limit"},
        {"another quota of the region has a smaller limit", "{'region': 'r', 'pools': [" POOL("A10", "30") "]}",
         "{'region': 'r', 'pools': [" POOL("A10", "10") "]}", "10", "2", "False", "DuplicateSeries",
         "A10 is listed by RegionQuota other as well; the smaller limit holds", "False",
         "no pool holds more than its limit"},
        {"another region is another matter", "{'region': 'r', 'pools': [" POOL("A10", "30") "]}",
         "{'region': 's', 'pools': [" POOL("A10", "10") "]}", "30", "22", "True", "InForce", "its limits hold",
         "False", "no pool holds more than its limit"},
        {"other series of the region are other pools", "{'region': 'r', 'pools': [" POOL("A10", "30") "]}",
         "{'region': 'r', 'pools': [" POOL("L20", "10") "]}", "30", "22", "True", "InForce", "its limits hold",
         "False", "no pool holds more than its limit"},
        {"what never could be read has no effect", "{'pools': [" POOL("A10", "-1") "]}", NULL, "", "", "False",
         "Malformed", "spec.pools[0].gpus: must be a non-negative integer, not -1; it has no effect", "False",
         "no pool holds more than its limit"},
};

START_TEST(conditions_say_what_is_wrong)
{
        static const struct quota_numbers numbers = {.pool = pool};
        const struct status_case *test = &status_cases[_i];
        struct known_object *quotas[2] = {quota_text("q", test->spec, NULL), NULL};
        json_t *status;

        if (test->other)
                quotas[1] = quota_text("other", test->other, NULL);
        status = status_of(quotas, test->other ? 2 : 1, &numbers, NOW);
        ck_assert_msg(!strcmp(line(status, "limit"), test->limit), "%s: %s", test->name, line(status, "limit"));
        ck_assert_msg(!strcmp(line(status, "remaining"), test->remaining), "%s", test->name);
        ck_assert_msg(!strcmp(condition(status, 0, "status"), test->ready), "%s", test->name);
        ck_assert_msg(!strcmp(condition(status, 0, "reason"), test->reason), "%s", test->name);
        ck_assert_msg(!strcmp(condition(status, 0, "message"), test->message), "%s: %s", test->name,
                      condition(status, 0, "message"));
        ck_assert_msg(!strcmp(condition(status, 1, "status"), test->over), "%s", test->name);
        ck_assert_msg(!strcmp(condition(status, 1, "message"), test->over_message), "%s: %s", test->name,
                      condition(status, 1, "message"));
        json_decref(status);
}
END_TEST

START_TEST(a_malformed_version_shows_the_limits_that_stay_in_force)
{
        static const struct quota_numbers numbers = {.pool = pool};
        struct known_object *good = quota_text("q", "{'pools': [" POOL("A10", "9") "]}", NULL);
        struct known_object *bad = quota_text("q", "{'pools': 3}", good);
        json_t *status = status_of(&bad, 1, &numbers, NOW);

        ck_assert_str_eq(line(status, "limit"), "9");
        ck_assert_str_eq(condition(status, 0, "message"),
                         "spec.pools: must be a list, not 3; the last good version stays in force");
        ck_assert_int_eq(json_integer_value(json_object_get(status, "observedGeneration")), 2);
        known_object_unref(good);
        json_decref(status);
}
END_TEST

START_TEST(nodes_that_have_less_are_the_limit)
{
        static const struct quota_numbers numbers = {.pool = pool, .limit = seven_at_most};
        struct known_object *quota = quota_text("q", TWO, NULL);
        json_t *status = status_of(&quota, 1, &numbers, NOW);

        ck_assert_str_eq(line(status, "limit"), "7,7");
        ck_assert_str_eq(line(status, "remaining"), "-1,-1");
        json_decref(status);
}
END_TEST

/* The quota with a status that was stored at NOW. */
static struct known_object *stored(const char *spec, const char *stored_spec)
{
        static const struct quota_numbers numbers = {.pool = pool};
        struct known_object *before = quota_text("q", stored_spec, NULL), *quota = quota_text("q", spec, NULL);

        quota->status = status_of(&before, 1, &numbers, NOW);
        return quota;
}

START_TEST(what_is_stored_already_is_known)
{
        static const struct quota_numbers numbers = {.pool = pool};
        struct known_object *quota = stored(TWO, TWO), *changed = stored("{'pools': []}", TWO);
        json_t *same = status_of((struct known_object *[]){known_object_ref(quota)}, 1, &numbers, NOW + 60);
        json_t *other = status_of((struct known_object *[]){known_object_ref(changed)}, 1, &numbers, NOW + 60);

        ck_assert(quota_status_is(quota, same));
        ck_assert(!quota_status_is(changed, other));
        json_object_set_new(quota->status, "addedByOthers", json_true());
        ck_assert(quota_status_is(quota, same));
        json_decref(quota->status);
        quota->status = NULL;
        ck_assert(!quota_status_is(quota, same));
        known_object_unref(quota);
        known_object_unref(changed);
        json_decref(same);
        json_decref(other);
}
END_TEST

START_TEST(a_condition_keeps_its_time_until_its_status_changes)
{
        static const struct quota_numbers numbers = {.pool = pool};
        struct known_object *quota = stored("{'pools': [" POOL("A10", "1") "]}", "{'pools': [" POOL("A10", "9") "]}");
        json_t *status = status_of(&quota, 1, &numbers, NOW + 3661);

        ck_assert_str_eq(condition(status, 0, "lastTransitionTime"), "2026-01-01T00:00:00Z");
        ck_assert_str_eq(condition(status, 1, "lastTransitionTime"), "2026-01-01T01:01:01Z");
        json_decref(status);
}
END_TEST

START_TEST(without_numbers_there_is_no_status)
{
        int no = 1;
        const struct quota_numbers numbers = {.pool = pool, .userdata = &no};
        struct known_object *quota = quota_text("q", TWO, NULL);
        json_t *status = NULL;

        ck_assert_int_eq(quota_status_make(&status, &quota, 1, 0, &numbers, NOW), -ENOMEM);
        ck_assert_ptr_null(status);
        known_object_unref(quota);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, every_pool_has_its_numbers_and_a_column_has_all_of_them);
        tcase_add_loop_test(tests, conditions_say_what_is_wrong, 0, ARRAY_SIZE(status_cases));
        tcase_add_test(tests, a_malformed_version_shows_the_limits_that_stay_in_force);
        tcase_add_test(tests, nodes_that_have_less_are_the_limit);
        tcase_add_test(tests, what_is_stored_already_is_known);
        tcase_add_test(tests, a_condition_keeps_its_time_until_its_status_changes);
        tcase_add_test(tests, without_numbers_there_is_no_status);
}

int main(void)
{
        return unit_main("quota_status", add);
}
