/*
 * A change is made in memory first, under the lock, so that the next request sees it; then it is queued to become
 * durable (quota/journal.h), and nobody is told of it before it is. A reservation that was given back stays parked
 * until that is durable, and comes back should the write fail. In memory alone there is nothing to wait for.
 *
 * Whatever can be made ready before is, so that the lock is held for no longer than it takes to look at a few
 * counters and to add to them. What a reservation counts toward is known once another one like it is kept; else it is
 * worked out with a copy of the classifier, which holds as long as the generation is the same, and tried again.
 */
#include "quota/embedded_ledger.h"

#include <errno.h>
#include <string.h>

#include "manifest/writer.h"
#include "quota/entries.h"
#include "quota/journal.h"
#include "quota/ledger.h"
#include "util/error.h"
#include "util/thread_safety.h"

struct embedded_ledger {
        struct ledger ledger;
        struct lock lock;
        struct entries entries;  /* guarded by lock */
        struct journal *journal; /* owned; NULL: the ledger lives in memory alone */
};

static struct embedded_ledger *embedded(struct ledger *ledger)
{
        return (struct embedded_ledger *)ledger;
}

static void embedded_free(struct ledger *base)
{
        struct embedded_ledger *ledger = embedded(base);

        journal_close(ledger->journal);
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
        const struct classifier *classifier = &ledger->entries.shapes.classifier;
        const struct counters *counters = ledger->entries.shapes.counters;

        if (!classifier->classify || generation != classifier->generation)
                return LEDGER_STALE;
        return limits_keep(limits, n_limits, &counters, 1, reservation, refusal) ? LEDGER_RESERVED : LEDGER_REFUSED;
}

/* What a reservation needs, made ready before the lock is taken. */
struct draft {
        struct writer key; /* of its shape */
        struct entry *entry;
        struct record *record;        /* NULL: there is no journal */
        struct classifier classifier; /* in force when the shape was looked for; its userdata is borrowed */
        struct shape *shape;          /* NULL while we do not know that it is new */
        struct counter_keys counts;   /* what that counts toward */
};

static void draft_clear(struct draft *draft)
{
        writer_clear(&draft->key);
        entry_free(draft->entry);
        record_free(draft->record);
        shape_free(draft->shape);
        counter_keys_clear(&draft->counts);
}

static int draft_make(struct draft *draft, const struct embedded_ledger *ledger,
                      const struct reservation *reservation)
{
        shape_write_key(&draft->key, reservation);
        draft->entry = entry_new(reservation, false);
        draft->record = ledger->journal ? record_new(RECORD_RESERVE) : NULL;
        return !draft->key.failed && draft->entry && (draft->record || !ledger->journal) ? 0 : -ENOMEM;
}

/* Nothing like it has been reserved: the classifier is to be asked. */
static int draft_make_shape(struct draft *draft, const struct reservation *reservation)
{
        const struct classifier *classifier = &draft->classifier;
        int r = shape_new(&draft->shape, reservation, &draft->key);

        return r < 0 ? r : classifier->classify(classifier->userdata, reservation, &draft->counts);
}

/* Adds what keeps every limit. -ENOENT: its shape has to be made before. */
static int add_draft(struct embedded_ledger *ledger, struct draft *draft, uint64_t *ret_commit)
        requires_lock(ledger->lock)
{
        struct shapes *shapes = &ledger->entries.shapes;
        struct shape *shape = shapes_find(shapes, &draft->key), *made = draft->shape;
        struct entry *entry = draft->entry;
        int r = 0;

        if (!shape && !made)
                return -ENOENT;
        if (!shape)
                r = shapes_add(shapes, &draft->shape, &draft->counts);
        if (r >= 0)
                r = entries_add(&ledger->entries, &draft->entry, shape ? shape : made);
        if (r < 0)
                return r;
        *ret_commit = ledger->journal ? journal_queue(ledger->journal, steal_pointer(&draft->record), entry) : 0;
        return 0;
}

