/*
 * A snapshot of a cluster: the ledger is listed before what it is held against, files go before what the cluster has,
 * and nothing is ever written. The lists are played by this file.
 */
#include "cluster/snapshot.h"

#include <errno.h>

#include "admission/node_table.h"
#include "admission/pod.h"
#include "cluster_objects.h"
#include "fake_kube.h"
#include "manifest/diagnostics.h"
#include "quota/cluster_ledger.h"
#include "quota/ledger.h"
#include "util/error.h"

/* What the cluster has, by plural. */
static struct {
        const char *plural;
        json_t *items;    /* owned; NULL: the API server does not know the resource */
        unsigned version; /* of the list */
        int failure;      /* -errno, or 0 */
} resources[] = {{.plural = "reservationledgers", .version = 100},
                 {.plural = "resourcepolicies", .version = 101},
                 {.plural = "regionquotas", .version = 102},
                 {.plural = "nodes", .version = 103},
                 {.plural = "pods", .version = 104}};

static char listed[256]; /* what was listed, in order, each with a blank behind it */

static size_t which(const char *plural)
{
        size_t i = 0;

        while (i < ARRAY_SIZE(resources) && strcmp(resources[i].plural, plural))
                i++;
        ck_assert_uint_lt(i, ARRAY_SIZE(resources));
        return i;
}

int reflector_list(struct kube_client *client, const struct kube_resource *resource, const struct reflector_ops *ops,
                   void *userdata, struct error *error)
{
        size_t i = which(resource->plural), n;
        json_t *item;
        int r;

        ck_assert_ptr_null(client);
        strcat(strcat(listed, resource->plural), " ");
        if (resources[i].failure)
                return error_set(error, -resources[i].failure, "the test wants it so");
        if (!resources[i].items)
                return error_set(error, ENOENT, "the server could not find the requested resource");
        r = ops->list_begin(userdata);
        json_array_foreach (resources[i].items, n, item)
                if (r >= 0)
                        r = ops->list_item(userdata, item);
        return r < 0 ? r : ops->list_end(userdata, resources[i].version);
}

uint64_t object_version(const json_t *object)
{
        const json_t *metadata = json_object_get(object, "metadata");

        return strtoull(json_string_value(json_object_get(metadata, "resourceVersion")), NULL, 10);
}

static void store(const char *plural, json_t *object)
{
        size_t i = which(plural);

        if (!resources[i].items)
                resources[i].items = json_array();
        if (object)
                json_array_append_new(resources[i].items, object);
}

static json_t *pod_object(const char *uid, unsigned version)
{
        json_t *pod =
                json_text("{'metadata': {'name': 'x', 'namespace': 'default', 'managedFields': "
                          "[{'time': '2026-01-01T00:00:00Z'}], 'labels': "
                          "{'alibabacloud.com/serverless-region-id': 'a', 'alibabacloud.com/gpu-model-series': "
                          "'A10'}}, 'spec': {'containers': [{'resources': {'limits': {'nvidia.com/gpu': '1'}}}]}}");

        set_metadata(pod, uid, version, 0);
        return pod;
}

static int greeting; /* what the API server answers to the first call */

static int greet(const struct fake_call *call, size_t index, char **ret_body)
{
        ck_assert_str_eq(call->path, "/version");
        ck_assert_uint_eq(index, 0);
        *ret_body = NULL;
        return greeting;
}

static void setup(void)
{
        fake_kube.answer = greet;
        store("pods", NULL);
        store("nodes", NULL);
}

static void teardown(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
                json_decref(resources[i].items);
}

static int take(struct snapshot *snapshot, struct manifests *manifests, struct error *error)
{
        return snapshot_read(snapshot, manifests, NULL, pod_default_gpu_resources, error);
}

START_TEST(everything_is_listed_after_the_ledger)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;

        store("resourcepolicies", policy_object("p", 1, 10, 1));
        store("regionquotas", quota_object("a", 5, 11, 1));
        store("nodes", json_text("{'metadata': {'name': 'n', 'resourceVersion': '7'}}"));
        store("pods", pod_object("1", 90));
        store("pods", pod_object("2", 80));
        ck_assert_int_eq(take(&snapshot, &manifests, NULL), 0);
        ck_assert(!strncmp(listed, "reservationledgers ", strlen("reservationledgers ")));
        ck_assert_uint_eq(manifests.count, 2);
        ck_assert_str_eq(manifests.items[0].file, "default/p");
        ck_assert_str_eq(manifests.items[1].file, "a");
        ck_assert_uint_eq(pod_changes_newest(&snapshot.changes, INT64_MAX), 90);
        ck_assert_uint_eq(node_table_count(snapshot.nodes), 1);
}
END_TEST

