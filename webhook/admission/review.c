/*
 * The only place that knows the envelope. A body is taken as it is, or refused with the place and the reason; what
 * is inside of it, the pod, is read elsewhere.
 *
 * The API server sends one review version, admission.k8s.io/v1, to a webhook that registers for it; anything else
 * is a wrong registration and is told so.
 */
#include "admission/review.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "admission/decide.h"
#include "manifest/field.h"
#include "util/error.h"

#define API_VERSION "admission.k8s.io/v1"
#define KIND "AdmissionReview"

static const char *const operation_names[] = {
        [OPERATION_CREATE] = "CREATE",
        [OPERATION_UPDATE] = "UPDATE",
        [OPERATION_DELETE] = "DELETE",
        [OPERATION_CONNECT] = "CONNECT",
        NULL,
};

void review_clear(struct review *review)
{
        json_decref(review->body);
        *review = REVIEW_INIT;
}

static bool must_equal(const struct field *root, const char *key, const char *expected)
{
        struct field field = field_member(root, key);
        const char *value = json_string_value(field.value);
        char quoted[64];

        if (value && !strcmp(value, expected))
                return true;
        snprintf(quoted, sizeof(quoted), "\"%s\"", expected);
        return field_must_be(&field, quoted);
}

static bool read_resource(struct review *review, const struct field *request)
{
        struct field resource = field_member(request, "resource");
        struct field group_field = field_member(&resource, "group");
        struct field version_field = field_member(&resource, "version");
        struct field name_field = field_member(&resource, "resource");
        struct field subresource = field_member(request, "subResource");
        const char *group = "", *version = "", *name = "";

        if (!field_object(&resource) || !field_string(&group_field, &group) ||
            !field_string(&version_field, &version) || !field_string(&name_field, &name) ||
            !field_string(&subresource, &review->subresource))
                return false;
        review->is_pod = !*group && !strcmp(version, "v1") && !strcmp(name, "pods");
        return true;
}

static bool read_object(json_t **ret, const struct field *request, const char *key)
{
        struct field object = field_member(request, key);

        *ret = object.value;
        return field_object(&object);
}

static bool read_request(struct review *review, const struct field *request)
{
        struct field uid = field_member(request, "uid");
        struct field namespace = field_member(request, "namespace");
        struct field name = field_member(request, "name");
        struct field operation = field_member(request, "operation");
        struct field dry_run = field_member(request, "dryRun");
        int index = -1;

        if (!field_object(request))
                return false;
        if (!request->value)
                return field_must_be(request, "an object");
        if (!field_string(&uid, &review->uid) || !field_string(&namespace, &review->namespace) ||
            !field_string(&name, &review->name) || !field_enum(&operation, operation_names, &index) ||
            !field_bool(&dry_run, &review->dry_run) || !read_resource(review, request) ||
            !read_object(&review->object, request, "object") ||
            !read_object(&review->old_object, request, "oldObject"))
                return false;
        if (!*review->uid)
                return field_must_be(&uid, "the request's uid");
        if (index < 0)
                return field_must_be(&operation, "CREATE, UPDATE, DELETE or CONNECT");
        review->operation = (enum operation)index;
        return true;
}

/* The first diagnostic as an error. */
static int refuse(const struct diagnostics *diagnostics, struct error *error)
{
        if (!diagnostics->count)
                return error_oom(error);
        return error_set(error, EINVAL, "not an AdmissionReview " API_VERSION ": %s: %s", diagnostics->items[0].path,
                         diagnostics->items[0].message);
}

int review_parse(struct review *ret, const char *body, size_t size, struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root, request;
        json_error_t fault;

        *ret = (struct review){.uid = "", .namespace = "", .name = "", .subresource = ""};
        ret->body = json_loadb(body, size, JSON_REJECT_DUPLICATES, &fault);
        if (!ret->body && json_error_code(&fault) == json_error_out_of_memory)
                return error_oom(error);
        if (!ret->body)
                return error_set(error, EINVAL, "not JSON: line %d, column %d (byte %d of %zu): %s", fault.line,
                                 fault.column, fault.position, size, fault.text);
        root = field_root(ret->body, NULL, &diagnostics);
        request = field_member(&root, "request");
        if (!json_is_object(ret->body)) {
                review_clear(ret);
                return error_set(error, EINVAL, "not an AdmissionReview " API_VERSION ": must be a JSON object");
        }
        if (!must_equal(&root, "apiVersion", API_VERSION) || !must_equal(&root, "kind", KIND) ||
            !read_request(ret, &request)) {
                review_clear(ret);
                return refuse(&diagnostics, error);
        }
        return 0;
}

