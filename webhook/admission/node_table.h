/*
 * The nodes of a cluster at one moment.
 *
 * Immutable; counted references.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct node;
struct node_table;

/* Takes a reference to each node; of one name there is one. `gpu_resources` (names, NULL-terminated) are borrowed and
 * must outlive the table. -ENOMEM. */
int node_table_new(struct node_table **ret, struct node *const *nodes, size_t n, const char *const *gpu_resources);
struct node_table *node_table_ref(struct node_table *table);
struct node_table *node_table_unref(struct node_table *table);
DEFINE_CLEANUP(struct node_table *, node_table_unref);

/* The resources that count as GPUs. */
const char *const *node_table_gpu_resources(const struct node_table *table);

size_t node_table_count(const struct node_table *table);
const struct node *node_table_at(const struct node_table *table, size_t i);           /* in the order of names */
const struct node *node_table_find(const struct node_table *table, const char *name); /* NULL: there is none */

/*
 * The GPUs of a region's schedulable virtual nodes: of all of them for the series ""; else of those that are of this
 * series, and those that do not say which they are of.
 */
int64_t node_table_virtual_gpus(const struct node_table *table, const char *region, const char *series);
