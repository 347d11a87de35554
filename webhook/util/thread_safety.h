/*
 * Which lock guards what, for clang's -Wthread-safety; nothing for other compilers.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "util/clock.h"

#ifdef __clang__
#define THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define THREAD_SAFETY(attribute)
#endif

/* A mutex that clang can follow. */
struct THREAD_SAFETY(capability("mutex")) lock {
        pthread_mutex_t mutex;
};

#define requires_lock(...) THREAD_SAFETY(requires_capability(__VA_ARGS__))

/* Returns an errno, as pthread_mutex_init(3). */
static inline int lock_init(struct lock *lock)
{
        return pthread_mutex_init(&lock->mutex, NULL);
}

static inline void lock_destroy(struct lock *lock)
{
        pthread_mutex_destroy(&lock->mutex);
}

static inline void lock_acquire(struct lock *lock) THREAD_SAFETY(acquire_capability(*lock))
        THREAD_SAFETY(no_thread_safety_analysis)
{
        pthread_mutex_lock(&lock->mutex);
}

static inline void lock_release(struct lock *lock) THREAD_SAFETY(release_capability(*lock))
        THREAD_SAFETY(no_thread_safety_analysis)
{
        pthread_mutex_unlock(&lock->mutex);
}

/* A condition whose time is that of clock_monotonic(). Returns an errno, as pthread_cond_init(3). */
static inline int condition_init(pthread_cond_t *condition)
{
        pthread_condattr_t attributes;
        int r = pthread_condattr_init(&attributes);

        if (r)
                return r;
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        r = pthread_cond_init(condition, &attributes);
        pthread_condattr_destroy(&attributes);
        return r;
}

/* Waits with the lock released, but not beyond `until` (clock_monotonic(), in ns); for condition_init(). */
static inline void lock_wait_until(struct lock *lock, pthread_cond_t *condition, int64_t until) requires_lock(*lock)
{
        const struct timespec time = {.tv_sec = until / NS_PER_SECOND, .tv_nsec = until % NS_PER_SECOND};

        pthread_cond_timedwait(condition, &lock->mutex, &time);
}

/* Waits with the lock released, as pthread_cond_wait(3). */
static inline void lock_wait(struct lock *lock, pthread_cond_t *condition) requires_lock(*lock)
{
        pthread_cond_wait(condition, &lock->mutex);
}
