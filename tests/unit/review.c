/*
 * The AdmissionReview envelope (k8s.io/api/admission/v1).
 */
#include "admission/review.h"

#include <errno.h>

#include "admission/decide.h"
#include "objects.h"
#include "util/arena.h"
#include "util/error.h"

#define REQUEST(more)                                                                                            \
        "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview', 'request': {'uid': 'u', 'operation': " \
        "'CREATE'" more "}}"

/* The text with double quotes; a new string. */
static char *quoted(const char *text)
{
        char *copy = strdup(text);

        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        return copy;
}

static const struct fault_case {
        const char *name;
        const char *body;
        const char *sentence; /* a part of it */
} faults[] = {
        {"an empty body", "", "not JSON"},
        {"a body that is cut off", "{'apiVersion': 'admission.k8s.io/v1', 'ki", "not JSON: line 1, column"},
        {"two values", "{} {}", "not JSON"},
        {"a key that is given twice", "{'apiVersion': 'a', 'apiVersion': 'b'}", "not JSON"},
        {"a list", "[]", "must be a JSON object"},
        {"another version", "{'apiVersion': 'admission.k8s.io/v1beta1', 'kind': 'AdmissionReview', 'request': {}}",
         "apiVersion: must be \"admission.k8s.io/v1\""},
        {"another kind", "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'Pod'}", "kind: must be \"AdmissionReview\""},
        {"no request", "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview'}", "request: must be"},
        {"no uid",
         "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview', 'request': {'operation': 'CREATE'}}",
         "request.uid: must be"},
        {"a uid that is a number",
         "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview', 'request': {'uid': 1}}",
         "request.uid: must be a string"},
        {"an unknown operation",
         "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview', 'request': {'uid': 'u', 'operation': "
         "'PATCH'}}",
         "request.operation: must be"},
        {"an object that is a string", REQUEST(", 'object': 'x'"), "request.object: must be"},
        {"a dryRun that is a string", REQUEST(", 'dryRun': 'yes'"), "request.dryRun: must be"},
};

START_TEST(refuses)
{
        const struct fault_case *test = &faults[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct review review = REVIEW_INIT;
        _cleanup_(freep) char *body = quoted(test->body);

        ck_assert_msg(review_parse(&review, body, strlen(body), &arena, &error) == -EINVAL, "%s", test->name);
        ck_assert_msg(strstr(error_message(&error), test->sentence), "%s: %s", test->name, error_message(&error));
}
END_TEST

START_TEST(reads_every_field)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct review review = REVIEW_INIT;
        _cleanup_(freep) char *body = quoted(
                REQUEST(", 'namespace': 'n', 'name': 'x', 'dryRun': true, 'subResource': 'status', 'resource': "
                        "{'group': '', 'version': 'v1', 'resource': 'pods'}, 'object': {'a': 1}, 'oldObject': "
                        "null"));

        ck_assert_int_eq(review_parse(&review, body, strlen(body), &arena, NULL), 0);
        ck_assert_str_eq(review.uid, "u");
        ck_assert_str_eq(review.namespace, "n");
        ck_assert_str_eq(review.name, "x");
        ck_assert_str_eq(review.subresource, "status");
        ck_assert_int_eq(review.operation, OPERATION_CREATE);
        ck_assert(review.is_pod);
        ck_assert(review.dry_run);
        ck_assert_ptr_nonnull(review.object);
        ck_assert_ptr_null(review.old_object);
}
END_TEST

START_TEST(other_resources_are_not_pods)
{
        static const char *const resources[] = {
                "{'group': 'apps', 'version': 'v1', 'resource': 'pods'}",
                "{'group': '', 'version': 'v1', 'resource': 'services'}",
                "{'group': '', 'version': 'v2', 'resource': 'pods'}",
        };
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct review review = REVIEW_INIT;
        _cleanup_(freep) char *text = NULL, *body = NULL;

        ck_assert_int_ge(
                asprintf(&text,
                         "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview', 'request': {'uid': "
                         "'u', 'operation': 'CREATE', 'resource': %s}}",
                         resources[_i]),
                0);
        body = quoted(text);
        ck_assert_int_eq(review_parse(&review, body, strlen(body), &arena, NULL), 0);
        ck_assert(!review.is_pod);
}
END_TEST

/* The "response" of an answer; a new reference. */
static json_t *response_of(char *text)
{
        json_auto_t *answer = json_loads(text, 0, NULL);
        json_t *response = json_object_get(answer, "response");

        ck_assert_str_eq(json_string_value(json_object_get(answer, "apiVersion")), "admission.k8s.io/v1");
        ck_assert_str_eq(json_string_value(json_object_get(answer, "kind")), "AdmissionReview");
        free(text);
        return json_incref(response);
}

START_TEST(an_answer_repeats_the_uid_and_carries_the_patch_in_base64)
{
        static const char patch[] = "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]";
        struct review review = {.uid = "some-uid"};
        json_auto_t *response = NULL;
        char *text;
        size_t size;

        ck_assert_int_eq(review_respond(&text, &size, &review, NULL, patch, strlen(patch)), 0);
        ck_assert_uint_eq(size, strlen(text));
        response = response_of(text);
        ck_assert_str_eq(json_string_value(json_object_get(response, "uid")), "some-uid");
        ck_assert(json_is_true(json_object_get(response, "allowed")));
        ck_assert_str_eq(json_string_value(json_object_get(response, "patchType")), "JSONPatch");
        /* base64 -w0 of [{"op":"add","path":"/a","value":1}] */
        ck_assert_str_eq(json_string_value(json_object_get(response, "patch")),
                         "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2EiLCJ2YWx1ZSI6MX1d");
}
END_TEST

START_TEST(without_a_patch_an_answer_has_none)
{
        struct review review = {.uid = "a \"quoted\" uid"};
        json_auto_t *response = NULL;
        char *text;
        size_t size;

        ck_assert_int_eq(review_respond(&text, &size, &review, NULL, NULL, 0), 0);
        response = response_of(text);
        ck_assert_str_eq(json_string_value(json_object_get(response, "uid")), "a \"quoted\" uid");
        ck_assert_ptr_null(json_object_get(response, "patch"));
        ck_assert_ptr_null(json_object_get(response, "patchType"));
}
END_TEST

START_TEST(a_denial_has_code_403_and_the_message)
{
        struct review review = {.uid = "u"};
        char message[] = "full";
        struct decision decision = {
                .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .message = message, .region = "", .series = ""};
        json_auto_t *response = NULL;
        json_t *status;
        char *text;
        size_t size;

        ck_assert_int_eq(review_respond(&text, &size, &review, &decision, NULL, 0), 0);
        response = response_of(text);
        status = json_object_get(response, "status");
        ck_assert(json_is_false(json_object_get(response, "allowed")));
        ck_assert_int_eq(json_integer_value(json_object_get(status, "code")), 403);
        ck_assert_str_eq(json_string_value(json_object_get(status, "message")), "full");
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(response, "auditAnnotations"), "reason")),
                         "nothing-fits");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, refuses, 0, ARRAY_SIZE(faults));
        tcase_add_test(tests, reads_every_field);
        tcase_add_loop_test(tests, other_resources_are_not_pods, 0, 3);
        tcase_add_test(tests, an_answer_repeats_the_uid_and_carries_the_patch_in_base64);
        tcase_add_test(tests, without_a_patch_an_answer_has_none);
        tcase_add_test(tests, a_denial_has_code_403_and_the_message);
}

int main(void)
{
        return unit_main("review", add);
}
