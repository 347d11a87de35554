/*
 * What live pods hold: every pod of a view of the cluster, in few bytes, and the counters that they add up to.
 *
 * Pods of one template differ in little but their uid, so what a pod counts for (labels, node selector, region,
 * series, GPUs, resources) is kept once for all pods that are alike, and so is what that counts toward. Labels that
 * tell such pods from each other are kept with each pod (quota/own_labels.h), unless the classifier reads them.
 *
 * Not thread-safe: the ledger guards it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/counter.h"
#include "quota/reservation.h"
#include "util/cleanup.h"

struct classifier;
struct usage;

int usage_new(struct usage **ret); /* 0 or -ENOMEM */
struct usage *usage_free(struct usage *usage);
DEFINE_CLEANUP(struct usage *, usage_free);

/*
 * Counts a live pod, or counts it anew where it has changed. `pod` is borrowed and copied: id is that of the
 * reservation that it carries ("" for none, as is whatever is not 32 hexadecimal digits), created_at its
 * creationTimestamp. `version` is the resourceVersion at
 * which it was first seen; a later call for the same uid leaves it (and the id) as they were. Returns 1 where the pod
 * is new, 0 where it was known; -ENOMEM, or what the classifier says: then nothing has changed.
 */
int usage_put(struct usage *usage, const char *uid, const struct reservation *pod, uint64_t version,
              bool terminating);

/* Returns 1 where the pod was counted. */
int usage_remove(struct usage *usage, const char *uid);
bool usage_has(const struct usage *usage, const char *uid);

/* How many pods. */
size_t usage_count(const struct usage *usage);

/* What they add up to, by key; replaced by usage_classify(). */
const struct counters *usage_counters(const struct usage *usage);

/* One of the counters; NULL where nothing counts toward the key. */
const struct counter *usage_counter(const struct usage *usage, const char *key);

/* Counts every pod anew, in one step. The classifier's userdata is borrowed and must stay until the next one. 0,
 * -ENOMEM, or what the classifier says; then nothing has changed. */
int usage_classify(struct usage *usage, const struct classifier *classifier);

/* One pod; all borrowed. */
struct usage_pod {
        const char *uid;  /* as it was given */
        const char *id;   /* of the reservation; "": none */
        uint64_t version; /* see usage_put() */
        int64_t created_at;
        bool terminating;
        const struct reservation *pod; /* what it counts for; its id, created_at and own labels mean nothing */
};

/* Calls `visit` with each pod; stops at a negative result and returns it. */
int usage_visit(const struct usage *usage, int (*visit)(void *userdata, const struct usage_pod *pod), void *userdata);
