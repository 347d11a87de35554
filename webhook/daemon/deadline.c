/*
 * Sorted lists, because deadlines are nearly always the same time from now: the new one belongs at the end, and
 * finding its place from there is one step. Callbacks run under the list's lock, so that removing a deadline is also
 * a promise that its callback is not running.
 *
 * Each thread has a list of its own, whose lock it shares with nobody but the timer, and the timer looks at them only
 * when it must: it sleeps until the earliest deadline that it has seen, and is woken for an earlier one alone. A
 * deadline that was removed does not wake it, so that requests which come and go cost it nothing.
 *
 * Before the timer looks, it says that it sleeps for ever. So a deadline that is added to a list behind its back
 * finds that, and wakes it; one that finds the time that it says afterwards was added before it looked, or is later.
 */
#include "daemon/deadline.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/thread.h"
#include "util/thread_safety.h"

#define LISTS 16

struct list {
        _Alignas(64) struct lock lock;
        struct deadline *first; /* borrowed; by time; guarded by lock */
};

struct deadlines {
        struct list lists[LISTS];
        int64_t sleeps_until; /* atomic */
        pthread_t thread;
        struct lock lock;
        pthread_cond_t woken;
        bool awake;    /* there is a reason to look at the lists again; guarded by lock */
        bool stopping; /* guarded by lock */
};

/* A deadline that is in no list has no previous one: the first of a utlist points back to the last. */
static void take(struct list *list, struct deadline *deadline) requires_lock(list->lock)
{
        DL_DELETE2(list->first, deadline, previous, next);
        deadline->previous = deadline->next = NULL;
}

/* Calls back for what has passed; returns when the next one does. */
static int64_t look(struct list *list)
{
        int64_t next = INT64_MAX;

        lock_acquire(&list->lock);
        while (list->first && list->first->at <= clock_monotonic()) {
                struct deadline *first = list->first;

                take(list, first);
                first->passed(first);
        }
        if (list->first)
                next = list->first->at;
        lock_release(&list->lock);
        return next;
}

/* Until the earliest of all. */
static int64_t look_at_all(struct deadlines *deadlines)
{
        int64_t earliest = INT64_MAX;

        __atomic_store_n(&deadlines->sleeps_until, INT64_MAX, __ATOMIC_SEQ_CST);
        for (size_t i = 0; i < LISTS; i++) {
                int64_t next = look(&deadlines->lists[i]);

                if (next < earliest)
                        earliest = next;
        }
        __atomic_store_n(&deadlines->sleeps_until, earliest, __ATOMIC_SEQ_CST);
        return earliest;
}

static void *run(void *userdata)
{
        struct deadlines *deadlines = userdata;

        lock_acquire(&deadlines->lock);
        while (!deadlines->stopping) {
                int64_t until;

                deadlines->awake = false;
                lock_release(&deadlines->lock);
                until = look_at_all(deadlines);
                lock_acquire(&deadlines->lock);
                while (!deadlines->awake && !deadlines->stopping && until == INT64_MAX)
                        lock_wait(&deadlines->lock, &deadlines->woken);
                while (!deadlines->awake && !deadlines->stopping && clock_monotonic() < until)
                        lock_wait_until(&deadlines->lock, &deadlines->woken, until);
        }
        lock_release(&deadlines->lock);
        return NULL;
}

static void wake(struct deadlines *deadlines)
{
        lock_acquire(&deadlines->lock);
        deadlines->awake = true;
        pthread_cond_signal(&deadlines->woken);
        lock_release(&deadlines->lock);
}

static int start(struct deadlines *deadlines)
{
        for (size_t i = 0; i < LISTS; i++)
                lock_init(&deadlines->lists[i].lock);
        lock_init(&deadlines->lock);
        condition_init(&deadlines->woken);
        deadlines->sleeps_until = INT64_MAX;
        return thread_start(&deadlines->thread, run, deadlines);
}

int deadlines_new(struct deadlines **ret, struct error *error)
{
        struct deadlines *deadlines = aligned_alloc(_Alignof(struct deadlines), sizeof(*deadlines));
        int r;

        if (!deadlines)
                return error_oom(error);
        memset(deadlines, 0, sizeof(*deadlines));
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
        lock_acquire(&deadlines->lock);
        deadlines->stopping = true;
        pthread_cond_signal(&deadlines->woken);
        lock_release(&deadlines->lock);
        pthread_join(deadlines->thread, NULL);
        for (size_t i = 0; i < LISTS; i++)
                lock_destroy(&deadlines->lists[i].lock);
        pthread_cond_destroy(&deadlines->woken);
        lock_destroy(&deadlines->lock);
        free(deadlines);
        return NULL;
}

static void insert(struct list *list, struct deadline *deadline) requires_lock(list->lock)
{
        struct deadline *before = list->first ? list->first->previous : NULL;

        while (before && before->at > deadline->at)
                before = before == list->first ? NULL : before->previous;
        if (before)
                DL_APPEND_ELEM2(list->first, before, deadline, previous, next);
        else
                DL_PREPEND2(list->first, deadline, previous, next);
}

void deadlines_add(struct deadlines *deadlines, struct deadline *deadline)
{
        int64_t at = deadline->at; /* once it is in the list, it may pass, and be gone */
        struct list *list;

        deadline->list = thread_index() % LISTS;
        list = &deadlines->lists[deadline->list];
        lock_acquire(&list->lock);
        insert(list, deadline);
        lock_release(&list->lock);
        if (at < __atomic_load_n(&deadlines->sleeps_until, __ATOMIC_SEQ_CST))
                wake(deadlines);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
        struct list *list = &deadlines->lists[deadline->list];

        lock_acquire(&list->lock);
        if (deadline->previous)
                take(list, deadline);
        lock_release(&list->lock);
}
