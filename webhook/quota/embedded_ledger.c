/*
 * The order in which reservations change, in memory and in the file.
 *
 * A change is made in memory first, under the lock, so that the next request sees it; then it is queued to become
 * durable (quota/committer.c), and nobody is told of it before it is. A reservation that was given back stays parked
 * until that is durable, and comes back should the write fail.
 *
 * Whatever can be made ready before is, so that the lock is held for no longer than it takes to look at a few
 * counters and to add to them: what a reservation counts toward is worked out with a copy of the classifier, which
 * holds as long as the generation is the same.
 */
#include "quota/embedded_ledger.h"

#include <errno.h>
#include <string.h>

#include "quota/committer.h"
#include "quota/file_store.h"
#include "quota/ledger.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread_safety.h"

enum record_kind { RECORD_RESERVE, RECORD_RELEASE, RECORD_TERMINATE };

static const char *const record_names[] = {
        [RECORD_RESERVE] = "reserve", [RECORD_RELEASE] = "release", [RECORD_TERMINATE] = "terminate"};

struct record {
        struct change change;
        enum record_kind kind;
        struct entry *entry; /* borrowed; parked from RECORD_RELEASE on, until that is durable */
};

/* A live entry as it was at one moment. */
struct state {
        const struct reservation *reservation; /* borrowed; it is freed by the writing thread alone */
        bool terminating;
};

struct embedded_ledger {
        struct ledger ledger;
        struct lock lock;
        struct entries entries;      /* guarded by lock */
        struct committer *committer; /* owned; NULL: the ledger lives in memory alone */
        struct file_store *store;    /* owned; used by the writing thread alone, as are the following */
        struct state *snapshot;      /* owned; from prepare() to write(): what a rewrite is to hold */
        size_t n_snapshot;
};

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
static int prepare(void *userdata, struct error *error) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct embedded_ledger *ledger = userdata;
        size_t n = entries_count(&ledger->entries), i = 0;
        const struct entry *entry, *next;

        if (!file_store_needs_rewrite(ledger->store, n))
                return 0;
        ledger->snapshot = calloc(n + 1, sizeof(*ledger->snapshot));
        if (!ledger->snapshot)
                return error_oom(error);
        HASH_ITER (hh, ledger->entries.live, entry, next)
                ledger->snapshot[i++] = (struct state){entry->reservation, entry->terminating};
        ledger->n_snapshot = n;
        return 0;
}

static int rewrite(struct embedded_ledger *ledger, struct error *error)
{
        _cleanup_(freep) struct state *snapshot = steal_pointer(&ledger->snapshot);
        json_auto_t *records = json_array();

        for (size_t i = 0; i < ledger->n_snapshot; i++)
                if (json_array_append_new(records, state_to_json(&snapshot[i])) < 0)
                        return error_oom(error);
        return file_store_rewrite(ledger->store, records, error);
}

static int append_group(struct embedded_ledger *ledger, const struct change *first, struct error *error)
{
        json_auto_t *records = json_array();

        for (const struct change *change = first; change; change = change->next)
                if (json_array_append_new(records, record_to_json(record_of(change))) < 0)
                        return error_oom(error);
        return file_store_append(ledger->store, records, error);
}

static int write_group(void *userdata, const struct change *first, struct error *error)
{
        struct embedded_ledger *ledger = userdata;
        int r;

        r = ledger->snapshot ? rewrite(ledger, error) : append_group(ledger, first, error);
        if (r < 0)
                log_error("the ledger could not be written; what was not durable is taken back",
                          log_string("error", error_message(error)));
        return r;
}

static void undo(struct embedded_ledger *ledger, const struct record *record) requires_lock(ledger->lock)
{
        switch (record->kind) {
        case RECORD_RESERVE:
                entries_drop(&ledger->entries, record->entry);
                break;
        case RECORD_RELEASE:
                if (entries_unpark(&ledger->entries, record->entry) < 0)
                        log_error("out of memory: a reservation is lost until the next start",
                                  log_string("reservation", record->entry->reservation->id));
                break;
        case RECORD_TERMINATE:
                entry_set_terminating(record->entry, false);
                break;
        }
}

