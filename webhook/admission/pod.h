/*
 * What a decision needs of a Pod (Kubernetes core/v1).
 *
 * Plain data, read once, never changed; what it points to is in an arena, or borrowed from the JSON that was read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/document.h"
#include "policy/resource_policy.h"
#include "quota/resources.h"
#include "util/labels.h"

struct arena;
struct field;

#define KEY_IGNORE "regionfit.io/ignore" /* a label or an annotation; "true" opts out */
#define ANNOTATION_MIRROR "kubernetes.io/config.mirror"
#define TAINT_VIRTUAL_NODE "virtual-kubelet.io/provider"

/* The resource names that count as GPUs; NULL-terminated. */
extern const char *const pod_default_gpu_resources[];

enum pod_phase { POD_PENDING, POD_RUNNING, POD_SUCCEEDED, POD_FAILED, POD_UNKNOWN };

/* One requirement of a node selector term (core/v1 NodeSelectorRequirement). */
struct node_requirement {
        const char *key;
        const char *relation; /* In NotIn Exists DoesNotExist Gt Lt */
        const char **values;
        size_t n_values;
};

/* All its requirements must hold. matchFields are left out: they name single nodes. */
struct node_term {
        struct node_requirement *requirements;
        size_t n_requirements;
};

struct pod {
        const char *namespace;
        const char *name;        /* name, or generateName, or "" */
        bool generated;          /* `name` is a generateName */
        const char *uid;         /* "": not stored yet */
        const char *reservation; /* the annotations, or "" */
        const char *placement;
        const char *owner_kind; /* of the controlling owner reference, or "" */
        const char *owner_name;
        const char *owner_api_version, *owner_uid; /* likewise, or "" */
        const char *scheduler;
        const char *node_name;  /* "": not bound to a node */
        const char *own_region; /* the label serverless-region-id, or "": charged to it if it is not placed */
        const char *region;     /* the region that its author asked for in any way, or "" */
        const char *series;     /* likewise the GPU model series */
        struct labels *labels, *annotations, *node_selector; /* NULL: it has no such map */
        struct node_term *terms; /* required node affinity: one of them must hold; none: no affinity */
        size_t n_terms;
        bool has_tolerations; /* a list of them, which may be empty */
        bool tolerates_virtual_nodes;
        bool mirror, ignored;
        bool terminating;        /* has a deletionTimestamp */
        bool deletion_confirmed; /* and its deletionGracePeriodSeconds is 0: nothing of it runs any more */
        bool has_finalizers;     /* it stays, whoever deletes it, until they are taken away */
        enum pod_phase phase;
        int64_t created_at; /* unix seconds; 0: not stored yet */

        struct resources requests; /* effective; see pod_requests.h */
        int64_t gpus;              /* the whole GPUs among them, of all GPU resource names together */
};

#define POD_INIT ((struct pod){0})

/* The members of a pod that pod_read() looks at. */
extern const struct shape pod_shape[];

/*
 * Reads a pod. `namespace` is that of the request; it stands in for a missing metadata.namespace.
 * `gpu_resources` are names, NULL-terminated. False after errors have gone to the field's diagnostics, or where
 * memory ran out (then without an error).
 */
bool pod_read(struct pod *ret, const struct field *field, const char *namespace, const char *const *gpu_resources,
              struct arena *arena);

/* True where the phase is Succeeded or Failed. */
static inline bool pod_is_finished(const struct pod *pod)
{
        return pod->phase == POD_SUCCEEDED || pod->phase == POD_FAILED;
}
