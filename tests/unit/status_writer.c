/*
 * The status of quotas is written by the leader alone, where something has changed, at most once a second, and not
 * before the ledger carries the quotas that it is about (rule 7).
 */
#include "cluster/status_writer.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "cluster/catalog_source.h"
#include "cluster_objects.h"
#include "fake_kube.h"
#include "util/log.h"

/* What the writer is told of the replica; atomic. */
static struct {
        bool leads;
        uint64_t written;
        int64_t used;
} replica;

static struct catalog_source *source;
static struct status_writer *writer;

static int use(void *userdata, struct catalog *catalog, struct error *error)
{
        (void)userdata, (void)catalog, (void)error;
        return 0;
}

static bool leads(void *userdata)
{
        (void)userdata;
        return __atomic_load_n(&replica.leads, __ATOMIC_SEQ_CST);
}

static uint64_t quotas_written(void *userdata)
{
        (void)userdata;
        return __atomic_load_n(&replica.written, __ATOMIC_SEQ_CST);
}

static int pool(void *userdata, const char *region, const char *series, int64_t *ret_used, int64_t *ret_reserved)
{
        (void)userdata, (void)region, (void)series;
        *ret_used = __atomic_load_n(&replica.used, __ATOMIC_SEQ_CST);
        *ret_reserved = 0;
        return 0;
}

static void list_quotas(unsigned version)
{
        struct catalog_feed *feed = catalog_source_quotas(source);

        ck_assert_int_eq(catalog_feed_ops.list_begin(feed), 0);
        for (unsigned i = 0; i < 2; i++) {
                json_t *object = quota_object(i ? "b" : "a", 4, version + i, 1);

                ck_assert_int_eq(catalog_feed_ops.list_item(feed, object), 0);
                json_decref(object);
        }
        ck_assert_int_eq(catalog_feed_ops.list_end(feed, version + 2), 0);
}

static void setup(void)
{
        static const struct catalog_source_ops source_ops = {.use = use};

        replica.leads = true;
        replica.written = 100;
        ck_assert_int_eq(catalog_source_new(&source, &source_ops, NULL, NULL), 0);
        list_quotas(10);
}

/* Starts writing, with a server that answers so. */
static void start(fake_answer_fn *answer)
{
        static const struct status_writer_ops ops = {
                .leads = leads, .quotas_written = quotas_written, .numbers = {.pool = pool}};

        fake_kube.answer = answer;
        ck_assert_int_eq(status_writer_new(&writer, NULL, source, &ops, NULL), 0);
}

static void teardown(void)
{
        status_writer_free(writer);
        catalog_source_free(source);
}

static void wait_for_calls(size_t n)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (fake_kube_count() < n && clock_monotonic() < end)
                usleep(1000);
        ck_assert_uint_ge(fake_kube_count(), n);
}

/* Stores the status and sends it back through the watch, as the API server does. */
static int store(const struct fake_call *call, size_t index, char **ret_body)
{
        json_t *patch = json_loads(call->body, 0, NULL), *object;
        bool is_b = strstr(call->path, "/b/");

        object = quota_object(is_b ? "b" : "a", 4, 50 + (unsigned)index, 1);
        json_object_set(object, "status", json_object_get(patch, "status"));
        ck_assert_int_eq(
                catalog_feed_ops.event(catalog_source_quotas(source), REFLECTOR_MODIFIED, object, 50 + index), 0);
        *ret_body = json_dumps(object, JSON_COMPACT);
        json_decref(object);
        json_decref(patch);
        return 0;
}

/* Stores the status, which does not come back yet. */
static int store_silently(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)call, (void)index;
        *ret_body = strdup("{\"metadata\": {\"resourceVersion\": \"90\"}}");
        return 0;
}

static int refuse(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)ret_body;
        if (index < 2)
                return index ? -ENOENT : -EBUSY;
        return store(call, index, ret_body);
}

static int break_down(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)call, (void)index, (void)ret_body;
        return -EIO;
}

