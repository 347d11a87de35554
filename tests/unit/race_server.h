/*
 * An API server in memory for several replicas of a cluster ledger at once: pods, the events that their watches
 * bring, and the ledger's object, all in one order of versions. It checks a pool's limit whenever a pod is created.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "quota/cluster_ledger.h"
#include "quota/ledger_store.h"
#include "reservations.h"
#include "util/clock.h"
#include "util/error.h"

#define REPLICAS 3
#define POOLS 2
#define EVENTS 40000
#define QUOTAS 64
#define LIFE (150 * NS_PER_MS)
#define TIME_TO_LIVE (200 * NS_PER_MS)

static const char *const regions[POOLS] = {"r", "s"};
static int64_t limits[POOLS] = {12, 20};

/* What the quotas have said, one after the other. */
struct quotas {
        uint64_t version;
        int64_t limits[POOLS];
        int64_t in_force_since; /* monotonic; 0: their status does not say so yet */
};

struct pod {
        char id[RESERVATION_ID_SIZE];
        int pool;
        int64_t gpus;
        bool live;
        uint64_t version; /* of its last change */
};

enum event_kind { ADDED, MODIFIED, DELETED };

struct event {
        enum event_kind kind;
        size_t pod;
        uint64_t version;
};

/* The API server. */
static struct {
        pthread_mutex_t lock;
        uint64_t revision; /* of everything, as etcd's */
        json_t *ledger;    /* as it is stored; never changed in place; NULL: deleted */
        bool had_ledger;
        struct pod pods[EVENTS];
        size_t n_pods;
        struct event events[EVENTS];
        size_t n_events;
        int64_t held[POOLS], most[POOLS]; /* GPUs of live pods, now and ever */
        struct quotas quotas[QUOTAS];
        size_t n_quotas;
        char violation[256];
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct replica {
        struct ledger_store store;
        struct cluster_ledger *cluster;
        pthread_rwlock_t lock; /* held while it is asked or told anything, and to replace it */
        atomic_bool frozen;
        atomic_bool dead;     /* whatever it sends goes nowhere */
        atomic_size_t quotas; /* the last of those that it knows */
        atomic_uint calls;    /* seeds what each call to the store does */
        bool listed;          /* it has a view of pods; the feeder's own, as is: */
        size_t seen;          /* events that its view has been told */
} replicas[REPLICAS];

static atomic_bool calm; /* the server and the replicas behave */
static unsigned first_seed;

static inline unsigned pick(unsigned *seed, unsigned n)
{
        return (unsigned)rand_r(seed) % n;
}

static inline void pause_up_to(unsigned *seed, unsigned microseconds)
{
        usleep(pick(seed, microseconds) + 1);
}

/* A process that is stopped goes no further. */
static inline void pass(struct replica *replica)
{
        while (atomic_load(&replica->frozen))
                usleep(500);
}

static inline void add_event(enum event_kind kind, size_t pod)
{
        ck_assert_uint_lt(server.n_events, EVENTS);
        server.pods[pod].version = ++server.revision;
        server.events[server.n_events++] = (struct event){kind, pod, server.revision};
}

/* What a request that began then may have been decided by: quotas in force at that time, or newer ones. */
static inline int64_t allowed_since(int64_t begin, int pool)
{
        int64_t most = 0;

        for (size_t i = server.n_quotas; i > 0; i--) {
                const struct quotas *quotas = &server.quotas[i - 1];

                most = quotas->limits[pool] > most ? quotas->limits[pool] : most;
                if (quotas->in_force_since && quotas->in_force_since <= begin)
                        break;
        }
        return most;
}

/* False where the request has ended before. */
static inline bool create_pod(int64_t begin, const char *id, int pool, int64_t gpus, size_t *ret)
{
        bool alive;

        pthread_mutex_lock(&server.lock);
        alive = clock_monotonic() - begin < LIFE && server.n_pods < EVENTS / 4;
        if (alive) {
                struct pod *pod = &server.pods[ *ret = server.n_pods++];

                *pod = (struct pod){.pool = pool, .gpus = gpus, .live = true};
                memcpy(pod->id, id, RESERVATION_ID_SIZE);
                server.held[pool] += gpus;
                if (server.held[pool] > server.most[pool])
                        server.most[pool] = server.held[pool];
                add_event(ADDED, *ret);
                if (server.held[pool] > allowed_since(begin, pool))
                        snprintf(server.violation, sizeof(server.violation),
                                 "pods of %s hold %lld GPUs of %lld, at revision %llu", regions[pool],
                                 (long long)server.held[pool], (long long)allowed_since(begin, pool),
                                 (unsigned long long)server.revision);
        }
        pthread_mutex_unlock(&server.lock);
        return alive;
}

static inline void change_pod(size_t index, bool delete)
{
        struct pod *pod = &server.pods[index];

        pthread_mutex_lock(&server.lock);
        if (pod->live) {
                add_event(delete ? DELETED : MODIFIED, index);
                pod->live = !delete;
                server.held[pod->pool] -= delete ? pod->gpus : 0;
        }
        pthread_mutex_unlock(&server.lock);
}

static inline const char *version_of(const json_t *object)
{
        const char *version =
                json_string_value(json_object_get(json_object_get(object, "metadata"), "resourceVersion"));

        return version ? version : "";
}

/* Compare-and-swap. */
static inline int put_ledger(const json_t *object, json_t **ret)
{
        char version[24];
        json_t *copy;

        if (strcmp(version_of(object), version_of(server.ledger)) != 0)
                return server.ledger ? -EBUSY : -ENOENT;
        snprintf(version, sizeof(version), "%llu", (unsigned long long)++server.revision);
        copy = json_deep_copy(object);
        json_object_set_new(json_object_get(copy, "metadata"), "resourceVersion", json_string(version));
        json_decref(server.ledger);
        server.ledger = copy;
        server.had_ledger = true;
        *ret = json_deep_copy(copy);
        return 0;
}

static inline int answer(int r, struct error *error)
{
        return r < 0 ? error_set(error, -r, "%s", strerror(-r)) : 0;
}

static inline unsigned seed_of_call(struct replica *replica)
{
        return first_seed ^ (atomic_fetch_add(&replica->calls, 1) * 2654435761U + (unsigned)(replica - replicas));
}

static inline int read_ledger(void *userdata, json_t **ret, struct error *error)
{
        struct replica *replica = userdata;
        unsigned seed = seed_of_call(replica);

        pass(replica);
        pause_up_to(&seed, 1000);
        pthread_mutex_lock(&server.lock);
        *ret = server.ledger ? json_deep_copy(server.ledger) : NULL;
        pthread_mutex_unlock(&server.lock);
        pause_up_to(&seed, 1000);
        pass(replica);
        if (atomic_load(&replica->dead)) {
                json_decref(*ret);
                *ret = NULL;
                return answer(-EIO, error);
        }
        return answer(*ret ? 0 : -ENOENT, error);
}

/* Of a hundred answers some are lost, before or after the write, or tell of a conflict with the write itself, which a
 * client does that repeats it; and some writes are put off. */
static inline int write_ledger(void *userdata, const json_t *object, json_t **ret, struct error *error)
{
        struct replica *replica = userdata;
        unsigned seed = seed_of_call(replica), fate = atomic_load(&calm) ? 100 : pick(&seed, 100);
        int r = fate < 2 || atomic_load(&replica->dead) ? -EIO : fate < 4 ? -EAGAIN : 0;

        pass(replica);
        pause_up_to(&seed, 2000);
        pthread_mutex_lock(&server.lock);
        if (r >= 0)
                r = put_ledger(object, ret);
        pthread_mutex_unlock(&server.lock);
        pause_up_to(&seed, 2000);
        pass(replica);
        if (r >= 0 && fate < 8) {
                json_decref(*ret);
                *ret = NULL;
                r = fate < 6 ? -EIO : -EBUSY;
        }
        return answer(r, error);
}

static inline int list_pods(void *userdata, const char *namespace,
                            void (*found)(void *found_userdata, const char *id, uint64_t version),
                            void *found_userdata, struct error *error)
{
        static __thread struct {
                char id[RESERVATION_ID_SIZE];
                uint64_t version;
        } listed[256];
        struct replica *replica = userdata;
        size_t n = 0;

        (void)namespace;
        pass(replica);
        pthread_mutex_lock(&server.lock);
        for (size_t i = 0; i < server.n_pods; i++) {
                if (!server.pods[i].live)
                        continue;
                memcpy(listed[n].id, server.pods[i].id, RESERVATION_ID_SIZE);
                listed[n++].version = server.pods[i].version;
        }
        pthread_mutex_unlock(&server.lock);
        pass(replica);
        for (size_t i = 0; i < n; i++)
                found(found_userdata, listed[i].id, listed[i].version);
        return answer(0, error);
}

static inline int list_quotas(void *userdata, uint64_t *ret, struct error *error)
{
        (void)userdata;
        (void)error;
        pthread_mutex_lock(&server.lock);
        *ret = server.quotas[server.n_quotas - 1].version;
        pthread_mutex_unlock(&server.lock);
        return 0;
}

/* Other limits: so many parts in four of what there is. */
static inline void change_quotas(int64_t parts)
{
        pthread_mutex_lock(&server.lock);
        if (server.n_quotas < QUOTAS) {
                struct quotas *quotas = &server.quotas[server.n_quotas++];

                quotas->version = ++server.revision;
                for (int pool = 0; pool < POOLS; pool++)
                        quotas->limits[pool] = limits[pool] * parts / 4;
        }
        pthread_mutex_unlock(&server.lock);
}

static inline struct quotas quotas_at(size_t number)
{
        struct quotas quotas;

        pthread_mutex_lock(&server.lock);
        quotas = server.quotas[number];
        pthread_mutex_unlock(&server.lock);
        return quotas;
}

/* Their status shows that those of this version, and all before, are in force. */
static inline void note_in_force(uint64_t version)
{
        pthread_mutex_lock(&server.lock);
        for (size_t i = 0; i < server.n_quotas; i++)
                if (server.quotas[i].version <= version && !server.quotas[i].in_force_since)
                        server.quotas[i].in_force_since = clock_monotonic();
        pthread_mutex_unlock(&server.lock);
}

static inline int is_first(void *userdata, struct error *error)
{
        int first;

        (void)userdata;
        (void)error;
        pthread_mutex_lock(&server.lock);
        first = !server.had_ledger;
        pthread_mutex_unlock(&server.lock);
        return first;
}
