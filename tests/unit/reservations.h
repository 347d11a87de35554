/*
 * Reservations, a classifier, and waiting for a commit, for the tests of what keeps them.
 */
#pragma once

#include <semaphore.h>

#include "check.h"
#include "quota/ledger.h"
#include "util/labels.h"

static inline void set_text(char **to, const char *text)
{
        free(*to);
        *to = strdup(text);
        ck_assert_ptr_nonnull(*to);
}

static inline struct reservation *new_reservation(const char *namespace, const char *region, const char *series,
                                                  int64_t gpus)
{
        struct reservation *reservation = NULL;

        ck_assert_int_eq(reservation_new(&reservation), 0);
        set_text(&reservation->namespace, namespace);
        set_text(&reservation->region, region);
        set_text(&reservation->series, series);
        reservation->gpus = gpus;
        return reservation;
}

static inline void set_resource(struct reservation *reservation, const char *name, const char *quantity)
{
        struct quantity value;

        ck_assert_int_eq(quantity_parse(&value, quantity), 0);
        ck_assert_int_eq(resources_set(&reservation->resources, name, value), 0);
}

/* Toward its region, if it has one, and toward "all". */
static inline int classify_by_region(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        int r = 0;

        (void)userdata;
        if (*reservation->region)
                r = counter_keys_add(ret, reservation->region, 0);
        return r < 0 ? r : counter_keys_add(ret, "all", 0);
}

#define BY_REGION(number) ((struct classifier){.generation = (number), .classify = classify_by_region})

/* No more than so many GPUs toward the key. */
static inline struct limit gpu_limit(const char *key, int64_t gpus)
{
        return (struct limit){.kind = LIMIT_GPUS, .key = key, .limit = quantity_whole(gpus)};
}

/* As ledger_reserve(), for those who know the id already and want no sentence. What is reserved is freed. */
static inline int try_reserve(struct ledger *ledger, struct reservation **reservation, uint64_t generation,
                              const struct limit *limits, size_t n_limits, struct refusal *refusal, uint64_t *commit)
{
        char id[RESERVATION_ID_SIZE];

        int r = ledger_reserve(ledger, *reservation, generation, limits, n_limits, refusal, id, commit, NULL);

        if (r == LEDGER_RESERVED)
                *reservation = reservation_free(*reservation);
        return r;
}

struct told {
        struct commit_waiter waiter; /* the first member: what done() gets */
        sem_t done;
        int result;
};

static inline void tell(struct commit_waiter *waiter, int result, const char *reason)
{
        struct told *told = (struct told *)waiter;

        (void)reason;
        told->result = result;
        sem_post(&told->done);
}

/* Blocks until the commit is durable (0) or has failed. */
static inline int wait_for_commit(struct ledger *ledger, uint64_t commit)
{
        struct told told = {.waiter.done = tell};
        int r;

        sem_init(&told.done, 0, 0);
        r = ledger_wait(ledger, &told.waiter, commit);
        if (r != 0)
                return r < 0 ? r : 0;
        while (sem_wait(&told.done) < 0)
                ;
        sem_destroy(&told.done);
        return told.result;
}
