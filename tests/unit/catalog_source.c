/*
 * Policies and quotas of a cluster are put in force when both lists have ended, and from then on burst by burst; the
 * versions of the quotas are told only once the catalog that has them is in force.
 */
#include "cluster/catalog_source.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "admission/catalog.h"
#include "admission/node_table.h"
#include "admission/pod.h"
#include "cluster/known_object.h"
#include "cluster_objects.h"
#include "policy/index.h"
#include "quota/region_quota.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

/* What the source has told so far. */
static struct {
        pthread_mutex_t lock;
        unsigned uses, failures;        /* guarded by lock, as are the following */
        unsigned fail;                  /* so many calls fail */
        size_t n_policies;              /* of the last catalog */
        int64_t gpus;                   /* of pool a/A10 in it */
        uint64_t spec, view;            /* told last */
        const struct node_table *nodes; /* of the last catalog */
        int64_t gpus_when_told;         /* of the catalog that was in force then */
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct catalog_source *source;

static int use(void *userdata, struct catalog *catalog, struct error *error)
{
        int r = 0;

        ck_assert_ptr_eq(userdata, &told);
        pthread_mutex_lock(&told.lock);
        if (told.fail) {
                told.fail--;
                told.failures++;
                r = error_set(error, EIO, "the ledger cannot count");
        } else {
                told.n_policies = policy_index_count(catalog_policies(catalog));
                told.gpus = quota_table_find(catalog_quotas(catalog), "a", "A10").gpus;
                told.nodes = catalog_nodes(catalog);
                told.uses++;
        }
        pthread_mutex_unlock(&told.lock);
        return r;
}

static void quotas(void *userdata, uint64_t spec_version, uint64_t view_version)
{
        (void)userdata;
        pthread_mutex_lock(&told.lock);
        told.spec = spec_version;
        told.view = view_version;
        told.gpus_when_told = told.gpus;
        pthread_mutex_unlock(&told.lock);
}

static const struct catalog_source_ops ops = {.use = use, .quotas = quotas};

static void setup(void)
{
        told.uses = told.failures = told.fail = 0;
        told.spec = told.view = 0;
        ck_assert_int_eq(catalog_source_new(&source, &ops, &told, NULL), 0);
}

static void teardown(void)
{
        catalog_source_free(source);
}

static uint64_t view(void)
{
        uint64_t version;

        pthread_mutex_lock(&told.lock);
        version = told.view;
        pthread_mutex_unlock(&told.lock);
        return version;
}

static unsigned uses(void)
{
        unsigned n;

        pthread_mutex_lock(&told.lock);
        n = told.uses;
        pthread_mutex_unlock(&told.lock);
        return n;
}

static void wait_for_view(uint64_t version)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (view() != version && clock_monotonic() < end)
                usleep(1000);
        ck_assert_uint_eq(view(), version);
}

static void wait_for_uses(unsigned n)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (uses() < n && clock_monotonic() < end)
                usleep(1000);
        ck_assert_uint_eq(uses(), n);
}

static void list(struct catalog_feed *feed, json_t *object, uint64_t version)
{
        ck_assert_int_eq(catalog_feed_ops.list_begin(feed), 0);
        if (object)
                ck_assert_int_eq(catalog_feed_ops.list_item(feed, object), 0);
        json_decref(object);
        ck_assert_int_eq(catalog_feed_ops.list_end(feed, version), 0);
}

static void modify(struct catalog_feed *feed, json_t *object, uint64_t version)
{
        ck_assert_int_eq(catalog_feed_ops.event(feed, REFLECTOR_MODIFIED, object, version), 0);
        json_decref(object);
}

static void list_both(void)
{
        list(catalog_source_policies(source), policy_object("p", 1, 4, 1), 9);
        list(catalog_source_quotas(source), quota_object("a", 5, 6, 1), 10);
        wait_for_view(10);
}

START_TEST(nothing_is_in_force_before_both_lists_have_ended)
{
        struct known_object **all;
        uint64_t spec_version;
        size_t n;

        list(catalog_source_policies(source), policy_object("p", 1, 4, 1), 9);
        usleep(100000);
        ck_assert_uint_eq(uses(), 0);
        ck_assert_int_eq(catalog_source_all_quotas(source, &all, &n, &spec_version), -EAGAIN);
        list(catalog_source_quotas(source), quota_object("a", 5, 6, 1), 10);
        wait_for_view(10);
        ck_assert_uint_eq(uses(), 1);
        ck_assert_uint_eq(told.n_policies, 1);
        ck_assert_int_eq(told.gpus, 5);
        ck_assert_uint_eq(told.spec, 6);
}
END_TEST

START_TEST(a_cluster_without_any_is_put_in_force_as_well)
{
        list(catalog_source_policies(source), NULL, 9);
        list(catalog_source_quotas(source), NULL, 10);
        wait_for_view(10);
        ck_assert_uint_eq(uses(), 1);
        ck_assert_uint_eq(told.n_policies, 0);
}
END_TEST

