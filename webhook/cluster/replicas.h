/*
 * Who serves: the replicas of regionfit, as their Leases tell (coordination.k8s.io/v1; see cluster/replica.h), as
 * JSON:
 *
 *     [{namespace, identity, leader, version, renewTime, age, view, ledger, lag}]
 *
 * age: seconds since the Lease was renewed; view and ledger: the resourceVersions that the replica has seen of pods
 * and of the ledger; lag: by how much its view is behind the newest pod, in resourceVersions, null where it does not
 * say.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct error;
struct kube_client;

/* *ret is a new array, by namespace and identity; `newest_pod` is the resourceVersion of the newest pod, `now` in
 * unix seconds. The errors of kube_call(). */
int replicas_read(json_t **ret, struct kube_client *client, uint64_t newest_pod, int64_t now, struct error *error);
