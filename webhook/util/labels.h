/*
 * An immutable map from string to string, sorted by key: labels, annotations, node selectors
 * (Kubernetes meta/v1 ObjectMeta.labels and the like).
 *
 * May be shared between threads. A NULL pointer is the empty map.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct label {
        const char *key;
        const char *value;
};

struct labels;

/* Copies `n` pairs in any order; of two with the same key the later one stays. -ENOMEM. */
int labels_new(struct labels **ret, const struct label *pairs, size_t n);
struct labels *labels_free(struct labels *labels);
DEFINE_CLEANUP(struct labels *, labels_free);

/* Makes a map of pairs whose keys differ, in memory of the caller's: room for `n` pairs in the arena, which are then
 * set, with strings that are borrowed, and sorted. NULL where memory ran out. */
struct arena;
struct labels *labels_place(struct arena *arena, size_t n);
struct label *labels_pairs(struct labels *labels);
void labels_sort(struct labels *labels);

/* A new map with everything of both; where both have a key, `over` wins. -ENOMEM. */
int labels_merge(struct labels **ret, const struct labels *base, const struct labels *over);

/* The same in the arena, with strings that are borrowed from both. Where one has nothing, *ret is the other. -ENOMEM.
 */
int labels_join(struct arena *arena, const struct labels **ret, const struct labels *base, const struct labels *over);

size_t labels_count(const struct labels *labels);

/* The i-th pair in the order of keys (byte order); borrowed. i < labels_count(). */
struct label labels_at(const struct labels *labels, size_t i);

/* The value (borrowed), or NULL where the key is missing. */
const char *labels_get(const struct labels *labels, const char *key);

/* True if every pair of `subset` is in `labels`, with the same value. */
bool labels_include(const struct labels *labels, const struct labels *subset);
