/*
 * Metrics as Prometheus' text format 0.0.4 writes them (prometheus.io/docs/instrumenting/exposition_formats): a
 * bucket counts what is less than or equal to its bound, in seconds, and everything that a smaller one counts.
 */
#include "daemon/metrics.h"

#include <pthread.h>
#include <string.h>

#include "check.h"
#include "quota/ledger.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define MS NS_PER_MS

/* A ledger that only says how it fares. */
static const char *obstacle;
static int64_t obstacle_since;
static size_t reservations;

static const char *tell_obstacle(struct ledger *ledger, int64_t *ret_since)
{
        (void)ledger;
        *ret_since = obstacle_since;
        return obstacle;
}

static size_t tell_count(struct ledger *ledger)
{
        (void)ledger;
        return reservations;
}

static uint64_t tell_late(struct ledger *ledger)
{
        (void)ledger;
        return 3;
}

static const struct ledger_ops operations = {.obstacle = tell_obstacle, .count = tell_count};
static const struct ledger_ops operations_with_pods = {
        .obstacle = tell_obstacle,
        .count = tell_count,
        .late = tell_late,
};
static struct ledger ledger = {.ops = &operations};

static char *print(struct metrics *metrics)
{
        const struct metrics_source source = {.metrics = metrics, .ledger = &ledger, .started_at = 1700000000};
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        metrics_print(stream, &source);
        ck_assert_int_eq(fclose(stream), 0);
        return text;
}

/* The line is there, whole and once. */
static void check_line(const char *text, const char *line)
{
        _cleanup_(freep) char *whole = NULL;
        const char *found;

        ck_assert_int_gt(asprintf(&whole, "\n%s\n", line), 0);
        found = strstr(text, whole);
        ck_assert_msg(found, "there is no line \"%s\" in\n%s", line, text);
        ck_assert_msg(!strstr(found + 1, whole), "\"%s\" is there twice", line);
}

static const struct bucket_case {
        const char *name;
        int64_t ns;
        const char *without, *with; /* the last bucket that does not count it, and the first that does */
} bucket_cases[] = {
        {"an instant is in the first bucket", 0, "", "le=\"0.0005\"} 1"},
        {"what equals a bound is within it", MS, "le=\"0.0005\"} 0", "le=\"0.001\"} 1"},
        {"a nanosecond more is not", MS + 1, "le=\"0.001\"} 0", "le=\"0.002\"} 1"},
        {"a second has a bucket", 1000 * MS, "le=\"0.5\"} 0", "le=\"1\"} 1"},
        {"10 s are in the last but one", 10000 * MS, "le=\"3\"} 0", "le=\"10\"} 1"},
        {"what takes longer is in the last alone", 11000 * MS, "le=\"10\"} 0", "le=\"+Inf\"} 1"},
};

START_TEST(durations_have_their_buckets)
{
        const struct bucket_case *test = &bucket_cases[_i];
        struct metrics metrics = {0};
        _cleanup_(freep) char *text = NULL;

        metrics_observe_duration(&metrics, test->ns);
        text = print(&metrics);
        ck_assert_msg(strstr(text, test->with) && strstr(text, test->without), "%s:\n%s", test->name, text);
        check_line(text, "regionfit_review_duration_seconds_count 1");
        check_line(text, "regionfit_review_duration_seconds_bucket{le=\"+Inf\"} 1");
}
END_TEST

START_TEST(a_bucket_counts_what_smaller_ones_count)
{
        struct metrics metrics = {0};
        _cleanup_(freep) char *text = NULL;

        metrics_observe_duration(&metrics, 2 * MS);
        metrics_observe_duration(&metrics, 40 * MS);
        metrics_observe_duration(&metrics, 20000 * MS);
        text = print(&metrics);
        check_line(text, "regionfit_review_duration_seconds_bucket{le=\"0.001\"} 0");
        check_line(text, "regionfit_review_duration_seconds_bucket{le=\"0.025\"} 1");
        check_line(text, "regionfit_review_duration_seconds_bucket{le=\"0.05\"} 2");
        check_line(text, "regionfit_review_duration_seconds_bucket{le=\"10\"} 2");
        check_line(text, "regionfit_review_duration_seconds_bucket{le=\"+Inf\"} 3");
        check_line(text, "regionfit_review_duration_seconds_sum 20.042000000");
        check_line(text, "regionfit_review_duration_seconds_count 3");
}
END_TEST

