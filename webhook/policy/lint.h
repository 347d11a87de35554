/*
 * What is legal but cannot be what its author meant.
 *
 * Faults that a single object shows are found while it is read; here policies are held against quotas, workloads and
 * each other. Everything goes to the diagnostics, with file and line.
 */
#pragma once

#include <stddef.h>

struct diagnostics;
struct manifest;
struct quota_table;
struct resource_policy;

/* A policy and where it was written; both borrowed. */
struct lint_policy {
        const struct resource_policy *policy;
        const struct manifest *manifest;
};

/* Labels, units that cannot be reached or never fit, regions and series against the quotas. */
void lint_policy(const struct lint_policy *policy, const struct quota_table *quotas, struct diagnostics *diagnostics);

/* Policies of one namespace of which one selects everything that the other does. */
void lint_overlaps(const struct lint_policy *policies, size_t n, struct diagnostics *diagnostics);

/* A workload against the policies that select its pods. `namespace` is the workload's. */
void lint_workload(const struct manifest *workload, const char *namespace, const struct lint_policy *policies,
                   size_t n, struct diagnostics *diagnostics);
