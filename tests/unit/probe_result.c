/*
 * What is read from an API server's answers, which are written as kube-apiserver 1.36 writes them.
 */
#include "cli/probe_result.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "kube/client.h"
#include "kube/status.h"
#include "util/cleanup.h"
#include "util/error.h"

#define POD(metadata) \
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"namespace\": \"default\"" metadata "}}"
#define ANNOTATIONS(more) ", \"annotations\": {\"regionfit.io/reservation\": " more "}"
#define LABELS                                                                       \
        ", \"labels\": {\"alibabacloud.com/serverless-region-id\": \"cn-beijing\", " \
        "\"alibabacloud.com/gpu-model-series\": \"GU8TF\"}"
#define STATUS(code, message)                                                                     \
        "{\"kind\": \"Status\", \"apiVersion\": \"v1\", \"status\": \"Failure\", \"code\": " code \
        ", \"reason\": \"Forbidden\", \"message\": \"" message "\"}"

static const struct answer_case {
        const char *name;
        int status;
        const char *body;
        enum probe_outcome outcome;
        bool asked;
        const char *line; /* that is printed, or how it begins */
} cases[] = {
        {"a pod with a placement is placed", 201,
         POD(LABELS ANNOTATIONS("\"\", \"regionfit.io/placement\": \"default/inference#0\"")), PROBE_PLACED, true,
         "default/demo-: placed on default/inference#0, region cn-beijing, series GU8TF\n"},
        {"one that is placed where no region is named", 201,
         POD(ANNOTATIONS("\"\", \"regionfit.io/placement\": \"default/inference#0\"")), PROBE_PLACED, true,
         "default/demo-: placed on default/inference#0\n"},
        {"a pod whose mark is gone was seen, and let through", 201, POD(ANNOTATIONS("\"\"")), PROBE_ALLOWED, true,
         "default/demo-: let through as it is\n"},
        {"a server that promises although it was a dry run has seen it", 201, POD(ANNOTATIONS("\"00ff\"")),
         PROBE_ALLOWED, true, "default/demo-: let through"},
        {"a pod that names its own region", 201, POD(LABELS ANNOTATIONS("\"\"")), PROBE_ALLOWED, true,
         "default/demo-: let through as it is, region cn-beijing, series GU8TF\n"},
        {"a pod that keeps its mark was seen by nobody", 201, POD(ANNOTATIONS("\"probe\"")), PROBE_NOT_ASKED, false,
         "default/demo-: regionfit was not asked"},
        {"regionfit's own refusal", 403,
         STATUS("403", "admission webhook \\\"placement.regionfit.io\\\" denied the request: no unit fits"),
         PROBE_DENIED, true, "default/demo-: refused: no unit fits\n"},
        {"another webhook's refusal", 403,
         STATUS("403", "admission webhook \\\"other.example\\\" denied the request: no"), PROBE_FAILED, false,
         "default/demo-: not known: 403 Forbidden: admission webhook \"other.example\" denied"},
        {"another webhook's refusal that speaks of ours", 403,
         STATUS("403", "x: admission webhook \\\"placement.regionfit.io\\\" denied the request: no"), PROBE_FAILED,
         false, "default/demo-: not known: 403 Forbidden: x: "},
        {"a webhook that could not be called", 500,
         STATUS("500", "Internal error occurred: failed calling webhook \\\"placement.regionfit.io\\\": refused"),
         PROBE_FAILED, false, "default/demo-: not known: 500 Internal Server Error: Internal error"},
        {"no right to create pods", 403, STATUS("403", "pods is forbidden: User \\\"x\\\" cannot create"),
         PROBE_FAILED, false, "default/demo-: not known: 403 Forbidden: pods is forbidden"},
        {"a proxy's answer", 502, "<html>", PROBE_FAILED, false, "default/demo-: not known: 502"},
        {"an answer without a body", 201, NULL, PROBE_FAILED, false, "default/demo-: not known: the API server's"},
        {"an answer that is no object", 201, "[", PROBE_FAILED, false, "default/demo-: not known: the API server's"},
};

