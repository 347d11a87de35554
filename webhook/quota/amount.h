/*
 * What several pods add up to.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "quota/quantity.h"
#include "quota/resources.h"

struct reservation;

/* Plain data. Zero is nothing. */
struct amount {
        struct quantity gpus;
        int64_t pods;
        struct resources resources;
};
void amount_clear(struct amount *amount);

/* Adds one pod, with its resources or without. -ENOMEM: nothing has changed. */
int amount_add(struct amount *amount, const struct reservation *share, bool resources);

/* Subtracts one pod; resources that the amount does not name are left out. */
void amount_subtract(struct amount *amount, const struct reservation *share);

/* max(0, promised - seen), each by itself; `ret` names every resource that is promised. Cannot fail. */
void amount_set_excess(struct amount *ret, const struct amount *promised, const struct amount *seen);
