/*
 * The stop is there before the thread and stays until after it, so that the thread may look at it at any time.
 */
#include "util/worker.h"

#include "util/thread.h"

int worker_start(struct worker *worker, void *(*run)(void *userdata), void *userdata)
{
        int r;

        r = stop_init(&worker->stop);
        if (r < 0)
                return r;
        r = thread_start(&worker->thread, run, userdata);
        if (r)
                stop_destroy(&worker->stop);
        return -r;
}

void worker_end(struct worker *worker)
{
        stop_set(&worker->stop);
        pthread_join(worker->thread, NULL);
        stop_destroy(&worker->stop);
}
