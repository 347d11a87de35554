/*
 * The ledger: what is granted and refused, what is given back, what counters say, and that no two threads are granted
 * the same GPU. What happens when writing fails, or the process dies, is in ledger_faults.c.
 *
 * Every test runs with a ledger in memory and with one in a folder.
 */
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"

#include <pthread.h>

#include "reservations.h"
#include "scratch.h"
#include "util/log.h"

enum place { IN_MEMORY, IN_FOLDER, PLACES };

static struct ledger *ledger;
static enum place place;

static void open_ledger(void)
{
        struct classifier classifier = BY_REGION(1);

        ck_assert_int_eq(embedded_ledger_new(&ledger, place == IN_FOLDER ? scratch_path("state").text : NULL, NULL),
                         0);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
}

static void open_in(int where)
{
        place = (enum place)where;
        open_ledger();
}

static void teardown(void)
{
        ledger = ledger_free(ledger);
        scratch_teardown();
}

/* Closes it and opens it again, where that keeps anything. */
static void reopen(void)
{
        if (place == IN_MEMORY)
                return;
        ledger = ledger_free(ledger);
        open_ledger();
}

static struct counter counter_of(const char *key)
{
        struct counter counter;

        ck_assert_int_eq(ledger_counter(ledger, key, &counter), 0);
        return counter;
}

static void assert_gpus(const char *key, int64_t gpus, int64_t pods, int64_t terminating)
{
        struct counter counter = counter_of(key);

        ck_assert_int_eq(quantity_value(counter.gpus), gpus);
        ck_assert_int_eq(counter.pods, pods);
        ck_assert_int_eq(counter.terminating_pods, terminating);
        counter_clear(&counter);
}

/* Reserves without a limit; the id goes to `id`. */
static void reserve(struct reservation *reservation, char id[static RESERVATION_ID_SIZE])
{
        struct refusal refusal;
        uint64_t commit;

        memcpy(id, reservation->id, RESERVATION_ID_SIZE);
        ck_assert_int_eq(try_reserve(ledger, &reservation, 1, NULL, 0, &refusal, &commit), LEDGER_RESERVED);
        ck_assert_ptr_null(reservation);
        ck_assert_int_eq(wait_for_commit(ledger, commit), 0);
}

static int release(struct reservation_key key)
{
        uint64_t commit;
        int r = ledger_release(ledger, &key, &commit, NULL);

        if (r > 0)
                ck_assert_int_eq(wait_for_commit(ledger, commit), 0);
        return r;
}

static int terminate(struct reservation_key key)
{
        uint64_t commit;
        int r = ledger_terminate(ledger, &key, &commit, NULL);

        if (r > 0)
                ck_assert_int_eq(wait_for_commit(ledger, commit), 0);
        return r;
}

START_TEST(nothing_is_reserved_before_there_is_a_classifier)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 1);
        struct refusal refusal;
        uint64_t commit;

        ck_assert_int_eq(embedded_ledger_new(&ledger, _i == IN_FOLDER ? scratch_path("state").text : NULL, NULL), 0);
        ck_assert_int_eq(try_reserve(ledger, &reservation, 0, NULL, 0, &refusal, &commit), LEDGER_STALE);
        ck_assert_int_eq(ledger_check(ledger, reservation, 0, NULL, 0, &refusal), LEDGER_STALE);
        ck_assert_ptr_nonnull(reservation);
        ck_assert_uint_eq(ledger_count(ledger), 0);
}
END_TEST

static const struct reserve_case {
        const char *name;
        uint64_t generation;
        int64_t limit, gpus; /* of which 3 are taken */
        enum ledger_answer answer;
} reserve_cases[] = {
        {"what fits is reserved", 1, 10, 4, LEDGER_RESERVED},
        {"the last GPU is reserved", 1, 10, 7, LEDGER_RESERVED},
        {"one more than the last is refused", 1, 10, 8, LEDGER_REFUSED},
        {"a pool that has shrunk below what is taken refuses", 1, 2, 1, LEDGER_REFUSED},
        {"limits of an earlier generation are stale", 0, 10, 4, LEDGER_STALE},
        {"limits of a later generation are stale", 2, 10, 4, LEDGER_STALE},
        {"stale limits are not looked at", 0, 2, 4, LEDGER_STALE},
};

