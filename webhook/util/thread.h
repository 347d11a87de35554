/*
 * Threads that take no signals: those are the main thread's.
 */
#pragma once

#include <pthread.h>

/* As pthread_create(3) with default attributes: 0, or an errno (not negative). */
int thread_start(pthread_t *ret, void *(*run)(void *userdata), void *userdata);

/* A small number of this thread's own: how many threads have asked for theirs before. */
unsigned thread_index(void);
