/*
 * The real nodes that a policy's unit can use: those that match its nodeSelector.
 *
 * Units with the same nodeSelector share a group, and with it a counter of the GPUs that pods hold there. Immutable;
 * may be shared between threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "quota/resources.h"
#include "util/cleanup.h"
#include "util/map.h"

struct counter_keys;
struct labels;
struct node_groups;
struct node_table;
struct policy_index;
struct reservation;

struct node_group {
        char *key;                     /* owned; of the counter */
        const struct labels *selector; /* borrowed from a policy */
        size_t n_nodes;                /* how many schedulable real nodes match it */
        struct resources
                allocatable; /* the GPUs of all of them: each resource that counts as such, 0 where none has it */
        UT_hash_handle hh;
};

/* One group for each nodeSelector of the units for real nodes. Borrows both arguments. -ENOMEM. */
int node_groups_new(struct node_groups **ret, const struct policy_index *policies, const struct node_table *nodes);
struct node_groups *node_groups_free(struct node_groups *groups);
DEFINE_CLEANUP(struct node_groups *, node_groups_free);

/* 0 and the group of a unit's nodeSelector, which is NULL where no unit has it; -ENOMEM. */
int node_groups_find(const struct node_groups *groups, const struct node_group **ret, const struct labels *selector);

/* How much the group's nodes have of a resource; false where it does not count as GPUs. */
bool node_group_capacity(const struct node_group *group, const char *resource, struct quantity *ret);

/*
 * Adds the keys of the groups whose GPUs a reservation takes: bound to a node, those that the node is in; else those
 * whose nodeSelector it carries. What asks for no GPU takes none. -ENOMEM.
 */
int node_groups_classify(const struct node_groups *groups, const struct reservation *reservation,
                         struct counter_keys *ret);
