/*
 * RegionQuota (regionfit.io/v1alpha1, cluster-scoped): how many GPUs of which model series a region may give.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct manifest;
struct diagnostics;
struct region_quota;
struct quota_table;

#define REGION_QUOTA_API_VERSION "regionfit.io/v1alpha1"
#define REGION_QUOTA_KIND "RegionQuota"

/* The series that stands for every series that the region's quotas do not list. */
#define POOL_SERIES_OTHERS "*"

struct pool {
        char *series; /* owned */
        int64_t gpus;
};

/* Immutable once read; counted references. */
struct region_quota {
        unsigned references; /* atomic */
        char *name;          /* owned */
        char *region;        /* owned */
        char *origin;        /* owned; the file that defines it, or "" */
        struct pool *pools;  /* owned, in the order in which they were written */
        size_t n_pools;
};

/* NULL after errors have gone to the diagnostics. Unknown fields are reported as warnings. */
struct region_quota *region_quota_read(const struct manifest *manifest, struct diagnostics *diagnostics);
struct region_quota *region_quota_ref(struct region_quota *quota);
struct region_quota *region_quota_unref(struct region_quota *quota);
DEFINE_CLEANUP(struct region_quota *, region_quota_unref);

/* What the quotas say of one pool. */
struct pool_limit {
        bool limited;       /* false: the region has no quota, all it has is there for the taking */
        bool offered;       /* false: the region's quotas do not list the series */
        const char *series; /* borrowed; the pool's: the series asked for, or "*" where it is one of the others */
        int64_t gpus;       /* the limit */
};

/* Immutable. Keeps references to the quotas. Several quotas of one region give what all of them list; a series
 * that is listed twice is reported as an error, and the smaller limit holds. -ENOMEM. */
int quota_table_new(struct quota_table **ret, struct region_quota *const *quotas, size_t n,
                    struct diagnostics *diagnostics);
struct quota_table *quota_table_free(struct quota_table *table);
DEFINE_CLEANUP(struct quota_table *, quota_table_free);

/* `series` "" is the pool "*". */
struct pool_limit quota_table_find(const struct quota_table *table, const char *region, const char *series);

/* Every pool, by region and series: calls `visit` with each; stops at a negative result and returns it. */
int quota_table_visit(const struct quota_table *table,
                      int (*visit)(void *userdata, const char *region, const struct pool *pool), void *userdata);
