/*
 * Kubernetes resource quantities (apimachinery resource.Quantity): "500m", "1.5Gi", "1e3".
 *
 * A quantity is an exact whole number of 1e-9 units. As in Kubernetes, finer values are rounded away from zero.
 * A text of more than 1e19 units reads as 1e19 (Kubernetes itself promises nothing beyond 2^63-1), which leaves room
 * to add up ten billion of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct field;

__extension__ typedef __int128 quantity_nano;

#define QUANTITY_NANO_PER_UNIT INT64_C(1000000000)

struct quantity {
        quantity_nano nano; /* in 1e-9 units */
};

/* -EINVAL where the text is no quantity. */
int quantity_parse(struct quantity *ret, const char *text);

/* A string, or a number as kubectl would write it. -EINVAL for anything else; -ENOMEM. */
int quantity_read(struct quantity *ret, const struct field *field);

static inline struct quantity quantity_whole(int64_t units)
{
        return (struct quantity){.nano = (quantity_nano)units * QUANTITY_NANO_PER_UNIT};
}

struct quantity quantity_add(struct quantity a, struct quantity b);
struct quantity quantity_subtract(struct quantity a, struct quantity b);
int quantity_compare(struct quantity a, struct quantity b); /* <0, 0, >0 */

/* Whole units, rounded up (Quantity.Value()), held within int64. */
int64_t quantity_value(struct quantity quantity);

/* Plain decimal, no suffix, no trailing zeros: "1.5", "-3", "1073741824". Returns buffer. */
#define QUANTITY_TEXT_MAX 48
const char *quantity_format(struct quantity quantity, char buffer[static QUANTITY_TEXT_MAX]);
