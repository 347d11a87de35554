/*
 * Somebody who waits for the ledger, holding no thread.
 *
 * `done` is called once, from one of the ledger's threads, without its lock, with 0, or a negative errno and its
 * sentence; it must not block. The waiter is the caller's memory and stays in place until `done` was called or
 * ledger_cancel() returned true.
 */
#pragma once

#include <stdint.h>

struct commit_waiter {
        void (*done)(struct commit_waiter *waiter, int result, const char *reason);
        uint64_t commit; /* the ledger's, as is what follows */
        int result;
        struct commit_waiter *previous, *next; /* guarded by its lock */
};
