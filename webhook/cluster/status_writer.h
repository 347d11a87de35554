/*
 * Writes the status of RegionQuotas, as long as this replica leads: within two seconds of a change, each at most once
 * a second, and only where something has changed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cluster/quota_status.h"
#include "util/cleanup.h"

struct catalog_source;
struct error;
struct kube_client;
struct status_writer;

struct status_writer_ops {
        bool (*leads)(void *userdata); /* this replica holds the Lease */

        /* Rule 7: the version of quotas that the ledger carries; no replica decides on older ones any more. */
        uint64_t (*quotas_written)(void *userdata);

        struct quota_numbers numbers;
        void *userdata;
};

/* Starts the thread. Borrows client and source; copies the operations. */
int status_writer_new(struct status_writer **ret, struct kube_client *client, struct catalog_source *source,
                      const struct status_writer_ops *ops, struct error *error);
struct status_writer *status_writer_free(struct status_writer *writer);
DEFINE_CLEANUP(struct status_writer *, status_writer_free);
