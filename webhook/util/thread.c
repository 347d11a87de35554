/*
 * A thread begins with the signal mask of the one that starts it, so that is where signals are blocked: the new
 * thread never runs without.
 */
#include "util/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret, void *(*run)(void *userdata), void *userdata)
{
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(ret, NULL, run, userdata);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

unsigned thread_index(void)
{
        static unsigned known;                /* atomic */
        static _Thread_local unsigned number; /* 0: not asked for yet */

        if (!number)
                number = __atomic_add_fetch(&known, 1, __ATOMIC_RELAXED);
        return number - 1;
}
