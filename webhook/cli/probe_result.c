/*
 * A pod that regionfit lets through as it is looks like one that it was never asked about. But what comes with a pod
 * in the annotation of reservations never stays there, as an id that was copied from another pod could give back what
 * that one holds (admission/patch.h); and a dry run promises nothing, so that nothing takes its place. So the pod is
 * sent with a mark there, and if the mark is still in the API server's answer, nobody has looked at it.
 */
#include "cli/probe_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admission/pod.h"
#include "kube/client.h"
#include "policy/resource_policy.h"
#include "util/cleanup.h"
#include "util/error.h"

#define MARK "probe"

/* What an API server says before the webhook's own message. */
#define DENIED "admission webhook \"placement.regionfit.io\" denied the request: "

static const char *const outcomes[] = {
        [PROBE_PLACED] = "placed",       [PROBE_ALLOWED] = "allowed", [PROBE_DENIED] = "denied",
        [PROBE_NOT_ASKED] = "not-asked", [PROBE_FAILED] = "failed",
};

void probe_result_clear(struct probe_result *result)
{
        json_decref(result->pod);
        free(result->message);
        free(result->warnings);
        *result = PROBE_RESULT_INIT;
}

int probe_mark(json_t *pod)
{
        json_t *metadata = json_object_get(pod, "metadata"), *annotations;

        annotations = json_object_get(metadata, "annotations");
        if (!json_is_object(annotations)) {
                annotations = json_object();
                if (json_object_set_new(metadata, "annotations", annotations) < 0)
                        return -ENOMEM;
        }
        json_object_del(annotations, ANNOTATION_PLACEMENT);
        return json_object_set_new(annotations, ANNOTATION_RESERVATION, json_string(MARK)) < 0 ? -ENOMEM : 0;
}

/* A label or an annotation of the pod; "" where it has none. */
static const char *entry(const struct probe_result *result, const char *map, const char *key)
{
        json_t *metadata = json_object_get(result->pod, "metadata");
        const char *value = json_string_value(json_object_get(json_object_get(metadata, map), key));

        return value ? value : "";
}

static int read_pod(struct probe_result *result, const struct kube_response *response)
{
        result->pod = json_loadb(response->body ? response->body : "", response->size, 0, NULL);
        result->placement = entry(result, "annotations", ANNOTATION_PLACEMENT);
        result->region = entry(result, "labels", LABEL_REGION);
        result->series = entry(result, "labels", LABEL_SERIES);
        if (!result->pod) {
                result->outcome = PROBE_FAILED;
                result->message = strdup("the API server's answer is no object");
                return result->message ? 0 : -ENOMEM;
        }
        if (!strcmp(entry(result, "annotations", ANNOTATION_RESERVATION), MARK))
                result->outcome = PROBE_NOT_ASKED;
        else
                result->outcome = *result->placement ? PROBE_PLACED : PROBE_ALLOWED;
        return 0;
}

static int read_refusal(struct probe_result *result, const struct kube_response *response, const struct error *error)
{
        json_auto_t *status = json_loadb(response->body ? response->body : "", response->size, 0, NULL);
        const char *message = json_string_value(json_object_get(status, "message"));
        const char *denied = message && !strncmp(message, DENIED, strlen(DENIED)) ? message + strlen(DENIED) : NULL;

        result->outcome = denied ? PROBE_DENIED : PROBE_FAILED;
        result->message = strdup(denied ? denied : error_message(error));
        return result->message ? 0 : -ENOMEM;
}

int probe_result_read(struct probe_result *ret, int r, struct kube_response *response, const struct error *error)
{
        *ret = PROBE_RESULT_INIT;
        ret->placement = ret->region = ret->series = "";
        ret->warnings = steal_pointer(&response->warnings);
        return r < 0 ? read_refusal(ret, response, error) : read_pod(ret, response);
}

bool probe_asked(const struct probe_result *result)
{
        return result->outcome == PROBE_PLACED || result->outcome == PROBE_ALLOWED || result->outcome == PROBE_DENIED;
}

static void print_pool(const struct probe_result *result, FILE *stream)
{
        if (*result->region)
                fprintf(stream, ", region %s", result->region);
        if (*result->series)
                fprintf(stream, ", series %s", result->series);
}

static void print_warnings(const struct probe_result *result, FILE *stream)
{
        const char *line = result->warnings ? result->warnings : "";

        for (size_t length; *line; line += length + (line[length] != '\0')) {
                length = strcspn(line, "\n");
                fprintf(stream, "  warning: %.*s\n", (int)length, line);
        }
}

void probe_result_print(const struct probe_result *result, const char *name, FILE *stream)
{
        fprintf(stream, "%s: ", name);
        switch (result->outcome) {
        case PROBE_PLACED:
                fprintf(stream, "placed on %s", result->placement);
                print_pool(result, stream);
                break;
        case PROBE_ALLOWED:
                fputs("let through as it is", stream);
                print_pool(result, stream);
                break;
        case PROBE_DENIED:
                fprintf(stream, "refused: %s", result->message);
                break;
        case PROBE_NOT_ASKED:
                fputs("regionfit was not asked: no webhook of its name is registered for such pods, it did not "
                      "answer "
                      "and failurePolicy is Ignore, or it only watches (serve --dry-run)",
                      stream);
                break;
        case PROBE_FAILED:
                fprintf(stream, "not known: %s", result->message);
                break;
        }
        fputc('\n', stream);
        print_warnings(result, stream);
}

json_t *probe_result_json(const struct probe_result *result, const char *name)
{
        json_auto_t *warnings = json_array();
        const char *line = result->warnings ? result->warnings : "";

        for (size_t length; *line; line += length + (line[length] != '\0')) {
                length = strcspn(line, "\n");
                if (json_array_append_new(warnings, json_stringn(line, length)) < 0)
                        return NULL;
        }
        return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:O}", "pod", name, "outcome",
                         outcomes[result->outcome], "asked", probe_asked(result), "placement", result->placement,
                         "region", result->region, "series", result->series, "message",
                         result->message ? result->message : "", "warnings", warnings);
}
