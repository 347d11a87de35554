/*
 * A ReservationLedger in memory, and what an API server may answer to those who read and write it; and a cluster
 * ledger on it.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "json.h"
#include "quota/cluster_ledger.h"
#include "quota/ledger_store.h"
#include "quota/usage.h"
#include "reservations.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

/* What one write comes to. The first one that is zero, and all after it, are compared and swapped. */
struct outcome {
        int result;          /* negative errno; 0: as an API server answers */
        bool stored;         /* although the answer says something else */
        const char *garbage; /* the answer, where there is one */
};

#define FAKE_PODS 8

static struct fake_store {
        pthread_mutex_t lock;
        json_t *object; /* as it is stored; NULL: there is none */
        uint64_t version;
        struct outcome outcomes[4]; /* of the next writes */
        size_t next_outcome;
        bool gated; /* a write says that it has arrived, and waits to be let in */
        sem_t arrived, gate;
        bool answers_gated; /* likewise the answer, once more */
        bool reads_gated;   /* likewise */
        sem_t read_arrived, read_gate;
        bool lists_gated; /* a list waits to be let in */
        sem_t list_gate;
        int read_result, list_result; /* negative errno: of each read, or list */
        bool is_first;
        uint64_t listed_quotas;
        unsigned reads, writes, lists;
        const char *listed_namespace; /* of the last list; NULL: all */
        struct {
                const char *id;
                uint64_t version;
        } pods[FAKE_PODS]; /* what a list finds */
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline json_t *fake_spec(void)
{
        return json_object_get(fake.object, "spec");
}

/* As if another replica had written: entries replaces those that there are, unless it is NULL. */
static inline void fake_change(const char *spec, const char *entries)
{
        json_auto_t *changes = json_text(spec), *list = entries ? json_text(entries) : NULL;
        char version[24];

        pthread_mutex_lock(&fake.lock);
        snprintf(version, sizeof(version), "%llu", (unsigned long long)++fake.version);
        if (fake.object) {
                json_t *former = fake.object;

                fake.object = json_deep_copy(former);
                json_decref(former);
        } else {
                fake.object = json_text("{'metadata': {'name': 'regionfit'}, 'spec': {'open': true, 'fence': '0',"
                                        " 'quotas': '0', 'entries': []}}");
        }
        json_object_set_new(json_object_get(fake.object, "metadata"), "resourceVersion", json_string(version));
        json_object_update(fake_spec(), changes);
        if (list)
                json_object_set(fake_spec(), "entries", list);
        pthread_mutex_unlock(&fake.lock);
}

static inline json_t *fake_get(void)
{
        json_t *object;

        pthread_mutex_lock(&fake.lock);
        object = json_deep_copy(fake.object);
        pthread_mutex_unlock(&fake.lock);
        return object;
}

static inline size_t fake_entries(void)
{
        json_auto_t *object = fake_get();

        return json_array_size(json_object_get(json_object_get(object, "spec"), "entries"));
}

/* A text of the spec; static. */
static inline const char *fake_text(const char *key)
{
        static char text[64];
        json_auto_t *object = fake_get();
        const char *value = json_string_value(json_object_get(json_object_get(object, "spec"), key));

        snprintf(text, sizeof(text), "%s", value ? value : "");
        return text;
}

static inline unsigned fake_count(const unsigned *counter)
{
        unsigned n;

        pthread_mutex_lock(&fake.lock);
        n = *counter;
        pthread_mutex_unlock(&fake.lock);
        return n;
}

static inline int fake_read(void *userdata, json_t **ret, struct error *error)
{
        int r;

        (void)userdata;
        pthread_mutex_lock(&fake.lock);
        fake.reads++;
        r = fake.object ? fake.read_result : -ENOENT;
        if (fake.read_result < 0)
                r = fake.read_result;
        *ret = r < 0 ? NULL : json_deep_copy(fake.object);
        if (fake.reads_gated) {
                sem_post(&fake.read_arrived);
                pthread_mutex_unlock(&fake.lock);
                sem_wait(&fake.read_gate);
                pthread_mutex_lock(&fake.lock);
        }
        pthread_mutex_unlock(&fake.lock);
        return r < 0 ? error_set(error, -r, "the test says so") : 0;
}

static inline const char *version_of(const json_t *object)
{
        const char *version =
                json_string_value(json_object_get(json_object_get(object, "metadata"), "resourceVersion"));

        return version ? version : "";
}

static inline int compare_and_swap(const json_t *object, json_t **ret)
{
        char version[24];

        if (strcmp(version_of(object), version_of(fake.object)) != 0)
                return fake.object ? -EBUSY : -ENOENT;
        snprintf(version, sizeof(version), "%llu", (unsigned long long)++fake.version);
        json_decref(fake.object);
        fake.object = json_deep_copy(object);
        json_object_set_new(json_object_get(fake.object, "metadata"), "resourceVersion", json_string(version));
        *ret = json_deep_copy(fake.object);
        return 0;
}

static inline int fake_write(void *userdata, const json_t *object, json_t **ret, struct error *error)
{
        struct outcome outcome = {0};
        bool held;
        int r = 0;

        (void)userdata;
        pthread_mutex_lock(&fake.lock);
        fake.writes++;
        if (fake.gated) {
                sem_post(&fake.arrived);
                pthread_mutex_unlock(&fake.lock);
                sem_wait(&fake.gate);
                pthread_mutex_lock(&fake.lock);
        }
        if (fake.next_outcome < ARRAY_SIZE(fake.outcomes))
                outcome = fake.outcomes[fake.next_outcome++];
        if (!outcome.result || outcome.stored)
                r = compare_and_swap(object, ret);
        if (outcome.result || outcome.garbage) {
                json_decref(*ret);
                *ret = outcome.garbage ? json_text(outcome.garbage) : NULL;
        }
        held = fake.answers_gated;
        pthread_mutex_unlock(&fake.lock);
        if (held) {
                sem_post(&fake.arrived);
                sem_wait(&fake.gate);
        }
        r = outcome.result ? outcome.result : r;
        return r < 0 ? error_set(error, -r, "the test says so") : 0;
}

static inline int fake_list(void *userdata, const char *namespace,
                            void (*found)(void *found_userdata, const char *id, uint64_t version),
                            void *found_userdata, struct error *error)
{
        bool slow;
        int r;

        (void)userdata;
        pthread_mutex_lock(&fake.lock);
        fake.lists++;
        fake.listed_namespace = namespace ? "ns" : NULL;
        r = fake.list_result;
        slow = fake.lists_gated;
        pthread_mutex_unlock(&fake.lock);
        if (slow)
                sem_wait(&fake.list_gate);
        for (size_t i = 0; i < FAKE_PODS && r >= 0 && fake.pods[i].id; i++)
                found(found_userdata, fake.pods[i].id, fake.pods[i].version);
        return r < 0 ? error_set(error, -r, "the test says so") : 0;
}

static inline int fake_is_first(void *userdata, struct error *error)
{
        (void)userdata;
        (void)error;
        return fake.is_first;
}

static inline int fake_quotas(void *userdata, uint64_t *ret, struct error *error)
{
        (void)userdata;
        (void)error;
        *ret = fake.listed_quotas;
        return 0;
}

static const struct ledger_store fake_store = {
        .read = fake_read, .write = fake_write, .list = fake_list, .quotas = fake_quotas, .is_first = fake_is_first};

static struct cluster_ledger *cluster;
static struct ledger *ledger;

/* Waits, for a few seconds, until it is so. */
#define EVENTUALLY(what)                                               \
        do {                                                           \
                int64_t end_ = clock_monotonic() + 10 * NS_PER_SECOND; \
                while (!(what) && clock_monotonic() < end_)            \
                        usleep(500);                                   \
                ck_assert(what);                                       \
        } while (0)

static inline void new_ledger(const struct ledger_store *store, int64_t time_to_live)
{
        const struct cluster_ledger_options options = {.time_to_live = time_to_live};

        ck_assert_int_eq(cluster_ledger_new(&cluster, store, &options, NULL), 0);
        ledger = cluster_ledger_base(cluster);
}

static inline void classify(uint64_t generation)
{
        struct classifier classifier = BY_REGION(generation);

        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
}

static inline struct cluster_ledger_status status(void)
{
        struct cluster_ledger_status status;

        cluster_ledger_status(cluster, &status);
        return status;
}

struct listed_pod {
        const char *uid, *id;
        int64_t gpus;
        uint64_t version;
};

/* A list of pods of namespace ns, region r and series A10; the last one has no uid. */
static inline void list_pods(const struct listed_pod *pods, uint64_t version)
{
        struct usage *usage = NULL;

        ck_assert_int_eq(usage_new(&usage), 0);
        for (; pods && pods->uid; pods++) {
                _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", "r", "A10", pods->gpus);

                snprintf(pod->id, sizeof(pod->id), "%s", pods->id);
                ck_assert_int_eq(usage_put(usage, pods->uid, pod, pods->version, false), 1);
        }
        ck_assert_int_eq(cluster_ledger_use_pods(cluster, &usage, version), 0);
        ck_assert_ptr_null(usage);
}

/* An event of a pod of namespace ns and series A10. */
static inline void show_pod(const char *uid, const char *id, const char *region, int64_t gpus, uint64_t version)
{
        _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", region, "A10", gpus);

        snprintf(pod->id, sizeof(pod->id), "%s", id);
        ck_assert_int_eq(cluster_ledger_pod(cluster, uid, pod, version, false), 0);
}

static json_t *observed; /* ThreadSanitizer does not see that jansson counts references with care */

/* The object as it is, as a watch brings it. */
static inline void observe(void)
{
        json_t *object = fake_get();

        if (!observed)
                observed = json_array();
        json_array_append_new(observed, object);
        ck_assert_int_eq(cluster_ledger_observe(cluster, object), 0);
}

/* A ledger that decides; pods have been listed at version 100. */
static inline void start(int64_t time_to_live)
{
        new_ledger(&fake_store, time_to_live);
        classify(1);
        list_pods(NULL, 100);
        EVENTUALLY(status().current);
}

static inline void fake_setup(void)
{
        log_setup(LOG_ERROR + 1, LOG_LOGFMT);
        fake.is_first = true;
        sem_init(&fake.arrived, 0, 0);
        sem_init(&fake.gate, 0, 0);
        sem_init(&fake.read_arrived, 0, 0);
        sem_init(&fake.read_gate, 0, 0);
        sem_init(&fake.list_gate, 0, 0);
}

/* Lets every write in that comes from now on. */
static inline void open_gates(void)
{
        pthread_mutex_lock(&fake.lock);
        fake.gated = fake.answers_gated = fake.reads_gated = fake.lists_gated = false;
        pthread_mutex_unlock(&fake.lock);
        sem_post(&fake.gate);
        sem_post(&fake.read_gate);
        sem_post(&fake.list_gate);
}

static inline void close_gate(void)
{
        pthread_mutex_lock(&fake.lock);
        fake.gated = true;
        pthread_mutex_unlock(&fake.lock);
}

static inline void fake_teardown(void)
{
        open_gates();
        cluster = cluster_ledger_free(cluster);
        json_decref(observed);
        json_decref(fake.object);
        fake.object = NULL;
}

/* What one pod of namespace ns and series A10 is promised. */
struct promised {
        char id[RESERVATION_ID_SIZE];
        uint64_t commit;
        struct told told;
};

/* Reserves under a limit of the region; waits for nothing. */
static inline int ask(struct promised *ret, const char *region, int64_t gpus, int64_t limit)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", region, "A10", gpus);
        struct limit limits = gpu_limit(region, limit);
        struct refusal refusal;

