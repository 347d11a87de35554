/*
 * Reviews as a kube-apiserver sends them, from bytes to answer, over a pod's whole life.
 */
#include "admission/admission.h"

#include <errno.h>
#include <openssl/evp.h>

#include "admission/patch.h"
#include "objects.h"
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

static void server_open(struct server *server, FILE *audit)
{
        const struct admission_options options = {
                .gpu_resources = pod_default_gpu_resources,
                .audit = audit,
        };
        struct catalog *catalog = catalog_text(objects);

        ck_assert_int_eq(ledger_new(&server->ledger, NULL, NULL), 0);
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

START_TEST(a_final_phase_gives_back)
{
        static const char *const phases[] = {"Succeeded", "Failed"};
        json_auto_t *pod = NULL, *finished = NULL, *another = json_text(pod_text);
        struct server server;

        server_open(&server, NULL);
        pod = stored_pod(&server);
        finished = json_deep_copy(pod);
        json_object_set_new(finished, "status", json_pack("{s:s}", "phase", "Running"));
        ck_assert(allowed(ask(&server, "UPDATE", "status", finished, pod, false)));
        ck_assert(!allowed(ask(&server, "CREATE", "", another, NULL, false)));

        json_object_set_new(finished, "status", json_pack("{s:s}", "phase", phases[_i]));
        ck_assert(allowed(ask(&server, "UPDATE", "status", finished, pod, false)));
        ck_assert_uint_eq(ledger_count(server.ledger), 0);
        server_close(&server);
}
END_TEST

START_TEST(a_dry_run_delete_gives_nothing_back)
{
        struct server server;
        json_auto_t *pod = NULL;

        server_open(&server, NULL);
        pod = stored_pod(&server);
        set_metadata(pod, "deletionTimestamp", json_string("2026-01-01T00:00:00Z"));
        set_metadata(pod, "deletionGracePeriodSeconds", json_integer(0));
        ck_assert(allowed(ask(&server, "DELETE", "", NULL, pod, true)));
        ck_assert_uint_eq(ledger_count(server.ledger), 1);
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

START_TEST(a_copied_reservation_gives_nothing_back_elsewhere)
{
        struct server server;
        json_auto_t *pod = NULL;

        server_open(&server, NULL);
        pod = stored_pod(&server);
        set_metadata(pod, "namespace", json_string("other"));
        set_metadata(pod, "deletionTimestamp", json_string("2026-01-01T00:00:00Z"));
        set_metadata(pod, "deletionGracePeriodSeconds", json_integer(0));
        ck_assert(allowed(ask(&server, "DELETE", "", NULL, pod, false)));
        ck_assert_uint_eq(ledger_count(server.ledger), 1);
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

        ck_assert_int_eq(ledger_new(&server.ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&server.admission, server.ledger, &options, NULL), 0);
        ck_assert(!admission_ready(server.admission));
        ck_assert_int_eq(admission_handle(server.admission, body, strlen(body), &answer, NULL), -EAGAIN);
        server_close(&server);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, a_full_pool_denies_until_the_pod_is_gone_for_good);
        tcase_add_loop_test(tests, a_final_phase_gives_back, 0, 2);
        tcase_add_test(tests, a_dry_run_delete_gives_nothing_back);
        tcase_add_test(tests, what_a_pod_is_charged_for_cannot_be_changed);
        tcase_add_test(tests, a_copied_reservation_gives_nothing_back_elsewhere);
        tcase_add_test(tests, an_audit_allows_without_a_patch_and_reserves_nothing);
        tcase_add_test(tests, an_answer_that_is_abandoned_gives_back);
        tcase_add_test(tests, without_policies_nothing_is_decided);
}

int main(void)
{
        return unit_main("admission", add);
}
