/*
 * The ledger as requests and watches see it. All that a decision rests on is behind one lock: the view of pods, the
 * promises of the object's newest version that is known, and the reservations of this replica that are not written
 * yet. So a request is decided on one snapshot of them (rule 1), in the thread that it came in, and counts from then
 * on; whether it holds is found out by the thread that writes (quota/cluster_write.c).
 *
 * The object reaches us by a watch, by the answers to our own writes and by reading it after a doubt; whatever comes
 * is taken in only if it is newer than what we have. What is counted of it is what has not been seen as pods; that
 * pods and promises are learnt from different watches, either of which may be ahead, is kept in quota/promise.c.
 *
 * Nothing here asks the API server, so nobody who holds the lock waits for it.
 */
#include "quota/cluster_ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "quota/cluster_state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/thread.h"

/* How long a credit may be spent: a small part of the time to live of what it promises. */
#define CREDIT_LIFE (800 * NS_PER_MS)

/* Who waits for credits to be closed looks again so often, at least. */
#define LOOK_AGAIN (100 * NS_PER_MS)

static struct cluster_ledger *cluster_of(struct ledger *ledger)
{
        return (struct cluster_ledger *)ledger;
}

/* Rules 1, 5, 7 and 9: what must be known before anything is decided. */
const char *cluster_obstacle(const struct cluster_ledger *ledger)
{
        if (!ledger->classifier.classify)
                return "policies and quotas have not been read";
        if (ledger->miscounted)
                return "out of memory: not everything has been counted";
        if (!ledger->pods)
                return "pods have not been listed";
        if (!ledger->object && ledger->store)
                return "the ledger has not been read";
        if (ledger->doubtful && ledger->store)
                return "the ledger must be read again";
        if (!ledger->open && ledger->store)
                return "the ledger was lost, and is closed for the time to live of what it may have promised";
        if (ledger->view < ledger->fence)
                return "the view of pods is behind the ledger's fence";
        if (ledger->quotas_view < ledger->quotas)
                return "the view of quotas is behind the ledger's";
        return NULL;
}

bool cluster_keep(const struct cluster_ledger *ledger, const struct reservation *reservation,
                  const struct limit *limits, size_t n_limits, struct refusal *refusal)
{
        const struct counters *counters[] = {usage_counters(ledger->pods), ledger->promises.counters};

        return limits_keep(limits, n_limits, counters, 2, reservation, refusal);
}

static enum ledger_answer check(struct cluster_ledger *ledger, const struct reservation *reservation,
                                uint64_t generation, const struct limit *limits, size_t n_limits,
                                struct refusal *refusal) requires_lock(ledger->lock)
{
        if (cluster_obstacle(ledger))
                return LEDGER_BEHIND;
        if (generation != ledger->classifier.generation)
                return LEDGER_STALE;
        if (cluster_keep(ledger, reservation, limits, n_limits, refusal))
                return LEDGER_RESERVED;
        if (!ledger->store || !credit_may_return(ledger, &limits[refusal->limit], refusal))
                return LEDGER_REFUSED;
        if (!ledger->contended)
                ledger->contended_until = clock_monotonic() + LOOK_AGAIN;
        ledger->contended = true;
        pthread_cond_signal(&ledger->work);
        return LEDGER_BEHIND;
}

/* The promise that a reservation of these terms joins: one that is forming, or a new one (rule 2). */
static int forming_promise(struct cluster_ledger *ledger, struct promise **ret, const struct promise_terms *terms)
        requires_lock(ledger->lock)
{
        int r;

        *ret = promises_forming(&ledger->promises, terms);
        if (*ret)
                return 0;
        r = promises_add(&ledger->promises, ret, NULL, terms);
        if (r >= 0)
                promise_become(&ledger->promises, *ret, PROMISE_FORMING);
        return r;
}

/* Counts the reservation with its promise, and queues it to be written. */
static int promise_to(struct cluster_ledger *ledger, const struct reservation *reservation,
                      const struct counter_keys *counts, const struct limit *limits, size_t n_limits,
                      char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit) requires_lock(ledger->lock)
{
        const struct promise_terms terms = {
                .namespace = reservation->namespace,
                .region = reservation->region,
                .series = reservation->series,
                .placement = reservation->placement,
                .counts = counts,
        };
        _cleanup_(reservation_freep) struct reservation *kept = NULL;
        struct promise *promise = NULL;
        struct pending *pending;
        int r;

        r = ledger->store ? reservation_copy(&kept, reservation) : 0;
        if (r >= 0)
                r = forming_promise(ledger, &promise, &terms);
        if (r >= 0)
                r = promise_join(&ledger->promises, promise, reservation);
        if (r >= 0 && ledger->store) {
                r = pendings_add(&ledger->pendings, &pending, promise, &kept, limits, n_limits,
                                 ledger->classifier.generation);
                if (r < 0)
                        promise_leave(promise, reservation);
        }
        if (r >= 0 && ledger->store) {
                *ret_commit = pending->number;
                credit_want(ledger, pending->reservation, counts, limits, n_limits, promise->promised.pods);
        }
        if (r < 0) {
                if (promise && !promise->promised.pods)
                        promises_drop(&ledger->promises, promise);
                return r;
        }
        memcpy(ret_id, promise->id, RESERVATION_ID_SIZE);
        pthread_cond_signal(&ledger->work);
        return 0;
}

