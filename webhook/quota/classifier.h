/*
 * What a reservation counts toward, asked of those who know policies and quotas.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct counter_keys;
struct reservation;

/* Names the counters of a reservation. Must depend on nothing that changes. 0 or negative errno. */
struct classifier {
        uint64_t generation; /* of the policies and quotas behind it; grows */
        int (*classify)(void *userdata, const struct reservation *reservation, struct counter_keys *ret);
        void *userdata; /* owned by whoever holds the classifier */
        void (*release)(void *userdata);

        /* True if what a reservation counts toward may depend on this label. NULL: it may depend on any. */
        bool (*reads)(void *userdata, const char *label);
};