START_TEST(counters_count)
{
        struct metrics metrics = {0};
        _cleanup_(freep) char *text = NULL;

        metrics_count_decision(&metrics, OUTCOME_PLACED, false);
        metrics_count_decision(&metrics, OUTCOME_PLACED, false);
        metrics_count_decision(&metrics, OUTCOME_DENIED, true);
        metrics_count_response(&metrics, 200);
        metrics_count_response(&metrics, 503);
        metrics_count_response(&metrics, 500);
        metrics_count_response(&metrics, 507); /* nobody sends it; it would be the server's fault */
        metrics_count_unanswered(&metrics);
        for (int i = 0; i < 6; i++)
                metrics_count_begun(&metrics);
        metrics_count_ended(&metrics);
        metrics_count_ended(&metrics);
        text = print(&metrics);
        check_line(text, "regionfit_decisions_total{outcome=\"placed\",dry_run=\"false\"} 2");
        check_line(text, "regionfit_decisions_total{outcome=\"placed\",dry_run=\"true\"} 0");
        check_line(text, "regionfit_decisions_total{outcome=\"denied\",dry_run=\"true\"} 1");
        check_line(text, "regionfit_responses_total{code=\"200\"} 1");
        check_line(text, "regionfit_responses_total{code=\"503\"} 1");
        check_line(text, "regionfit_responses_total{code=\"500\"} 2");
        check_line(text, "regionfit_responses_total{code=\"400\"} 0");
        check_line(text, "regionfit_requests_unanswered_total 1");
        check_line(text, "regionfit_requests_in_flight 4");
        check_line(text, "# TYPE regionfit_requests_in_flight gauge");
        check_line(text, "process_start_time_seconds 1700000000");
}
END_TEST

static void *count_some(void *metrics)
{
        for (int i = 0; i < 1000; i++) {
                metrics_count_begun(metrics);
                metrics_count_response(metrics, 200);
                metrics_observe_duration(metrics, MS);
                if (i < 999)
                        metrics_count_ended(metrics);
        }
        return NULL;
}

START_TEST(what_threads_count_adds_up)
{
        struct metrics metrics = {0};
        pthread_t threads[METRICS_SHARES + 4]; /* some share one */
        _cleanup_(freep) char *text = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, count_some, &metrics), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
        text = print(&metrics);
        check_line(text, "regionfit_requests_in_flight 20");
        check_line(text, "regionfit_responses_total{code=\"200\"} 20000");
        check_line(text, "regionfit_review_duration_seconds_count 20000");
        check_line(text, "regionfit_review_duration_seconds_sum 20.000000000");
}
END_TEST

START_TEST(the_ledger_tells_how_it_fares)
{
        struct metrics metrics = {0};
        _cleanup_(freep) char *well = NULL, *ill = NULL;

        reservations = 12;
        well = print(&metrics);
        obstacle = "the view of pods lags";
        obstacle_since = clock_monotonic() - 7000 * MS;
        ill = print(&metrics);
        check_line(well, "regionfit_ledger_reservations 12");
        check_line(well, "regionfit_ledger_obstacle_seconds 0.000");
        ck_assert_ptr_nonnull(strstr(ill, "\nregionfit_ledger_obstacle_seconds 7."));
}
END_TEST

START_TEST(late_pods_are_told_of_by_a_ledger_that_follows_pods)
{
        struct metrics metrics = {0};
        _cleanup_(freep) char *without = print(&metrics), *with = NULL;

        ledger.ops = &operations_with_pods;
        with = print(&metrics);
        check_line(without, "regionfit_ledger_late_pods_total 0");
        check_line(with, "regionfit_ledger_late_pods_total 3");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, durations_have_their_buckets, 0, ARRAY_SIZE(bucket_cases));
        tcase_add_test(tests, a_bucket_counts_what_smaller_ones_count);
        tcase_add_test(tests, counters_count);
        tcase_add_test(tests, what_threads_count_adds_up);
        tcase_add_test(tests, the_ledger_tells_how_it_fares);
        tcase_add_test(tests, late_pods_are_told_of_by_a_ledger_that_follows_pods);
}

int main(void)
{
        return unit_main("metrics", add);
}