static void settle(void *userdata, struct change *change, bool durable) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct embedded_ledger *ledger = userdata;
        struct record *record = record_of(change);

        if (!durable)
                undo(ledger, record);
        else if (record->kind == RECORD_RELEASE)
                entries_drop(&ledger->entries, record->entry);
        free(record);
}

static const struct committer_ops committer_ops = {.prepare = prepare, .write = write_group, .settle = settle};

static int replay_reserve(struct embedded_ledger *ledger, const json_t *json, struct error *error)
        requires_lock(ledger->lock)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        struct entry *entry;
        bool terminating;
        int r;

        r = reservation_from_json(&reservation, &terminating, json, error);
        if (r < 0)
                return r;
        entry = entries_find(&ledger->entries, reservation->id);
        if (entry)
                entries_drop(&ledger->entries, entry);
        r = entries_insert(&ledger->entries, &entry, &reservation, terminating);
        return r < 0 ? error_oom(error) : 0;
}

static int replay(void *userdata, const json_t *json, struct error *error) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct embedded_ledger *ledger = userdata;
        const char *op = json_string_value(json_object_get(json, "op"));
        const char *id = json_string_value(json_object_get(json, "id"));
        struct entry *entry = id ? entries_find(&ledger->entries, id) : NULL;

        if (!op || !id)
                return error_set(error, EINVAL, "must have op and id");
        if (!strcmp(op, record_names[RECORD_RESERVE]))
                return replay_reserve(ledger, json, error);
        if (!strcmp(op, record_names[RECORD_RELEASE])) {
                if (entry)
                        entries_drop(&ledger->entries, entry);
                return 0;
        }
        if (!strcmp(op, record_names[RECORD_TERMINATE])) {
                if (entry)
                        entry_set_terminating(entry, true);
                return 0;
        }
        return error_set(error, EINVAL, "op: must be reserve, release or terminate, not \"%s\"", op);
}

static struct embedded_ledger *embedded(struct ledger *ledger)
{
        return (struct embedded_ledger *)ledger;
}

static void embedded_free(struct ledger *base)
{
        struct embedded_ledger *ledger = embedded(base);

        committer_free(ledger->committer);
        file_store_free(ledger->store);
        lock_acquire(&ledger->lock);
        entries_clear(&ledger->entries);
        lock_release(&ledger->lock);
        lock_destroy(&ledger->lock);
        free(ledger);
}

static int embedded_classify(struct ledger *base, const struct classifier *classifier, struct error *error)
{
        struct embedded_ledger *ledger = embedded(base);
        struct classifier former = {0};
        int r;

        lock_acquire(&ledger->lock);
        r = entries_classify(&ledger->entries, classifier, &former);
        lock_release(&ledger->lock);

        if (former.release)
                former.release(former.userdata);
        return r < 0 ? error_oom(error) : 0;
}

static enum ledger_answer check(struct embedded_ledger *ledger, const struct reservation *reservation,
                                uint64_t generation, const struct limit *limits, size_t n_limits,
                                struct refusal *refusal) requires_lock(ledger->lock)
{
        const struct classifier *classifier = &ledger->entries.classifier;
        const struct counters *counters = ledger->entries.counters;

        if (!classifier->classify || generation != classifier->generation)
                return LEDGER_STALE;
        return limits_keep(limits, n_limits, &counters, 1, reservation, refusal) ? LEDGER_RESERVED : LEDGER_REFUSED;
}

/* Queues a record of a change that has been made. In memory there is nothing to wait for. */
static uint64_t queue(struct embedded_ledger *ledger, struct record *record) requires_lock(ledger->lock)
{
        if (ledger->committer)
                return committer_queue(ledger->committer, &record->change);
        settle(ledger, &record->change, true);
        return 0;
}

/* A copy of the classifier, or LEDGER_STALE where it is not of this generation. */
static enum ledger_answer get_classifier(struct embedded_ledger *ledger, uint64_t generation, struct classifier *ret)
{
        lock_acquire(&ledger->lock);
        *ret = ledger->entries.classifier;
        lock_release(&ledger->lock);
        return ret->classify && ret->generation == generation ? LEDGER_RESERVED : LEDGER_STALE;
}