static int try_draft(struct embedded_ledger *ledger, struct draft *draft, const struct reservation *reservation,
                     uint64_t generation, const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                     uint64_t *ret_commit)
{
        int r;

        lock_acquire(&ledger->lock);
        r = (int)check(ledger, reservation, generation, limits, n_limits, ret_refusal);
        if (r == LEDGER_RESERVED)
                r = add_draft(ledger, draft, ret_commit);
        draft->classifier = ledger->entries.shapes.classifier;
        lock_release(&ledger->lock);
        return r;
}

static int embedded_reserve(struct ledger *base, const struct reservation *reservation, uint64_t generation,
                            const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                            char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit, struct error *error)
{
        struct embedded_ledger *ledger = embedded(base);
        _cleanup_(draft_clear) struct draft draft = {0};
        char block[SHAPE_KEY_BLOCK];
        int r;

        writer_init(&draft.key, block, sizeof(block));
        r = draft_make(&draft, ledger, reservation);
        if (r >= 0)
                r = try_draft(ledger, &draft, reservation, generation, limits, n_limits, ret_refusal, ret_commit);
        if (r == -ENOENT) {
                r = draft_make_shape(&draft, reservation);
                if (r >= 0)
                        r = try_draft(ledger, &draft, reservation, generation, limits, n_limits, ret_refusal,
                                      ret_commit);
        }
        memcpy(ret_id, reservation->id, RESERVATION_ID_SIZE);
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
        const struct reservation *reservation = entry ? entry->shape->reservation : NULL;

        if (!entry || strcmp(reservation->namespace, key->namespace) ||
            (*reservation->region && strcmp(reservation->region, key->region)) ||
            (*reservation->series && strcmp(reservation->series, key->series)))
                return NULL;
        return entry;
}

/* Gives the entry back, or marks it. What the file does not have yet can still come back, so it stays parked. */
static void change_entry(struct embedded_ledger *ledger, struct entry *entry, enum record_kind kind)
        requires_lock(ledger->lock)
{
        if (kind == RECORD_TERMINATE)
                entry_set_terminating(entry, true);
        else if (ledger->journal)
                entries_park(&ledger->entries, entry);
        else
                entries_drop(&ledger->entries, entry);
}

static int change_key(struct ledger *base, const struct reservation_key *key, enum record_kind kind,
                      uint64_t *ret_commit, struct error *error)
{
        struct embedded_ledger *ledger = embedded(base);
        struct record *record = ledger->journal ? record_new(kind) : NULL;
        struct entry *entry;
        int r = 0;

        if (ledger->journal && !record)
                return error_oom(error);
        lock_acquire(&ledger->lock);
        entry = find_key(ledger, key);
        if (entry && !(kind == RECORD_TERMINATE && entry->terminating)) {
                change_entry(ledger, entry, kind);
                *ret_commit = record ? journal_queue(ledger->journal, steal_pointer(&record), entry) : 0;
                r = 1;
        }
        lock_release(&ledger->lock);
        record_free(record);
        return r;
}

static int embedded_release(struct ledger *base, const struct reservation_key *key, uint64_t *ret_commit,
                            struct error *error)
{
        return change_key(base, key, RECORD_RELEASE, ret_commit, error);
}

static int embedded_terminate(struct ledger *base, const struct reservation_key *key, uint64_t *ret_commit,
                              struct error *error)
{
        return change_key(base, key, RECORD_TERMINATE, ret_commit, error);
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

        return ledger->journal ? journal_wait(ledger->journal, waiter, commit) : 1;
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

        return !ledger->journal || journal_cancel(ledger->journal, waiter);
}

static int embedded_counter(struct ledger *base, const char *key, struct counter *ret)
{
        struct embedded_ledger *ledger = embedded(base);
        const struct counter *counter;
        int r = 0;

        *ret = (struct counter){0};
        lock_acquire(&ledger->lock);
        counter = counters_find(ledger->entries.shapes.counters, key);
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
        if (state)
                r = journal_open(&ledger->journal, state, &ledger->lock, &ledger->entries, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&base);
        return 0;
}
