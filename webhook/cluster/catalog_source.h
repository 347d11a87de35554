/*
 * The ResourcePolicies and RegionQuotas of a cluster, and its nodes, put in force as they change.
 *
 * Two reflectors feed it. Only when both of their lists have ended is a first catalog made; from then on the changes
 * of a burst are put in force together, by a thread of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/reflector.h"
#include "util/cleanup.h"

struct catalog;
struct catalog_feed;
struct catalog_source;
struct error;
struct known_object;
struct node_table;

struct catalog_source_ops {
        bool with_nodes; /* no catalog is made before the nodes are known as well */

        /* Called from the source's thread, one at a time. Puts the catalog in force; it is borrowed. A negative errno
         * is logged, and tried again after a while. */
        int (*use)(void *userdata, struct catalog *catalog, struct error *error);

        /*
         * How new the quotas are that the catalog in force was made of (rule 7): the resourceVersion of the newest
         * change of a RegionQuota's spec that it knows, and the one that the view of them had reached. Called after
         * each use(), and where the view has moved and nothing changed. May be NULL.
         */
        void (*quotas)(void *userdata, uint64_t spec_version, uint64_t view_version);
};

/* Starts the thread; borrows the operations. */
int catalog_source_new(struct catalog_source **ret, const struct catalog_source_ops *ops, void *userdata,
                       struct error *error);

/* Ends the thread. The reflectors must have ended. */
struct catalog_source *catalog_source_free(struct catalog_source *source);
DEFINE_CLEANUP(struct catalog_source *, catalog_source_free);

/* What to feed it with: reflectors of these resources, with these operations and a feed as their userdata. */
extern const struct kube_resource catalog_policies_resource, catalog_quotas_resource;
extern const struct reflector_ops catalog_feed_ops;
struct catalog_feed *catalog_source_policies(struct catalog_source *source); /* borrowed, as is the next */
struct catalog_feed *catalog_source_quotas(struct catalog_source *source);

/* Nodes as they are from now on (admission/node_table.h); takes a reference. Thread-safe, as are the following. */
void catalog_source_use_nodes(struct catalog_source *source, struct node_table *nodes);

/* A reference to the newest; NULL before the first. */
struct node_table *catalog_source_nodes(struct catalog_source *source);

/* How many objects of both kinds have a version that is malformed. */
size_t catalog_source_faults(struct catalog_source *source);

/* The RegionQuotas, by name: *ret is an array of references; the caller drops them and frees it. *ret_spec_version is
 * that of the newest change of a spec among them. -EAGAIN before the first list; -ENOMEM. */
int catalog_source_all_quotas(struct catalog_source *source, struct known_object ***ret, size_t *ret_n,
                              uint64_t *ret_spec_version);
