/*
 * Reviews as a kube-apiserver sends them, from bytes to answer, over a pod's whole life.
 */
#include "admission/admission.h"

#include <errno.h>
#include <openssl/evp.h>

#include "admission/patch.h"
#include "objects.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/error.h"

static const char *const objects =
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
        "metadata: {name: p, namespace: default}\n"
        "spec: {strategy: required, units: [{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: r, "
        "alibabacloud.com/gpu-model-series: s}}]}\n---\n"
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\n"
        "spec: {pools: [{gpuModelSeries: s, gpus: 1}]}\n";

static const char *const pod_text =
        "{'metadata': {'name': 'x', 'namespace': 'default'}, 'spec': {'containers': [{'resources': {'limits': "
        "{'nvidia.com/gpu': '1'}}}]}}";

struct server {
        struct ledger *ledger;
        struct admission *admission;
};

/* "pod outcome unit; " for each decision that was told. */
static char told[256];

static void decided(void *userdata, const struct pod *pod, const struct decision *decision)
{
        size_t length = strlen(told);

        ck_assert_ptr_eq(userdata, told);
        snprintf(told + length, sizeof(told) - length, "%s %s %zu; ", pod->name, outcome_names[decision->outcome],
                 decision->unit);
}

static void server_open(struct server *server, FILE *audit)
{
        const struct admission_options options = {
                .gpu_resources = pod_default_gpu_resources,
                .audit = audit,
                .decided = decided,
                .userdata = told,
        };
        struct catalog *catalog = catalog_text(objects);

        ck_assert_int_eq(embedded_ledger_new(&server->ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&server->admission, server->ledger, &options, NULL), 0);
        ck_assert_int_eq(admission_use(server->admission, catalog, NULL), 0);
        catalog_unref(catalog);
}

static void server_close(struct server *server)
{
        admission_free(server->admission);
        ledger_free(server->ledger);
}

/* Sends a review and returns its "response"; a new reference. The objects are borrowed. */
static json_t *ask(struct server *server, const char *operation, const char *subresource, json_t *object,
                   json_t *old_object, bool dry_run)
{
        json_auto_t *review = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:b, s:O?, s:O?}}",
                                        "apiVersion", "admission.k8s.io/v1", "kind", "AdmissionReview", "request",
                                        "uid", "u", "namespace", "default", "operation", operation, "subResource",
                                        subresource, "resource", "group", "", "version", "v1", "resource", "pods",
                                        "dryRun", dry_run, "object", object, "oldObject", old_object);
        _cleanup_(freep) char *body = json_dumps(review, 0);
        struct admission_answer answer = ADMISSION_ANSWER_INIT;
        json_auto_t *parsed = NULL;

        ck_assert_int_eq(admission_handle(server->admission, body, strlen(body), &answer, NULL), 0);
        parsed = json_loads(answer.body, 0, NULL);
        admission_answer_clear(&answer);
        return json_incref(json_object_get(parsed, "response"));
}

static bool allowed(json_t *response)
{
        bool is_allowed = json_is_true(json_object_get(response, "allowed"));

        json_decref(response);
        return is_allowed;
}

/* The operations of a response's patch; a new reference. */
static json_t *patch_of(const json_t *response)
{
        const char *base64 = json_string_value(json_object_get(response, "patch"));
        _cleanup_(freep) char *text = calloc(1, base64 ? strlen(base64) : 1);

        ck_assert_ptr_nonnull(base64);
        ck_assert_int_ge(EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)base64, (int)strlen(base64)),
                         0);
        return json_loads(text, 0, NULL);
}

/* A pod as it is stored after its admission. */
static json_t *stored_pod(struct server *server)
{
        json_auto_t *pod = json_text(pod_text), *response = ask(server, "CREATE", "", pod, NULL, false);
        json_auto_t *patch = patch_of(response);
        json_t *stored;

        ck_assert_int_eq(patch_apply(&stored, pod, patch), 0);
        return stored;
}

static void set_metadata(json_t *pod, const char *key, json_t *value)
{
        json_object_set_new(json_object_get(pod, "metadata"), key, value);
}

