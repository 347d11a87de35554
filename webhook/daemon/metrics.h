/*
 * What the server tells Prometheus of itself: counters that requests add to, and what the parts are asked at the
 * moment.
 *
 * A label has few values and none that somebody else chooses: no pods, no policies.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "admission/decide.h"

struct ledger;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#define METRICS_OUTCOMES (OUTCOME_DENIED + 1)
#define METRICS_CODES 8
#define METRICS_BUCKETS 13

#define METRICS_SHARES 16

/* What some threads have counted. Every field is atomic. */
struct metrics_share {
        uint64_t decisions[METRICS_OUTCOMES][2]; /* by outcome, and whether it was a dry run */
        uint64_t responses[METRICS_CODES];       /* by status, in the order of metrics.c */
        uint64_t unanswered;                     /* requests that ended without an answer */
        uint64_t durations[METRICS_BUCKETS + 1]; /* of reviews, each in the first bucket that holds it */
        uint64_t duration_sum;                   /* ns */
        uint64_t begun, ended;                   /* requests */
        uint64_t apart[8];                       /* unused; keeps shares on cache lines of their own */
};

/* Zero at first. */
struct metrics {
        struct metrics_share shares[METRICS_SHARES];
};

/* Any thread, at any time; nobody waits for anybody. */
void metrics_count_decision(struct metrics *metrics, enum outcome outcome, bool dry_run);
void metrics_count_response(struct metrics *metrics, unsigned status);
void metrics_count_unanswered(struct metrics *metrics);
void metrics_observe_duration(struct metrics *metrics, int64_t ns);
void metrics_count_begun(struct metrics *metrics);
void metrics_count_ended(struct metrics *metrics);

/* Requests that have begun and not ended. 0: there is none, and all that they did is to be seen. */
uint64_t metrics_in_flight(const struct metrics *metrics);

/* Where the numbers come from; everything is borrowed. */
struct metrics_source {
        struct metrics *metrics;
        struct ledger *ledger;
        int64_t started_at; /* seconds since 1970-01-01T00:00:00Z */
};

/* Writes all of them in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
void metrics_print(FILE *stream, const struct metrics_source *source);
