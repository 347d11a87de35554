/*
 * One table of metrics; a row says what it is called and what prints its samples.
 *
 * The threads that answer requests add to counters and never take a lock. A reader sees each counter at a moment of
 * its own, which is all that Prometheus asks for, except of a histogram: there the count must be that of the last
 * bucket, so it is made of the buckets and not kept beside them.
 *
 * Each thread adds to a share that it has nearly always to itself: a line of the cache that two CPUs take from each
 * other five times for each request costs them more than the counting.
 */
#include "daemon/metrics.h"

#include <inttypes.h>

#include "daemon/tls.h"
#include "quota/ledger.h"
#include "util/clock.h"
#include "util/thread.h"

/* What the server answers; see daemon/request.c and route.c. Anything else is counted as the last one. */
static const unsigned codes[METRICS_CODES] = {200, 400, 404, 405, 413, 415, 503, 500};

/* Upper bounds in ns; from what a review costs to what an API server waits at most (10 s by default). */
static const int64_t bounds[METRICS_BUCKETS] = {
        500 * NS_PER_MS / 1000, 1 * NS_PER_MS,     2 * NS_PER_MS,      5 * NS_PER_MS,   10 * NS_PER_MS,
        25 * NS_PER_MS,         50 * NS_PER_MS,    100 * NS_PER_MS,    250 * NS_PER_MS, 500 * NS_PER_MS,
        1 * NS_PER_SECOND,      3 * NS_PER_SECOND, 10 * NS_PER_SECOND,
};

