/*
 * What is asked of the ledger for one pod: a reservation, and the limits that it has to keep.
 */
#pragma once

#include <stddef.h>

#include "admission/verdict.h"
#include "quota/ledger.h"

struct node_group;
struct node_table;
struct pod;
struct pool_limit;
struct resource_policy;

struct claim {
        struct reservation *reservation; /* owned, until the ledger takes it over */
        struct limit *limits;            /* owned; they borrow the keys below, the policy and the bounds */
        enum verdict_kind *verdicts;     /* owned; what a refusal by each of them means */
        size_t n_limits;
        char *pool_key, *unit_key;     /* owned; NULL: bound by none */
        char *region_key, *series_key; /* likewise */
};

/* What bounds a claim beside the unit's own max and maxResources; all borrowed. */
struct claim_bounds {
        const struct pool_limit *pool;          /* NULL: no pool */
        const struct node_table *virtual_nodes; /* that cap what the region may give; NULL: nothing does */
        const struct node_group *nodes; /* the real nodes of the unit; NULL: it has none, or they are not known */
};

#define CLAIM_INIT ((struct claim){0})
void claim_clear(struct claim *claim);

/*
 * For a pod that would be placed on a unit, in this region and series ("" for none): bound by max and maxResources
 * as well. The pod has all of the policy's matchLabelKeys. -ENOMEM, or what getrandom(2) says.
 */
int claim_new_unit(struct claim *ret, const struct pod *pod, const struct resource_policy *policy, size_t unit,
                   const char *region, const char *series, const struct claim_bounds *bounds);

/* For a pod that is left where its author put it. */
int claim_new_static(struct claim *ret, const struct pod *pod, const struct claim_bounds *bounds);