START_TEST(limits_are_kept)
{
        const struct reserve_case *test = &reserve_cases[_i / PLACES];
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        struct limit limits[] = {gpu_limit("elsewhere", 0), gpu_limit("r", test->limit)};
        struct refusal refusal = {0};
        char id[RESERVATION_ID_SIZE];
        uint64_t commit = 0;
        bool reserved = test->answer == LEDGER_RESERVED;

        open_in(_i % PLACES);
        limits[0].limit = quantity_whole(1000);
        reserve(new_reservation("ns", "r", "", 3), id);
        reservation = new_reservation("ns", "r", "", test->gpus);
        ck_assert_msg(ledger_check(ledger, reservation, test->generation, limits, 2, &refusal) == test->answer, "%s",
                      test->name);
        assert_gpus("r", 3, 1, 0);
        ck_assert_msg(try_reserve(ledger, &reservation, test->generation, limits, 2, &refusal, &commit) ==
                              (int)test->answer,
                      "%s", test->name);
        ck_assert_msg(!reservation == reserved, "%s", test->name);
        assert_gpus("r", 3 + (reserved ? test->gpus : 0), reserved ? 2 : 1, 0);
        ck_assert_uint_eq(ledger_count(ledger), reserved ? 2 : 1);
        if (test->answer == LEDGER_REFUSED) {
                ck_assert_uint_eq(refusal.limit, 1);
                ck_assert_int_eq(quantity_value(refusal.used), 3);
                ck_assert_int_eq(quantity_value(refusal.wanted), test->gpus);
        }
        if (reserved)
                ck_assert_int_eq(wait_for_commit(ledger, commit), 0);
}
END_TEST

static const struct key_case {
        const char *name;
        const char *region, *series; /* of the reservation; its namespace is ns */
        struct reservation_key key;  /* without the id */
        bool fits;
} key_cases[] = {
        {"the key of the pod itself", "r", "A10", {NULL, "ns", "r", "A10"}, true},
        {"another namespace", "r", "A10", {NULL, "other", "r", "A10"}, false},
        {"another region", "r", "A10", {NULL, "ns", "s", "A10"}, false},
        {"another series", "r", "A10", {NULL, "ns", "r", "T4"}, false},
        {"no series, where the reservation has one", "r", "A10", {NULL, "ns", "r", ""}, false},
        {"a series, where the reservation has none", "r", "", {NULL, "ns", "r", "T4"}, true},
        {"a region, where the reservation has none", "", "", {NULL, "ns", "s", ""}, true},
};

START_TEST(a_copied_id_gives_nothing_back)
{
        const struct key_case *test = &key_cases[_i / PLACES];
        char id[RESERVATION_ID_SIZE];
        struct reservation_key key = test->key;

        open_in(_i % PLACES);
        reserve(new_reservation("ns", test->region, test->series, 2), id);
        key.id = id;
        ck_assert_msg(terminate(key) == test->fits, "%s", test->name);
        assert_gpus("all", 2, 1, test->fits);
        ck_assert_msg(release(key) == test->fits, "%s", test->name);
        assert_gpus("all", test->fits ? 0 : 2, test->fits ? 0 : 1, 0);
        reopen();
        ck_assert_uint_eq(ledger_count(ledger), test->fits ? 0 : 1);
}
END_TEST

START_TEST(what_was_given_back_can_be_reserved_again)
{
        struct limit limit = gpu_limit("r", 4);
        struct reservation *reservation = new_reservation("ns", "r", "", 4);
        char id[RESERVATION_ID_SIZE];
        struct refusal refusal;
        uint64_t commit;

        open_in(_i);
        reserve(new_reservation("ns", "r", "", 4), id);
        ck_assert_int_eq(try_reserve(ledger, &reservation, 1, &limit, 1, &refusal, &commit), LEDGER_REFUSED);
        ck_assert_int_eq(release((struct reservation_key){id, "ns", "r", ""}), 1);
        ck_assert_int_eq(release((struct reservation_key){id, "ns", "r", ""}), 0);
        ck_assert_int_eq(terminate((struct reservation_key){id, "ns", "r", ""}), 0);
        ck_assert_int_eq(try_reserve(ledger, &reservation, 1, &limit, 1, &refusal, &commit), LEDGER_RESERVED);
        ck_assert_int_eq(wait_for_commit(ledger, commit), 0);
        reopen();
        assert_gpus("r", 4, 1, 0);
}
END_TEST