static void add(uint64_t *counter, uint64_t more)
{
        __atomic_add_fetch(counter, more, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *counter)
{
        return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static struct metrics_share *own_share(struct metrics *metrics)
{
        return &metrics->shares[thread_index() % METRICS_SHARES];
}

/* What all threads have counted. */
static struct metrics_share add_up(const struct metrics *metrics)
{
        struct metrics_share sum = {0};

        for (size_t i = 0; i < METRICS_SHARES; i++) {
                const uint64_t *counters = (const uint64_t *)&metrics->shares[i];

                for (size_t at = 0; at < sizeof(sum) / sizeof(*counters); at++)
                        ((uint64_t *)&sum)[at] += get(&counters[at]);
        }
        return sum;
}

void metrics_count_decision(struct metrics *metrics, enum outcome outcome, bool dry_run)
{
        add(&own_share(metrics)->decisions[outcome][dry_run], 1);
}

void metrics_count_response(struct metrics *metrics, unsigned status)
{
        size_t i = 0;

        while (i < METRICS_CODES - 1 && codes[i] != status)
                i++;
        add(&own_share(metrics)->responses[i], 1);
}

void metrics_count_unanswered(struct metrics *metrics)
{
        add(&own_share(metrics)->unanswered, 1);
}

void metrics_observe_duration(struct metrics *metrics, int64_t ns)
{
        struct metrics_share *share = own_share(metrics);
        size_t i = 0;

        while (i < METRICS_BUCKETS && ns > bounds[i])
                i++;
        add(&share->durations[i], 1);
        add(&share->duration_sum, (uint64_t)ns);
}

void metrics_count_begun(struct metrics *metrics)
{
        add(&own_share(metrics)->begun, 1);
}

void metrics_count_ended(struct metrics *metrics)
{
        __atomic_add_fetch(&own_share(metrics)->ended, 1, __ATOMIC_RELEASE);
}

/* The ends first: none of them is counted whose beginning is not. */
uint64_t metrics_in_flight(const struct metrics *metrics)
{
        uint64_t ended = 0, begun = 0;

        for (size_t i = 0; i < METRICS_SHARES; i++)
                ended += __atomic_load_n(&metrics->shares[i].ended, __ATOMIC_ACQUIRE);
        for (size_t i = 0; i < METRICS_SHARES; i++)
                begun += get(&metrics->shares[i].begun);
        return begun - ended;
}

static double seconds(int64_t ns)
{
        return (double)ns / (double)NS_PER_SECOND;
}

static void print_decisions(FILE *stream, const char *name, const struct metrics_source *source)
{
        struct metrics_share counted = add_up(source->metrics);

        for (int outcome = 0; outcome < METRICS_OUTCOMES; outcome++)
                for (int dry_run = 0; dry_run < 2; dry_run++)
                        fprintf(stream, "%s{outcome=\"%s\",dry_run=\"%s\"} %" PRIu64 "\n", name,
                                outcome_names[outcome], dry_run ? "true" : "false",
                                counted.decisions[outcome][dry_run]);
}

static void print_durations(FILE *stream, const char *name, const struct metrics_source *source)
{
        struct metrics_share counted = add_up(source->metrics);
        uint64_t count = 0;

        for (size_t i = 0; i < METRICS_BUCKETS; i++) {
                count += counted.durations[i];
                fprintf(stream, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, seconds(bounds[i]), count);
        }
        count += counted.durations[METRICS_BUCKETS];
        fprintf(stream, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9f\n%s_count %" PRIu64 "\n", name, count, name,
                seconds((int64_t)counted.duration_sum), name, count);
}

static void print_responses(FILE *stream, const char *name, const struct metrics_source *source)
{
        struct metrics_share counted = add_up(source->metrics);

        for (size_t i = 0; i < METRICS_CODES; i++)
                fprintf(stream, "%s{code=\"%u\"} %" PRIu64 "\n", name, codes[i], counted.responses[i]);
}

static void print_unanswered(FILE *stream, const char *name, const struct metrics_source *source)
{
        fprintf(stream, "%s %" PRIu64 "\n", name, add_up(source->metrics).unanswered);
}

static void print_in_flight(FILE *stream, const char *name, const struct metrics_source *source)
{
        fprintf(stream, "%s %" PRIu64 "\n", name, metrics_in_flight(source->metrics));
}

static void print_reservations(FILE *stream, const char *name, const struct metrics_source *source)
{
        fprintf(stream, "%s %zu\n", name, ledger_count(source->ledger));
}

static void print_obstacle(FILE *stream, const char *name, const struct metrics_source *source)
{
        int64_t since = 0;
        bool obstructed = ledger_obstacle(source->ledger, &since);

        fprintf(stream, "%s %.3f\n", name, obstructed ? seconds(clock_monotonic() - since) : 0);
}

static void print_late_pods(FILE *stream, const char *name, const struct metrics_source *source)
{
        fprintf(stream, "%s %" PRIu64 "\n", name, ledger_late(source->ledger));
}

static void print_expiration(FILE *stream, const char *name, const struct metrics_source *source)
{
        struct tls_certificate certificate;

        (void)source;
        if (tls_current(&certificate))
                fprintf(stream, "%s %" PRId64 "\n", name, certificate.not_after);
}

static void print_build(FILE *stream, const char *name, const struct metrics_source *source)
{
        (void)source;
        fprintf(stream, "%s{version=\"" REGIONFIT_VERSION "\"} 1\n", name);
}

static void print_start(FILE *stream, const char *name, const struct metrics_source *source)
{
        fprintf(stream, "%s %" PRId64 "\n", name, source->started_at);
}

static const struct {
        const char *name, *type, *help;
        void (*print)(FILE *stream, const char *name, const struct metrics_source *source);
} table[] = {
        {"regionfit_decisions_total", "counter", "Pods decided on, by what became of them.", print_decisions},
        {"regionfit_review_duration_seconds", "histogram", "Time from the headers of a review to its answer.",
         print_durations},
        {"regionfit_requests_in_flight", "gauge", "Requests that have begun and not ended.", print_in_flight},
        {"regionfit_responses_total", "counter", "Answers by HTTP status, but for those to probes.", print_responses},
        {"regionfit_requests_unanswered_total", "counter",
         "Requests that ended without an answer: the client went away, or its body took too long.", print_unanswered},
        {"regionfit_ledger_reservations", "gauge", "Promises in the ledger.", print_reservations},
        {"regionfit_ledger_obstacle_seconds", "gauge",
         "For how long nothing could be decided; 0: it can. /readyz says why.", print_obstacle},
        {"regionfit_ledger_late_pods_total", "counter",
         "Pods first seen that no promise was known of: they came after --ledger-ttl, or were forged.",
         print_late_pods},
        {"regionfit_certificate_expiration_timestamp_seconds", "gauge",
         "When the certificate that is served expires, in seconds since 1970.", print_expiration},
        {"regionfit_build_info", "gauge", "The version that runs.", print_build},
        {"process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.", print_start},
};

void metrics_print(FILE *stream, const struct metrics_source *source)
{
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", table[i].name, table[i].help, table[i].name,
                        table[i].type);
                table[i].print(stream, table[i].name, source);
        }
}
