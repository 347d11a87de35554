/*
 * What ends a thread, wherever it waits: set once, by another thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/thread_safety.h"

struct stop {
        bool set; /* atomic; may be read by those who are to stop */
        struct lock lock;
        pthread_cond_t changed;
};

/* 0 or a negative errno. */
int stop_init(struct stop *stop);
void stop_destroy(struct stop *stop);

void stop_set(struct stop *stop);
bool stop_is_set(const struct stop *stop);

/* Sleeps for `duration` ns, or until it is set: then true. */
bool stop_wait(struct stop *stop, int64_t duration);