/* What a reservation needs, made ready before the lock is taken. */
struct draft {
        struct counter_keys keys;
        struct entry *entry;
        struct record *record;
};

static void draft_clear(struct draft *draft)
{
        counter_keys_clear(&draft->keys);
        entry_free(draft->entry);
        free(draft->record);
}

/* Adds a draft that keeps every limit, and takes it over. */
static int add_draft(struct embedded_ledger *ledger, struct draft *draft, uint64_t *ret_commit)
        requires_lock(ledger->lock)
{
        int r;

        draft->record->kind = RECORD_RESERVE;
        draft->record->entry = draft->entry;
        r = entries_add(&ledger->entries, &draft->entry, &draft->keys);
        if (r < 0)
                return r;
        *ret_commit = queue(ledger, steal_pointer(&draft->record));
        return 0;
}

static int embedded_reserve(struct ledger *base, struct reservation **reservation, uint64_t generation,
                            const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                            char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit, struct error *error)
{
        struct embedded_ledger *ledger = embedded(base);
        _cleanup_(draft_clear) struct draft draft = {0};
        struct classifier classifier;
        int r = (int)get_classifier(ledger, generation, &classifier);

        if (r != LEDGER_RESERVED)
                return r;
        r = classifier.classify(classifier.userdata, *reservation, &draft.keys);
        if (r < 0)
                return error_oom(error);
        memcpy(ret_id, (*reservation)->id, RESERVATION_ID_SIZE);
        draft.record = calloc(1, sizeof(*draft.record));
        draft.entry = entry_new(reservation, false);
        if (!draft.record || !draft.entry)
                return error_oom(error);
        lock_acquire(&ledger->lock);
        r = (int)check(ledger, draft.entry->reservation, generation, limits, n_limits, ret_refusal);
        if (r == LEDGER_RESERVED)
                r = add_draft(ledger, &draft, ret_commit);
        lock_release(&ledger->lock);
        if (draft.entry)
                *reservation = steal_pointer(&draft.entry->reservation);
        return r < 0 ? error_oom(error) : r;
}

static enum ledger_answer embedded_check(struct ledger *base, const struct reservation *reservation,
                                         uint64_t generation, const struct limit *limits, size_t n_limits,
                                         struct refusal *ret_refusal)
{
        struct embedded_ledger *ledger = embedded(base);
        enum ledger_answer answer;

        lock_acquire(&ledger->lock);
        answer = check(ledger, reservation, generation, limits, n_limits, ret_refusal);
        lock_release(&ledger->lock);
        return answer;
}

/* The entry with this key, if it is the one that the key means. */
static struct entry *find_key(struct embedded_ledger *ledger, const struct reservation_key *key)
        requires_lock(ledger->lock)
{
        struct entry *entry = entries_find(&ledger->entries, key->id);
        const struct reservation *reservation = entry ? entry->reservation : NULL;

        if (!entry || strcmp(reservation->namespace, key->namespace) ||
            (*reservation->region && strcmp(reservation->region, key->region)) ||
            (*reservation->series && strcmp(reservation->series, key->series)))
                return NULL;
        return entry;
}

static int change_entry(struct embedded_ledger *ledger, const struct reservation_key *key, enum record_kind kind,
                        uint64_t *ret_commit) requires_lock(ledger->lock)
{
        struct entry *entry = find_key(ledger, key);
        struct record *record;

        if (!entry || (kind == RECORD_TERMINATE && entry->terminating))
                return 0;
        record = calloc(1, sizeof(*record));
        if (!record)
                return -ENOMEM;
        record->kind = kind;
        record->entry = entry;
        if (kind == RECORD_RELEASE)
                entries_park(&ledger->entries, entry);
        else
                entry_set_terminating(entry, true);
        *ret_commit = queue(ledger, record);
        return 1;
}