/* Reserves what keeps its limits. What takes nothing from anybody needs no promise. */
static int insert(struct cluster_ledger *ledger, const struct reservation *reservation, const struct limit *limits,
                  size_t n_limits, char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit)
        requires_lock(ledger->lock)
{
        _cleanup_(counter_keys_clear) struct counter_keys counts = {0};
        bool charged = false;
        int r;

        memcpy(ret_id, reservation->id, RESERVATION_ID_SIZE);
        *ret_commit = 0;
        r = promises_counts(&ledger->promises, reservation, &counts, &charged);
        if (r >= 0 && charged)
                r = promise_to(ledger, reservation, &counts, limits, n_limits, ret_id, ret_commit);
        if (r < 0)
                return r;
        return LEDGER_RESERVED;
}

/* Admits the pod against a credit, if one is open for it: 1. What it asks for has been checked and written before. */
static int spend(struct cluster_ledger *ledger, const struct reservation *reservation, uint64_t generation,
                 const struct limit *limits, size_t n_limits, char ret_id[static RESERVATION_ID_SIZE],
                 uint64_t *ret_commit) requires_lock(ledger->lock)
{
        _cleanup_(counter_keys_clear) struct counter_keys counts = {0};
        bool charged = false;
        int r;

        if (!ledger->credits || !ledger->classifier.classify || generation != ledger->classifier.generation)
                return 0;
        r = promises_counts(&ledger->promises, reservation, &counts, &charged);
        if (r >= 0 && charged)
                r = credit_spend(ledger, reservation, &counts, generation, limits, n_limits, ret_id);
        if (r <= 0)
                return r;
        *ret_commit = 0;
        return 1;
}

static int cluster_reserve(struct ledger *base, const struct reservation *reservation, uint64_t generation,
                           const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                           char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit, struct error *error)
{
        struct cluster_ledger *ledger = cluster_of(base);
        int spent, r;

        lock_acquire(&ledger->lock);
        spent = spend(ledger, reservation, generation, limits, n_limits, ret_id, ret_commit);
        r = spent < 0 ? spent : LEDGER_RESERVED;
        if (!spent)
                r = (int)check(ledger, reservation, generation, limits, n_limits, ret_refusal);
        if (!spent && r == LEDGER_RESERVED)
                r = insert(ledger, reservation, limits, n_limits, ret_id, ret_commit);
        lock_release(&ledger->lock);
        return r < 0 ? error_oom(error) : r;
}

static enum ledger_answer cluster_check(struct ledger *base, const struct reservation *reservation,
                                        uint64_t generation, const struct limit *limits, size_t n_limits,
                                        struct refusal *ret_refusal)
{
        struct cluster_ledger *ledger = cluster_of(base);
        enum ledger_answer answer;

        lock_acquire(&ledger->lock);
        answer = check(ledger, reservation, generation, limits, n_limits, ret_refusal);
        lock_release(&ledger->lock);
        return answer;
}

/* Of the end of pods reviews tell nothing that the view does not show. */
static int cluster_release(struct ledger *base, const struct reservation_key *key, uint64_t *ret_commit,
                           struct error *error)
{
        (void)base, (void)key, (void)ret_commit, (void)error;
        return 0;
}

/* Counts pods and promises anew. Both keep the classifier of the last time that this went well. */
static int classify(struct cluster_ledger *ledger, const struct classifier *classifier) requires_lock(ledger->lock)
{
        struct classifier former = ledger->classifier;
        int r;

        ledger->classifier = *classifier;
        r = promises_classify(&ledger->promises, &ledger->classifier);
        if (r >= 0 && ledger->pods)
                r = usage_classify(ledger->pods, &ledger->classifier);
        ledger->miscounted = r < 0;
        if (r < 0)
                ledger->classifier = former;
        return r;
}

