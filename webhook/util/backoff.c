/*
 * The kernel's random numbers need no seed and no lock. Should there be none, the clock's lowest digits do.
 */
#include "util/backoff.h"

#include <sys/random.h>

#include "util/clock.h"

int64_t backoff_random(int64_t low, int64_t high)
{
        uint64_t number;

        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
                number = (uint64_t)clock_monotonic();
        return low + (int64_t)(number % (uint64_t)(high - low + 1));
}

int64_t backoff_delay(struct backoff *backoff)
{
        int64_t due = backoff->next ? backoff->next : backoff->first;

        backoff->next = due > backoff->most / 2 ? backoff->most : 2 * due;
        return backoff_random(due / 2, due);
}

void backoff_reset(struct backoff *backoff)
{
        backoff->next = 0;
}
