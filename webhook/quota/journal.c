/*
 * A record says what happened, not what is: the file is read back by doing the same again. It grows with every
 * change, so now and then it is rewritten as what is left, one reservation after the other; the group that is due
 * goes into that, rather than behind it.
 *
 * What somebody has been given is freed by the writing thread alone, once the file says that it is gone, or that it
 * never was. So that thread may read the entries of a group, and all that a rewrite is to hold, with their shapes,
 * after it has let go of the lock: none of what it reads changes.
 */
#include "quota/journal.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/writer.h"
#include "quota/committer.h"
#include "quota/entries.h"
#include "quota/file_store.h"
#include "quota/reservation.h"
#include "util/error.h"
#include "util/log.h"

static const char *const record_names[] = {
        [RECORD_RESERVE] = "reserve", [RECORD_RELEASE] = "release", [RECORD_TERMINATE] = "terminate"};

struct record {
        struct change change;
        enum record_kind kind;
        struct entry *entry; /* borrowed; parked from RECORD_RELEASE on, until that is durable */
};

/* A live entry as it was at one moment. */
struct state {
        const struct entry *entry; /* borrowed */
        bool terminating;
};

struct journal {
        struct entries *entries;     /* borrowed; guarded by lock */
        struct committer *committer; /* owned */
        struct file_store *store;    /* owned; used by the writing thread alone, as are the following */
        struct state *snapshot;      /* owned; from prepare() to write(): what a rewrite is to hold */
        size_t n_snapshot;
};

static struct record *record_of(const struct change *change)
{
        return (struct record *)((char *)change - offsetof(struct record, change));
}

struct record *record_new(enum record_kind kind)
{
        struct record *record = calloc(1, sizeof(*record));

        if (record)
                record->kind = kind;
        return record;
}

struct record *record_free(struct record *record)
{
        free(record);
        return NULL;
}

static void write_reserve(struct writer *to, const struct entry *entry, bool terminating)
{
        const struct reservation reservation = entry_reservation(entry);

        writer_raw(to, "{");
        reservation_write(to, &reservation, terminating);
        writer_raw(to, ",\"op\":\"reserve\"}");
}

/* The records of a group, one at each call; `userdata` is the change that is next. */
static void write_record(void *userdata, size_t i, struct writer *to)
{
        const struct change **next = userdata;
        const struct record *record = record_of(*next);

        (void)i;
        *next = (*next)->next;
        if (record->kind == RECORD_RESERVE) {
                write_reserve(to, record->entry, false);
                return;
        }
        writer_raw(to, "{\"id\":");
        writer_string(to, record->entry->id);
        writer_raw(to, ",\"op\":");
        writer_string(to, record_names[record->kind]);
        writer_raw(to, "}");
}

static void write_state(void *userdata, size_t i, struct writer *to)
{
        const struct journal *journal = userdata;

        write_reserve(to, journal->snapshot[i].entry, journal->snapshot[i].terminating);
}

/* Before a rewrite, notes the whole state, this group included. Writing it out is left for when the lock is free. */
static int prepare(void *userdata, struct error *error)
{
        struct journal *journal = userdata;
        size_t n = entries_count(journal->entries), i = 0;
        const struct entry *entry, *next;

        if (!file_store_needs_rewrite(journal->store, n))
                return 0;
        journal->snapshot = calloc(n + 1, sizeof(*journal->snapshot));
        if (!journal->snapshot)
                return error_oom(error);
        HASH_ITER (hh, journal->entries->live, entry, next)
                journal->snapshot[i++] = (struct state){entry, entry->terminating};
        journal->n_snapshot = n;
        return 0;
}

static int rewrite(struct journal *journal, struct error *error)
{
        const struct file_store_records records = {journal->n_snapshot, write_state, journal};
        int r = file_store_rewrite(journal->store, &records, error);

        free(journal->snapshot);
        journal->snapshot = NULL;
        return r;
}