START_TEST(a_full_pool_denies_until_the_pod_is_gone_for_good)
{
        struct server server;
        json_auto_t *pod = NULL, *another = json_text(pod_text);

        server_open(&server, NULL);
        pod = stored_pod(&server);
        ck_assert(!allowed(ask(&server, "CREATE", "", another, NULL, false)));

        /* The first DELETE only begins the deletion. */
        ck_assert(allowed(ask(&server, "DELETE", "", NULL, pod, false)));
        ck_assert(!allowed(ask(&server, "CREATE", "", another, NULL, false)));

        set_metadata(pod, "deletionTimestamp", json_string("2026-01-01T00:00:00Z"));
        set_metadata(pod, "deletionGracePeriodSeconds", json_integer(30));
        ck_assert(allowed(ask(&server, "DELETE", "", NULL, pod, false)));
        ck_assert(!allowed(ask(&server, "CREATE", "", another, NULL, false)));

        set_metadata(pod, "deletionGracePeriodSeconds", json_integer(0));
        ck_assert(allowed(ask(&server, "DELETE", "", NULL, pod, false)));
        ck_assert(allowed(ask(&server, "CREATE", "", another, NULL, false)));
        server_close(&server);
}
END_TEST

#define DELETED(seconds) "'deletionTimestamp': '2026-01-01T00:00:00Z', 'deletionGracePeriodSeconds': " #seconds
#define HELD "'finalizers': ['example.com/hold']"

/* Reviews of a pod that has been placed; `before` and `now` are what its metadata and status have besides. */
static const struct end_case {
        const char *name, *operation, *subresource;
        const char *before, *before_status, *now, *now_status; /* NULL: `now` is as `before` */
        bool dry_run, gives_back;
} ends[] = {
        {"the first DELETE only begins the deletion", "DELETE", "", "{}", "{}", NULL, NULL, false, false},
        {"a DELETE within the grace period", "DELETE", "", "{" DELETED(30) "}", "{}", NULL, NULL, false, false},
        {"the final DELETE", "DELETE", "", "{" DELETED(0) "}", "{}", NULL, NULL, false, true},
        {"a dry run of it", "DELETE", "", "{" DELETED(0) "}", "{}", NULL, NULL, true, false},
        {"a DELETE of a pod that has finished", "DELETE", "", "{}", "{'phase': 'Succeeded'}", NULL, NULL, false,
         true},
        {"the final DELETE of a pod that a finalizer holds", "DELETE", "", "{" DELETED(0) ", " HELD "}", "{}", NULL,
         NULL, false, false},
        {"the final DELETE of another pod with a copied reservation", "DELETE", "",
         "{'namespace': 'other', " DELETED(0) "}", "{}", NULL, NULL, false, false},
        {"a status of Running", "UPDATE", "status", "{}", "{}", "{}", "{'phase': 'Running'}", false, false},
        {"a status of Succeeded", "UPDATE", "status", "{}", "{}", "{}", "{'phase': 'Succeeded'}", false, true},
        {"a status of Failed", "UPDATE", "status", "{}", "{}", "{}", "{'phase': 'Failed'}", false, true},
        {"a dry run of it", "UPDATE", "status", "{}", "{}", "{}", "{'phase': 'Failed'}", true, false},
        {"a phase that does not come by way of the status", "UPDATE", "", "{}", "{}", "{}", "{'phase': 'Failed'}",
         false, false},
        {"any UPDATE of a pod that has finished", "UPDATE", "", "{}", "{'phase': 'Failed'}", "{'generation': 2}",
         "{'phase': 'Failed'}", false, true},
        {"a forged deletionTimestamp", "UPDATE", "", "{}", "{}", "{" DELETED(0) "}", "{}", false, false},
        {"the UPDATE that takes away the last finalizer of a deleted pod", "UPDATE", "", "{" DELETED(0) ", " HELD "}",
         "{}", "{" DELETED(0) "}", "{}", false, true},
        {"one that leaves it", "UPDATE", "", "{" DELETED(0) ", " HELD "}", "{}", "{" DELETED(0) ", " HELD "}", "{}",
         false, false},
        {"one that takes away the finalizer of a pod that nobody deletes", "UPDATE", "", "{" HELD "}", "{}", "{}",
         "{}", false, false},
        {"one within the grace period", "UPDATE", "", "{" DELETED(30) ", " HELD "}", "{}", "{" DELETED(30) "}", "{}",
         false, false},
};

