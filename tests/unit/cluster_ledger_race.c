/*
 * Three replicas on one API server, each with a view of its own that lags, stops, starts over and goes back; answers
 * to writes that are lost, or wrong; replicas that die, with credits and writes under way; limits that are lowered
 * and raised; a ledger that is deleted. Whatever happens, live pods never hold more than their pool's limit, which
 * the server checks whenever a pod is created; and once all pods are gone, every GPU can be promised again.
 *
 * A request ends after LIFE, whatever it waits for: the server creates no pod for it any more. The ledger's time to
 * live is longer than that, as it has to be. SEED in the environment repeats the choices, though not the scheduling.
 */
#include "quota/cluster_ledger.h"

#include "quota/usage.h"
#include "race_server.h"
#include "util/log.h"

#define CLIENTS_MAX 32
#define RUN_FOR (6 * NS_PER_SECOND)
#define LOST_FOR (3 * NS_PER_SECOND) /* replicas take their time before they make another ledger */

static atomic_bool clients_stop, feeders_stop;
static atomic_ulong credited; /* by replicas that have died since */
static bool streams;          /* clients ask in bursts, and let go of all that they have */

static struct reservation *describe(const struct pod *pod)
{
        struct reservation *reservation = new_reservation("ns", regions[pod->pool], "A10", pod->gpus);

        memcpy(reservation->id, pod->id, RESERVATION_ID_SIZE);
        return reservation;
}

static const char *uid_of(size_t pod, char text[static 24])
{
        snprintf(text, 24, "pod-%zu", pod);
        return text;
}

/* The pods as they were after so many events. */
static struct usage *list_at(size_t n_events)
{
        struct usage *usage = NULL;
        char uid[24];

        ck_assert_int_eq(usage_new(&usage), 0);
        for (size_t i = 0; i < n_events; i++) {
                const struct event *event = &server.events[i];
                _cleanup_(reservation_freep) struct reservation *pod = describe(&server.pods[event->pod]);

                usage_remove(usage, uid_of(event->pod, uid)); /* a list shows the last change */
                if (event->kind != DELETED)
                        ck_assert_int_eq(usage_put(usage, uid, pod, event->version, false), 1);
        }
        return usage;
}

/* A list of now, or one that is older: a little older even than what the view has been told. */
static void list_again(struct replica *replica, unsigned *seed)
{
        struct usage *usage;
        uint64_t version;
        size_t at;

        pthread_mutex_lock(&server.lock);
        at = server.n_events;
        version = server.revision;
        if (!atomic_load(&calm) && at && pick(seed, 3) == 0) {
                size_t oldest = replica->seen > 20 ? replica->seen - 20 : 0;

                at = oldest + pick(seed, (unsigned)(at - oldest + 1));
                version = at ? server.events[at - 1].version : 1;
        }
        usage = list_at(at);
        pthread_mutex_unlock(&server.lock);
        ck_assert_int_eq(cluster_ledger_use_pods(replica->cluster, &usage, version), 0);
        replica->seen = at;
        replica->listed = true;
}

/* The next event of pods, or a bookmark. */
static void show_event(struct replica *replica)
{
        _cleanup_(reservation_freep) struct reservation *pod = NULL;
        struct event event = {0};
        uint64_t revision;
        char uid[24];

        pthread_mutex_lock(&server.lock);
        revision = server.revision;
        if (replica->seen < server.n_events) {
                event = server.events[replica->seen++];
                pod = describe(&server.pods[event.pod]);
        }
        pthread_mutex_unlock(&server.lock);
        if (!pod)
                ck_assert_int_eq(cluster_ledger_view(replica->cluster, revision), 0);
        else if (event.kind == DELETED)
                cluster_ledger_pod_gone(replica->cluster, uid_of(event.pod, uid), event.version);
        else
                ck_assert_int_eq(
                        cluster_ledger_pod(replica->cluster, uid_of(event.pod, uid), pod, event.version, false), 0);
}

static void show_ledger(struct replica *replica, unsigned *seed)
{
        json_t *ledger;

        pthread_mutex_lock(&server.lock);
        ledger = server.ledger ? json_deep_copy(server.ledger) : NULL;
        pthread_mutex_unlock(&server.lock);
        pause_up_to(seed, 2000);
        if (ledger)
                cluster_ledger_observe(replica->cluster, ledger);
        else
                cluster_ledger_lost(replica->cluster);
        json_decref(ledger);
}

