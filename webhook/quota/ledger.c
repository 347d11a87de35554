/*
 * Reservations by id, the counters that they add up to, and the order in which both change.
 *
 * A change is made in memory first, under the lock, so that the next request sees it; then it is queued to become
 * durable (quota/committer.c), and nobody is told of it before it is. A reservation that was given back stays in
 * memory until that is durable, linked to its counters but not counted: should the write fail, it is put back
 * without anything left that could fail.
 *
 * Policies and quotas are not known here. What a reservation counts toward is asked of the classifier; when it
 * changes, everything is linked anew into a second set of counters, which then takes the place of the first.
 */
#include "quota/ledger.h"

#include <errno.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "quota/file_store.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread_safety.h"

/* A reservation and where it counts. */
struct entry {
        struct reservation *reservation; /* owned */
        struct counter_links links;
        struct counter_links new_links; /* while everything is linked anew */
        bool terminating;
        bool live; /* in the table and counted; else it was given back, which is not durable yet */
        UT_hash_handle hh;
};

enum record_kind { RECORD_RESERVE, RECORD_RELEASE, RECORD_TERMINATE };

static const char *const record_names[] = {
        [RECORD_RESERVE] = "reserve", [RECORD_RELEASE] = "release", [RECORD_TERMINATE] = "terminate"};

struct record {
        struct change change;
        enum record_kind kind;
        struct entry *entry; /* owned for RECORD_RELEASE */
        struct record *previous_released, *next_released;
};

/* A live entry as it was at one moment. */
struct state {
        const struct reservation *reservation; /* borrowed; it is freed by the writing thread alone */
        bool terminating;
};

struct ledger {
        struct lock lock;
        struct entry *entries;        /* owned; by id; the live ones; guarded by lock */
        struct record *released;      /* records of RECORD_RELEASE that are not durable yet; guarded by lock */
        struct counters *counters;    /* owned; guarded by lock */
        struct classifier classifier; /* owned; guarded by lock */
        struct committer *committer;  /* owned; NULL: the ledger lives in memory alone */
        struct file_store *store;     /* owned; used by the writing thread alone, as are the following */
        struct state *snapshot;       /* owned; from prepare() to write(): what a rewrite is to hold */
        size_t n_snapshot;
};

static void entry_free(struct entry *entry)
{
        reservation_free(entry->reservation);
        free(entry->links.items);
        free(entry->new_links.items);
        free(entry);
}

/* Asks the classifier and links the entry into these counters. Without a classifier it counts nowhere. */
static int link_entry(struct counters *counters, const struct classifier *classifier, const struct entry *entry,
                      struct counter_links *ret)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        int r = 0;

        if (classifier->classify)
                r = classifier->classify(classifier->userdata, entry->reservation, &keys);
        return r < 0 ? r : counters_link(counters, &keys, entry->reservation, ret);
}

static int add_to_table(struct ledger *ledger, struct entry *entry) requires_lock(ledger->lock)
{
        memset(&entry->hh, 0, sizeof(entry->hh));
        HASH_ADD_KEYPTR(hh, ledger->entries, entry->reservation->id, strlen(entry->reservation->id), entry);
        if (!entry->hh.tbl)
                return -ENOMEM;
        entry->live = true;
        counters_add(&entry->links, entry->reservation, entry->terminating);
        return 0;
}

static void take_from_table(struct ledger *ledger, struct entry *entry) requires_lock(ledger->lock)
{
        HASH_DEL(ledger->entries, entry);
        entry->live = false;
        counters_subtract(&entry->links, entry->reservation, entry->terminating);
}

static struct entry *find_entry(struct ledger *ledger, const char *id) requires_lock(ledger->lock)
{
        struct entry *entry;

        HASH_FIND_STR(ledger->entries, id, entry);
        return entry;
}

static void drop_entry(struct ledger *ledger, struct entry *entry) requires_lock(ledger->lock)
{
        if (entry->live)
                take_from_table(ledger, entry);
        counters_unlink(ledger->counters, &entry->links);
        entry_free(entry);
}

