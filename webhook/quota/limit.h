/*
 * Bounds on what a counter may hold: the GPUs of a pool, the pods and resources of a policy's unit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "quota/quantity.h"

struct counters;
struct reservation;

enum limit_kind { LIMIT_GPUS, LIMIT_PODS, LIMIT_RESOURCE };

/* A bound that a claim must keep: counter + claim <= limit. All borrowed. */
struct limit {
        enum limit_kind kind;
        const char *key;         /* of the counter */
        const char *resource;    /* LIMIT_RESOURCE: its name */
        struct quantity limit;   /* GPUs, pods, or the resource's unit */
        bool ignore_terminating; /* leave out reservations that are terminating (not for LIMIT_GPUS) */
};

/* A copy that owns its strings; *ret is NULL where there are none. -ENOMEM. */
int limits_copy(struct limit **ret, const struct limit *limits, size_t n_limits);
void limits_free(struct limit *limits, size_t n_limits); /* of a copy */

/* Why a claim was refused: the first limit that it would exceed. */
struct refusal {
        size_t limit;           /* its index */
        struct quantity used;   /* what its counters hold now */
        struct quantity wanted; /* what the claim would add */
};

/* How many of such reservations fit together; INT64_MAX where nothing bounds them. */
int64_t limits_room(const struct limit *limits, size_t n_limits, const struct counters *const *counters,
                    size_t n_counters, const struct reservation *reservation);

/* True if the reservation fits under every limit, where a counter holds what all of the `n_counters` sets say
 * together; else *ret says which it would exceed. */
bool limits_keep(const struct limit *limits, size_t n_limits, const struct counters *const *counters,
                 size_t n_counters, const struct reservation *reservation, struct refusal *ret);
