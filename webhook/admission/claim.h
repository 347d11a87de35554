/*
 * What is asked of the ledger for one pod: a reservation, and the limits that it has to keep.
 */
#pragma once

#include <stddef.h>

#include "admission/verdict.h"
#include "quota/ledger.h"

struct arena;
struct node_group;
struct node_table;
struct pod;
struct pool_limit;
struct resource_policy;

/* Borrows from pod, policy and bounds, what its reservation points to as well; the rest is in the arena. */
struct claim {
        struct arena *arena; /* borrowed */
        struct reservation reservation;
        struct limit *limits;
        enum verdict_kind *verdicts; /* what a refusal by each of them means */
        size_t n_limits;
        const char *pool_key; /* NULL: bound by no pool */
};

/* What bounds a claim beside the unit's own max and maxResources; all borrowed. */
struct claim_bounds {
        const struct pool_limit *pool;          /* NULL: no pool */
        const struct node_table *virtual_nodes; /* that cap what the region may give; NULL: nothing does */
        const struct node_group *nodes; /* the real nodes of the unit; NULL: it has none, or they are not known */
};

#define CLAIM_IN(memory) ((struct claim){.arena = (memory)})

/*
 * For a pod that would be placed on a unit, in this region and series ("" for none): bound by max and maxResources
 * as well. The pod has all of the policy's matchLabelKeys. -ENOMEM, or what getrandom(2) says.
 */
int claim_new_unit(struct claim *ret, const struct pod *pod, const struct resource_policy *policy, size_t unit,
                   const char *region, const char *series, const struct claim_bounds *bounds);

/* For a pod that is left where its author put it. */
int claim_new_static(struct claim *ret, const struct pod *pod, const struct claim_bounds *bounds);
