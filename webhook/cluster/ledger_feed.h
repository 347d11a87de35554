/*
 * The ledger's object as a watch shows it.
 */
#pragma once

#include "kube/reflector.h"

/* What to follow, and the reflector's operations; their userdata is the struct cluster_ledger. */
extern const struct kube_resource ledger_feed_resource;
extern const struct reflector_ops ledger_feed_ops;