static void set_terminating(struct entry *entry, bool terminating)
{
        counters_subtract(&entry->links, entry->reservation, entry->terminating);
        entry->terminating = terminating;
        counters_add(&entry->links, entry->reservation, entry->terminating);
}

static struct record *record_of(const struct change *change)
{
        return (struct record *)((char *)change - offsetof(struct record, change));
}

static json_t *record_to_json(const struct record *record)
{
        json_t *json;

        if (record->kind == RECORD_RESERVE)
                json = reservation_to_json(record->entry->reservation, false);
        else
                json = json_pack("{s:s}", "id", record->entry->reservation->id);
        if (json && json_object_set_new(json, "op", json_string(record_names[record->kind])) < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}

static json_t *state_to_json(const struct state *state)
{
        json_t *json = reservation_to_json(state->reservation, state->terminating);

        if (json && json_object_set_new(json, "op", json_string(record_names[RECORD_RESERVE])) < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}

/* Before a rewrite, notes the whole state, this group included. Writing it out is left for when the lock is free. */
static int prepare(void *userdata, const struct change *first, struct error *error)
        THREAD_SAFETY(no_thread_safety_analysis)
{
        struct ledger *ledger = userdata;
        size_t n = HASH_COUNT(ledger->entries), i = 0;

        (void)first;
        if (!file_store_needs_rewrite(ledger->store, n))
                return 0;
        ledger->snapshot = calloc(n + 1, sizeof(*ledger->snapshot));
        if (!ledger->snapshot)
                return error_oom(error);
        for (const struct entry *entry = ledger->entries; entry; entry = entry->hh.next)
                ledger->snapshot[i++] = (struct state){entry->reservation, entry->terminating};
        ledger->n_snapshot = n;
        return 0;
}

static int rewrite(struct ledger *ledger, struct error *error)
{
        _cleanup_(freep) struct state *snapshot = steal_pointer(&ledger->snapshot);
        json_auto_t *records = json_array();

        for (size_t i = 0; i < ledger->n_snapshot; i++)
                if (json_array_append_new(records, state_to_json(&snapshot[i])) < 0)
                        return error_oom(error);
        return file_store_rewrite(ledger->store, records, error);
}

static int append_group(struct ledger *ledger, const struct change *first, struct error *error)
{
        json_auto_t *records = json_array();

        for (const struct change *change = first; change; change = change->next)
                if (json_array_append_new(records, record_to_json(record_of(change))) < 0)
                        return error_oom(error);
        return file_store_append(ledger->store, records, error);
}

static int write_group(void *userdata, const struct change *first, struct error *error)
{
        struct ledger *ledger = userdata;
        int r;

        r = ledger->snapshot ? rewrite(ledger, error) : append_group(ledger, first, error);
        if (r < 0)
                log_error("the ledger could not be written; what was not durable is taken back",
                          log_string("error", error_message(error)));
        return r;
}

static void undo(struct ledger *ledger, struct record *record) requires_lock(ledger->lock)
{
        switch (record->kind) {
        case RECORD_RESERVE:
                drop_entry(ledger, record->entry);
                break;
        case RECORD_RELEASE:
                if (add_to_table(ledger, record->entry) < 0)
                        log_error("out of memory: a reservation is lost until the next start",
                                  log_string("reservation", record->entry->reservation->id));
                break;
        case RECORD_TERMINATE:
                set_terminating(record->entry, false);
                break;
        }
}

static void settle(void *userdata, struct change *change, bool durable) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct ledger *ledger = userdata;
        struct record *record = record_of(change);

        if (record->kind == RECORD_RELEASE)
                DL_DELETE2(ledger->released, record, previous_released, next_released);
        if (!durable)
                undo(ledger, record);
        else if (record->kind == RECORD_RELEASE)
                drop_entry(ledger, record->entry);
        free(record);
}

static const struct committer_ops committer_ops = {.prepare = prepare, .write = write_group, .settle = settle};

static int replay_reserve(struct ledger *ledger, const json_t *json, struct error *error) requires_lock(ledger->lock)
{
        struct entry *entry = calloc(1, sizeof(*entry)), *known;
        int r;

        if (!entry)
                return error_oom(error);
        r = reservation_from_json(&entry->reservation, &entry->terminating, json, error);
        if (r < 0) {
                entry_free(entry);
                return r;
        }
        known = find_entry(ledger, entry->reservation->id);
        if (known)
                drop_entry(ledger, known);
        if (add_to_table(ledger, entry) < 0) {
                entry_free(entry);
                return error_oom(error);
        }
        return 0;
}

static int replay(void *userdata, const json_t *json, struct error *error) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct ledger *ledger = userdata;
        const char *op = json_string_value(json_object_get(json, "op"));
        const char *id = json_string_value(json_object_get(json, "id"));
        struct entry *entry = id ? find_entry(ledger, id) : NULL;

        if (!op || !id)
                return error_set(error, EINVAL, "must have op and id");
        if (!strcmp(op, record_names[RECORD_RESERVE]))
                return replay_reserve(ledger, json, error);
        if (!strcmp(op, record_names[RECORD_RELEASE])) {
                if (entry)
                        drop_entry(ledger, entry);
                return 0;
        }
        if (!strcmp(op, record_names[RECORD_TERMINATE])) {
                if (entry)
                        set_terminating(entry, true);
                return 0;
        }
        return error_set(error, EINVAL, "op: must be reserve, release or terminate, not \"%s\"", op);
}

