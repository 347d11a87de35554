/*
 * What a cluster ledger tells of itself: whether it decides, what pods hold and what is promised beyond them, and how
 * it fares with its object. All of it is read under the lock that decisions are made under, so that sums agree.
 */
#include "quota/cluster_ledger.h"
#include "quota/cluster_state.h"

static struct cluster_ledger *cluster_of(struct ledger *ledger)
{
        return (struct cluster_ledger *)ledger;
}

const char *cluster_tell_obstacle(struct ledger *base, int64_t *ret_since)
{
        struct cluster_ledger *ledger = cluster_of(base);
        const char *obstacle;

        lock_acquire(&ledger->lock);
        obstacle = cluster_obstacle(ledger);
        *ret_since = ledger->obstacle_since;
        lock_release(&ledger->lock);
        return obstacle;
}

static int add_counter(struct counter *sum, const struct counter *more)
{
        int r;

        if (!more)
                return 0;
        sum->gpus = quantity_add(sum->gpus, more->gpus);
        sum->pods += more->pods;
        sum->terminating_pods += more->terminating_pods;
        r = resources_add(&sum->resources, &more->resources);
        return r < 0 ? r : resources_add(&sum->terminating_resources, &more->terminating_resources);
}

int cluster_counter(struct ledger *base, const char *key, struct counter *ret)
{
        struct cluster_ledger *ledger = cluster_of(base);
        int r;

        *ret = (struct counter){0};
        lock_acquire(&ledger->lock);
        r = add_counter(ret, ledger->pods ? usage_counter(ledger->pods, key) : NULL);
        if (r >= 0)
                r = add_counter(ret, counters_find(ledger->promises.counters, key));
        lock_release(&ledger->lock);
        if (r < 0)
                counter_clear(ret);
        return r;
}

static size_t count_entries(const struct cluster_ledger *ledger) requires_lock(ledger->lock)
{
        const struct promise *promise, *next;
        size_t n = 0;

        HASH_ITER (hh, ledger->promises.by_id, promise, next)
                n += promise->state == PROMISE_ENTERED;
        return n;
}

size_t cluster_count(struct ledger *base)
{
        struct cluster_ledger *ledger = cluster_of(base);
        size_t n;

        lock_acquire(&ledger->lock);
        n = count_entries(ledger);
        lock_release(&ledger->lock);
        return n;
}

uint64_t cluster_late(struct ledger *base)
{
        struct cluster_ledger *ledger = cluster_of(base);
        uint64_t late;

        lock_acquire(&ledger->lock);
        late = ledger->late;
        lock_release(&ledger->lock);
        return late;
}

void cluster_ledger_pool(struct cluster_ledger *ledger, const char *key, int64_t *ret_used, int64_t *ret_reserved)
{
        const struct counter *used, *reserved;

        lock_acquire(&ledger->lock);
        used = ledger->pods ? usage_counter(ledger->pods, key) : NULL;
        reserved = counters_find(ledger->promises.counters, key);
        *ret_used = used ? quantity_value(used->gpus) : 0;
        *ret_reserved = reserved ? quantity_value(reserved->gpus) : 0;
        lock_release(&ledger->lock);
}

int cluster_ledger_visit(struct cluster_ledger *ledger,
                         int (*visit)(void *userdata, const char *key, const struct counter *counter), void *userdata)
{
        int r = 0;

        lock_acquire(&ledger->lock);
        if (ledger->pods)
                r = counters_visit(usage_counters(ledger->pods), visit, userdata);
        if (r >= 0)
                r = counters_visit(ledger->promises.counters, visit, userdata);
        lock_release(&ledger->lock);
        return r;
}

void cluster_ledger_status(struct cluster_ledger *ledger, struct cluster_ledger_status *ret)
{
        const char *obstacle;

        lock_acquire(&ledger->lock);
        obstacle = cluster_obstacle(ledger);
        *ret = (struct cluster_ledger_status){
                .current = !obstacle,
                .reason = obstacle ? obstacle : "",
                .version = ledger->version,
                .fence = ledger->fence,
                .view = ledger->view,
                .pods = ledger->pods ? usage_count(ledger->pods) : 0,
                .entries = count_entries(ledger),
                .commits = ledger->commits,
                .conflicts = ledger->conflicts,
                .unknown = ledger->unknown,
                .credited = ledger->credited,
                .late = ledger->late,
        };
        lock_release(&ledger->lock);
}