static int embedded_release(struct ledger *base, const struct reservation_key *key, uint64_t *ret_commit,
                            struct error *error)
{
        struct embedded_ledger *ledger = embedded(base);
        int r;

        lock_acquire(&ledger->lock);
        r = change_entry(ledger, key, RECORD_RELEASE, ret_commit);
        lock_release(&ledger->lock);
        return r < 0 ? error_oom(error) : r;
}

static int embedded_terminate(struct ledger *base, const struct reservation_key *key, uint64_t *ret_commit,
                              struct error *error)
{
        struct embedded_ledger *ledger = embedded(base);
        int r;

        lock_acquire(&ledger->lock);
        r = change_entry(ledger, key, RECORD_TERMINATE, ret_commit);
        lock_release(&ledger->lock);
        return r < 0 ? error_oom(error) : r;
}

/* Whether the promise is durable by now does not matter: giving it back is one more change behind it. */
static int embedded_give_back(struct ledger *base, const struct reservation_key *key, uint64_t commit,
                              struct error *error)
{
        uint64_t release;

        (void)commit;
        return embedded_release(base, key, &release, error);
}

static int embedded_wait(struct ledger *base, struct commit_waiter *waiter, uint64_t commit)
{
        struct embedded_ledger *ledger = embedded(base);

        return ledger->committer ? committer_wait(ledger->committer, waiter, commit) : 1;
}

/* It knows all that it ever will: nothing is in the way of a decision, and LEDGER_BEHIND is no answer of its. */
static const char *embedded_obstacle(struct ledger *base, int64_t *ret_since)
{
        (void)base, (void)ret_since;
        return NULL;
}

static int embedded_wait_current(struct ledger *base, struct commit_waiter *waiter)
{
        (void)base, (void)waiter;
        return 1;
}

static bool embedded_cancel(struct ledger *base, struct commit_waiter *waiter)
{
        struct embedded_ledger *ledger = embedded(base);

        return !ledger->committer || committer_cancel(ledger->committer, waiter);
}

static int embedded_counter(struct ledger *base, const char *key, struct counter *ret)
{
        struct embedded_ledger *ledger = embedded(base);
        const struct counter *counter;
        int r = 0;

        *ret = (struct counter){0};
        lock_acquire(&ledger->lock);
        counter = counters_find(ledger->entries.counters, key);
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

static size_t embedded_count(struct ledger *base)
{
        struct embedded_ledger *ledger = embedded(base);
        size_t count;

        lock_acquire(&ledger->lock);
        count = entries_count(&ledger->entries);
        lock_release(&ledger->lock);
        return count;
}

static const struct ledger_ops embedded_ops = {
        .free = embedded_free,
        .classify = embedded_classify,
        .reserve = embedded_reserve,
        .check = embedded_check,
        .release = embedded_release,
        .terminate = embedded_terminate,
        .give_back = embedded_give_back,
        .wait = embedded_wait,
        .wait_current = embedded_wait_current,
        .cancel = embedded_cancel,
        .obstacle = embedded_obstacle,
        .counter = embedded_counter,
        .count = embedded_count,
};

static int open_store(struct embedded_ledger *ledger, const char *state, struct error *error)
{
        int r;

        r = file_store_open(&ledger->store, state, replay, ledger, error);
        if (r >= 0)
                r = committer_new(&ledger->committer, &ledger->lock, &committer_ops, ledger, error);
        return r;
}

int embedded_ledger_new(struct ledger **ret, const char *state, struct error *error)
{
        struct embedded_ledger *ledger = calloc(1, sizeof(*ledger));
        _cleanup_(ledger_freep) struct ledger *base = NULL;
        int r;

        if (!ledger)
                return error_oom(error);
        ledger->ledger.ops = &embedded_ops;
        r = lock_init(&ledger->lock);
        if (r) {
                free(ledger);
                return error_set_errno(error, r, "cannot make a lock");
        }
        base = &ledger->ledger;
        if (entries_init(&ledger->entries) < 0)
                return error_oom(error);
        r = state ? open_store(ledger, state, error) : 0;
        if (r < 0)
                return r;
        *ret = steal_pointer(&base);
        return 0;
}
