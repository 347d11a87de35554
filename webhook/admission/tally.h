/*
 * What a pod counts toward: the keys of the ledger's counters.
 *
 * A pod with a region counts toward its pool; and where the nodes are known, toward what the region's virtual nodes
 * have, of all series together and of its own. One without a region counts toward the real nodes that it may run on,
 * or runs on (admission/node_groups.h). A pod counts toward a unit when the policy selects it and it
 * carries what the unit adds (podLabels, nodeSelector), whoever placed it; of a unit that adds nothing, only
 * the pods that were placed on it. With matchLabelKeys each group of label values has a counter of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct catalog;
struct counter_keys;
struct labels;
struct reservation;
struct resource_policy;

/* The counter of a pool; `series` is the pool's (perhaps "*"). In the arena, or where that is NULL, a new string;
 * NULL where memory ran out. So are the following. */
char *tally_pool_key(struct arena *arena, const char *region, const char *series);

/* The counter of what a region's virtual nodes have: of one series, or ("") of all together. */
char *tally_region_key(struct arena *arena, const char *region, const char *series);

/* What the counters of a unit begin with: all of its key where the policy has no matchLabelKeys, else a comma and a
 * value for each of them follow. */
char *tally_unit_name(struct arena *arena, const struct resource_policy *policy, size_t unit);

/*
 * The counter of a unit for the group that these labels belong to. Returns 1 and *ret, in the arena; 0 where a label
 * of the policy's matchLabelKeys is missing; -ENOMEM.
 */
int tally_unit_key(char **ret, struct arena *arena, const struct resource_policy *policy, size_t unit,
                   const struct labels *labels);

/* A classifier's functions; `userdata` is the struct catalog. */
int tally_classify(void *userdata, const struct reservation *reservation, struct counter_keys *ret);
bool tally_reads(void *userdata, const char *label);

/* Likewise, but units that have no bound are counted, too: for a person to look at. */
int tally_classify_all(void *userdata, const struct reservation *reservation, struct counter_keys *ret);
