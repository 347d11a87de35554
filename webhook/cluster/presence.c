/*
 * Nothing here begins before the ledger's object has been read or created. That there is a leader's Lease says that
 * there has been a ledger (rule 5): whoever creates the ledger makes the Lease just before, and would take a first
 * installation for a lost ledger if it found one made here.
 *
 * Who leads writes what all share: the status of the quotas, and the certificates (trust/trust.h). No decision
 * depends on it. A replica without a leader decides like any other.
 */
#include "cluster/presence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/node_table.h"
#include "admission/tally.h"
#include "cluster/catalog_source.h"
#include "cluster/status_writer.h"
#include "kube/lease.h"
#include "kube/replica_lease.h"
#include "quota/cluster_ledger.h"
#include "quota/region_quota.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/worker.h"

#define LOOK_EVERY (100 * NS_PER_MS)

struct presence {
        struct presence_options options;
        struct worker worker; /* starts the following, and ends */
        struct lease *leader; /* owned, as are the following; atomic; NULL: not started */
        struct replica_lease *replica;
        struct status_writer *writer;
};

bool presence_leads(const struct presence *presence)
{
        const struct lease *leader = __atomic_load_n(&presence->leader, __ATOMIC_ACQUIRE);

        return leader && lease_held(leader);
}

static bool leads(void *userdata)
{
        return presence_leads(userdata);
}

static uint64_t quotas_written(void *userdata)
{
        const struct presence *presence = userdata;

        return cluster_ledger_quotas_written(presence->options.ledger);
}

static int pool(void *userdata, const char *region, const char *series, int64_t *ret_used, int64_t *ret_reserved)
{
        const struct presence *presence = userdata;
        _cleanup_(freep) char *key = tally_pool_key(NULL, region, series);

        if (!key)
                return -ENOMEM;
        cluster_ledger_pool(presence->options.ledger, key, ret_used, ret_reserved);
        return 0;
}

/* The smaller of the quota and the region's virtual nodes. */
static int64_t limit(void *userdata, const char *region, const char *series, int64_t gpus)
{
        const struct presence *presence = userdata;
        _cleanup_(node_table_unrefp) struct node_table *nodes = NULL;
        int64_t capacity;

        if (presence->options.capacity_from_nodes)
                nodes = catalog_source_nodes(presence->options.catalogs);
        if (!nodes)
                return gpus;
        capacity = node_table_virtual_gpus(nodes, region, strcmp(series, POOL_SERIES_OTHERS) ? series : "");
        return capacity < gpus ? capacity : gpus;
}

/* What `regionfit status` shows of a replica. */
static json_t *annotations(void *userdata)
{
        const struct presence *presence = userdata;
        struct cluster_ledger_status status;
        char view[24], ledger[24], certificate[PRESENCE_FINGERPRINT_SIZE] = "";
        bool served = presence->options.certificate && presence->options.certificate(certificate);

        cluster_ledger_status(presence->options.ledger, &status);
        snprintf(view, sizeof(view), "%" PRIu64, status.view);
        snprintf(ledger, sizeof(ledger), "%" PRIu64, status.version);
        return json_pack("{s:s, s:s, s:s, s:s*}", "regionfit.io/view", view, "regionfit.io/ledger", ledger,
                         "regionfit.io/version", REGIONFIT_VERSION, PRESENCE_CERTIFICATE,
                         served ? certificate : NULL);
}

static int start_leases(struct presence *presence, struct error *error)
{
        const struct presence_options *options = &presence->options;
        const struct lease_options leader = {
                .namespace = options->namespace,
                .name = LEADER_LEASE,
                .identity = options->identity,
                .duration = LEASE_DURATION,
                .renewal = LEASE_RENEWAL,
                .retry = LEASE_RETRY,
        };
        const struct replica_lease_options replica = {
                .namespace = options->namespace,
                .name = options->identity,
                .pod = options->pod,
                .pod_uid = options->pod_uid,
                .interval = REPLICA_LEASE_INTERVAL,
                .annotations = annotations,
                .userdata = presence,
        };
        struct lease *lease;
        int r;

        r = lease_new(&lease, options->client, &leader, error);
        if (r < 0)
                return r;
        __atomic_store_n(&presence->leader, lease, __ATOMIC_RELEASE);
        return replica_lease_new(&presence->replica, options->client, &replica, error);
}

static int start(struct presence *presence, struct error *error)
{
        const struct presence_options *options = &presence->options;
        const struct status_writer_ops ops = {
                .leads = leads,
                .quotas_written = quotas_written,
                .numbers = {.pool = pool, .limit = limit, .userdata = presence},
                .userdata = presence,
        };
        int r;

        r = start_leases(presence, error);
        if (r >= 0)
                r = status_writer_new(&presence->writer, options->client, options->catalogs, &ops, error);
        return r;
}

static bool has_ledger(const struct presence *presence)
{
        struct cluster_ledger_status status;

        cluster_ledger_status(presence->options.ledger, &status);
        return status.version;
}

static void *run(void *userdata)
{
        struct presence *presence = userdata;
        _cleanup_error_ struct error error = ERROR_INIT;

        while (!has_ledger(presence))
                if (stop_wait(&presence->worker.stop, LOOK_EVERY))
                        return NULL;
        if (start(presence, &error) < 0)
                log_error("nothing is told of this replica", log_string("error", error_message(&error)));
        return NULL;
}

int presence_new(struct presence **ret, const struct presence_options *options, struct error *error)
{
        struct presence *presence = calloc(1, sizeof(*presence));
        int r;

        if (!presence)
                return error_oom(error);
        presence->options = *options;
        r = worker_start(&presence->worker, run, presence);
        if (r < 0) {
                free(presence);
                return error_set_errno(error, -r, "cannot start a thread");
        }
        *ret = presence;
        return 0;
}

struct presence *presence_free(struct presence *presence)
{
        if (!presence)
                return NULL;
        worker_end(&presence->worker);
        status_writer_free(presence->writer);
        replica_lease_free(presence->replica);
        lease_free(presence->leader);
        free(presence);
        return NULL;
}
