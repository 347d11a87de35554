/*
 * The pods of the cluster: what reaches the ledger of what a reflector brings. The ledger's four functions are
 * played by this file, which writes down what it is told.
 */
#include "cluster/pods.h"

#include <errno.h>
#include <inttypes.h>

#include "admission/pod.h"
#include "cluster_objects.h"
#include "quota/cluster_ledger.h"
#include "quota/reservation.h"
#include "quota/usage.h"

#define ID "00ff1a527c1d4d7e9a506f2f0f3f8c11"

static struct cluster_pods *pods;
static char told[1024]; /* each call with a newline behind it */
static int answer;      /* of the ledger */

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
        size_t length = strlen(told);
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(told + length, sizeof(told) - length, format, arguments);
        va_end(arguments);
}

/* "region/series gpus=2 milli-cpu=500 id placement namespace labels=1 nodeSelector=1 created=61 terminating" */
static void tell_pod(const struct reservation *pod, const char *id, int64_t created_at, bool terminating)
{
        const struct quantity *cpu = resources_find(&pod->resources, "cpu");

        tell("%s/%s gpus=%" PRId64 " milli-cpu=%d %s %s %s labels=%zu nodeSelector=%zu created=%" PRId64 "%s%s%s\n",
             pod->region, pod->series, pod->gpus, cpu ? (int)(cpu->nano / 1000000) : 0, *id ? id : "-",
             *pod->placement ? pod->placement : "-", pod->namespace, labels_count(pod->labels),
             labels_count(pod->node_selector), created_at, terminating ? " terminating" : "", pod->node ? " on " : "",
             pod->node ? pod->node : "");
}

int cluster_ledger_pod(struct cluster_ledger *ledger, const char *uid, const struct reservation *pod,
                       uint64_t version, bool terminating)
{
        ck_assert_ptr_null(ledger);
        tell("pod %s@%" PRIu64 " ", uid, version);
        tell_pod(pod, pod->id, pod->created_at, terminating);
        return answer;
}

int cluster_ledger_pod_gone(struct cluster_ledger *ledger, const char *uid, uint64_t version)
{
        ck_assert_ptr_null(ledger);
        tell("gone %s@%" PRIu64 "\n", uid, version);
        return answer;
}

int cluster_ledger_view(struct cluster_ledger *ledger, uint64_t version)
{
        ck_assert_ptr_null(ledger);
        tell("view @%" PRIu64 "\n", version);
        return answer;
}

static int tell_listed(void *userdata, const struct usage_pod *pod)
{
        (void)userdata;
        tell("listed %s@%" PRIu64 " ", pod->uid, pod->version);
        tell_pod(pod->pod, pod->id, pod->created_at, pod->terminating);
        return 0;
}

int cluster_ledger_use_pods(struct cluster_ledger *ledger, struct usage **usage, uint64_t version)
{
        ck_assert_ptr_null(ledger);
        tell("list @%" PRIu64 " of %zu\n", version, usage_count(*usage));
        if (answer < 0)
                return answer;
        usage_visit(*usage, tell_listed, NULL);
        *usage = usage_free(*usage);
        return 0;
}

static void setup(void)
{
        answer = 0;
        *told = '\0';
        ck_assert_int_eq(cluster_pods_new(&pods, NULL, pod_default_gpu_resources), 0);
}

static void teardown(void)
{
        pods = cluster_pods_free(pods);
}

static void send_event(enum reflector_event event, const char *text, uint64_t version, int expected)
{
        json_auto_t *object = json_text(text);

        ck_assert_int_eq(cluster_pods_ops.event(pods, event, object, version), expected);
}

static void assert_told(const char *name, const char *expected)
{
        ck_assert_msg(!strcmp(told, expected), "%s: %s", name, told);
        *told = '\0';
}