START_TEST(what_is_new_is_written_once_with_the_version_that_it_was_made_from)
{
        json_t *patch;

        start(store);
        wait_for_calls(2);
        usleep(1500000);
        ck_assert_uint_eq(fake_kube_count(), 2);
        ck_assert_int_eq(fake_kube.calls[0].method, KUBE_PATCH);
        ck_assert_str_eq(fake_kube.calls[0].path,
                         "/apis/regionfit.io/v1alpha1/regionquotas/a/status?fieldManager=regionfit");
        ck_assert_str_eq(fake_kube.calls[0].content_type, "application/merge-patch+json");
        patch = json_loads(fake_kube.calls[0].body, 0, NULL);
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(patch, "metadata"), "resourceVersion")),
                         "10");
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(patch, "status"), "limit")), "4");
        json_decref(patch);
}
END_TEST

START_TEST(a_change_is_written_within_two_seconds_and_an_object_at_most_once_a_second)
{
        int64_t changed;

        start(store);
        wait_for_calls(2);
        for (int i = 1; i < 1200; i++) {
                __atomic_store_n(&replica.used, i, __ATOMIC_SEQ_CST);
                usleep(1000);
        }
        changed = clock_monotonic();
        __atomic_store_n(&replica.used, 9999, __ATOMIC_SEQ_CST);
        for (size_t n = 0; n < FAKE_CALLS_MAX - 8; n++) {
                wait_for_calls(n + 1);
                if (strstr(fake_kube.calls[n].body, "\"used\":\"9999\""))
                        break;
        }
        ck_assert_int_lt(clock_monotonic() - changed, 2 * NS_PER_SECOND);
        for (size_t n = 2; n < fake_kube_count(); n++)
                ck_assert_int_ge(fake_kube.calls[n].at - fake_kube.calls[n - 2].at, NS_PER_SECOND);
}
END_TEST

START_TEST(who_does_not_lead_writes_nothing)
{
        replica.leads = false;
        start(store);
        usleep(300000);
        ck_assert_uint_eq(fake_kube_count(), 0);
        __atomic_store_n(&replica.leads, true, __ATOMIC_SEQ_CST);
        wait_for_calls(2);
}
END_TEST

START_TEST(nothing_is_written_before_the_ledger_carries_the_quotas)
{
        replica.written = 10;
        start(store);
        usleep(300000);
        ck_assert_uint_eq(fake_kube_count(), 0);
        __atomic_store_n(&replica.written, 11, __ATOMIC_SEQ_CST);
        wait_for_calls(2);
}
END_TEST

START_TEST(what_was_written_is_not_written_again_before_it_comes_back)
{
        start(store_silently);
        wait_for_calls(2);
        usleep(1300000);
        ck_assert_uint_eq(fake_kube_count(), 2);
}
END_TEST

START_TEST(a_conflict_is_for_the_next_round_and_the_others_are_written)
{
        start(refuse);
        wait_for_calls(2);
        ck_assert_ptr_nonnull(strstr(fake_kube.calls[0].path, "/a/"));
        ck_assert_ptr_nonnull(strstr(fake_kube.calls[1].path, "/b/"));
        wait_for_calls(4);
        usleep(1300000);
        ck_assert_uint_eq(fake_kube_count(), 4);
}
END_TEST

START_TEST(a_server_that_fails_is_left_alone_until_the_next_round)
{
        start(break_down);
        wait_for_calls(1);
        usleep(300000);
        ck_assert_uint_eq(fake_kube_count(), 1);
        wait_for_calls(2);
        ck_assert_ptr_nonnull(strstr(fake_kube.calls[1].path, "/a/"));
}
END_TEST

static void add(TCase *tests)
{
        log_setup(LOG_ERROR, LOG_LOGFMT);
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, what_is_new_is_written_once_with_the_version_that_it_was_made_from);
        tcase_add_test(tests, a_change_is_written_within_two_seconds_and_an_object_at_most_once_a_second);
        tcase_add_test(tests, who_does_not_lead_writes_nothing);
        tcase_add_test(tests, nothing_is_written_before_the_ledger_carries_the_quotas);
        tcase_add_test(tests, what_was_written_is_not_written_again_before_it_comes_back);
        tcase_add_test(tests, a_conflict_is_for_the_next_round_and_the_others_are_written);
        tcase_add_test(tests, a_server_that_fails_is_left_alone_until_the_next_round);
}

int main(void)
{
        return unit_main("status_writer", add);
}
