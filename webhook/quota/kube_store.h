/*
 * The ledger's store in a cluster: the ReservationLedger object "regionfit" (regionfit.io/v1alpha1, cluster-scoped).
 */
#pragma once

#include "util/cleanup.h"

struct kube_client;
struct kube_store;
struct ledger_store;

/*
 * `lease_namespace` and `lease_name` (borrowed, as is the client) are those of the leader's Lease: where there is
 * one, something may have been promised (rule 5). `annotation` (borrowed) is where pods carry their reservation.
 * -ENOMEM.
 */
int kube_store_new(struct kube_store **ret, struct kube_client *client, const char *lease_namespace,
                   const char *lease_name, const char *annotation);
struct kube_store *kube_store_free(struct kube_store *store);
DEFINE_CLEANUP(struct kube_store *, kube_store_free);

/* Borrowed. */
const struct ledger_store *kube_store_operations(const struct kube_store *store);
