/*
 * A cluster as it is now, for commands that look and change nothing: everything is listed once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cluster/pod_changes.h"
#include "manifest/manifest.h"
#include "util/cleanup.h"

struct cluster_ledger;
struct error;
struct kube_client;
struct node_table;

/*
 * Appends the ResourcePolicies and RegionQuotas of the cluster, each under the name "namespace/name". What the
 * manifests hold already under the same kind, namespace and name takes their place: files go first. A cluster that
 * does not know a kind has none of it. *ret_quotas_version: that of the list of quotas.
 */
int snapshot_objects(struct manifests *manifests, struct kube_client *client, uint64_t *ret_quotas_version,
                     struct error *error);

/* What nodes have, what pods hold and what is promised; plain data. */
struct snapshot {
        struct cluster_ledger *ledger; /* owned; it writes nothing: what it reserves stays here */
        struct node_table *nodes;      /* a reference; it borrows the resources' names */
        struct pod_changes changes;    /* of the pods */
};

#define SNAPSHOT_INIT ((struct snapshot){0})
void snapshot_clear(struct snapshot *snapshot);

/*
 * Reads objects, as above, then nodes, pods and promises. `gpu_resources` are names, NULL-terminated. Errors are
 * those of kube_call(), and of an object that is malformed.
 */
int snapshot_read(struct snapshot *ret, struct manifests *manifests, struct kube_client *client,
                  const char *const *gpu_resources, struct error *error);