        *ret = (struct promised){.told.waiter.done = tell};
        sem_init(&ret->told.done, 0, 0);
        return ledger_reserve(ledger, reservation, 1, &limits, 1, &refusal, ret->id, &ret->commit, NULL);
}

/* Waits for what was asked; 0 or a negative errno. */
static inline int result_of(struct promised *promised)
{
        return wait_for_commit(ledger, promised->commit);
}

/* Reserves and waits for success. */
static inline void promise(struct promised *ret, int64_t gpus)
{
        ck_assert_int_eq(ask(ret, "r", gpus, 1000), LEDGER_RESERVED);
        ck_assert_int_eq(result_of(ret), 0);
}

/* What pods of the region hold, and what is promised beyond them. */
static inline void assert_pool(int64_t used, int64_t reserved)
{
        int64_t found_used, found_reserved;

        cluster_ledger_pool(cluster, "r", &found_used, &found_reserved);
        ck_assert_msg(found_used == used && found_reserved == reserved,
                      "%lld used and %lld reserved, not %lld and %lld", (long long)found_used,
                      (long long)found_reserved, (long long)used, (long long)reserved);
}

static const char other_id[] __attribute__((unused)) = "0123456789abcdef0123456789abcdef";

/* Entries of another replica: 4 GPUs for two pods, or 3 GPUs for one. */
#define ENTRY_OF_4                                                                                      \
        "{'id': '0123456789abcdef0123456789abcdef', 'namespace': 'ns', 'region': 'r', 'series': 'A10'," \
        " 'placement': '', 'counts': [], 'gpus': 4, 'pods': 2}"
#define ENTRY_OF_3                                                                                      \
        "{'id': 'fedcba9876543210fedcba9876543210', 'namespace': 'ns', 'region': 'r', 'series': 'A10'," \
        " 'placement': '', 'counts': [], 'gpus': 3, 'pods': 1}"

/* Whether somebody who wants a GPU is told to wait. */
static inline bool is_behind(void)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "A10", 1);
        struct refusal refusal;

        return ledger_check(ledger, reservation, 1, NULL, 0, &refusal) == LEDGER_BEHIND;
}

/* The object must be read again; the read waits. */
static inline void show_lost(void)
{
        pthread_mutex_lock(&fake.lock);
        fake.reads_gated = true;
        pthread_mutex_unlock(&fake.lock);
        cluster_ledger_lost(cluster);
}