#define METADATA(more) "{'metadata': {'uid': 'u', 'namespace': 'n', 'resourceVersion': '5'" more "}"
#define SPEC(more) \
        "'spec': {'containers': [{'resources': {'limits': {'cpu': '500m', 'nvidia.com/gpu': '2'}}}], " more "}"
#define TOLERATES "'tolerations': [{'key': 'virtual-kubelet.io/provider', 'operator': 'Exists'}]"

static const struct pod_case {
        const char *name, *pod, *expected;
} cases[] = {
        {"a pod that a policy placed",
         METADATA(
                 ", 'creationTimestamp': '1970-01-01T00:01:01Z', 'labels': {'alibabacloud.com/serverless-region-id': "
                 "'r', 'alibabacloud.com/gpu-model-series': 's'}, 'annotations': {'regionfit.io/reservation': '" ID
                 "', 'regionfit.io/placement': 'n/p#0'}") ", " SPEC(TOLERATES) "}",
         "pod u@9 r/s gpus=2 milli-cpu=500 " ID " n/p#0 n labels=2 nodeSelector=0 created=61\n"},
        {"a pod that names its own region, whoever placed it",
         METADATA(", 'labels': {'alibabacloud.com/serverless-region-id': 'r'}") ", " SPEC(
                 "'nodeSelector': {'a': 'b'}") "}",
         "pod u@9 r/ gpus=2 milli-cpu=500 - - n labels=1 nodeSelector=1 created=0\n"},
        {"a region in the nodeSelector of a pod for virtual nodes",
         METADATA("") ", " SPEC("'nodeSelector': {'topology.kubernetes.io/region': 'r', "
                                "'alibabacloud.com/gpu-model-series': 's'}, " TOLERATES) "}",
         "pod u@9 r/s gpus=2 milli-cpu=500 - - n labels=0 nodeSelector=2 created=0\n"},
        {"a region in the nodeSelector of a pod for real nodes takes from no pool",
         METADATA("") ", " SPEC("'nodeSelector': {'topology.kubernetes.io/region': 'r'}") "}",
         "pod u@9 / gpus=0 milli-cpu=500 - - n labels=0 nodeSelector=1 created=0\n"},
        {"no region at all, no GPUs charged", METADATA("") ", " SPEC("'nodeName': 'node'") "}",
         "pod u@9 / gpus=0 milli-cpu=500 - - n labels=0 nodeSelector=0 created=0 on node\n"},
        {"the node does not matter for a pod that asks for no GPU", METADATA("") ", 'spec': {'nodeName': 'node'}}",
         "pod u@9 / gpus=0 milli-cpu=0 - - n labels=0 nodeSelector=0 created=0\n"},
        {"nor for one that names a serverless region",
         METADATA(", 'labels': {'alibabacloud.com/serverless-region-id': 'r'}") ", " SPEC("'nodeName': 'node'") "}",
         "pod u@9 r/ gpus=2 milli-cpu=500 - - n labels=1 nodeSelector=0 created=0\n"},
        {"an id of another length is none", METADATA(", 'annotations': {'regionfit.io/reservation': '" ID "0'}") "}",
         "pod u@9 / gpus=0 milli-cpu=0 - - n labels=0 nodeSelector=0 created=0\n"},
        {"a pod that is being deleted", METADATA(", 'deletionTimestamp': '2026-01-01T00:00:00Z'") "}",
         "pod u@9 / gpus=0 milli-cpu=0 - - n labels=0 nodeSelector=0 created=0 terminating\n"},
        {"a pod that has succeeded", METADATA("") ", 'status': {'phase': 'Succeeded'}}", "gone u@9\n"},
        {"a pod that has failed", METADATA("") ", 'status': {'phase': 'Failed'}}", "gone u@9\n"},
        {"a pod whose node does not answer", METADATA("") ", 'status': {'phase': 'Unknown'}}",
         "pod u@9 / gpus=0 milli-cpu=0 - - n labels=0 nodeSelector=0 created=0\n"},
        {"a pod that cannot be read moves the view alone",
         METADATA("") ", 'spec': {'containers': [{'resources': {'limits': {'cpu': 'much'}}}]}}", "view @9\n"},
        {"a pod without a uid", "{'metadata': {'name': 'x'}}", "view @9\n"},
        {"what is no pod at all", "[]", "view @9\n"},
};