/* The next quotas, if there are any, or all of them; and the version that their view has reached. */
static void show_quotas(struct replica *replica, bool all)
{
        size_t known = atomic_load(&replica->quotas), n;
        struct classifier classifier;
        uint64_t revision;

        pthread_mutex_lock(&server.lock);
        n = server.n_quotas;
        revision = server.revision;
        pthread_mutex_unlock(&server.lock);
        known = all || known + 1 >= n ? n - 1 : known + 1;
        classifier = BY_REGION(known);
        ck_assert_int_eq(ledger_classify(cluster_ledger_base(replica->cluster), &classifier, NULL), 0);
        atomic_store(&replica->quotas, known);
        cluster_ledger_quotas(replica->cluster, quotas_at(known).version,
                              known + 1 == n ? revision : quotas_at(known).version);
}

static void show_anything(struct replica *replica, unsigned what, unsigned *seed)
{
        if (!replica->listed || what < 5)
                list_again(replica, seed);
        else if (what < 50)
                show_quotas(replica, atomic_load(&calm));
        else if (what < 200)
                show_ledger(replica, seed);
        else
                show_event(replica);
        note_in_force(cluster_ledger_quotas_written(replica->cluster));
}

/* The watches of one replica. */
static void *feed(void *userdata)
{
        struct replica *replica = userdata;
        unsigned seed = first_seed + 100 + (unsigned)(replica - replicas);

        while (!atomic_load(&feeders_stop)) {
                unsigned what = pick(&seed, 1000);

                pass(replica);
                pthread_rwlock_rdlock(&replica->lock);
                show_anything(replica, what, &seed);
                pthread_rwlock_unlock(&replica->lock);
                if (what % 10 == 0)
                        pause_up_to(&seed, atomic_load(&calm) ? 200 : 10000);
        }
        return NULL;
}

static bool wait_until(sem_t *done, int64_t until)
{
        while (sem_trywait(done) < 0) {
                if (clock_monotonic() >= until)
                        return false;
                usleep(300);
        }
        return true;
}

/* Waits for a commit, or until it is worth deciding again, no longer than the request lives. */
static int wait_for(struct ledger *ledger, bool behind, uint64_t commit, int64_t until)
{
        struct told told = {.waiter.done = tell};
        int r;

        sem_init(&told.done, 0, 0);
        r = behind ? ledger_wait_current(ledger, &told.waiter) : ledger_wait(ledger, &told.waiter, commit);
        if (r)
                return r < 0 ? r : 0;
        if (!wait_until(&told.done, until)) {
                if (ledger_cancel(ledger, &told.waiter))
                        return -ETIMEDOUT;
                sem_wait(&told.done);
        }
        return told.result;
}

/* LEDGER_RESERVED and the id, LEDGER_REFUSED, or -ETIMEDOUT. */
static int admit(struct replica *replica, int pool, int64_t gpus, int64_t begin, char id[static RESERVATION_ID_SIZE])
{
        struct ledger *ledger = cluster_ledger_base(replica->cluster);

        while (clock_monotonic() < begin + LIFE) {
                _cleanup_(reservation_freep) struct reservation *reservation =
                        new_reservation("ns", regions[pool], "A10", gpus);
                size_t quotas = atomic_load(&replica->quotas);
                struct limit limit = gpu_limit(regions[pool], quotas_at(quotas).limits[pool]);
                struct refusal refusal;
                uint64_t commit = 0;
                bool behind;
                int r = ledger_reserve(ledger, reservation, quotas, &limit, 1, &refusal, id, &commit, NULL);

                if (r == LEDGER_REFUSED)
                        return r;
                if (r == LEDGER_STALE)
                        continue;
                behind = r == LEDGER_BEHIND;
                r = wait_for(ledger, behind, commit, begin + LIFE);
                if (r == 0 && !behind)
                        return LEDGER_RESERVED; /* written, or out of a credit */
                if (r == -ETIMEDOUT && commit)
                        ledger_give_back(ledger, &(struct reservation_key){.id = id}, commit, NULL);
        }
        return -ETIMEDOUT;
}

/* Any replica; where there are streams, the same one for a while. */
static struct replica *choose(unsigned *seed)
{
        return &replicas[streams ? (unsigned)(clock_monotonic() / (50 * NS_PER_MS)) % REPLICAS
                                 : pick(seed, REPLICAS)];
}

