/*
 * The pods that a workload's controller would create.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct diagnostics;
struct manifest;

/* True for Pod, Deployment, StatefulSet, ReplicaSet, Job, CronJob, DaemonSet and ReplicationController. */
bool workload_is(const struct manifest *manifest);

/*
 * Calls `visit` with each pod that the workload would create, in the order in which its controller does, as it would
 * be sent to the API server: named (or with a generateName), labelled and owned. `number` counts from 1, of `total`;
 * the pod is borrowed. A CronJob is one run of its job; a DaemonSet one pod, as how many nodes there are is not known
 * here. Faults go to the diagnostics. Stops at a negative result of `visit` and returns it. -ENOMEM.
 */
int workload_expand(const struct manifest *manifest, const char *default_namespace,
                    int (*visit)(void *userdata, json_t *pod, size_t number, size_t total), void *userdata,
                    struct diagnostics *diagnostics);

/* The template of the workload's pods (a Pod is its own), borrowed; NULL where it has none. */
json_t *workload_template(const struct manifest *manifest);

/* The namespace that it is in. Borrowed. */
const char *workload_namespace(const struct manifest *manifest, const char *default_namespace);