START_TEST(a_live_pod_is_counted_for_what_it_carries)
{
        const struct pod_case *test = &cases[_i];

        send_event(REFLECTOR_ADDED, test->pod, 9, 0);
        assert_told(test->name, test->expected);
        send_event(REFLECTOR_MODIFIED, test->pod, 9, 0);
        assert_told(test->name, test->expected);
}
END_TEST

START_TEST(what_is_deleted_is_gone_however_it_looks)
{
        send_event(REFLECTOR_DELETED, METADATA("") "}", 9, 0);
        send_event(REFLECTOR_DELETED, METADATA("") ", 'spec': []}", 10, 0);
        send_event(REFLECTOR_DELETED, METADATA("") ", 'status': {'phase': 'Failed'}}", 11, 0);
        assert_told("deleted", "gone u@9\ngone u@10\ngone u@11\n");
}
END_TEST

START_TEST(a_bookmark_moves_the_view)
{
        cluster_pods_ops.bookmark(pods, 12);
        assert_told("bookmark", "view @12\n");
}
END_TEST

static void list_item(const char *text)
{
        json_auto_t *object = json_text(text);

        ck_assert_int_eq(cluster_pods_ops.list_item(pods, object), 0);
}

START_TEST(a_list_is_handed_over_whole_when_it_has_ended)
{
        ck_assert_int_eq(cluster_pods_ops.list_begin(pods), 0);
        list_item("{'metadata': {'uid': 'dead', 'resourceVersion': '4'}, 'status': {'phase': 'Succeeded'}}");
        list_item("{'metadata': {'name': 'x'}}");
        list_item(METADATA(", 'annotations': {'regionfit.io/reservation': '" ID
                           "'}, 'creationTimestamp': '1970-01-01T00:01:01Z'") "}");
        assert_told("before the end", "");
        ck_assert_int_eq(cluster_pods_ops.list_end(pods, 20), 0);
        assert_told("the list",
                    "list @20 of 1\nlisted u@5 / gpus=0 milli-cpu=0 " ID " - n labels=0 nodeSelector=0 created=61\n");
}
END_TEST

START_TEST(a_list_that_broke_off_is_void)
{
        ck_assert_int_eq(cluster_pods_ops.list_begin(pods), 0);
        list_item(METADATA("") "}");
        ck_assert_int_eq(cluster_pods_ops.list_begin(pods), 0);
        ck_assert_int_eq(cluster_pods_ops.list_end(pods, 20), 0);
        assert_told("the list", "list @20 of 0\n");
}
END_TEST

START_TEST(what_the_ledger_says_is_passed_on)
{
        answer = -ENOMEM;
        send_event(REFLECTOR_ADDED, METADATA("") "}", 9, -ENOMEM);
        send_event(REFLECTOR_DELETED, METADATA("") "}", 9, -ENOMEM);
        send_event(REFLECTOR_ADDED, "[]", 9, -ENOMEM);
        ck_assert_int_eq(cluster_pods_ops.list_begin(pods), 0);
        ck_assert_int_eq(cluster_pods_ops.list_end(pods, 20), -ENOMEM);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, a_live_pod_is_counted_for_what_it_carries, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, what_is_deleted_is_gone_however_it_looks);
        tcase_add_test(tests, a_bookmark_moves_the_view);
        tcase_add_test(tests, a_list_is_handed_over_whole_when_it_has_ended);
        tcase_add_test(tests, a_list_that_broke_off_is_void);
        tcase_add_test(tests, what_the_ledger_says_is_passed_on);
}

int main(void)
{
        return unit_main("cluster_pods", add);
}