int ledger_new(struct ledger **ret, const char *state, struct error *error)
{
        _cleanup_(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));
        int r;

        if (!ledger)
                return error_oom(error);
        r = lock_init(&ledger->lock);
        if (r) {
                free(steal_pointer(&ledger));
                return error_set_errno(error, r, "cannot make a lock");
        }
        if (counters_new(&ledger->counters) < 0)
                return error_oom(error);
        if (state) {
                r = file_store_open(&ledger->store, state, replay, ledger, error);
                if (r >= 0)
                        r = committer_new(&ledger->committer, &ledger->lock, &committer_ops, ledger, error);
                if (r < 0)
                        return r;
        }
        *ret = steal_pointer(&ledger);
        return 0;
}

struct ledger *ledger_free(struct ledger *ledger)
{
        struct entry *entry, *next;

        if (!ledger)
                return NULL;
        committer_free(ledger->committer);
        file_store_free(ledger->store);
        lock_acquire(&ledger->lock);
        HASH_ITER (hh, ledger->entries, entry, next) {
                HASH_DEL(ledger->entries, entry);
                entry_free(entry);
        }
        counters_free(ledger->counters);
        if (ledger->classifier.release)
                ledger->classifier.release(ledger->classifier.userdata);
        lock_release(&ledger->lock);
        lock_destroy(&ledger->lock);
        free(ledger);
        return NULL;
}

/* Links every entry, those that may come back included, into `counters`. */
static int link_all(struct ledger *ledger, struct counters *counters, const struct classifier *classifier)
        requires_lock(ledger->lock)
{
        struct record *record;
        int r = 0;

        for (struct entry *entry = ledger->entries; entry && r >= 0; entry = entry->hh.next)
                r = link_entry(counters, classifier, entry, &entry->new_links);
        for (record = ledger->released; record && r >= 0; record = record->next_released)
                r = link_entry(counters, classifier, record->entry, &record->entry->new_links);
        return r;
}

/* Makes the new links those that hold, or drops them. */
static void finish_links(struct entry *entry, bool use)
{
        if (use) {
                free(entry->links.items);
                entry->links = entry->new_links;
                if (entry->live)
                        counters_add(&entry->links, entry->reservation, entry->terminating);
        } else {
                free(entry->new_links.items);
        }
        entry->new_links = (struct counter_links){0};
}

