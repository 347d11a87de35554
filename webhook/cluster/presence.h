/*
 * What a replica tells of itself, and, while it leads, of the quotas: the leader's Lease, the replica's own, and the
 * status of RegionQuotas.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

struct catalog_source;
struct cluster_ledger;
struct error;
struct kube_client;
struct node_table;
struct presence;

#define LEADER_LEASE "regionfit"
#define PRESENCE_FINGERPRINT_SIZE 96

/* The fingerprint of the certificate that is served; false where there is none. */
typedef bool presence_certificate(char ret[static PRESENCE_FINGERPRINT_SIZE]);

#define PRESENCE_CERTIFICATE "regionfit.io/certificate" /* the annotation that says it */

/* All borrowed. */
struct presence_options {
        const char *namespace;     /* where the Leases are */
        const char *identity;      /* of this replica, and the name of its Lease */
        const char *pod, *pod_uid; /* that it runs in; NULL: in none */
        struct kube_client *client;
        struct cluster_ledger *ledger;
        struct catalog_source *catalogs;
        presence_certificate *certificate; /* NULL: nobody asks for it */
        bool capacity_from_nodes;          /* a pool's limit is no more than the GPUs of its region's virtual nodes */
};

/* Starts a thread that begins to tell once there is a ledger (rule 5). The strings must outlive it. */
int presence_new(struct presence **ret, const struct presence_options *options, struct error *error);

/* True while this replica leads. Thread-safe. */
bool presence_leads(const struct presence *presence);

/* Gives the Leases back. */
struct presence *presence_free(struct presence *presence);
DEFINE_CLEANUP(struct presence *, presence_free);
