/*
 * Who serves: the replicas of regionfit, as their Leases tell (coordination.k8s.io/v1; see cluster/presence.h), as
 * JSON:
 *
 *     [{namespace, identity, leader, version, renewTime, age, view, ledger, lag}]
 *
 * age: seconds since the Lease was renewed; view and ledger: the resourceVersions that the replica had seen then of
 * pods and of the ledger; lag: by how much its view was behind the newest pod, in resourceVersions, null where it
 * does not say.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct error;
struct kube_client;
struct pod_changes;

/* *ret is a new array, by namespace and identity; `changes` are those of the pods, `now` in unix seconds. The errors
 * of kube_call(). */
int replicas_read(json_t **ret, struct kube_client *client, const struct pod_changes *changes, int64_t now,
                  struct error *error);

/*
 * 1 if every replica of the namespace tells that it serves the certificate of this fingerprint, 0 if one does not, or
 * if there is none. One that has told nothing for REPLICA_GONE is no more: far longer than a Lease lasts, as clocks
 * differ. The errors of kube_call().
 */
int replicas_serve(struct kube_client *client, const char *namespace, const char *fingerprint, int64_t now,
                   struct error *error);

#define REPLICA_GONE 300 /* s */
