/*
 * Which calls Events become, when, and what is told of those that become none. The client's calls are answered here.
 */
#include "kube/event_recorder.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kube/client.h"
#include "util/clock.h"
#include "util/error.h"

#define CALLS_MAX 512
#define EVENTS "/api/v1/namespaces/ns/events"

static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct {
                enum kube_method method;
                char path[128], content_type[64];
                json_t *body;
                int64_t at;
        } calls[CALLS_MAX]; /* guarded by lock, as are the following */
        size_t n;
        int answers[8]; /* errno of the first calls; 0: success */
        bool hold;      /* calls wait until this is false, or they are cancelled */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct event_recorder *recorder;

static bool is_held(void)
{
        bool held;

        pthread_mutex_lock(&server.lock);
        held = server.hold;
        pthread_mutex_unlock(&server.lock);
        return held;
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error)
{
        size_t i;
        int r;

        (void)client;
        (void)ret;
        pthread_mutex_lock(&server.lock);
        i = server.n++;
        ck_assert_uint_lt(i, CALLS_MAX);
        server.calls[i].method = call->method;
        snprintf(server.calls[i].path, sizeof(server.calls[i].path), "%s", call->path);
        snprintf(server.calls[i].content_type, sizeof(server.calls[i].content_type), "%s",
                 call->content_type ? call->content_type : "");
        server.calls[i].body = json_loadb(call->body, call->size, 0, NULL);
        server.calls[i].at = clock_monotonic();
        r = i < ARRAY_SIZE(server.answers) ? server.answers[i] : 0;
        pthread_mutex_unlock(&server.lock);
        while (is_held()) {
                if (__atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE))
                        return error_set(error, ECANCELED, "cancelled");
                usleep(1000);
        }
        return r ? error_set_errno(error, r, "a call") : 0;
}

void kube_response_clear(struct kube_response *response)
{
        *response = KUBE_RESPONSE_INIT;
}

static void set_hold(bool hold)
{
        pthread_mutex_lock(&server.lock);
        server.hold = hold;
        pthread_mutex_unlock(&server.lock);
}

static size_t n_calls(void)
{
        size_t n;

        pthread_mutex_lock(&server.lock);
        n = server.n;
        pthread_mutex_unlock(&server.lock);
        return n;
}

static void wait_calls(size_t n)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (n_calls() < n && clock_monotonic() < end)
                usleep(1000);
        ck_assert_uint_ge(n_calls(), n);
}

static uint64_t sum(const struct event_recorder_counts *counts)
{
        return counts->written + counts->limited + counts->dropped;
}

static void assert_counts(uint64_t written, uint64_t limited, uint64_t dropped)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;
        struct event_recorder_counts counts;

        do {
                event_recorder_counts(recorder, &counts);
                usleep(1000);
        } while (sum(&counts) < written + limited + dropped && clock_monotonic() < end);
        ck_assert_uint_eq(counts.written, written);
        ck_assert_uint_eq(counts.limited, limited);
        ck_assert_uint_eq(counts.dropped, dropped);
}

static void record(const char *name, const char *message)
{
        const struct event_object object = {
                .api_version = "apps/v1",
                .kind = "ReplicaSet",
                .namespace = "ns",
                .name = name,
                .uid = "1",
        };

        event_recorder_record(recorder, &object, EVENT_WARNING, "NothingFits", message);
}

static const char *text(size_t call, const char *key)
{
        const char *value = json_string_value(json_object_get(server.calls[call].body, key));

        return value ? value : "";
}

static json_int_t count(size_t call)
{
        return json_integer_value(json_object_get(server.calls[call].body, "count"));
}

static void setup(void)
{
        server.n = 0;
        server.hold = false;
        memset(server.answers, 0, sizeof(server.answers));
        ck_assert_int_eq(event_recorder_new(&recorder, NULL, NULL), 0);
}

static void teardown(void)
{
        event_recorder_free(recorder);
        for (size_t i = 0; i < server.n; i++)
                json_decref(server.calls[i].body);
}

START_TEST(one_is_created)
{
        record("web", "no unit fits");
        assert_counts(1, 0, 0);
        ck_assert_uint_eq(n_calls(), 1);
        ck_assert_int_eq(server.calls[0].method, KUBE_POST);
        ck_assert_str_eq(server.calls[0].path, EVENTS);
        ck_assert_str_eq(text(0, "message"), "no unit fits");
        ck_assert_str_eq(text(0, "reason"), "NothingFits");
        ck_assert_str_eq(text(0, "type"), "Warning");
        ck_assert_int_eq(count(0), 1);
}
END_TEST

START_TEST(one_of_an_object_without_namespace_is_in_default)
{
        const struct event_object quota = {.api_version = "a/v1", .kind = "RegionQuota", .name = "cn"};

        event_recorder_record(recorder, &quota, EVENT_NORMAL, "r", "m");
        assert_counts(1, 0, 0);
        ck_assert_str_eq(server.calls[0].path, "/api/v1/namespaces/default/events");
}
END_TEST

START_TEST(the_same_again_is_counted)
{
        char path[256];

        record("web", "no unit fits");
        record("web", "no unit fits");
        assert_counts(2, 0, 0);
        ck_assert_int_eq(server.calls[1].method, KUBE_PATCH);
        snprintf(path, sizeof(path), EVENTS "/%s",
                 json_string_value(json_object_get(json_object_get(server.calls[0].body, "metadata"), "name")));
        ck_assert_str_eq(server.calls[1].path, path);
        ck_assert_str_eq(server.calls[1].content_type, "application/merge-patch+json");
        ck_assert_int_eq(count(1), 2);
        ck_assert_str_ne(text(1, "lastTimestamp"), "");
}
END_TEST

