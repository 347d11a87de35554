/*
 * What is known of one ResourcePolicy or RegionQuota of the cluster: its last version that could be read, which stays
 * in force while a newer one is malformed, and what is wrong with that one.
 *
 * Immutable; counted references.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct diagnostics;
struct manifest;

/* How objects of one kind are read; the value is a struct resource_policy or a struct region_quota. */
struct known_kind {
        const char *name; /* "ResourcePolicy" */
        void *(*read)(const struct manifest *manifest, struct diagnostics *diagnostics);
        void *(*ref)(void *value);
        void *(*unref)(void *value);
        bool (*same_metadata)(const void *a, const void *b); /* true where they differ in nothing outside of spec */
        bool keeps_status;
};
extern const struct known_kind known_policy, known_quota;

struct known_object {
        unsigned references;           /* atomic */
        const struct known_kind *kind; /* borrowed */
        char *key;                     /* owned; "namespace/name", or "name" where there are no namespaces */
        char *uid;                     /* owned */
        uint64_t version;              /* metadata.resourceVersion */
        int64_t generation;            /* metadata.generation; 0: not given */
        uint64_t spec_version;         /* the resourceVersion since which its spec is as it is; at most too high */
        uint64_t value_version;        /* as spec_version, of what else the value was read from as well */
        void *value;                   /* a reference; NULL: it has never been good */
        char *fault;                   /* owned; "field: what would be right"; NULL: the value is of this version */
        json_t *status;                /* owned; NULL: there is none, or the kind does not keep it */
};

/*
 * Reads the object, which is borrowed. `former` is what was known of it, or NULL. A malformed version is logged, and
 * becomes the fault beside the former value. -EINVAL: it has no name. -ENOMEM.
 */
int known_object_read(struct known_object **ret, const struct known_kind *kind, const json_t *object,
                      const struct known_object *former);
struct known_object *known_object_ref(struct known_object *object);
struct known_object *known_object_unref(struct known_object *object);
DEFINE_CLEANUP(struct known_object *, known_object_unref);

/* "namespace/name" or "name"; *ret is new. -EINVAL: the object has no name. -ENOMEM. */
int known_object_key(char **ret, const json_t *object);
