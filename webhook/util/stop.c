/*
 * The flag is atomic so that it can be looked at between two bytes of a transfer; it changes under the lock so that
 * who is about to sleep does not miss it.
 */
#include "util/stop.h"

int stop_init(struct stop *stop)
{
        int r;

        stop->set = false;
        r = lock_init(&stop->lock);
        if (r)
                return -r;
        r = condition_init(&stop->changed);
        if (r)
                lock_destroy(&stop->lock);
        return -r;
}

void stop_destroy(struct stop *stop)
{
        pthread_cond_destroy(&stop->changed);
        lock_destroy(&stop->lock);
}

void stop_set(struct stop *stop)
{
        lock_acquire(&stop->lock);
        __atomic_store_n(&stop->set, true, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&stop->changed);
        lock_release(&stop->lock);
}

bool stop_is_set(const struct stop *stop)
{
        return __atomic_load_n(&stop->set, __ATOMIC_ACQUIRE);
}

bool stop_wait(struct stop *stop, int64_t duration)
{
        int64_t until = clock_monotonic() + duration;

        lock_acquire(&stop->lock);
        while (!stop_is_set(stop) && clock_monotonic() < until)
                lock_wait_until(&stop->lock, &stop->changed, until);
        lock_release(&stop->lock);
        return stop_is_set(stop);
}
