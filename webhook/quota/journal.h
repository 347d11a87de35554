/*
 * The changes of a ledger's entries, in its file: what is durable, and what is taken back where it could not be made
 * so.
 *
 * A change is made in memory first, under the ledger's lock; journal_queue() says so, in the same order, and gives
 * the number to wait for. Whatever fails to become durable is undone in the entries, newest first, together with all
 * that came after it.
 *
 * Thread-safe. It shares the lock of the ledger.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "quota/commit_waiter.h"
#include "util/cleanup.h"
#include "util/thread_safety.h"

struct entries;
struct entry;
struct error;
struct journal;
struct record;

enum record_kind {
        RECORD_RESERVE,   /* the entry was added */
        RECORD_RELEASE,   /* it was parked; it is dropped once that is durable */
        RECORD_TERMINATE, /* it was marked as terminating */
};

/* Opens the file in the folder and makes the entries that it tells of; both are borrowed, as is the lock that guards
 * them. Errors are those of embedded_ledger_new(). */
int journal_open(struct journal **ret, const char *folder, struct lock *lock, struct entries *entries,
                 struct error *error);

/* Writes what is queued, and closes the file. */
struct journal *journal_close(struct journal *journal);
DEFINE_CLEANUP(struct journal *, journal_close);

/* What a change needs in the queue, made before the lock is taken. NULL: no memory. */
struct record *record_new(enum record_kind kind);
struct record *record_free(struct record *record);

/* Queues the record of a change that has just been made to the entry, with the lock held; takes the record over.
 * Returns the number to wait for. */
uint64_t journal_queue(struct journal *journal, struct record *record, struct entry *entry);

/* As ledger_wait() and ledger_cancel(). */
int journal_wait(struct journal *journal, struct commit_waiter *waiter, uint64_t commit);
bool journal_cancel(struct journal *journal, struct commit_waiter *waiter);
