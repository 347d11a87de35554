/*
 * The nodes of the cluster: what a reflector of nodes (kube/reflector.h) brings, as tables of nodes.
 */
#pragma once

#include "kube/reflector.h"
#include "util/cleanup.h"

struct cluster_nodes;
struct node_table;

/* What to follow: /api/v1/nodes. */
extern const struct kube_resource cluster_nodes_resource;

/* The reflector's operations; its userdata is the struct cluster_nodes. A node that cannot be read is logged and left
 * as it was. They return 0 or -ENOMEM. */
extern const struct reflector_ops cluster_nodes_ops;

/* Takes note of a table (borrowed), which differs from the one before in what matters. Called from the reflector's
 * thread. */
typedef void cluster_nodes_use(void *userdata, struct node_table *table);

/* `gpu_resources` (names, NULL-terminated) are borrowed, by every table too. -ENOMEM. */
int cluster_nodes_new(struct cluster_nodes **ret, const char *const *gpu_resources, cluster_nodes_use *use,
                      void *userdata);
struct cluster_nodes *cluster_nodes_free(struct cluster_nodes *nodes);
DEFINE_CLEANUP(struct cluster_nodes *, cluster_nodes_free);
