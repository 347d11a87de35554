/*
 * How long somebody waits: until a point in time, or until one of two flags says that nobody wants the answer any
 * more.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/clock.h"

/* How soon a flag is seen by those that nothing else wakes. */
#define PATIENCE_TICK (200 * NS_PER_MS)

struct patience {
        int64_t deadline;        /* monotonic ns */
        const bool *cancelled;   /* atomic; borrowed, as is the next. NULL: never */
        const bool *interrupted; /* atomic. NULL: never */
};

/* 0, -ECANCELED or -ETIMEDOUT. */
static inline int patience_check(const struct patience *patience)
{
        if (patience->cancelled && __atomic_load_n(patience->cancelled, __ATOMIC_ACQUIRE))
                return -ECANCELED;
        if (patience->interrupted && __atomic_load_n(patience->interrupted, __ATOMIC_ACQUIRE))
                return -ECANCELED;
        return clock_monotonic() < patience->deadline ? 0 : -ETIMEDOUT;
}

/* Milliseconds to wait before the next check: 1 or more, so that a wait for less than one does not spin. */
static inline int patience_wait_ms(const struct patience *patience, int64_t most)
{
        int64_t left = patience->deadline - clock_monotonic();

        if (left > most)
                left = most;
        return left < NS_PER_MS ? 1 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}
