/*
 * Writes Events (core/v1) beside the work that they tell of: whoever records one never waits, and none is worth more
 * than that. Repeated ones are counted instead of written again, and many are held back (kube/event_correlator.h);
 * all together no more than ten a second are written. What finds no room in the queue is dropped, and counted.
 *
 * Thread-safe.
 */
#pragma once

#include <stdint.h>

#include "kube/event.h"

struct error;
struct kube_client;
struct event_recorder;

#define EVENT_RECORDER_QUEUE 256 /* that wait to be written */
#define EVENT_RECORDER_PER_SECOND 10

/* Starts the thread. Borrows the client. */
int event_recorder_new(struct event_recorder **ret, struct kube_client *client, struct error *error);

/* Writes what is queued, for a second at most, and ends the thread. */
struct event_recorder *event_recorder_free(struct event_recorder *recorder);
DEFINE_CLEANUP(struct event_recorder *, event_recorder_free);

/* Copies what it needs. */
void event_recorder_record(struct event_recorder *recorder, const struct event_object *object, enum event_type type,
                           const char *reason, const char *message);

struct event_recorder_counts {
        uint64_t written; /* created, or counted at the API server */
        uint64_t limited; /* held back: too many of one object */
        uint64_t dropped; /* no room, no memory, or the API server did not take it */
};
void event_recorder_counts(struct event_recorder *recorder, struct event_recorder_counts *ret);
