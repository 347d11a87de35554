/*
 * The policies and quotas in force, and the nodes where they are known: one immutable snapshot that is swapped as a
 * whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct catalog;
struct catalog_objects;
struct classifier;
struct diagnostics;
struct error;
struct manifests;
struct node_groups;
struct node_table;
struct policy_index;
struct quota_table;

/* The ResourcePolicies and RegionQuotas of some manifests; plain data, references owned. */
struct catalog_objects {
        struct resource_policy **policies;
        size_t n_policies;
        struct region_quota **quotas;
        size_t n_quotas;
};

#define CATALOG_OBJECTS_INIT ((struct catalog_objects){0})
void catalog_objects_clear(struct catalog_objects *objects);

/* Appends what `manifests` hold; other kinds are passed over. Faults go to the diagnostics, and what is
 * malformed is left out. -ENOMEM. */
int catalog_objects_read(struct catalog_objects *objects, const struct manifests *manifests,
                         struct diagnostics *diagnostics);

/* Appends references to everything in `more`. -ENOMEM. */
int catalog_objects_append(struct catalog_objects *objects, const struct catalog_objects *more);

/*
 * Makes a snapshot; it keeps references of its own. Of several policies with one namespace and name, or quotas
 * with one name, the first stays and the others are reported as errors. Each snapshot has a generation of its
 * own, larger than those before it. `nodes` (NULL: they are not known) gets a reference. -ENOMEM.
 */
int catalog_new(struct catalog **ret, const struct catalog_objects *objects, struct node_table *nodes,
                struct diagnostics *diagnostics);
struct catalog *catalog_ref(struct catalog *catalog);
struct catalog *catalog_unref(struct catalog *catalog);
DEFINE_CLEANUP(struct catalog *, catalog_unref);

uint64_t catalog_generation(const struct catalog *catalog);
const struct policy_index *catalog_policies(const struct catalog *catalog);
const struct quota_table *catalog_quotas(const struct catalog *catalog);

/* NULL where the nodes are not known. */
const struct node_table *catalog_nodes(const struct catalog *catalog);
const struct node_groups *catalog_node_groups(const struct catalog *catalog);

/* How the ledger counts under this snapshot (see admission/tally.h); it holds a reference. */
struct classifier catalog_classifier(struct catalog *catalog);
