/*
 * A Lease (coordination.k8s.io/v1) that says: this replica is there, and so it is doing. Others find them by the
 * label regionfit.io/component=replica.
 *
 * Thread-safe.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;
struct kube_client;
struct replica_lease;

#define REPLICA_LEASE_LABEL "regionfit.io/component"
#define REPLICA_LEASE_LABEL_VALUE "replica"
#define REPLICA_LEASE_INTERVAL (INT64_C(10) * 1000 * 1000 * 1000)
#define REPLICA_LEASE_DURATION_S 40 /* after which it may be taken for dead; spec.leaseDurationSeconds */

/* Strings are copied. */
struct replica_lease_options {
        const char *namespace;
        const char *name;          /* of the Lease, and its holder */
        const char *pod, *pod_uid; /* that it goes with (an owner reference); NULL: in no pod */
        int64_t interval;          /* ns; between two renewals */

        /* The annotations of the moment: a new object of strings; NULL: those of before. Called from the thread. */
        json_t *(*annotations)(void *userdata);
        void *userdata; /* borrowed */
};

/* Starts the thread. Borrows the client. */
int replica_lease_new(struct replica_lease **ret, struct kube_client *client,
                      const struct replica_lease_options *options, struct error *error);

/* Deletes the Lease and ends the thread; a second at most. */
struct replica_lease *replica_lease_free(struct replica_lease *lease);
DEFINE_CLEANUP(struct replica_lease *, replica_lease_free);
