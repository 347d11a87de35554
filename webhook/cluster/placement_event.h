/*
 * What is told of a decision on a pod, as an Event (events.k8s.io/v1) on the workload that wants the pod:
 *
 *     PlacementDenied   Warning  no unit fits, and the pod was refused
 *     NotPlaced         Warning  no unit fits, and the pod was let through as it is
 *     PlacedOnLaterUnit Normal   the first unit does not fit
 *
 * A pod that no controller owns has no workload, and no uid yet that an Event could name: nothing is told of it.
 */
#pragma once

#include <stdbool.h>

struct decision;
struct pod;

/* Plain data. */
struct placement_event {
        const char *reason; /* static */
        bool warning;
        char *message; /* owned; no longer than an Event's note may be (1 KiB) */
};

#define PLACEMENT_EVENT_INIT ((struct placement_event){0})
void placement_event_clear(struct placement_event *event);

/* 1; 0 where there is nothing to tell; -ENOMEM. */
int placement_event_make(struct placement_event *ret, const struct pod *pod, const struct decision *decision);