START_TEST(a_terminating_pod_is_marked_once)
{
        char id[RESERVATION_ID_SIZE];
        struct counter counter;
        struct reservation *reservation = new_reservation("ns", "r", "", 2);

        open_in(_i);
        set_resource(reservation, "cpu", "500m");
        reserve(reservation, id);
        ck_assert_int_eq(terminate((struct reservation_key){id, "ns", "r", ""}), 1);
        ck_assert_int_eq(terminate((struct reservation_key){id, "ns", "r", ""}), 0);
        ck_assert_int_eq(terminate((struct reservation_key){"no such id", "ns", "r", ""}), 0);
        reopen();
        assert_gpus("r", 2, 1, 1);
        counter = counter_of("r");
        ck_assert_int_eq((int64_t)resources_find(&counter.resources, "cpu")->nano, 500000000);
        ck_assert_int_eq((int64_t)resources_find(&counter.terminating_resources, "cpu")->nano, 500000000);
        counter_clear(&counter);
}
END_TEST

START_TEST(a_ledger_opened_again_has_what_it_had)
{
        char ids[4][RESERVATION_ID_SIZE];

        open_in(_i);
        for (int i = 0; i < 4; i++) {
                struct reservation *reservation = new_reservation("ns", i < 2 ? "r" : "s", "A10", i + 1);

                set_resource(reservation, "cpu", "1500m");
                set_resource(reservation, "nvidia.com/gpu", i ? "1" : "2");
                reserve(reservation, ids[i]);
        }
        ck_assert_int_eq(release((struct reservation_key){ids[0], "ns", "r", "A10"}), 1);
        ck_assert_int_eq(terminate((struct reservation_key){ids[3], "ns", "s", "A10"}), 1);
        for (int i = 0; i < 2; i++) {
                struct counter counter = counter_of("all");

                assert_gpus("r", 2, 1, 0);
                assert_gpus("s", 3 + 4, 2, 1);
                assert_gpus("nowhere", 0, 0, 0);
                ck_assert_int_eq((int64_t)resources_find(&counter.resources, "cpu")->nano, 3 * 1500000000LL);
                ck_assert_int_eq(quantity_value(*resources_find(&counter.resources, "nvidia.com/gpu")), 3);
                counter_clear(&counter);
                ck_assert_uint_eq(ledger_count(ledger), 3);
                reopen();
        }
}
END_TEST

static int refuse_to_classify(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)userdata;
        (void)reservation;
        (void)ret;
        return -ENOMEM;
}

static int classify_by_namespace(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)userdata;
        return counter_keys_add(ret, reservation->namespace, 0);
}

static void count_release(void *userdata)
{
        ++*(int *)userdata;
}

START_TEST(a_new_classifier_counts_everything_anew)
{
        int first = 0, second = 0;
        struct classifier classifiers[] = {
                {1, classify_by_region, &first, count_release, NULL},
                {2, classify_by_namespace, &second, count_release, NULL},
                {3, refuse_to_classify, NULL, NULL, NULL},
        };
        char id[RESERVATION_ID_SIZE];

        open_in(_i);
        ck_assert_int_eq(ledger_classify(ledger, &classifiers[0], NULL), 0);
        reserve(new_reservation("n", "r", "", 1), id);
        reserve(new_reservation("n", "r", "", 2), id);
        reserve(new_reservation("m", "r", "", 4), id);
        ck_assert_int_eq(terminate((struct reservation_key){id, "m", "r", ""}), 1);
        ck_assert_int_eq(ledger_classify(ledger, &classifiers[1], NULL), 0);
        ck_assert_int_eq(first, 1);
        ck_assert_int_eq(ledger_classify(ledger, &classifiers[2], NULL), -ENOMEM);
        ck_assert_int_eq(second, 0);
        assert_gpus("r", 0, 0, 0);
        assert_gpus("n", 3, 2, 0);
        assert_gpus("m", 4, 1, 1);
        ck_assert_int_eq(release((struct reservation_key){id, "m", "r", ""}), 1);
        assert_gpus("m", 0, 0, 0);
        ledger = ledger_free(ledger);
        ck_assert_int_eq(second, 1);
        open_ledger();
}
END_TEST