static int cluster_classify(struct ledger *base, const struct classifier *classifier, struct error *error)
{
        struct cluster_ledger *ledger = cluster_of(base);
        struct classifier former;
        int r;

        lock_acquire(&ledger->lock);
        former = ledger->classifier;
        r = classify(ledger, classifier);
        cluster_unlock(ledger);

        if (r >= 0 && former.release)
                former.release(former.userdata);
        return r < 0 ? error_oom(error) : 0;
}

static void clear(struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        if (ledger->classifier.release)
                ledger->classifier.release(ledger->classifier.userdata);
        credits_clear(ledger);
        pendings_clear(&ledger->pendings);
        promises_clear(&ledger->promises);
        usage_free(ledger->pods);
        json_decref(ledger->object);
}

static void end_threads(struct cluster_ledger *ledger)
{
        lock_acquire(&ledger->lock);
        ledger->stopping = true;
        pthread_cond_signal(&ledger->work);
        pthread_cond_signal(&ledger->overdue);
        lock_release(&ledger->lock);
        if (ledger->n_threads > 0)
                pthread_join(ledger->committer, NULL);
        if (ledger->n_threads > 1)
                pthread_join(ledger->expiry, NULL);
}

static void cluster_free(struct ledger *base)
{
        struct cluster_ledger *ledger = cluster_of(base);

        end_threads(ledger);
        lock_acquire(&ledger->lock);
        clear(ledger);
        lock_release(&ledger->lock);
        pthread_cond_destroy(&ledger->overdue);
        pthread_cond_destroy(&ledger->work);
        lock_destroy(&ledger->lock);
        free(ledger);
}

static const struct ledger_ops cluster_ops = {
        .free = cluster_free,
        .classify = cluster_classify,
        .reserve = cluster_reserve,
        .check = cluster_check,
        .release = cluster_release,
        .terminate = cluster_release,
        .give_back = cluster_give_back,
        .wait = cluster_wait,
        .wait_current = cluster_wait_current,
        .cancel = cluster_cancel,
        .obstacle = cluster_tell_obstacle,
        .counter = cluster_counter,
        .count = cluster_count,
        .late = cluster_late,
};

static int init_conditions(struct cluster_ledger *ledger)
{
        int r = condition_init(&ledger->work);

        if (r)
                return r;
        r = condition_init(&ledger->overdue);
        if (r)
                pthread_cond_destroy(&ledger->work);
        return r;
}

static int init_locks(struct cluster_ledger *ledger, struct error *error)
{
        int r = lock_init(&ledger->lock);

        if (!r) {
                r = init_conditions(ledger);
                if (r)
                        lock_destroy(&ledger->lock);
        }
        return r ? error_set_errno(error, r, "cannot make a lock") : 0;
}

static int start_threads(struct cluster_ledger *ledger, struct error *error)
{
        int r = thread_start(&ledger->committer, cluster_committer_run, ledger);

        if (!r) {
                ledger->n_threads++;
                r = thread_start(&ledger->expiry, cluster_expiry_run, ledger);
        }
        if (r)
                return error_set_errno(error, r, "cannot start a thread for the ledger");
        ledger->n_threads++;
        return 0;
}

int cluster_ledger_new(struct cluster_ledger **ret, const struct ledger_store *store,
                       const struct cluster_ledger_options *options, struct error *error)
        THREAD_SAFETY(no_thread_safety_analysis)
{
        struct cluster_ledger *unlocked = calloc(1, sizeof(*unlocked));
        _cleanup_(cluster_ledger_freep) struct cluster_ledger *ledger = NULL;
        int r;

        if (!unlocked)
                return error_oom(error);
        unlocked->ledger.ops = &cluster_ops;
        unlocked->store = store;
        unlocked->options = *options;
        unlocked->credit_life = CREDIT_LIFE < options->time_to_live / 8 ? CREDIT_LIFE : options->time_to_live / 8;
        unlocked->obstacle_since = 1; /* ever since */
        if (getrandom(&unlocked->seed, sizeof(unlocked->seed), GRND_NONBLOCK) < 0)
                unlocked->seed = (unsigned)clock_monotonic();
        r = init_locks(unlocked, error);
        if (r < 0) {
                free(unlocked);
                return r;
        }
        ledger = unlocked;
        if (promises_init(&ledger->promises) < 0)
                return error_oom(error);
        r = store ? start_threads(ledger, error) : 0;
        if (r < 0)
                return r;
        *ret = steal_pointer(&ledger);
        return 0;
}

struct cluster_ledger *cluster_ledger_free(struct cluster_ledger *ledger)
{
        if (ledger)
                ledger_free(&ledger->ledger);
        return NULL;
}

struct ledger *cluster_ledger_base(struct cluster_ledger *ledger)
{
        return &ledger->ledger;
}
