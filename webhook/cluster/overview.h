/*
 * What a person wants to know of pools and policies, as JSON:
 *
 *     pools:    [{region, gpuModelSeries, limit, used, reserved, remaining}]   limit, remaining: null where unlimited
 *     policies: [{namespace, name, units: [{unit, resource, region, gpuModelSeries, group, pods, max,
 *                                           resources: [{name, used, limit}]}]}]
 *
 * A unit of a policy with matchLabelKeys comes once for each group that has pods. Its pods, and what they use, are
 * those that count toward its bounds; promises are among them.
 */
#pragma once

#include <jansson.h>

struct catalog;
struct cluster_ledger;

/* *ret is a new object with both. The ledger counts by the catalog from now on, and units without bounds, too.
 * -ENOMEM, or what the ledger says. */
int overview_make(json_t **ret, struct catalog *catalog, struct cluster_ledger *ledger);
