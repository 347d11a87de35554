/*
 * What runs for a cluster, and in which order it begins and ends: first the ledger, which reads or creates its
 * object; then the views that feed it and the admission; then what speaks about them to others. It ends the other way
 * round, so that nothing is fed that is gone.
 */
#include "cluster/cluster.h"

#include <stdlib.h>

#include "admission/admission.h"
#include "admission/pod.h"
#include "cluster/catalog_source.h"
#include "cluster/ledger_feed.h"
#include "cluster/nodes.h"
#include "cluster/pods.h"
#include "cluster/presence.h"
#include "cluster/replicas.h"
#include "kube/client.h"
#include "kube/reflector.h"
#include "quota/cluster_ledger.h"
#include "quota/kube_store.h"
#include "util/clock.h"
#include "util/error.h"

/* Writes of the ledger begin no closer together than this: a group that is worth its write. */
#define LEDGER_PACE (5 * NS_PER_MS)

enum view { VIEW_POLICIES, VIEW_QUOTAS, VIEW_NODES, VIEW_LEDGER, VIEW_PODS, N_VIEWS };

struct cluster {
        struct kube_client *client; /* borrowed */
        struct cluster_options options;
        struct admission *admission; /* borrowed; from cluster_follow() on */
        struct kube_store *store;    /* owned, as are the following */
        struct cluster_ledger *ledger;
        struct cluster_pods *pods;
        struct cluster_nodes *nodes;
        struct catalog_source *catalogs;
        struct reflector *views[N_VIEWS];
        struct presence *presence;
};

static int use_catalog(void *userdata, struct catalog *catalog, struct error *error)
{
        struct cluster *cluster = userdata;

        return admission_use(cluster->admission, catalog, error);
}

static void use_quotas(void *userdata, uint64_t spec_version, uint64_t view_version)
{
        struct cluster *cluster = userdata;

        cluster_ledger_quotas(cluster->ledger, spec_version, view_version);
}

static const struct catalog_source_ops catalog_ops = {.with_nodes = true, .use = use_catalog, .quotas = use_quotas};

static void use_nodes(void *userdata, struct node_table *table)
{
        struct cluster *cluster = userdata;

        catalog_source_use_nodes(cluster->catalogs, table);
}

int cluster_new(struct cluster **ret, struct kube_client *client, const struct cluster_options *options,
                struct error *error)
{
        _cleanup_(cluster_freep) struct cluster *cluster = calloc(1, sizeof(*cluster));
        const struct cluster_ledger_options wanted = {.time_to_live = options->time_to_live, .pace = LEDGER_PACE};
        int r;

        if (!cluster)
                return error_oom(error);
        cluster->client = client;
        cluster->options = *options;
        if (kube_store_new(&cluster->store, client, options->namespace, LEADER_LEASE, ANNOTATION_RESERVATION) < 0)
                return error_oom(error);
        r = cluster_ledger_new(&cluster->ledger, kube_store_operations(cluster->store), &wanted, error);
        if (r < 0)
                return r;
        if (cluster_pods_new(&cluster->pods, cluster->ledger, options->gpu_resources) < 0 ||
            cluster_nodes_new(&cluster->nodes, options->gpu_resources, use_nodes, cluster) < 0)
                return error_oom(error);
        *ret = steal_pointer(&cluster);
        return 0;
}

void cluster_stop(struct cluster *cluster)
{
        cluster->presence = presence_free(cluster->presence);
        for (size_t i = N_VIEWS; i > 0; i--)
                cluster->views[i - 1] = reflector_free(cluster->views[i - 1]);
        cluster->catalogs = catalog_source_free(cluster->catalogs);
}

struct cluster *cluster_free(struct cluster *cluster)
{
        if (!cluster)
                return NULL;
        cluster_stop(cluster);
        cluster_nodes_free(cluster->nodes);
        cluster_pods_free(cluster->pods);
        cluster_ledger_free(cluster->ledger);
        kube_store_free(cluster->store);
        free(cluster);
        return NULL;
}

struct ledger *cluster_ledger(struct cluster *cluster)
{
        return cluster_ledger_base(cluster->ledger);
}

static int start_views(struct cluster *cluster, struct error *error)
{
        const struct {
                const struct kube_resource *resource;
                const struct reflector_ops *ops;
                void *userdata;
        } views[] = {
                [VIEW_POLICIES] = {&catalog_policies_resource, &catalog_feed_ops,
                                   catalog_source_policies(cluster->catalogs)},
                [VIEW_QUOTAS] = {&catalog_quotas_resource, &catalog_feed_ops,
                                 catalog_source_quotas(cluster->catalogs)},
                [VIEW_NODES] = {&cluster_nodes_resource, &cluster_nodes_ops, cluster->nodes},
                [VIEW_LEDGER] = {&ledger_feed_resource, &ledger_feed_ops, cluster->ledger},
                [VIEW_PODS] = {&cluster_pods_resource, &cluster_pods_ops, cluster->pods},
        };
        int r = 0;

        for (size_t i = 0; i < N_VIEWS && r >= 0; i++)
                r = reflector_new(&cluster->views[i], cluster->client, views[i].resource, views[i].ops,
                                  views[i].userdata, error);
        return r;
}

static int announce(struct cluster *cluster, struct error *error)
{
        const struct presence_options wanted = {
                .namespace = cluster->options.namespace,
                .identity = cluster->options.identity,
                .pod = getenv("POD_NAME"),
                .pod_uid = getenv("POD_UID"),
                .client = cluster->client,
                .ledger = cluster->ledger,
                .catalogs = cluster->catalogs,
                .certificate = cluster->options.certificate,
                .capacity_from_nodes = cluster->options.capacity_from_nodes,
        };

        return presence_new(&cluster->presence, &wanted, error);
}

int cluster_follow(struct cluster *cluster, struct admission *admission, struct error *error)
{
        int r;

        cluster->admission = admission;
        r = catalog_source_new(&cluster->catalogs, &catalog_ops, cluster, error);
        if (r >= 0)
                r = start_views(cluster, error);
        return r < 0 ? r : announce(cluster, error);
}

bool cluster_leads(const struct cluster *cluster)
{
        return presence_leads(cluster->presence);
}

int cluster_serves(const struct cluster *cluster, const char *fingerprint, struct error *error)
{
        return replicas_serve(cluster->client, cluster->options.namespace, fingerprint, clock_unix(), error);
}
