/*
 * The pods of the cluster as the ledger counts them: what a reflector of pods (kube/reflector.h) brings is read and
 * handed on.
 */
#pragma once

#include "kube/reflector.h"
#include "util/cleanup.h"

struct cluster_ledger;
struct cluster_pods;

/* What to follow: /api/v1/pods, of every namespace. */
extern const struct kube_resource cluster_pods_resource;

/* The reflector's operations; its userdata is the struct cluster_pods. A pod that cannot be read is logged and left
 * as it was. They return what the ledger says, or -ENOMEM. */
extern const struct reflector_ops cluster_pods_ops;

/* Borrows both. `gpu_resources` are names, NULL-terminated. -ENOMEM. */
int cluster_pods_new(struct cluster_pods **ret, struct cluster_ledger *ledger, const char *const *gpu_resources);
struct cluster_pods *cluster_pods_free(struct cluster_pods *pods);
DEFINE_CLEANUP(struct cluster_pods *, cluster_pods_free);
