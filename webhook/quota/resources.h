/*
 * A list of resources by name (Kubernetes core/v1 ResourceList): "cpu" -> 4, "nvidia.com/gpu" -> 2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "quota/quantity.h"
#include "util/cleanup.h"

struct arena;
struct field;

struct resource {
        char *name; /* owned; in an arena: borrowed */
        struct quantity quantity;
};

/* Plain data, in the order of arrival; names are unique. Zero is empty. */
struct resources {
        struct resource *items;
        size_t count, capacity;
        struct arena *arena; /* borrowed; where the items are, with names that are borrowed. NULL: on the heap */
};

#define RESOURCES_INIT ((struct resources){0})
#define RESOURCES_IN(memory) ((struct resources){.arena = (memory)})
void resources_clear(struct resources *resources);

/* NULL where the name is missing. The pointer lives until the next resources_set(). */
struct quantity *resources_find(const struct resources *resources, const char *name);

/* The following return 0 or -ENOMEM, and then have changed nothing. */
int resources_set(struct resources *resources, const char *name, struct quantity quantity);
int resources_copy(struct resources *to, const struct resources *from); /* `to` must be empty */
int resources_add(struct resources *to, const struct resources *from);  /* sums by name */
int resources_max(struct resources *to, const struct resources *from);  /* the larger, by name */

/* Subtracts by name; every name of `from` was added to `to` before. */
void resources_subtract(struct resources *to, const struct resources *from);

/* Reads a map of quantities into *ret, which is empty before. False after an error has gone to the field's
 * diagnostics. */
bool resources_read(struct resources *ret, const struct field *field);