static json_t *pod_with(const json_t *pod, const char *metadata, const char *status)
{
        json_auto_t *more = json_text(metadata);
        json_t *copy = json_deep_copy(pod);

        json_object_update(json_object_get(copy, "metadata"), more);
        json_object_set_new(copy, "status", json_text(status));
        return copy;
}

START_TEST(a_pod_gives_back_once_nothing_of_it_is_left)
{
        const struct end_case *test = &ends[_i];
        json_auto_t *pod = NULL, *before = NULL, *now = NULL;
        struct server server;

        server_open(&server, NULL);
        pod = stored_pod(&server);
        before = pod_with(pod, test->before, test->before_status);
        if (test->now)
                now = pod_with(pod, test->now, test->now_status);
        ck_assert(allowed(ask(&server, test->operation, test->subresource, now, before, test->dry_run)));
        ck_assert_msg(ledger_count(server.ledger) == (test->gives_back ? 0 : 1), "%s", test->name);
        server_close(&server);
}
END_TEST

START_TEST(what_a_pod_is_charged_for_cannot_be_changed)
{
        struct server server;
        json_auto_t *pod = NULL, *forged = NULL, *moved = NULL, *relabelled = NULL;

        server_open(&server, NULL);
        pod = stored_pod(&server);
        forged = json_deep_copy(pod);
        set_metadata(forged, "annotations", json_pack("{s:s}", "regionfit.io/reservation", "other"));
        ck_assert(!allowed(ask(&server, "UPDATE", "", forged, pod, false)));

        moved = json_deep_copy(pod);
        json_object_set_new(json_object_get(json_object_get(moved, "metadata"), "labels"),
                            "alibabacloud.com/serverless-region-id", json_string("elsewhere"));
        ck_assert(!allowed(ask(&server, "UPDATE", "", moved, pod, false)));

        relabelled = json_deep_copy(pod);
        json_object_set_new(json_object_get(json_object_get(relabelled, "metadata"), "labels"), "x",
                            json_string("y"));
        ck_assert(allowed(ask(&server, "UPDATE", "", relabelled, pod, false)));
        server_close(&server);
}
END_TEST

/* Each line of an audit is a JSON object with the patch that would have been made. */
static void check_audit(char *text, size_t n_lines)
{
        size_t n = 0;

        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line; n++) {
                json_auto_t *object = json_loads(line, 0, NULL);

                ck_assert_str_eq(json_string_value(json_object_get(object, "outcome")), "placed");
                ck_assert_uint_gt(json_array_size(json_object_get(object, "patch")), 0);
        }
        ck_assert_uint_eq(n, n_lines);
}

START_TEST(an_audit_allows_without_a_patch_and_reserves_nothing)
{
        struct server server;
        json_auto_t *pod = json_text(pod_text);
        char *text;
        size_t size;
        FILE *audit = open_memstream(&text, &size);

        server_open(&server, audit);
        for (int i = 0; i < 3; i++) {
                json_auto_t *response = ask(&server, "CREATE", "", pod, NULL, false);

                ck_assert(json_is_true(json_object_get(response, "allowed")));
                ck_assert_ptr_null(json_object_get(response, "patch"));
        }
        ck_assert_uint_eq(ledger_count(server.ledger), 0);
        server_close(&server);
        fclose(audit);
        check_audit(text, 3);
        free(text);
}
END_TEST

