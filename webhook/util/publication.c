/*
 * A reader raises a count of its slot, and then looks at the pointer; who replaces changes the pointer, and then
 * waits until it has seen every count at zero. All four are sequentially consistent, so there is one order of them
 * that every thread agrees on. A reader that raised its count before that zero was seen has lowered it again, and is
 * done; one that raises it later looks at the pointer later still, and finds the new one. Either way nobody is left
 * with the old one.
 *
 * A slot has two counts, so that readers who come and go all the time do not keep a count from ever being seen at
 * zero: while one is waited for, who enters uses the other. Which one it is does not matter for what is said above.
 *
 * A thread keeps its slot; two threads share one only where there are more threads than slots.
 */
#include "util/publication.h"

#include <stddef.h>
#include <time.h>

#include "util/thread.h"

#define PAUSE 20000 /* ns between two looks */

struct publication_view publication_enter(struct publication *publication)
{
        unsigned phase = __atomic_load_n(&publication->phase, __ATOMIC_RELAXED);
        unsigned *count = &publication->slots[thread_index() % PUBLICATION_SLOTS].readers[phase];

        __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
        return (struct publication_view){
                .value = __atomic_load_n(&publication->current, __ATOMIC_SEQ_CST),
                .count = count,
        };
}

void publication_leave(const struct publication_view *view)
{
        __atomic_sub_fetch(view->count, 1, __ATOMIC_SEQ_CST);
}

/* Waits for those who use this count, while others use the other. */
static void await(struct publication *publication, unsigned phase)
{
        const struct timespec pause = {.tv_nsec = PAUSE};

        __atomic_store_n(&publication->phase, !phase, __ATOMIC_SEQ_CST);
        for (size_t i = 0; i < PUBLICATION_SLOTS; i++)
                while (__atomic_load_n(&publication->slots[i].readers[phase], __ATOMIC_SEQ_CST))
                        nanosleep(&pause, NULL);
}

void *publication_replace(struct publication *publication, void *next)
{
        void *former = __atomic_exchange_n(&publication->current, next, __ATOMIC_SEQ_CST);

        await(publication, 0);
        await(publication, 1);
        return former;
}
