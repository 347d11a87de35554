/*
 * What a RegionQuota's status should be: its pools with what is used and reserved of them, one line of each for the
 * columns of kubectl, and conditions (meta/v1 Condition):
 *
 *     Ready      True, InForce; False, Malformed: its present version cannot be read; or False, DuplicateSeries: a
 *                series is listed twice in its region, and the smaller limit holds
 *     OverLimit  True, UsedExceedsLimit: live pods hold more than a pool may give; False, WithinLimit
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known_object;

/* Where the numbers come from. */
struct quota_numbers {
        /* GPUs that live pods hold in the pool of this region and series, and those promised. 0 or -ENOMEM. */
        int (*pool)(void *userdata, const char *region, const char *series, int64_t *ret_used, int64_t *ret_reserved);

        /* The pool's limit, given that of the quotas: less where the region's nodes have less. NULL: that of the
         * quotas. */
        int64_t (*limit)(void *userdata, const char *region, const char *series, int64_t gpus);
        void *userdata;
};

/*
 * *ret: the status of quotas[index], new. The others are what its limits are held against. A condition whose status
 * is the one that is stored keeps its lastTransitionTime; `now` (unix seconds) is that of the others. -ENOMEM.
 */
int quota_status_make(json_t **ret, struct known_object *const *quotas, size_t n, size_t index,
                      const struct quota_numbers *numbers, int64_t now);

/* True if the object's status says all of it already. */
bool quota_status_is(const struct known_object *quota, const json_t *status);
