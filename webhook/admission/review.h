/*
 * AdmissionReview (admission.k8s.io/v1) in and out.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct decision;
struct error;

enum operation { OPERATION_CREATE, OPERATION_UPDATE, OPERATION_DELETE, OPERATION_CONNECT };

/* A request; strings are borrowed from `body`. */
struct review {
        json_t *body; /* owned */
        const char *uid;
        const char *namespace;
        const char *name; /* "" where the API server is to generate one */
        enum operation operation;
        bool is_pod;             /* the resource is core/v1 pods */
        const char *subresource; /* "" for the pod itself */
        bool dry_run;
        json_t *object, *old_object; /* borrowed; NULL where null */
};

#define REVIEW_INIT ((struct review){0})
void review_clear(struct review *review);

/* Reads a body. -EINVAL: `error` says where and why, for HTTP 400. -ENOMEM. */
int review_parse(struct review *ret, const char *body, size_t size, struct error *error);

/*
 * The answer's body, a new string, from a decision (NULL: allowed, nothing to say) and its patch (borrowed; NULL
 * or empty: none). Warnings, audit annotations (policy, unit, region, series, reason) and a denial's status come
 * from the decision. -ENOMEM.
 */
int review_respond(char **ret, const struct review *review, const struct decision *decision, const json_t *patch);

/* A denial for another reason than a decision: HTTP status `code` in the status, with this sentence. -ENOMEM. */
int review_deny(char **ret, const struct review *review, int code, const char *message);
