/*
 * A thread that works until it is told to stop.
 */
#pragma once

#include <pthread.h>

#include "util/stop.h"

struct worker {
        struct stop stop; /* what `run` waits on and looks at */
        pthread_t thread;
};

/* 0, or a negative errno: then nothing is left to end. */
int worker_start(struct worker *worker, void *(*run)(void *userdata), void *userdata);

/* Sets the stop, and waits until `run` has returned. */
void worker_end(struct worker *worker);