int ledger_classify(struct ledger *ledger, const struct classifier *classifier, struct error *error)
{
        struct counters *counters = NULL;
        struct classifier former = {0};
        struct record *record;
        int r = counters_new(&counters);

        lock_acquire(&ledger->lock);
        if (r >= 0)
                r = link_all(ledger, counters, classifier);
        for (struct entry *entry = ledger->entries; entry; entry = entry->hh.next)
                finish_links(entry, r >= 0);
        for (record = ledger->released; record; record = record->next_released)
                finish_links(record->entry, r >= 0);
        if (r >= 0) {
                struct counters *old = ledger->counters;

                ledger->counters = counters;
                counters = old;
                former = ledger->classifier;
                ledger->classifier = *classifier;
        }
        lock_release(&ledger->lock);

        counters_free(counters);
        if (former.release)
                former.release(former.userdata);
        return r < 0 ? error_oom(error) : 0;
}

static struct quantity resource_of(const struct resources *resources, const char *name)
{
        const struct quantity *quantity = resources_find(resources, name);

        return quantity ? *quantity : quantity_whole(0);
}

/* What the limit's counter holds. */
static struct quantity used_of(const struct counter *counter, const struct limit *limit)
{
        struct quantity terminating = quantity_whole(0), used;

        if (!counter)
                return quantity_whole(0);
        if (limit->kind == LIMIT_GPUS)
                return counter->gpus;
        if (limit->kind == LIMIT_PODS) {
                used = quantity_whole(counter->pods);
                terminating = quantity_whole(counter->terminating_pods);
        } else {
                used = resource_of(&counter->resources, limit->resource);
                terminating = resource_of(&counter->terminating_resources, limit->resource);
        }
        return limit->ignore_terminating ? quantity_subtract(used, terminating) : used;
}

static struct quantity wanted_of(const struct reservation *reservation, const struct limit *limit)
{
        if (limit->kind == LIMIT_GPUS)
                return quantity_whole(reservation->gpus);
        if (limit->kind == LIMIT_PODS)
                return quantity_whole(1);
        return resource_of(&reservation->resources, limit->resource);
}

static enum ledger_answer check(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                                const struct limit *limits, size_t n_limits, struct refusal *refusal)
        requires_lock(ledger->lock)
{
        if (!ledger->classifier.classify || generation != ledger->classifier.generation)
                return LEDGER_STALE;
        for (size_t i = 0; i < n_limits; i++) {
                struct quantity used = used_of(counters_find(ledger->counters, limits[i].key), &limits[i]);
                struct quantity wanted = wanted_of(reservation, &limits[i]);

                if (quantity_compare(quantity_add(used, wanted), limits[i].limit) <= 0)
                        continue;
                *refusal = (struct refusal){.limit = i, .used = used, .wanted = wanted};
                return LEDGER_REFUSED;
        }
        return LEDGER_RESERVED;
}

/* Queues a record of a change that has been made. In memory there is nothing to wait for. */
static uint64_t queue(struct ledger *ledger, struct record *record) requires_lock(ledger->lock)
{
        if (ledger->committer) {
                if (record->kind == RECORD_RELEASE)
                        DL_APPEND2(ledger->released, record, previous_released, next_released);
                return committer_queue(ledger->committer, &record->change);
        }
        if (record->kind == RECORD_RELEASE)
                drop_entry(ledger, record->entry);
        free(record);
        return 0;
}

static struct record *record_new(enum record_kind kind, struct entry *entry)
{
        struct record *record = calloc(1, sizeof(*record));

        if (record) {
                record->kind = kind;
                record->entry = entry;
        }
        return record;
}

/* Adds a reservation that keeps every limit; takes it over. */
static int insert(struct ledger *ledger, struct reservation **reservation, uint64_t *ret_commit)
        requires_lock(ledger->lock)
{
        struct entry *entry = calloc(1, sizeof(*entry));
        struct record *record = record_new(RECORD_RESERVE, entry);
        int r = entry && record ? 0 : -ENOMEM;

        if (r >= 0) {
                entry->reservation = *reservation;
                r = link_entry(ledger->counters, &ledger->classifier, entry, &entry->links);
        }
        if (r >= 0 && add_to_table(ledger, entry) < 0) {
                counters_unlink(ledger->counters, &entry->links);
                r = -ENOMEM;
        }
        if (r < 0) {
                free(entry);
                free(record);
                return r;
        }
        *reservation = NULL;
        *ret_commit = queue(ledger, record);
        return 0;
}