START_TEST(a_burst_of_changes_makes_a_catalog_each_20_ms_at_most)
{
        int64_t began = clock_monotonic();
        char name[16];

        list_both();
        for (unsigned i = 0; i < 500; i++) {
                snprintf(name, sizeof(name), "p%u", i);
                modify(catalog_source_policies(source), policy_object(name, 1, 100 + i, 1), 100 + i);
        }
        modify(catalog_source_quotas(source), quota_object("a", 3, 700, 2), 700);
        wait_for_view(700);
        ck_assert_uint_eq(told.n_policies, 501);
        ck_assert_int_le(uses(), 2 + (clock_monotonic() - began) / (20 * NS_PER_MS));
}
END_TEST

START_TEST(a_version_is_told_when_the_catalog_that_has_it_is_in_force)
{
        list_both();
        for (unsigned i = 1; i <= 10; i++) {
                modify(catalog_source_quotas(source), quota_object("a", (int)(100 + i), 20 + i, 1 + i), 20 + i);
                wait_for_view(20 + i);
                ck_assert_int_eq(told.gpus_when_told, 100 + i);
                ck_assert_uint_eq(told.spec, 20 + i);
        }
}
END_TEST

START_TEST(a_status_or_a_bookmark_moves_the_view_and_makes_no_catalog)
{
        list_both();
        modify(catalog_source_quotas(source), quota_object("a", 5, 30, 1), 30);
        wait_for_view(30);
        catalog_feed_ops.bookmark(catalog_source_quotas(source), 40);
        wait_for_view(40);
        ck_assert_uint_eq(uses(), 1);
        ck_assert_uint_eq(told.spec, 6);
}
END_TEST

START_TEST(what_could_not_be_put_in_force_is_tried_again_and_no_version_told_before)
{
        list_both();
        told.fail = 1;
        modify(catalog_source_quotas(source), quota_object("a", 3, 50, 2), 50);
        wait_for_uses(2);
        wait_for_view(50);
        ck_assert_uint_eq(told.failures, 1);
        ck_assert_int_eq(told.gpus_when_told, 3);
}
END_TEST

START_TEST(a_malformed_quota_leaves_the_last_good_one_in_force_and_is_remembered)
{
        struct known_object **all;
        uint64_t spec_version;
        size_t n;

        list_both();
        modify(catalog_source_quotas(source), quota_object("a", -1, 50, 2), 50);
        wait_for_view(50);
        modify(catalog_source_policies(source), policy_object("q", 1, 60, 1), 60);
        wait_for_uses(2);
        ck_assert_int_eq(told.gpus, 5);
        ck_assert_uint_eq(catalog_source_faults(source), 1);
        ck_assert_int_eq(catalog_source_all_quotas(source, &all, &n, &spec_version), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(spec_version, 50);
        ck_assert_str_eq(all[0]->fault, "spec.pools[0].gpus: must be a non-negative integer, not -1");
        known_object_unref(all[0]);
        free(all);
}
END_TEST

START_TEST(a_catalog_waits_for_nodes_and_follows_them)
{
        static const struct catalog_source_ops with_nodes = {.with_nodes = true, .use = use, .quotas = quotas};
        struct node_table *nodes;

        catalog_source_free(source);
        ck_assert_int_eq(catalog_source_new(&source, &with_nodes, &told, NULL), 0);
        ck_assert_int_eq(node_table_new(&nodes, NULL, 0, pod_default_gpu_resources), 0);
        list(catalog_source_policies(source), policy_object("p", 1, 4, 1), 9);
        list(catalog_source_quotas(source), quota_object("a", 5, 6, 1), 10);
        usleep(100000);
        ck_assert_uint_eq(uses(), 0);
        catalog_source_use_nodes(source, nodes);
        wait_for_view(10);
        ck_assert_ptr_eq(told.nodes, nodes);
        catalog_source_use_nodes(source, nodes);
        wait_for_uses(2);
        node_table_unref(nodes);
}
END_TEST

START_TEST(a_source_ends_in_the_middle_of_a_burst)
{
        list_both();
        modify(catalog_source_policies(source), policy_object("q", 1, 60, 1), 60);
}
END_TEST

static void add(TCase *tests)
{
        log_setup(LOG_ERROR, LOG_LOGFMT);
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, nothing_is_in_force_before_both_lists_have_ended);
        tcase_add_test(tests, a_cluster_without_any_is_put_in_force_as_well);
        tcase_add_test(tests, a_burst_of_changes_makes_a_catalog_each_20_ms_at_most);
        tcase_add_test(tests, a_version_is_told_when_the_catalog_that_has_it_is_in_force);
        tcase_add_test(tests, a_status_or_a_bookmark_moves_the_view_and_makes_no_catalog);
        tcase_add_test(tests, what_could_not_be_put_in_force_is_tried_again_and_no_version_told_before);
        tcase_add_test(tests, a_malformed_quota_leaves_the_last_good_one_in_force_and_is_remembered);
        tcase_add_test(tests, a_catalog_waits_for_nodes_and_follows_them);
        tcase_add_test(tests, a_source_ends_in_the_middle_of_a_burst);
}

int main(void)
{
        return unit_main("catalog_source", add);
}