static int append(struct journal *journal, const struct change *first, struct error *error)
{
        const struct change *next = first;
        struct file_store_records records = {0, write_record, &next};

        for (const struct change *change = first; change; change = change->next)
                records.count++;
        return file_store_append(journal->store, &records, error);
}

static int write_group(void *userdata, const struct change *first, struct error *error)
{
        struct journal *journal = userdata;
        int r = journal->snapshot ? rewrite(journal, error) : append(journal, first, error);

        if (r < 0)
                log_error("the ledger could not be written; what was not durable is taken back",
                          log_string("error", error_message(error)));
        return r;
}

static void undo(struct entries *entries, const struct record *record)
{
        switch (record->kind) {
        case RECORD_RESERVE:
                entries_drop(entries, record->entry);
                break;
        case RECORD_RELEASE:
                if (entries_unpark(entries, record->entry) < 0)
                        log_error("out of memory: a reservation is lost until the next start",
                                  log_string("reservation", record->entry->id));
                break;
        case RECORD_TERMINATE:
                entry_set_terminating(record->entry, false);
                break;
        }
}

static void settle(void *userdata, struct change *change, bool durable)
{
        struct journal *journal = userdata;
        struct record *record = record_of(change);

        if (!durable)
                undo(journal->entries, record);
        else if (record->kind == RECORD_RELEASE)
                entries_drop(journal->entries, record->entry);
        record_free(record);
}

static const struct committer_ops committer_ops = {.prepare = prepare, .write = write_group, .settle = settle};

static int replay_reserve(struct entries *entries, const json_t *json, struct error *error)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        struct entry *entry;
        bool terminating;
        int r;

        r = reservation_from_json(&reservation, &terminating, json, error);
        if (r < 0)
                return r;
        entry = entries_find(entries, reservation->id);
        if (entry)
                entries_drop(entries, entry);
        r = entries_insert(entries, &entry, reservation, terminating);
        return r < 0 ? error_oom(error) : 0;
}

/* Nobody else knows the entries yet. */
static int replay(void *userdata, const json_t *json, struct error *error)
{
        struct entries *entries = userdata;
        const char *op = json_string_value(json_object_get(json, "op"));
        const char *id = json_string_value(json_object_get(json, "id"));
        struct entry *entry = id ? entries_find(entries, id) : NULL;

        if (!op || !id)
                return error_set(error, EINVAL, "must have op and id");
        if (!strcmp(op, record_names[RECORD_RESERVE]))
                return replay_reserve(entries, json, error);
        if (!strcmp(op, record_names[RECORD_RELEASE])) {
                if (entry)
                        entries_drop(entries, entry);
                return 0;
        }
        if (!strcmp(op, record_names[RECORD_TERMINATE])) {
                if (entry)
                        entry_set_terminating(entry, true);
                return 0;
        }
        return error_set(error, EINVAL, "op: must be reserve, release or terminate, not \"%s\"", op);
}

int journal_open(struct journal **ret, const char *folder, struct lock *lock, struct entries *entries,
                 struct error *error)
{
        _cleanup_(journal_closep) struct journal *journal = calloc(1, sizeof(*journal));
        int r;

        if (!journal)
                return error_oom(error);
        journal->entries = entries;
        r = file_store_open(&journal->store, folder, replay, entries, error);
        if (r >= 0)
                r = committer_new(&journal->committer, lock, &committer_ops, journal, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&journal);
        return 0;
}

struct journal *journal_close(struct journal *journal)
{
        if (!journal)
                return NULL;
        committer_free(journal->committer);
        file_store_free(journal->store);
        free(journal);
        return NULL;
}

uint64_t journal_queue(struct journal *journal, struct record *record, struct entry *entry)
{
        record->entry = entry;
        return committer_queue(journal->committer, &record->change);
}

int journal_wait(struct journal *journal, struct commit_waiter *waiter, uint64_t commit)
{
        return committer_wait(journal->committer, waiter, commit);
}

bool journal_cancel(struct journal *journal, struct commit_waiter *waiter)
{
        return committer_cancel(journal->committer, waiter);
}