/* json_object_set_new() that tells whether all went well so far. */
static bool set(json_t *object, const char *key, json_t *value)
{
        return json_object_set_new(object, key, value) == 0;
}

/* The patch as base64 of its JSON text (AdmissionResponse.patch). */
static bool set_patch(json_t *response, const json_t *patch)
{
        _cleanup_(freep) char *text = json_dumps(patch, JSON_COMPACT);
        size_t size = text ? strlen(text) : 0;
        _cleanup_(freep) char *encoded = malloc((size + 2) / 3 * 4 + 1);

        if (!text || !encoded)
                return false;
        EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)size);
        return set(response, "patchType", json_string("JSONPatch")) && set(response, "patch", json_string(encoded));
}

static bool set_denial(json_t *response, int code, const char *message)
{
        const char *reason = code == 403 ? "Forbidden" : "InternalError";

        return set(response, "status",
                   json_pack("{s:s, s:i, s:s, s:s}", "status", "Failure", "code", code, "reason", reason, "message",
                             message));
}

static bool set_warnings(json_t *response, const struct decision *decision)
{
        _cleanup_(json_decrefp) json_t *warnings = json_array();

        if (!decision->n_warnings)
                return true;
        for (size_t i = 0; i < decision->n_warnings; i++)
                if (json_array_append_new(warnings, json_string(decision->warnings[i])) < 0)
                        return false;
        return json_object_set(response, "warnings", warnings) == 0;
}

/* The API server puts the webhook's name in front of each key. */
static bool set_audit_annotations(json_t *response, const struct decision *decision)
{
        _cleanup_(json_decrefp) json_t *annotations = json_object();
        bool good = set(annotations, "reason", json_string(decision->reason));

        if (decision->policy)
                good &= set(annotations, "policy",
                            json_sprintf("%s/%s", decision->policy->namespace, decision->policy->name));
        if (decision->outcome == OUTCOME_PLACED)
                good &= set(annotations, "unit", json_sprintf("%zu", decision->unit));
        if (*decision->region)
                good &= set(annotations, "region", json_string(decision->region));
        if (*decision->series)
                good &= set(annotations, "model", json_string(decision->series));
        return good && json_object_set(response, "auditAnnotations", annotations) == 0;
}

static json_t *new_response(const struct review *review, bool allowed)
{
        return json_pack("{s:s, s:b}", "uid", review->uid, "allowed", allowed);
}

/* Wraps the response, which it takes over, and writes it out. */
static int finish(char **ret, json_t *response)
{
        _cleanup_(json_decrefp) json_t *review =
                json_pack("{s:s, s:s, s:o}", "apiVersion", API_VERSION, "kind", KIND, "response", response);

        if (!review)
                return -ENOMEM;
        *ret = json_dumps(review, JSON_COMPACT);
        return *ret ? 0 : -ENOMEM;
}

int review_respond(char **ret, const struct review *review, const struct decision *decision, const json_t *patch)
{
        bool denied = decision && decision->outcome == OUTCOME_DENIED;
        _cleanup_(json_decrefp) json_t *response = new_response(review, !denied);
        bool good = response;

        if (good && denied)
                good = set_denial(response, 403, decision->message);
        if (good && !denied && json_array_size(patch))
                good = set_patch(response, patch);
        if (good && decision)
                good = set_warnings(response, decision) && set_audit_annotations(response, decision);
        return good ? finish(ret, steal_pointer(&response)) : -ENOMEM;
}

int review_deny(char **ret, const struct review *review, int code, const char *message)
{
        _cleanup_(json_decrefp) json_t *response = new_response(review, false);

        if (!response || !set_denial(response, code, message))
                return -ENOMEM;
        return finish(ret, steal_pointer(&response));
}