START_TEST(files_go_before_the_cluster)
{
        static const char *const yaml = "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: a}\n";
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        uint64_t version;

        ck_assert_int_eq(manifests_parse(&manifests, "file.yaml", yaml, strlen(yaml), &diagnostics), 0);
        store("resourcepolicies", policy_object("a", 1, 10, 1));
        store("regionquotas", quota_object("a", 5, 11, 1));
        store("regionquotas", quota_object("b", 5, 12, 1));
        ck_assert_int_eq(snapshot_objects(&manifests, NULL, &version, NULL), 0);
        ck_assert_uint_eq(version, 102);
        ck_assert_uint_eq(manifests.count, 3);
        ck_assert_str_eq(manifests.items[0].file, "file.yaml");
        ck_assert_str_eq(manifests.items[1].file, "default/a");
        ck_assert_str_eq(manifests.items[2].file, "b");
}
END_TEST

START_TEST(a_cluster_that_does_not_know_our_kinds_has_none_of_them)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;

        ck_assert_int_eq(take(&snapshot, &manifests, NULL), 0);
        ck_assert_uint_eq(manifests.count, 0);
        ck_assert_uint_eq(snapshot.changes.count, 0);
}
END_TEST

static const char *const needed[] = {"reservationledgers", "resourcepolicies", "regionquotas", "nodes", "pods"};

START_TEST(what_cannot_be_listed_is_an_error)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        resources[which(needed[_i])].failure = -EACCES;
        ck_assert_int_eq(take(&snapshot, &manifests, &error), -EACCES);
        ck_assert_str_eq(error_message(&error), "the test wants it so");
        ck_assert_ptr_null(snapshot.ledger);
}
END_TEST

static const struct greeting_case {
        const char *name;
        int greeting;
        int result;
} greetings[] = {
        {"an API server that is not there is not asked further", -EIO, -EIO},
        {"one that does not take the call is not asked further", -EAGAIN, -EAGAIN},
        {"one that does not tell its version is there", -EACCES, 0},
};

START_TEST(an_api_server_is_greeted_first)
{
        const struct greeting_case *test = &greetings[_i];
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;
        uint64_t version;

        greeting = test->greeting;
        ck_assert_msg(take(&snapshot, &manifests, NULL) == test->result, "%s", test->name);
        ck_assert_msg(!*listed == (test->result < 0), "%s: %s", test->name, listed);
        fake_kube.n_calls = 0;
        ck_assert_msg(snapshot_objects(&manifests, NULL, &version, NULL) == test->result, "%s", test->name);
}
END_TEST

#define KEY "pool a/A10"

static int count_region(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)userdata;
        return *reservation->region ? counter_keys_add(ret, KEY, 0) : 0;
}

START_TEST(its_ledger_knows_what_pods_hold_and_what_is_promised)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;
        const struct classifier classifier = {.generation = 1, .classify = count_region};
        struct cluster_ledger_status status;
        int64_t used, reserved;

        store("reservationledgers",
              json_text(
                      "{'metadata': {'name': 'regionfit', 'resourceVersion': '99'}, 'spec': {'open': true, 'fence': "
                      "'104', 'quotas': '102', 'entries': [{'id': '00ff1a527c1d4d7e9a506f2f0f3f8c11', 'namespace': "
                      "'default', 'region': 'a', 'series': 'A10', 'placement': '', 'gpus': 2, 'pods': 1}]}}"));
        store("regionquotas", NULL);
        store("pods", pod_object("1", 90));
        ck_assert_int_eq(take(&snapshot, &manifests, NULL), 0);
        ck_assert_int_eq(ledger_classify(cluster_ledger_base(snapshot.ledger), &classifier, NULL), 0);
        cluster_ledger_pool(snapshot.ledger, KEY, &used, &reserved);
        ck_assert_int_eq(used, 1);
        ck_assert_int_eq(reserved, 2);
        cluster_ledger_status(snapshot.ledger, &status);
        ck_assert_msg(status.current, "%s", status.reason);
}
END_TEST

START_TEST(a_ledger_that_cannot_be_read_is_an_error)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        store("reservationledgers", json_text("{'metadata': {'name': 'regionfit', 'resourceVersion': '99'}, 'spec': "
                                              "{'open': true, 'entries': [{'id': 'short'}]}}"));
        ck_assert_int_lt(take(&snapshot, &manifests, &error), 0);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "ReservationLedger"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, everything_is_listed_after_the_ledger);
        tcase_add_test(tests, files_go_before_the_cluster);
        tcase_add_test(tests, a_cluster_that_does_not_know_our_kinds_has_none_of_them);
        tcase_add_loop_test(tests, what_cannot_be_listed_is_an_error, 0, ARRAY_SIZE(needed));
        tcase_add_loop_test(tests, an_api_server_is_greeted_first, 0, ARRAY_SIZE(greetings));
        tcase_add_test(tests, its_ledger_knows_what_pods_hold_and_what_is_promised);
        tcase_add_test(tests, a_ledger_that_cannot_be_read_is_an_error);
}

int main(void)
{
        return unit_main("snapshot", add);
}