int ledger_reserve(struct ledger *ledger, struct reservation **reservation, uint64_t generation,
                   const struct limit *limits, size_t n_limits, struct refusal *ret_refusal, uint64_t *ret_commit,
                   struct error *error)
{
        int r;

        lock_acquire(&ledger->lock);
        r = (int)check(ledger, *reservation, generation, limits, n_limits, ret_refusal);
        if (r == LEDGER_RESERVED)
                r = insert(ledger, reservation, ret_commit);
        lock_release(&ledger->lock);
        return r < 0 ? error_oom(error) : r;
}

int ledger_check(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                 const struct limit *limits, size_t n_limits, struct refusal *ret_refusal, struct error *error)
{
        int r;

        (void)error;
        lock_acquire(&ledger->lock);
        r = (int)check(ledger, reservation, generation, limits, n_limits, ret_refusal);
        lock_release(&ledger->lock);
        return r;
}

/* The entry with this key, if it is the one that the key means. */
static struct entry *find_key(struct ledger *ledger, const struct reservation_key *key) requires_lock(ledger->lock)
{
        struct entry *entry = find_entry(ledger, key->id);
        const struct reservation *reservation = entry ? entry->reservation : NULL;

        if (!entry || strcmp(reservation->namespace, key->namespace) ||
            (*reservation->region && strcmp(reservation->region, key->region)) ||
            (*reservation->series && strcmp(reservation->series, key->series)))
                return NULL;
        return entry;
}

static int change_entry(struct ledger *ledger, const struct reservation_key *key, enum record_kind kind,
                        uint64_t *ret_commit) requires_lock(ledger->lock)
{
        struct entry *entry = find_key(ledger, key);
        struct record *record;

        if (!entry || (kind == RECORD_TERMINATE && entry->terminating))
                return 0;
        record = record_new(kind, entry);
        if (!record)
                return -ENOMEM;
        if (kind == RECORD_RELEASE)
                take_from_table(ledger, entry);
        else
                set_terminating(entry, true);
        *ret_commit = queue(ledger, record);
        return 1;
}

int ledger_release(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                   struct error *error)
{
        int r;

        lock_acquire(&ledger->lock);
        r = change_entry(ledger, key, RECORD_RELEASE, ret_commit);
        lock_release(&ledger->lock);
        return r < 0 ? error_oom(error) : r;
}

int ledger_terminate(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                     struct error *error)
{
        int r;

        lock_acquire(&ledger->lock);
        r = change_entry(ledger, key, RECORD_TERMINATE, ret_commit);
        lock_release(&ledger->lock);
        return r < 0 ? error_oom(error) : r;
}

int ledger_wait(struct ledger *ledger, struct commit_waiter *waiter, uint64_t commit)
{
        return ledger->committer ? committer_wait(ledger->committer, waiter, commit) : 1;
}

bool ledger_cancel(struct ledger *ledger, struct commit_waiter *waiter)
{
        return !ledger->committer || committer_cancel(ledger->committer, waiter);
}

int ledger_counter(struct ledger *ledger, const char *key, struct counter *ret)
{
        const struct counter *counter;
        int r = 0;

        *ret = (struct counter){0};
        lock_acquire(&ledger->lock);
        counter = counters_find(ledger->counters, key);
        if (counter) {
                ret->gpus = counter->gpus;
                ret->pods = counter->pods;
                ret->terminating_pods = counter->terminating_pods;
                r = resources_copy(&ret->resources, &counter->resources);
                if (r >= 0)
                        r = resources_copy(&ret->terminating_resources, &counter->terminating_resources);
        }
        lock_release(&ledger->lock);
        if (r < 0)
                counter_clear(ret);
        return r;
}

size_t ledger_count(struct ledger *ledger)
{
        size_t count;

        lock_acquire(&ledger->lock);
        count = HASH_COUNT(ledger->entries);
        lock_release(&ledger->lock);
        return count;
}
