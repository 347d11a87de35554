/*
 * When the pods of a cluster were changed last, and at which resourceVersion: what a replica that has looked at this
 * time must have seen.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct pod_change {
        int64_t at; /* unix seconds */
        uint64_t version;
};

/* A growing list. Zero is empty. */
struct pod_changes {
        struct pod_change *items; /* owned */
        size_t count, capacity;
};

#define POD_CHANGES_INIT ((struct pod_changes){0})
void pod_changes_clear(struct pod_changes *changes);

/* Notes a pod (borrowed); one that does not say when it was changed (metadata.managedFields) is left out. -ENOMEM. */
int pod_changes_add(struct pod_changes *changes, const json_t *pod);

/* The largest resourceVersion of those that were changed last before this time, by a second at least; 0: none was. */
uint64_t pod_changes_newest(const struct pod_changes *changes, int64_t before);
