/*
 * Why one unit of a policy fits a pod, or does not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "quota/quantity.h"

struct unit;
struct writer;

enum verdict_kind {
        VERDICT_FITS,
        VERDICT_CONFLICT,       /* the pod contradicts what the unit would add */
        VERDICT_NOT_OFFERED,    /* the region's quota does not list the series */
        VERDICT_POOL_FULL,      /* remaining < the pod's GPUs */
        VERDICT_REGION_FULL,    /* what is left of the region's virtual nodes < the pod's GPUs */
        VERDICT_NO_NODE,        /* no schedulable real node matches the unit's nodeSelector */
        VERDICT_NODES_FULL,     /* what is free on those that do < the pod's GPUs */
        VERDICT_MAX_REACHED,    /* the unit's max */
        VERDICT_RESOURCES_FULL, /* the unit's maxResources */
        VERDICT_NOT_REACHED,    /* an earlier unit was taken, or forbids to go on (whenTryNextUnits) */
};

struct verdict {
        enum verdict_kind kind;
        const char *region; /* borrowed from policy or pod, as are the following; "": none */
        const char *series;
        const char *resource; /* RESOURCES_FULL, NODES_FULL: its name */
        struct quantity used, limit,
                wanted; /* GPUs; MAX_REACHED: pods; RESOURCES_FULL, NODES_FULL: of the resource */
        bool limited;   /* false: no quota bounds the pool; `limit` means nothing */
        char *detail;   /* owned; CONFLICT: what contradicts what, else NULL */
};

/* How people call it: "fits", "conflict", "not offered", "full", "max reached", ... */
extern const char *const verdict_names[]; /* by enum verdict_kind */

/* What the numbers say: "1 GPU wanted, 0 of 2 remaining"; nothing where there is nothing to say. */
void verdict_write_numbers(struct writer *writer, const struct verdict *verdict);

/* One unit's part of a denial: "units[0] acs cn-beijing/GU8TF: full: 1 GPU wanted, 0 of 2 remaining". */
void verdict_write(struct writer *writer, const struct verdict *verdict, size_t index, const struct unit *unit);

/* The same, each as a new string, or NULL where memory ran out. */
char *verdict_numbers(const struct verdict *verdict);
char *verdict_format(const struct verdict *verdict, size_t index, const struct unit *unit);

void verdict_clear(struct verdict *verdict);
