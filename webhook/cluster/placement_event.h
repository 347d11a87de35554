/*
 * What is told of a decision on a pod, as an Event on the workload that wants the pod:
 *
 *     PlacementDenied    Warning  no unit fits, and the pod was refused
 *     NotPlaced          Warning  no unit fits, and the pod was let through as it is
 *     PlacedOnLaterUnit  Normal   the first unit does not fit
 *
 * A pod that no controller owns has no workload, and no uid yet that an Event could name: nothing is told of it.
 */
#pragma once

struct decision;
struct pod;

/* Records it with an event recorder, which is `userdata`: for struct admission_options. */
void placement_event_record(void *userdata, const struct pod *pod, const struct decision *decision);
