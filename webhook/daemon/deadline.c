/*
 * A sorted list, because deadlines are nearly always the same time from now: the new one belongs at the end, and
 * finding its place from there is one step. Callbacks run under the lock, so that removing a deadline is also a
 * promise that its callback is not running.
 */
#include "daemon/deadline.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <utlist.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/thread.h"

struct deadlines {
        pthread_mutex_t lock;
        pthread_cond_t changed; /* the list has a new first, or stopping */
        pthread_t thread;
        struct deadline *list; /* borrowed; by time; guarded by lock */
        bool stopping;         /* guarded by lock */
};

static void wait_until(struct deadlines *deadlines, int64_t at)
{
        const struct timespec time = {.tv_sec = at / NS_PER_SECOND, .tv_nsec = at % NS_PER_SECOND};

        pthread_cond_timedwait(&deadlines->changed, &deadlines->lock, &time);
}

/* A deadline that is in no list has no previous one: the first of a utlist points back to the last. */
static void take(struct deadlines *deadlines, struct deadline *deadline)
{
        DL_DELETE2(deadlines->list, deadline, previous, next);
        deadline->previous = deadline->next = NULL;
}

static void *run(void *userdata)
{
        struct deadlines *deadlines = userdata;

        pthread_mutex_lock(&deadlines->lock);
        while (!deadlines->stopping) {
                struct deadline *first = deadlines->list;

                if (!first) {
                        pthread_cond_wait(&deadlines->changed, &deadlines->lock);
                } else if (first->at > clock_monotonic()) {
                        wait_until(deadlines, first->at);
                } else {
                        take(deadlines, first);
                        first->passed(first);
                }
        }
        pthread_mutex_unlock(&deadlines->lock);
        return NULL;
}

static int start(struct deadlines *deadlines)
{
        pthread_condattr_t attributes;

        pthread_mutex_init(&deadlines->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&deadlines->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        return thread_start(&deadlines->thread, run, deadlines);
}

int deadlines_new(struct deadlines **ret, struct error *error)
{
        struct deadlines *deadlines = calloc(1, sizeof(*deadlines));
        int r;

        if (!deadlines)
                return error_oom(error);
        r = start(deadlines);
        if (r) {
                free(deadlines);
                return error_set_errno(error, r, "cannot start the thread that keeps deadlines");
        }
        *ret = deadlines;
        return 0;
}

struct deadlines *deadlines_free(struct deadlines *deadlines)
{
        if (!deadlines)
                return NULL;
        pthread_mutex_lock(&deadlines->lock);
        deadlines->stopping = true;
        pthread_cond_signal(&deadlines->changed);
        pthread_mutex_unlock(&deadlines->lock);
        pthread_join(deadlines->thread, NULL);
        pthread_cond_destroy(&deadlines->changed);
        pthread_mutex_destroy(&deadlines->lock);
        free(deadlines);
        return NULL;
}

void deadlines_add(struct deadlines *deadlines, struct deadline *deadline)
{
        struct deadline *before;

        pthread_mutex_lock(&deadlines->lock);
        before = deadlines->list ? deadlines->list->previous : NULL;
        while (before && before->at > deadline->at)
                before = before == deadlines->list ? NULL : before->previous;
        if (before)
                DL_APPEND_ELEM2(deadlines->list, before, deadline, previous, next);
        else
                DL_PREPEND2(deadlines->list, deadline, previous, next);
        if (deadlines->list == deadline)
                pthread_cond_signal(&deadlines->changed);
        pthread_mutex_unlock(&deadlines->lock);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
        pthread_mutex_lock(&deadlines->lock);
        if (deadline->previous)
                take(deadlines, deadline);
        pthread_mutex_unlock(&deadlines->lock);
}
