/*
 * Which Events are the same as an earlier one, and which are too many (client-go's EventCorrelator): the same object,
 * type, reason and message within ten minutes is one Event that is counted; of one object no more than 25 in a row
 * are written, and one more each five minutes.
 *
 * Remembers so many Events and objects, the ones that were used last. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct event;
struct event_correlator;

#define EVENT_CORRELATOR_WINDOW (INT64_C(600) * 1000 * 1000 * 1000) /* ns since it was last seen */
#define EVENT_CORRELATOR_BURST 25
#define EVENT_CORRELATOR_INTERVAL (INT64_C(300) * 1000 * 1000 * 1000)
#define EVENT_CORRELATOR_MOST 1024 /* Events, and objects, that are remembered */

/* What is known of an Event that is written once and then counted. */
struct event_series {
        const char *name; /* of the Event; borrowed from the correlator, until it is asked again */
        int64_t count;
        int64_t first; /* unix seconds */
        bool stored;   /* the API server has it; for the owner to say */
};

struct event_correlator *event_correlator_new(void);
struct event_correlator *event_correlator_free(struct event_correlator *correlator);
DEFINE_CLEANUP(struct event_correlator *, event_correlator_free);

/* *ret: its series, this one counted. 1: to be written now (`now` as clock_monotonic()); 0: too many. -ENOMEM. */
int event_correlator_add(struct event_correlator *correlator, const struct event *event, int64_t now,
                         struct event_series **ret);