/* As kube_call() leaves it. */
static int answer(struct kube_response *response, int status, const char *body, const char *warnings,
                  struct error *error)
{
        *response = (struct kube_response){
                .status = status,
                .body = body ? strdup(body) : NULL,
                .size = body ? strlen(body) : 0,
                .warnings = warnings ? strdup(warnings) : NULL,
        };
        return status < 300 ? 0 : status_error(status, response->body, response->size, error);
}

static char *print(const struct probe_result *result)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        probe_result_print(result, "default/demo-", stream);
        ck_assert_int_eq(fclose(stream), 0);
        return text;
}

START_TEST(answers_are_read)
{
        const struct answer_case *test = &cases[_i];
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(probe_result_clear) struct probe_result result = PROBE_RESULT_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *line = NULL;
        int r = answer(&response, test->status, test->body, NULL, &error);

        ck_assert_int_eq(probe_result_read(&result, r, &response, &error), 0);
        line = print(&result);
        ck_assert_msg(result.outcome == test->outcome && probe_asked(&result) == test->asked, "%s: %s", test->name,
                      line);
        ck_assert_msg(!strncmp(line, test->line, strlen(test->line)), "%s: %s", test->name, line);
}
END_TEST

START_TEST(warnings_are_shown)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(probe_result_clear) struct probe_result result = PROBE_RESULT_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *text = NULL;
        json_auto_t *object = NULL;
        int r = answer(&response, 201, POD(ANNOTATIONS("\"\"")), "nothing fits\nanother\n", &error);

        ck_assert_int_eq(probe_result_read(&result, r, &response, &error), 0);
        text = print(&result);
        ck_assert_str_eq(text, "default/demo-: let through as it is\n  warning: nothing fits\n  warning: another\n");
        object = probe_result_json(&result, "default/demo-");
        ck_assert_str_eq(json_string_value(json_object_get(object, "outcome")), "allowed");
        ck_assert(json_is_true(json_object_get(object, "asked")));
        ck_assert_int_eq(json_array_size(json_object_get(object, "warnings")), 2);
        ck_assert_str_eq(json_string_value(json_array_get(json_object_get(object, "warnings"), 1)), "another");
}
END_TEST

static const struct mark_case {
        const char *name, *before, *after;
} marks[] = {
        {"a pod without annotations", "{}", "{\"annotations\": {\"regionfit.io/reservation\": \"probe\"}}"},
        {"annotations that are null", "{\"annotations\": null}",
         "{\"annotations\": {\"regionfit.io/reservation\": \"probe\"}}"},
        {"other annotations stay", "{\"annotations\": {\"team\": \"blue\"}}",
         "{\"annotations\": {\"team\": \"blue\", \"regionfit.io/reservation\": \"probe\"}}"},
        {"a copied pod's own are not taken for an answer",
         "{\"annotations\": {\"regionfit.io/placement\": \"a/b#0\", \"regionfit.io/reservation\": \"00ff\"}}",
         "{\"annotations\": {\"regionfit.io/reservation\": \"probe\"}}"},
};

START_TEST(pods_are_marked)
{
        json_auto_t *pod = json_pack("{s:o}", "metadata", json_loads(marks[_i].before, 0, NULL));
        json_auto_t *wanted = json_loads(marks[_i].after, 0, NULL);

        ck_assert_int_eq(probe_mark(pod), 0);
        ck_assert_msg(json_equal(json_object_get(pod, "metadata"), wanted), "%s", marks[_i].name);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, answers_are_read, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, warnings_are_shown);
        tcase_add_loop_test(tests, pods_are_marked, 0, ARRAY_SIZE(marks));
}

int main(void)
{
        return unit_main("probe_result", add);
}