#define THREADS 8
#define EACH 150
#define POOL 3 /* GPUs of each region */

static pthread_barrier_t barrier;

static const char *region_of(int number, char name[static 16])
{
        snprintf(name, 16, "r%d", number);
        return name;
}

/* All threads ask for a GPU of the same region at the same moment, then of the next one. */
static void *reserve_in_each_region(void *userdata)
{
        uint64_t last = 0, commit;
        int *granted = userdata;

        for (int i = 0; i < EACH; i++) {
                char name[16];
                struct limit limit = gpu_limit(region_of(i, name), POOL);
                struct reservation *reservation = new_reservation("ns", name, "", 1);
                struct refusal refusal;

                pthread_barrier_wait(&barrier);
                if (try_reserve(ledger, &reservation, 1, &limit, 1, &refusal, &commit) == LEDGER_RESERVED) {
                        last = commit;
                        ++*granted;
                }
                reservation_free(reservation);
        }
        return wait_for_commit(ledger, last) < 0 ? userdata : NULL;
}

START_TEST(threads_are_granted_no_more_than_there_is)
{
        pthread_t threads[THREADS];
        int granted[THREADS] = {0}, sum = 0;
        char name[16];
        void *failed;

        open_in(_i);
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (int i = 0; i < THREADS; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, reserve_in_each_region, &granted[i]), 0);
        for (int i = 0; i < THREADS; i++) {
                pthread_join(threads[i], &failed);
                ck_assert_ptr_null(failed);
                sum += granted[i];
        }
        ck_assert_int_eq(sum, POOL * EACH);
        reopen();
        for (int i = 0; i < EACH; i++)
                assert_gpus(region_of(i, name), POOL, POOL, 0);
        assert_gpus("all", POOL * EACH, POOL * EACH, 0);
}
END_TEST

/* Reserves and gives back, again and again, one GPU of a pool of three. */
static void *come_and_go(void *userdata)
{
        struct limit limit = gpu_limit("r", 3);

        (void)userdata;
        for (int i = 0; i < EACH; i++) {
                struct reservation *reservation = new_reservation("ns", "r", "", 1);
                struct reservation_key key = {.namespace = "ns", .region = "r", .series = ""};
                char id[RESERVATION_ID_SIZE];
                struct refusal refusal;
                uint64_t commit;

                memcpy(id, reservation->id, sizeof(id));
                key.id = id;
                if (try_reserve(ledger, &reservation, 1, &limit, 1, &refusal, &commit) == LEDGER_RESERVED)
                        ledger_release(ledger, &key, &commit, NULL);
                reservation_free(reservation);
        }
        return NULL;
}

START_TEST(threads_that_come_and_go_leave_nothing_behind)
{
        pthread_t threads[THREADS];

        open_in(_i);
        for (int i = 0; i < THREADS; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        assert_gpus("r", 0, 0, 0);
        reopen();
        ck_assert_uint_eq(ledger_count(ledger), 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, teardown);
        tcase_add_loop_test(tests, nothing_is_reserved_before_there_is_a_classifier, 0, PLACES);
        tcase_add_loop_test(tests, limits_are_kept, 0, PLACES * ARRAY_SIZE(reserve_cases));
        tcase_add_loop_test(tests, a_copied_id_gives_nothing_back, 0, PLACES * ARRAY_SIZE(key_cases));
        tcase_add_loop_test(tests, what_was_given_back_can_be_reserved_again, 0, PLACES);
        tcase_add_loop_test(tests, a_terminating_pod_is_marked_once, 0, PLACES);
        tcase_add_loop_test(tests, a_ledger_opened_again_has_what_it_had, 0, PLACES);
        tcase_add_loop_test(tests, a_new_classifier_counts_everything_anew, 0, PLACES);
        tcase_add_loop_test(tests, threads_are_granted_no_more_than_there_is, 0, PLACES);
        tcase_add_loop_test(tests, threads_that_come_and_go_leave_nothing_behind, 0, PLACES);
}

int main(void)
{
        return unit_main("ledger", add);
}
