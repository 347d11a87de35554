/*
 * Points in time, in nanoseconds.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* For deadlines and durations: never jumps (CLOCK_MONOTONIC). */
static inline int64_t clock_monotonic(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* As clock_monotonic(), and runs on while the machine sleeps (CLOCK_BOOTTIME). */
static inline int64_t clock_boot(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* For what is written down and shown: seconds since 1970-01-01T00:00:00Z. */
static inline int64_t clock_unix(void)
{
        return time(NULL);
}
