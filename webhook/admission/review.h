/*
 * AdmissionReview (admission.k8s.io/v1) in and out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct decision;
struct error;
struct kept;

enum operation { OPERATION_CREATE, OPERATION_UPDATE, OPERATION_DELETE, OPERATION_CONNECT };

/* A request; what it points to is in an arena. */
struct review {
        const char *uid;
        const char *namespace;
        const char *name; /* "" where the API server is to generate one */
        enum operation operation;
        bool is_pod;             /* the resource is core/v1 pods */
        const char *subresource; /* "" for the pod itself */
        bool dry_run;
        const struct kept *object, *old_object; /* the members of pod_shape; NULL where null */
};

#define REVIEW_INIT ((struct review){0})

/* Reads a body. -EINVAL: `error` says where and why, for HTTP 400. -ENOMEM. */
int review_parse(struct review *ret, const char *body, size_t size, struct arena *arena, struct error *error);

/*
 * The answer's body, a new string, and its size, from a decision (NULL: allowed, nothing to say) and the JSON text of
 * its patch (NULL: none). Warnings, audit annotations (policy, unit, region, series, reason) and a denial's status
 * come from the decision. -ENOMEM.
 */
int review_respond(char **ret, size_t *ret_size, const struct review *review, const struct decision *decision,
                   const char *patch, size_t patch_size);

/* A denial for another reason than a decision: HTTP status `code` in the status, with this sentence. -ENOMEM. */
int review_deny(char **ret, size_t *ret_size, const struct review *review, int code, const char *message);