START_TEST(a_pod_that_is_left_as_it_is_gets_no_patch)
{
        struct server server;
        json_auto_t *pod = json_text("{'metadata': {'name': 'x', 'namespace': 'without-policies'}}"),
                    *response = NULL;

        server_open(&server, NULL);
        response = ask(&server, "CREATE", "", pod, NULL, false);
        ck_assert(json_is_true(json_object_get(response, "allowed")));
        ck_assert_ptr_null(json_object_get(response, "patch"));
        ck_assert_ptr_null(json_object_get(response, "patchType"));
        server_close(&server);
}
END_TEST

START_TEST(decisions_are_told_but_those_of_dry_runs_and_audits)
{
        struct server server;
        json_auto_t *pod = json_text(pod_text), *stored = NULL;
        FILE *audit = fopen("/dev/null", "we");

        server_open(&server, audit);
        json_decref(ask(&server, "CREATE", "", pod, NULL, false));
        ck_assert_str_eq(told, "");
        server_close(&server);
        fclose(audit);

        server_open(&server, NULL);
        json_decref(ask(&server, "CREATE", "", pod, NULL, true));
        ck_assert_str_eq(told, "");
        stored = stored_pod(&server);
        json_decref(ask(&server, "CREATE", "", pod, NULL, false));
        json_decref(ask(&server, "UPDATE", "", stored, stored, false));
        json_decref(ask(&server, "DELETE", "", NULL, stored, false));
        ck_assert_str_eq(told, "x placed 0; x denied 0; ");
        server_close(&server);
}
END_TEST

START_TEST(an_answer_that_is_abandoned_gives_back)
{
        static const char *const body =
                "{\"apiVersion\": \"admission.k8s.io/v1\", \"kind\": \"AdmissionReview\", \"request\": {\"uid\": "
                "\"u\", \"namespace\": \"default\", \"operation\": \"CREATE\", \"resource\": {\"version\": \"v1\", "
                "\"resource\": \"pods\"}, \"object\": {\"spec\": {\"containers\": [{\"resources\": {\"limits\": "
                "{\"nvidia.com/gpu\": 1}}}]}}}}";
        struct admission_answer answer = ADMISSION_ANSWER_INIT;
        struct server server;

        server_open(&server, NULL);
        ck_assert_int_eq(admission_handle(server.admission, body, strlen(body), &answer, NULL), 0);
        ck_assert_uint_eq(ledger_count(server.ledger), 1);
        admission_abandon(server.admission, &answer);
        ck_assert_uint_eq(ledger_count(server.ledger), 0);
        admission_answer_clear(&answer);
        server_close(&server);
}
END_TEST

START_TEST(without_policies_nothing_is_decided)
{
        const struct admission_options options = {.gpu_resources = pod_default_gpu_resources};
        static const char *const body =
                "{\"apiVersion\": \"admission.k8s.io/v1\", \"kind\": \"AdmissionReview\", \"request\": {\"uid\": "
                "\"u\", \"operation\": \"CREATE\", \"resource\": {\"version\": \"v1\", \"resource\": \"pods\"}, "
                "\"object\": {}}}";
        struct admission_answer answer = ADMISSION_ANSWER_INIT;
        struct server server;

        ck_assert_int_eq(embedded_ledger_new(&server.ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&server.admission, server.ledger, &options, NULL), 0);
        ck_assert(!admission_ready(server.admission));
        ck_assert_int_eq(admission_handle(server.admission, body, strlen(body), &answer, NULL), -EAGAIN);
        server_close(&server);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, a_full_pool_denies_until_the_pod_is_gone_for_good);
        tcase_add_loop_test(tests, a_pod_gives_back_once_nothing_of_it_is_left, 0, ARRAY_SIZE(ends));
        tcase_add_test(tests, what_a_pod_is_charged_for_cannot_be_changed);
        tcase_add_test(tests, an_audit_allows_without_a_patch_and_reserves_nothing);
        tcase_add_test(tests, a_pod_that_is_left_as_it_is_gets_no_patch);
        tcase_add_test(tests, decisions_are_told_but_those_of_dry_runs_and_audits);
        tcase_add_test(tests, an_answer_that_is_abandoned_gives_back);
        tcase_add_test(tests, without_policies_nothing_is_decided);
}

int main(void)
{
        return unit_main("admission", add);
}
