/*
 * Finds the policies that select a pod, without looking at every policy.
 *
 * Immutable; may be shared between threads.
 */
#pragma once

#include <stddef.h>

#include "util/cleanup.h"

struct labels;
struct policy_index;
struct resource_policy;

/* Takes a reference to each policy. -ENOMEM. */
int policy_index_new(struct policy_index **ret, struct resource_policy *const *policies, size_t n);
struct policy_index *policy_index_free(struct policy_index *index);
DEFINE_CLEANUP(struct policy_index *, policy_index_free);

/* How many policies it holds, and each of them, by namespace and name. */
size_t policy_index_count(const struct policy_index *index);
const struct resource_policy *policy_index_at(const struct policy_index *index, size_t i);

/* The policy of this name, whose end is given by its length, or NULL. */
const struct resource_policy *policy_index_get(const struct policy_index *index, const char *namespace,
                                               const char *name, size_t name_length);

#define POLICY_MATCHES_FEW 4

/* Policies that select a pod; they are the index's. Zero is empty. It points into itself: never copy it. */
struct policy_matches {
        const struct resource_policy **items; /* `few`, or owned */
        size_t count, capacity;
        const struct resource_policy *few[POLICY_MATCHES_FEW];
};
void policy_matches_clear(struct policy_matches *matches);

/*
 * Fills *ret (empty before) with every policy of the namespace that selects these labels, the one that decides
 * first: most selector terms, then the oldest (one that does not say when it was created counts as the youngest),
 * then by name. -ENOMEM.
 */
int policy_index_find(const struct policy_index *index, const char *namespace, const struct labels *labels,
                      struct policy_matches *ret);
