/*
 * What a pod asks for, as the scheduler computes it (k8s.io/component-helpers/resource.PodRequests).
 *
 * The larger of each init container and the sum of the containers, sidecars counted in both (KEP-753); pod-level
 * resources win over that for cpu, memory and huge pages (KEP-2837); overhead is added (KEP-688). Requests that are
 * missing are taken from limits, as the API server does before it stores a pod.
 */
#pragma once

#include <stdbool.h>

struct field;
struct resources;

/* Reads a pod's `spec`; *ret is empty before, and in an arena. False after errors have gone to the field's
 * diagnostics. */
bool pod_requests_read(struct resources *ret, const struct field *spec);