/* As admit(), or -ETIMEDOUT because the replica is dead. */
static int ask(struct replica *replica, int pool, int64_t gpus, int64_t begin, char id[static RESERVATION_ID_SIZE])
{
        int r = -ETIMEDOUT;

        if (atomic_load(&replica->dead) || pthread_rwlock_tryrdlock(&replica->lock))
                return r;
        if (!atomic_load(&replica->dead))
                r = admit(replica, pool, gpus, begin, id);
        pthread_rwlock_unlock(&replica->lock);
        return r;
}

/* Creates pods, changes them, and deletes them after a while; drops some after their admission. */
static void *live(void *userdata)
{
        unsigned seed = first_seed + 1000 + (unsigned)(size_t)userdata;
        size_t own[64], n = 0;

        while (!atomic_load(&clients_stop)) {
                struct replica *replica = choose(&seed);
                int pool = streams ? (int)(clock_monotonic() / (200 * NS_PER_MS)) % POOLS : (int)pick(&seed, POOLS);
                int64_t gpus = 1 + pick(&seed, 3), begin = clock_monotonic();
                char id[RESERVATION_ID_SIZE];
                int r = ask(replica, pool, gpus, begin, id);
                bool let_go = pick(&seed, 3) == 0;

                pass(replica);
                if (r == LEDGER_RESERVED && pick(&seed, 10) > 0) {
                        pause_up_to(&seed, pick(&seed, streams ? 4 : 20) ? 3000 : 200000);
                        n += create_pod(begin, id, pool, gpus, &own[n]);
                }
                if (n && pick(&seed, 3) == 0)
                        change_pod(own[pick(&seed, (unsigned)n)], false);
                while (n && (n == 64 || (streams && r == LEDGER_REFUSED && let_go) ||
                             pick(&seed, streams               ? 16
                                         : r == LEDGER_REFUSED ? 2
                                                               : 8) == 0))
                        change_pod(own[--n], true);
                pause_up_to(&seed, 2000);
        }
        while (n)
                change_pod(own[--n], true);
        return NULL;
}

static void start_replica(struct replica *replica)
{
        const struct cluster_ledger_options options = {.time_to_live = streams ? 3 * TIME_TO_LIVE : TIME_TO_LIVE,
                                                       .pace = NS_PER_MS};
        replica->store = (struct ledger_store){read_ledger, write_ledger, list_pods, list_quotas, is_first, replica};
        ck_assert_int_eq(cluster_ledger_new(&replica->cluster, &replica->store, &options, NULL), 0);
        show_quotas(replica, true);
}

/* It dies with all that it has under way; another one takes its place. */
static void replace_replica(struct replica *replica)
{
        struct cluster_ledger_status status;

        atomic_store(&replica->dead, true);
        pthread_rwlock_wrlock(&replica->lock);
        cluster_ledger_status(replica->cluster, &status);
        atomic_fetch_add(&credited, status.credited);
        cluster_ledger_free(replica->cluster);
        replica->listed = false;
        replica->seen = 0;
        start_replica(replica);
        pthread_rwlock_unlock(&replica->lock);
        atomic_store(&replica->dead, false);
}

static void delete_ledger(void)
{
        pthread_mutex_lock(&server.lock);
        json_decref(server.ledger);
        server.ledger = NULL;
        server.revision++;
        pthread_mutex_unlock(&server.lock);
}

/* Stops replicas for a while, mostly shorter than a request lives, or lets them die; changes the quotas; deletes the
 * ledger once. */
static void disturb(void)
{
        unsigned seed = first_seed + 5000;
        int64_t end = clock_monotonic() + (atomic_load(&calm) ? RUN_FOR / 2 : RUN_FOR), loss = end - LOST_FOR;

        while (clock_monotonic() < end && !*server.violation) {
                struct replica *replica = &replicas[pick(&seed, REPLICAS)];

                pause_up_to(&seed, 200000);
                atomic_store(&replica->frozen, !atomic_load(&calm));
                pause_up_to(&seed, pick(&seed, 4) ? 60000 : 400000);
                atomic_store(&replica->frozen, false);
                if (pick(&seed, 5) == 0)
                        replace_replica(replica);
                if (pick(&seed, 3) == 0)
                        change_quotas(2 + pick(&seed, 3));
                if (clock_monotonic() < loss || atomic_load(&calm))
                        continue;
                loss = INT64_MAX;
                delete_ledger();
        }
        change_quotas(4);
        atomic_store(&calm, true);
}

