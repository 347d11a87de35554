/*
 * Leader election with a coordination.k8s.io/v1 Lease, by the protocol of client-go: who holds it renews it; who sees
 * it unchanged for leaseDurationSeconds, by its own monotonic clock, takes it over by a compare-and-swap.
 *
 * Who held it stops believing so before anybody else may take it: clocks that run equally fast are all that is asked.
 *
 * Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;
struct kube_client;
struct lease;

/* Strings are copied. */
struct lease_options {
        const char *namespace, *name;
        const char *identity; /* of this process alone; spec.holderIdentity */
        int64_t duration;     /* ns; how long others wait since the last renewal; whole seconds */
        int64_t renewal;      /* ns; how long it is held since the last renewal began; below `duration` */
        int64_t retry;        /* ns; between two tries */
};

/* What Kubernetes' own controllers use. */
#define LEASE_DURATION (INT64_C(15) * 1000 * 1000 * 1000)
#define LEASE_RENEWAL (INT64_C(10) * 1000 * 1000 * 1000)
#define LEASE_RETRY (INT64_C(2) * 1000 * 1000 * 1000)

/* Starts the thread, which tries to get the Lease and keep it. Borrows the client. */
int lease_new(struct lease **ret, struct kube_client *client, const struct lease_options *options,
              struct error *error);

/* Gives the Lease up, so that another need not wait, and ends the thread; two seconds at most. */
struct lease *lease_free(struct lease *lease);
DEFINE_CLEANUP(struct lease *, lease_free);

/* True while the Lease is certainly ours. */
bool lease_held(const struct lease *lease);
