/*
 * What is asked of the ledger for one pod: a reservation, and the limits that it has to keep.
 */
#pragma once

#include <stddef.h>

#include "quota/ledger.h"

struct pod;
struct pool_limit;
struct resource_policy;

struct claim {
        struct reservation *reservation; /* owned, until the ledger takes it over */
        struct limit *limits;            /* owned; they borrow the keys below and the policy */
        size_t n_limits;
        char *pool_key, *unit_key; /* owned; NULL: bound by none */
};

#define CLAIM_INIT ((struct claim){0})
void claim_clear(struct claim *claim);

/*
 * For a pod that would be placed on a unit, in this region and series ("" for none): bound by the pool, max and
 * maxResources. The pod has all of the policy's matchLabelKeys. -ENOMEM, or what getrandom(2) says.
 */
int claim_new_unit(struct claim *ret, const struct pod *pod, const struct resource_policy *policy, size_t unit,
                   const char *region, const char *series, const struct pool_limit *pool);

/* For a pod that is left where its author put it: bound by the pool, or by nothing where `pool` is NULL. */
int claim_new_static(struct claim *ret, const struct pod *pod, const struct pool_limit *pool);
