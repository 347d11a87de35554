/*
 * Reservations that are counted and not yet in the ledger, in the order in which they were made, and whoever waits
 * for them.
 *
 * Not thread-safe: the ledger guards them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/commit_waiter.h"
#include "quota/limit.h"
#include "util/map.h"

struct promise;
struct reservation;

enum pending_state {
        PENDING_QUEUED,  /* for the next write */
        PENDING_WRITING, /* in the one that is under way */
        PENDING_SETTLED, /* nobody has asked what came of it yet */
};

struct pending {
        uint64_t number; /* what is waited for; grows from 1 */
        enum pending_state state;
        struct promise *promise;         /* borrowed; that it has joined; NULL once settled */
        struct reservation *reservation; /* owned */
        struct limit *limits;            /* owned (limits_copy()); to be kept still when it is written */
        size_t n_limits;
        uint64_t generation;             /* of the policies and quotas behind the limits */
        int result;                      /* SETTLED: 0 or a negative errno */
        bool forgotten;                  /* nobody will ask */
        struct commit_waiter *waiter;    /* borrowed; NULL: nobody waits yet */
        struct pending *previous, *next; /* in the queue, until it is settled */
        UT_hash_handle hh;
};

/* Zero is empty. */
struct pendings {
        struct pending *queue;     /* borrowed; QUEUED and WRITING ones, oldest first */
        struct pending *by_number; /* owned */
        uint64_t last_number;
        struct commit_waiter *told; /* borrowed; to be told once the lock is free */
};

void pendings_clear(struct pendings *pendings);

/* Queues a reservation, which it takes over, with a copy of its limits. -ENOMEM changes nothing. */
int pendings_add(struct pendings *pendings, struct pending **ret, struct promise *promise,
                 struct reservation **reservation, const struct limit *limits, size_t n_limits, uint64_t generation);

/* What has become of one: to be told to whoever waits, now or later. */
void pendings_settle(struct pendings *pendings, struct pending *pending, int result);

/* As ledger_wait(), and for one that nobody will ask about. */
int pendings_wait(struct pendings *pendings, struct commit_waiter *waiter, uint64_t number);
struct pending *pendings_find(const struct pendings *pendings, uint64_t number);
void pendings_forget(struct pendings *pendings, struct pending *pending);

/* True if the waiter was waiting, and now is not. */
bool pendings_cancel(struct pendings *pendings, struct commit_waiter *waiter);
