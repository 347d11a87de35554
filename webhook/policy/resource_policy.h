/*
 * ResourcePolicy (scheduling.alibabacloud.com/v1alpha1, namespaced): an ordered list of units, first fit wins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/resources.h"
#include "util/cleanup.h"

struct manifest;
struct diagnostics;
struct labels;
struct selector;

#define RESOURCE_POLICY_API_VERSION "scheduling.alibabacloud.com/v1alpha1"
#define RESOURCE_POLICY_KIND "ResourcePolicy"

/* Labels that carry meaning. */
#define LABEL_ACS "alibabacloud.com/acs"
#define LABEL_COMPUTE_CLASS "alibabacloud.com/compute-class"
#define LABEL_COMPUTE_QOS "alibabacloud.com/compute-qos"
#define LABEL_SERIES "alibabacloud.com/gpu-model-series"
#define LABEL_REGION "alibabacloud.com/serverless-region-id"
#define LABEL_TOPOLOGY_REGION "topology.kubernetes.io/region"
#define ANNOTATION_RESERVATION "regionfit.io/reservation"
#define ANNOTATION_PLACEMENT "regionfit.io/placement"
#define ANNOTATION_WHEN_NOTHING_FITS "regionfit.io/when-nothing-fits"

enum unit_resource { UNIT_ACS, UNIT_ECI, UNIT_ECS, UNIT_ELASTIC };
extern const char *const unit_resource_names[]; /* by enum unit_resource; NULL-terminated */

enum strategy { STRATEGY_PREFER, STRATEGY_REQUIRED };
enum when_nothing_fits { NOTHING_FITS_UNSET, NOTHING_FITS_ALLOW, NOTHING_FITS_DENY };

/* When a unit lacks resources, is the next one tried? With ExceedMax only if the unit sets neither max nor
 * maxResources; what the others add to the default concerns waiting, and belongs to re-routing. */
enum try_next {
        TRY_NEXT_LACK_RESOURCE_OR_EXCEED_MAX,
        TRY_NEXT_EXCEED_MAX,
        TRY_NEXT_LACK_RESOURCE_AND_NO_TERMINATING,
        TRY_NEXT_TIMEOUT_OR_EXCEED_MAX,
        TRY_NEXT_TIMEOUT,
};
enum preempt { PREEMPT_AFTER_ALL_UNITS, PREEMPT_BEFORE_NEXT_UNIT };

struct unit {
        enum unit_resource resource;
        struct labels *pod_labels;      /* owned; what the unit adds, for acs with the acs label */
        struct labels *pod_annotations; /* owned */
        struct labels *node_selector;   /* owned */
        int64_t max;                    /* pods; -1: no bound */
        struct resources max_resources;
        char *placement;    /* owned; "namespace/policy#unit": the value of the placement annotation */
        const char *region; /* borrowed from the maps above; "": names none. Virtual nodes only. */
        const char *series; /* likewise; "": takes the pod's own */
};

/* Immutable once read; counted references. */
struct resource_policy {
        unsigned references; /* atomic */
        char *namespace;     /* owned, as are the following */
        char *name;
        char *origin;       /* the file that defines it, or "" */
        int64_t created_at; /* metadata.creationTimestamp, unix seconds; 0: not given */
        struct selector *selector;
        struct unit *units;
        size_t n_units;
        char **match_label_keys;
        size_t n_match_label_keys;
        enum strategy strategy;
        enum when_nothing_fits when_nothing_fits; /* the annotation; UNSET: there is none */
        enum try_next try_next;
        int64_t try_next_timeout; /* seconds; 0: not given. Belongs to re-routing. */
        enum preempt preempt;
        bool ignore_previous_pod;
        bool ignore_terminating_pod;
};

/* NULL after errors have gone to the diagnostics. Unknown fields are reported as warnings. */
struct resource_policy *resource_policy_read(const struct manifest *manifest, struct diagnostics *diagnostics);
struct resource_policy *resource_policy_ref(struct resource_policy *policy);
struct resource_policy *resource_policy_unref(struct resource_policy *policy);
DEFINE_CLEANUP(struct resource_policy *, resource_policy_unref);

/* The region, or GPU model series, that these labels and node selector name, wherever they do; "" for none.
 * Borrowed from them. */
const char *region_named(const struct labels *pod_labels, const struct labels *node_selector);
const char *series_named(const struct labels *pod_labels, const struct labels *node_selector);

/* True for acs and eci: the unit's pods run on virtual nodes and are charged to a pool. */
static inline bool unit_is_virtual(const struct unit *unit)
{
        return unit->resource == UNIT_ACS || unit->resource == UNIT_ECI;
}
