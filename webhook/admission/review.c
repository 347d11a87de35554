/*
 * The only place that knows the envelope. A body is taken as it is, or refused with the place and the reason; what
 * is inside of it, the pod, is read elsewhere.
 *
 * The API server sends one review version, admission.k8s.io/v1, to a webhook that registers for it; anything else
 * is a wrong registration and is told so.
 */
#include "admission/review.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admission/decide.h"
#include "admission/pod.h"
#include "manifest/document.h"
#include "manifest/field.h"
#include "manifest/writer.h"
#include "util/error.h"

#define API_VERSION "admission.k8s.io/v1"
#define KIND "AdmissionReview"

/* An ordinary answer is put together on the stack, so that the heap is asked once, for as much as it is long. */
#define ANSWER_BLOCK 4096

static const char *const operation_names[] = {
        [OPERATION_CREATE] = "CREATE",
        [OPERATION_UPDATE] = "UPDATE",
        [OPERATION_DELETE] = "DELETE",
        [OPERATION_CONNECT] = "CONNECT",
        NULL,
};

static const struct shape resource_shape[] = {SHAPE("group", NULL), SHAPE("version", NULL), SHAPE("resource", NULL),
                                              SHAPE_END};

static const struct shape request_shape[] = {
        SHAPE("uid", NULL),
        SHAPE("namespace", NULL),
        SHAPE("name", NULL),
        SHAPE("operation", NULL),
        SHAPE("dryRun", NULL),
        SHAPE("resource", resource_shape),
        SHAPE("subResource", NULL),
        SHAPE("object", pod_shape),
        SHAPE("oldObject", pod_shape),
        SHAPE_END,
};

static const struct shape review_shape[] = {SHAPE("apiVersion", NULL), SHAPE("kind", NULL),
                                            SHAPE("request", request_shape), SHAPE_END};

static bool must_equal(const struct field *root, const char *key, const char *expected)
{
        struct field field = field_member(root, key);
        char quoted[64];

        if (field_kind(&field) == FIELD_STRING && !strcmp(field_text(&field), expected))
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

static bool read_object(const struct kept **ret, const struct field *request, const char *key)
{
        struct field object = field_member(request, key);

        *ret = object.kept;
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
        if (!field_present(request))
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

int review_parse(struct review *ret, const char *body, size_t size, struct arena *arena, struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root, request;
        struct kept *kept;
        int r;

        *ret = (struct review){.uid = "", .namespace = "", .name = "", .subresource = ""};
        r = document_read(&kept, body, size, review_shape, arena, error);
        if (r < 0)
                return r;
        if (kept->kind != KEPT_OBJECT)
                return error_set(error, EINVAL, "not an AdmissionReview " API_VERSION ": must be a JSON object");
        root = field_document(kept, &diagnostics);
        request = field_member(&root, "request");
        if (!must_equal(&root, "apiVersion", API_VERSION) || !must_equal(&root, "kind", KIND) ||
            !read_request(ret, &request))
                return refuse(&diagnostics, error);
        return 0;
}

/* The patch as base64 of its JSON text (AdmissionResponse.patch). */
static void write_patch(struct writer *writer, const char *patch, size_t size)
{
        writer_raw(writer, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
        writer_base64(writer, patch, size);
        writer_raw(writer, "\"");
}

static void write_denial(struct writer *writer, int code, const char *message)
{
        writer_raw(writer, ",\"status\":{\"status\":\"Failure\",\"code\":");
        writer_number(writer, (uint64_t)code);
        writer_raw(writer, ",\"reason\":");
        writer_string(writer, code == 403 ? "Forbidden" : "InternalError");
        writer_raw(writer, ",\"message\":");
        writer_string(writer, message);
        writer_raw(writer, "}");
}

static void write_warnings(struct writer *writer, const struct decision *decision)
{
        for (size_t i = 0; i < decision->n_warnings; i++) {
                if (i)
                        writer_raw(writer, ",");
                else
                        writer_raw(writer, ",\"warnings\":[");
                writer_string(writer, decision->warnings[i]);
        }
        if (decision->n_warnings)
                writer_raw(writer, "]");
}

/* The API server puts the webhook's name in front of each key. */
static void write_audit_annotations(struct writer *writer, const struct decision *decision)
{
        writer_raw(writer, ",\"auditAnnotations\":{\"reason\":");
        writer_string(writer, decision->reason);
        if (decision->policy) {
                writer_raw(writer, ",\"policy\":\"");
                writer_part(writer, decision->policy->namespace, strlen(decision->policy->namespace));
                writer_raw(writer, "/");
                writer_part(writer, decision->policy->name, strlen(decision->policy->name));
                writer_raw(writer, "\"");
        }
        if (decision->outcome == OUTCOME_PLACED) {
                writer_raw(writer, ",\"unit\":\"");
                writer_number(writer, decision->unit);
                writer_raw(writer, "\"");
        }
        if (*decision->region) {
                writer_raw(writer, ",\"region\":");
                writer_string(writer, decision->region);
        }
        if (*decision->series) {
                writer_raw(writer, ",\"model\":");
                writer_string(writer, decision->series);
        }
        writer_raw(writer, "}");
}

/* All that stands before what the answer says beside yes or no. */
static void begin(struct writer *writer, const struct review *review, bool allowed)
{
        writer_raw(writer, "{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"" KIND "\",\"response\":{\"uid\":");
        writer_string(writer, review->uid);
        if (allowed)
                writer_raw(writer, ",\"allowed\":true");
        else
                writer_raw(writer, ",\"allowed\":false");
}

static int finish(struct writer *writer, char **ret, size_t *ret_size)
{
        int r;

        writer_raw(writer, "}}");
        r = writer_finish(writer, ret, ret_size);
        writer_clear(writer);
        return r;
}

int review_respond(char **ret, size_t *ret_size, const struct review *review, const struct decision *decision,
                   const char *patch, size_t patch_size)
{
        bool denied = decision && decision->outcome == OUTCOME_DENIED;
        struct writer writer;
        char block[ANSWER_BLOCK];

        writer_init(&writer, block, sizeof(block));
        begin(&writer, review, !denied);
        if (denied)
                write_denial(&writer, 403, decision->message);
        else if (patch)
                write_patch(&writer, patch, patch_size);
        if (decision) {
                write_warnings(&writer, decision);
                write_audit_annotations(&writer, decision);
        }
        return finish(&writer, ret, ret_size);
}

int review_deny(char **ret, size_t *ret_size, const struct review *review, int code, const char *message)
{
        struct writer writer;
        char block[ANSWER_BLOCK];

        writer_init(&writer, block, sizeof(block));
        begin(&writer, review, false);
        write_denial(&writer, code, message);
        return finish(&writer, ret, ret_size);
}
