/*
 * How long to wait before something that failed is tried again: twice as long after each failure, with jitter, so
 * that many who failed together do not come back together.
 */
#pragma once

#include <stdint.h>

struct backoff {
        int64_t first, most; /* ns */
        int64_t next;        /* 0: `first` */
};

#define BACKOFF(first_, most_) ((struct backoff){.first = (first_), .most = (most_)})

/* ns; between half of what is due and all of it. The next one is twice as long, up to `most`. */
int64_t backoff_delay(struct backoff *backoff);

/* After a success. */
void backoff_reset(struct backoff *backoff);

/* low <= result <= high. Good enough for jitter; no secret. */
int64_t backoff_random(int64_t low, int64_t high);
