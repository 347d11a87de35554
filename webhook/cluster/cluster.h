/*
 * A cluster as a replica of regionfit lives in it: the views that it follows, the ledger that it shares, and what it
 * writes about itself and the quotas.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cluster/presence.h"
#include "util/cleanup.h"

struct admission;
struct cluster;
struct error;
struct kube_client;
struct ledger;

/* Borrowed strings. */
struct cluster_options {
        const char *namespace;             /* where the Leases are */
        const char *identity;              /* of this replica; unique among them, and a DNS name */
        const char *const *gpu_resources;  /* NULL-terminated */
        int64_t time_to_live;              /* ns; of promises */
        bool capacity_from_nodes;          /* see struct decide_options */
        presence_certificate *certificate; /* what is told of it */
};

/* Makes the ledger; nothing is followed yet. Borrows the client. */
int cluster_new(struct cluster **ret, struct kube_client *client, const struct cluster_options *options,
                struct error *error);

/* Ends what cluster_follow() began, and gives the Leases back; the ledger stays. Call before the admission goes. */
void cluster_stop(struct cluster *cluster);

/* No request may be waiting. */
struct cluster *cluster_free(struct cluster *cluster);
DEFINE_CLEANUP(struct cluster *, cluster_free);

/* Borrowed. */
struct ledger *cluster_ledger(struct cluster *cluster);

/* Follows policies, quotas, nodes, pods and the ledger, and puts what is read in force in the admission (borrowed).
 */
int cluster_follow(struct cluster *cluster, struct admission *admission, struct error *error);

/* True while this replica leads all of them. Not before cluster_follow() has returned, nor after cluster_stop(). */
bool cluster_leads(const struct cluster *cluster);

/* 1 if every replica serves the certificate of this fingerprint, 0 if one does not, or negative errno: see
 * replicas_serve(). */
int cluster_serves(const struct cluster *cluster, const char *fingerprint, struct error *error);