static bool ledger_is_empty(void)
{
        bool empty;

        pthread_mutex_lock(&server.lock);
        empty = server.ledger && !json_array_size(json_object_get(json_object_get(server.ledger, "spec"), "entries"));
        pthread_mutex_unlock(&server.lock);
        return empty;
}

/* All of it, once everything has been seen to be gone. */
static bool can_promise_all(struct replica *replica, int pool)
{
        char id[RESERVATION_ID_SIZE];

        return admit(replica, pool, limits[pool], clock_monotonic(), id) == LEDGER_RESERVED;
}

#define EVENTUALLY(what)                                               \
        do {                                                           \
                int64_t end_ = clock_monotonic() + 20 * NS_PER_SECOND; \
                bool so_ = what;                                       \
                while (!so_ && clock_monotonic() < end_) {             \
                        usleep(2000);                                  \
                        so_ = what;                                    \
                }                                                      \
                ck_assert_msg(so_, "seed %u: %s", first_seed, #what);  \
        } while (0)

static void report(void)
{
        uint64_t commits = 0, conflicts = 0, unknown = 0; /* of those that live */

        for (int i = 0; i < REPLICAS; i++) {
                struct cluster_ledger_status status;

                cluster_ledger_status(replicas[i].cluster, &status);
                commits += status.commits;
                conflicts += status.conflicts;
                unknown += status.unknown;
                atomic_fetch_add(&credited, status.credited);
        }
        printf("# seed %u: %zu pods, %llu commits, %llu conflicts, %llu unknown, %llu credited\n", first_seed,
               server.n_pods, (unsigned long long)commits, (unsigned long long)conflicts, (unsigned long long)unknown,
               (unsigned long long)atomic_load(&credited));
        fflush(stdout);
}

static const struct race_case {
        size_t clients;
        int64_t limits[POOLS];
        bool streams; /* which are worth credits */
        bool calm;    /* nothing but replicas that die, and other quotas: many credits */
} race_cases[] = {
        {8, {12, 20}, false, false},
        {CLIENTS_MAX, {96, 160}, true, false},
        {CLIENTS_MAX, {96, 160}, true, true},
};

START_TEST(no_pool_is_ever_above_its_limit_and_all_of_it_comes_back)
{
        const char *seed = getenv("SEED");
        const struct race_case *test = &race_cases[_i];
        pthread_t clients[CLIENTS_MAX], feeders[REPLICAS];

        log_setup(LOG_ERROR + 1, LOG_LOGFMT);
        memcpy(limits, test->limits, sizeof(limits));
        streams = test->streams;
        atomic_store(&calm, test->calm);
        change_quotas(4);
        first_seed = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)clock_monotonic();
        for (int i = 0; i < REPLICAS; i++) {
                pthread_rwlock_init(&replicas[i].lock, NULL);
                start_replica(&replicas[i]);
                pthread_create(&feeders[i], NULL, feed, &replicas[i]);
        }
        for (size_t i = 0; i < test->clients; i++)
                pthread_create(&clients[i], NULL, live, (void *)i);
        disturb();
        atomic_store(&clients_stop, true);
        for (size_t i = 0; i < test->clients; i++)
                pthread_join(clients[i], NULL);
        report();
        ck_assert_msg(!*server.violation, "seed %u: %s", first_seed, server.violation);
        ck_assert_msg(!test->calm || atomic_load(&credited), "seed %u: there were no credits", first_seed);
        EVENTUALLY(ledger_is_empty());
        for (int pool = 0; pool < POOLS; pool++) {
                ck_assert_int_eq(server.held[pool], 0);
                ck_assert_int_gt(server.most[pool], limits[pool] / 4); /* else there was no race */
                EVENTUALLY(can_promise_all(&replicas[pool], pool));
        }
        atomic_store(&feeders_stop, true);
        for (int i = 0; i < REPLICAS; i++)
                pthread_join(feeders[i], NULL);
        for (int i = 0; i < REPLICAS; i++)
                cluster_ledger_free(replicas[i].cluster);
        json_decref(server.ledger);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, no_pool_is_ever_above_its_limit_and_all_of_it_comes_back, 0,
                            ARRAY_SIZE(race_cases));
}

int main(void)
{
        return unit_main("cluster_ledger_race", add);
}