static const struct answer_case {
        const char *name;
        int answers[8]; /* to the calls */
        enum kube_method methods[3];
        size_t n;
        json_int_t count; /* of the last call */
        uint64_t written, dropped;
} answer_cases[] = {
        {"what the server has forgotten is created anew",
         {0, ENOENT},
         {KUBE_POST, KUBE_PATCH, KUBE_POST},
         3,
         2,
         2,
         0},
        {"what was not created is created next time", {EIO}, {KUBE_POST, KUBE_POST}, 2, 2, 1, 1},
        {"what may have been created is counted if it was", {EEXIST}, {KUBE_POST, KUBE_PATCH}, 2, 2, 1, 1},
        {"what is refused is lost", {EACCES, EACCES}, {KUBE_POST, KUBE_POST}, 2, 2, 0, 2},
};

START_TEST(what_the_server_answers_decides_what_comes_next)
{
        const struct answer_case *test = &answer_cases[_i];

        memcpy(server.answers, test->answers, sizeof(server.answers));
        record("web", "m");
        record("web", "m");
        assert_counts(test->written, 0, test->dropped);
        ck_assert_msg(n_calls() == test->n, "%s", test->name);
        for (size_t i = 0; i < test->n; i++)
                ck_assert_msg(server.calls[i].method == test->methods[i], "%s: call %zu", test->name, i);
        ck_assert_int_eq(count(test->n - 1), test->count);
}
END_TEST

START_TEST(too_many_of_one_object_are_held_back)
{
        char message[32];

        for (int i = 0; i < 27; i++) {
                snprintf(message, sizeof(message), "%d", i);
                record("web", message);
        }
        assert_counts(25, 2, 0);
}
END_TEST

START_TEST(ten_are_written_at_once_and_then_ten_a_second)
{
        int64_t begun = clock_monotonic();
        char name[32];

        for (int i = 0; i < 13; i++) {
                snprintf(name, sizeof(name), "web-%d", i);
                record(name, "m");
        }
        assert_counts(13, 0, 0);
        for (int i = 0; i < 3; i++)
                ck_assert_int_ge(server.calls[10 + i].at - begun, (i + 1) * 100 * NS_PER_MS);
}
END_TEST

START_TEST(nobody_waits_and_what_has_no_room_is_dropped)
{
        int64_t begun;
        struct event_recorder_counts counts;

        set_hold(true);
        record("web", "m");
        wait_calls(1);
        begun = clock_monotonic();
        for (int i = 0; i < EVENT_RECORDER_QUEUE + 5; i++)
                record("web", "m");
        ck_assert_int_lt(clock_monotonic() - begun, NS_PER_SECOND);
        event_recorder_counts(recorder, &counts);
        ck_assert_uint_eq(counts.dropped, 5);
        set_hold(false);
}
END_TEST

START_TEST(what_is_queued_at_the_end_is_written)
{
        record("a", "m");
        record("b", "m");
        record("c", "m");
        recorder = event_recorder_free(recorder);
        ck_assert_uint_eq(server.n, 3);
}
END_TEST

START_TEST(a_server_that_does_not_answer_holds_up_the_end_for_a_second)
{
        int64_t begun = clock_monotonic(), took;

        set_hold(true);
        record("a", "m");
        record("b", "m");
        wait_calls(1);
        recorder = event_recorder_free(recorder);
        took = clock_monotonic() - begun;
        ck_assert_int_ge(took, NS_PER_SECOND);
        ck_assert_int_lt(took, 3 * NS_PER_SECOND);
        ck_assert_uint_eq(server.n, 1);
}
END_TEST

START_TEST(a_queue_that_is_too_long_holds_up_the_end_for_a_second)
{
        int64_t begun = clock_monotonic();
        char name[32];

        for (int i = 0; i < 100; i++) {
                snprintf(name, sizeof(name), "web-%d", i);
                record(name, "m");
        }
        recorder = event_recorder_free(recorder);
        ck_assert_int_lt(clock_monotonic() - begun, 3 * NS_PER_SECOND);
        ck_assert_uint_ge(server.n, 10);
        ck_assert_uint_lt(server.n, 50);
}
END_TEST

static void *record_many(void *userdata)
{
        for (int i = 0; i < 1000; i++)
                record(userdata, "m");
        return NULL;
}

START_TEST(many_threads_may_record)
{
        static char names[4][2] = {"a", "b", "c", "d"};
        pthread_t threads[4];
        struct event_recorder_counts counts;

        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, record_many, names[i]), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
        event_recorder_counts(recorder, &counts);
        ck_assert_uint_le(sum(&counts), 4000);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, one_is_created);
        tcase_add_test(tests, one_of_an_object_without_namespace_is_in_default);
        tcase_add_test(tests, the_same_again_is_counted);
        tcase_add_loop_test(tests, what_the_server_answers_decides_what_comes_next, 0, ARRAY_SIZE(answer_cases));
        tcase_add_test(tests, too_many_of_one_object_are_held_back);
        tcase_add_test(tests, ten_are_written_at_once_and_then_ten_a_second);
        tcase_add_test(tests, nobody_waits_and_what_has_no_room_is_dropped);
        tcase_add_test(tests, what_is_queued_at_the_end_is_written);
        tcase_add_test(tests, a_server_that_does_not_answer_holds_up_the_end_for_a_second);
        tcase_add_test(tests, a_queue_that_is_too_long_holds_up_the_end_for_a_second);
        tcase_add_test(tests, many_threads_may_record);
}

int main(void)
{
        return unit_main("event_recorder", add);
}
