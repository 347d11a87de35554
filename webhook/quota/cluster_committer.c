/*
 * The thread that writes the ledger's object (quota/cluster_write.c), and all that it does besides: reads it after a
 * doubt, creates it where there is none, and opens it when it was lost. It does one thing at a time, and finds out
 * what is due each time it has the lock; calls to the store are made without it.
 *
 * Removals wait for a write that is made anyway, or for a short while, a different one in each replica: the first
 * spares the others the same work. Nothing is lost if they race; one of them wins.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#define BACKOFF_FIRST (50 * NS_PER_MS)
#define BACKOFF_LAST (2 * NS_PER_SECOND)

/* How long the ids of promises are known after they have left the ledger, or pods after they were seen without one.
 */
#define SEEN_FOR (10 * NS_PER_SECOND)

#define LOOK_EVERY (1 * NS_PER_SECOND)

/* Whoever was told that he is the first creates the ledger; the others give him so long. */
#define MISSING_FOR (1500 * NS_PER_MS)

#define TIDY_AFTER (500 * NS_PER_MS)
#define TIDY_SPREAD (1 * NS_PER_SECOND)
#define QUOTAS_SPREAD (200 * NS_PER_MS)
#define FAREWELL_TIME (2 * NS_PER_SECOND)

enum step { STEP_STOP, STEP_WAIT, STEP_READ, STEP_OPEN, STEP_WRITE };

static int64_t spread(struct cluster_ledger *ledger, int64_t most) requires_lock(ledger->lock)
{
        return (int64_t)((double)rand_r(&ledger->seed) / ((double)RAND_MAX + 1) * (double)most);
}

int64_t cluster_next_wait(int64_t wait)
{
        wait = wait ? 2 * wait : BACKOFF_FIRST;
        return wait < BACKOFF_LAST ? wait : BACKOFF_LAST;
}

void cluster_back_off(struct cluster_ledger *ledger)
{
        ledger->backoff = cluster_next_wait(ledger->backoff);
        ledger->write_at = clock_monotonic() + ledger->backoff / 2 + spread(ledger, ledger->backoff / 2);
}

void cluster_doubt(struct cluster_ledger *ledger)
{
        ledger->doubtful = true;
        ledger->doubts++;
}

/* Forgets ids that nobody will ask for any more. Those of pods that no promise was ever known of are late, or forged.
 */
static void sweep(struct cluster_ledger *ledger, struct promise *promise, int64_t now) requires_lock(ledger->lock)
{
        if (promise->state != PROMISE_SEEN || now - promise->since < SEEN_FOR)
                return;
        if (!promise->known) {
                ledger->late++;
                log_warn("a pod carries a reservation that is in no ledger: late, or forged",
                         log_string("reservation", promise->id), log_string("namespace", promise->namespace));
        }
        promises_drop(&ledger->promises, promise);
}

/* Looks at every promise. Returns since when one has been removable; 0: none is. */
static int64_t survey(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        struct promise *promise, *next;
        int64_t since = 0;

        HASH_ITER (hh, ledger->promises.by_id, promise, next) {
                if (cluster_is_removable(promise)) {
                        if (!promise->removable_since)
                                promise->removable_since = now;
                        if (!since || promise->removable_since < since)
                                since = promise->removable_since;
                }
                sweep(ledger, promise, now);
        }
        return since;
}

/* When to write although no reservation waits for it. Somebody waits for a new version of the quotas: their status.
 */
static bool wants_tidying(struct cluster_ledger *ledger, int64_t removable_since, int64_t now)
        requires_lock(ledger->lock)
{
        if (!ledger->tidy_delay)
                ledger->tidy_delay = TIDY_AFTER + spread(ledger, TIDY_SPREAD);
        if (ledger->quotas_spec <= ledger->quotas)
                ledger->quotas_at = 0;
        else if (!ledger->quotas_at)
                ledger->quotas_at = now + spread(ledger, QUOTAS_SPREAD);
        ledger->tidy_at = removable_since ? removable_since + ledger->tidy_delay : 0;
        if (ledger->quotas_at && (!ledger->tidy_at || ledger->quotas_at < ledger->tidy_at))
                ledger->tidy_at = ledger->quotas_at;
        return ledger->tidy_at && now >= ledger->tidy_at;
}

static bool wants_credits(const struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        int64_t due = credits_due(ledger, now);

        return due && now >= due;
}

static enum step next_step(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        int64_t removable_since;

        if (ledger->stopping)
                return STEP_STOP;
        if (now < ledger->write_at)
                return STEP_WAIT;
        if (!ledger->object || ledger->doubtful)
                return STEP_READ;
        if (!ledger->open)
                return ledger->pods && now - ledger->closed_since > ledger->options.time_to_live ? STEP_OPEN
                                                                                                 : STEP_WAIT;
        removable_since = survey(ledger, now);
        if (cluster_obstacle(ledger))
                return STEP_WAIT;
        if (ledger->pendings.queue || wants_tidying(ledger, removable_since, now) || wants_credits(ledger, now))
                return STEP_WRITE;
        return STEP_WAIT;
}

static void wait_for_work(struct cluster_ledger *ledger, int64_t now) requires_lock(ledger->lock)
{
        int64_t until = now + LOOK_EVERY;
        const int64_t times[] = {ledger->write_at, ledger->tidy_at, credits_due(ledger, now),
                                 ledger->contended ? ledger->contended_until : 0};

        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
                if (times[i] > now && times[i] < until)
                        until = times[i];
        lock_wait_until(&ledger->lock, &ledger->work, until);
}

