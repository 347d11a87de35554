/*
 * How much may happen in a row, and how often in the long run: a bucket of `burst` tokens that gains one an interval.
 */
#pragma once

#include <stdint.h>

struct token_bucket {
        int64_t interval; /* ns */
        int64_t burst;
        int64_t full_at; /* ns; when it will have been filled; full at first */
};

#define TOKEN_BUCKET(interval_, burst_) ((struct token_bucket){.interval = (interval_), .burst = (burst_)})

/* Takes a token and returns 0, or returns how many ns after `now` (clock_monotonic()) there will be one. */
static inline int64_t token_bucket_take(struct token_bucket *bucket, int64_t now)
{
        int64_t from = bucket->full_at > now ? bucket->full_at : now;
        int64_t wait = from + bucket->interval - now - bucket->burst * bucket->interval;

        if (wait > 0)
                return wait;
        bucket->full_at = from + bucket->interval;
        return 0;
}