static json_t *new_object(bool open)
{
        return json_pack("{s:s, s:s, s:{s:s}, s:{s:b, s:s, s:s, s:[]}}", "apiVersion", RESERVATION_LEDGER_API_VERSION,
                         "kind", RESERVATION_LEDGER_KIND, "metadata", "name", RESERVATION_LEDGER_NAME, "spec", "open",
                         open, "fence", "0", "quotas", "0", "entries");
}

/* Rule 5: where something may have been promised before, the ledger is created closed. */
static int create(struct cluster_ledger *ledger, json_t **ret, struct error *error)
{
        const struct ledger_store *store = ledger->store;
        int64_t now = clock_monotonic();
        json_auto_t *object = NULL;
        int first = store->is_first(store->userdata, error);

        if (first < 0)
                return first;
        if (!ledger->missing_since)
                ledger->missing_since = now;
        if (!first && now - ledger->missing_since < MISSING_FOR)
                return error_set(error, EAGAIN, "there is none");
        object = new_object(first);
        if (!object)
                return error_oom(error);
        log_info(first ? "the ledger is created" : "the ledger was lost: it is created closed");
        ledger->missing_since = 0;
        return store->write(store->userdata, object, ret, error);
}

static int read_object(struct cluster_ledger *ledger, json_t **ret, struct error *error)
{
        const struct ledger_store *store = ledger->store;
        int r = store->read(store->userdata, ret, error);

        if (r == -ENOENT)
                return create(ledger, ret, error);
        ledger->missing_since = 0;
        return r;
}

/* What is read after a doubt holds even if it is older than what was known: then it was put back from a backup. What
 * is doubted while it is read is read again. */
static void step_read(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        uint64_t before = ledger->version, doubts = ledger->doubts;
        json_auto_t *object = NULL;
        int r;

        lock_release(&ledger->lock);
        r = read_object(ledger, &object, &error);
        lock_acquire(&ledger->lock);
        if (r >= 0) {
                if (ledger->version == before)
                        ledger->version = 0;
                r = cluster_take(ledger, object, &error);
                if (r >= 0 && ledger->doubts == doubts)
                        ledger->doubtful = ledger->match_listed = false;
        }
        ledger->recheck = true;
        credits_settle(ledger);
        if (r >= 0) {
                ledger->backoff = 0;
                return;
        }
        cluster_back_off(ledger);
        if (r != -ECANCELED && r != -EBUSY && r != -EAGAIN)
                log_warn("the ledger cannot be read", log_string("error", error_message(&error)));
}

static uint64_t larger(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

/* Rule 5. */
static void step_open(struct cluster_ledger *ledger) THREAD_SAFETY(no_thread_safety_analysis)
{
        const struct ledger_store *store = ledger->store;
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *entries = json_array(), *object = NULL, *stored = NULL;
        uint64_t version = ledger->version, newest = 0, quotas = 0;
        int r;

        lock_release(&ledger->lock);
        r = cluster_list(ledger, NULL, &newest, &error);
        if (r >= 0)
                r = store->quotas(store->userdata, &quotas, &error);
        lock_acquire(&ledger->lock);
        if (r >= 0 && ledger->version != version)
                return;
        if (r >= 0)
                object = cluster_object(ledger, true, newest, larger(quotas, cluster_newest_quotas(ledger)), entries);
        lock_release(&ledger->lock);
        if (r >= 0)
                r = object ? store->write(store->userdata, object, &stored, &error) : error_oom(&error);
        lock_acquire(&ledger->lock);
        if (r >= 0)
                r = cluster_take(ledger, stored, &error);
        if (r >= 0) {
                log_info("the ledger is open again");
                return;
        }
        cluster_doubt(ledger);
        cluster_back_off(ledger);
        if (r != -EBUSY)
                log_warn("the ledger cannot be opened", log_string("error", error_message(&error)));
}

/* The last writes: what others would have to wait for until it expires. That takes nothing from anybody, so it may be
 * done on an old view; another replica may be first a few times. */
static void farewell(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        int64_t until = clock_monotonic() + FAREWELL_TIME;

        credits_close(ledger);
        while (ledger->credits && clock_monotonic() < until) {
                if (!ledger->object || ledger->doubtful)
                        step_read(ledger);
                if (!ledger->object || ledger->doubtful || !ledger->open || ledger->pendings.queue)
                        return;
                if (ledger->credits)
                        cluster_write(ledger);
        }
}

/* Does one step. False: the end. */
static bool turn(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        int64_t now = clock_monotonic();

        switch (next_step(ledger, now)) {
        case STEP_STOP:
                farewell(ledger);
                return false;
        case STEP_WAIT:
                wait_for_work(ledger, now);
                return true;
        case STEP_READ:
                step_read(ledger);
                return true;
        case STEP_OPEN:
                step_open(ledger);
                return true;
        case STEP_WRITE:
                cluster_write(ledger);
                return true;
        }
        return false;
}

void *cluster_committer_run(void *userdata) THREAD_SAFETY(no_thread_safety_analysis)
{
        struct cluster_ledger *ledger = userdata;
        bool goes_on = true;

        while (goes_on) {
                lock_acquire(&ledger->lock);
                goes_on = turn(ledger);
                cluster_unlock(ledger);
        }
        return NULL;
}
