/*
 * Events are written in the old form, with count and timestamps, which every kubectl shows. One that belongs to an
 * object without a namespace lives in "default"; the API server insists on it.
 */
#include "kube/event.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "kube/timestamp.h"
#include "util/backoff.h"
#include "util/text.h"

#define NAME_MAX_BYTES 253 /* RFC 1123 subdomain, as Kubernetes bounds it */
#define SUFFIX_BYTES 17    /* a dot and 16 digits */

static char *copy(const char *text)
{
        return strdup(text ? text : "");
}

/* Cut between characters (UTF-8). */
static char *copy_message(const char *message)
{
        size_t size = strnlen(message, EVENT_MESSAGE_MAX + 1);

        if (size > EVENT_MESSAGE_MAX) {
                size = EVENT_MESSAGE_MAX;
                while (size && ((unsigned char)message[size] & 0xc0) == 0x80)
                        size--;
        }
        return strndup(message, size);
}

struct event *event_new(const struct event_object *object, enum event_type type, const char *reason,
                        const char *message, int64_t at)
{
        _cleanup_(event_freep) struct event *event = calloc(1, sizeof(*event));

        if (!event)
                return NULL;
        event->object = (struct event_object){
                .api_version = copy(object->api_version),
                .kind = copy(object->kind),
                .namespace = copy(object->namespace),
                .name = copy(object->name),
                .uid = copy(object->uid),
        };
        event->type = type;
        event->reason = strdup(reason);
        event->message = copy_message(message);
        event->at = at;
        if (!event->object.api_version || !event->object.kind || !event->object.namespace || !event->object.name ||
            !event->object.uid || !event->reason || !event->message)
                return NULL;
        return steal_pointer(&event);
}

struct event *event_free(struct event *event)
{
        if (!event)
                return NULL;
        free((char *)event->object.api_version);
        free((char *)event->object.kind);
        free((char *)event->object.namespace);
        free((char *)event->object.name);
        free((char *)event->object.uid);
        free(event->reason);
        free(event->message);
        free(event);
        return NULL;
}

const char *event_namespace(const struct event *event)
{
        return *event->object.namespace ? event->object.namespace : "default";
}

char *event_make_name(const struct event *event)
{
        const char *name = *event->object.name ? event->object.name : EVENT_COMPONENT;
        size_t size = strnlen(name, NAME_MAX_BYTES - SUFFIX_BYTES);

        /* A label of a name must not end in what a cut may leave behind. */
        while (size > 1 && (name[size - 1] == '.' || name[size - 1] == '-'))
                size--;
        return text_format("%.*s.%016" PRIx64, (int)size, name, (uint64_t)backoff_random(0, INT64_MAX - 1));
}

static json_t *involved_object(const struct event_object *object)
{
        const struct {
                const char *key, *value;
        } members[] = {
                {"apiVersion", object->api_version},
                {"kind", object->kind},
                {"namespace", object->namespace},
                {"name", object->name},
                {"uid", object->uid},
        };
        json_auto_t *json = json_object();

        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
                if (*members[i].value && json_object_set_new(json, members[i].key, json_string(members[i].value)) < 0)
                        return NULL;
        return steal_pointer(&json);
}

json_t *event_to_json(const struct event *event, const char *name, int64_t count, int64_t first)
{
        char begun[TIMESTAMP_SIZE], ended[TIMESTAMP_SIZE];

        timestamp_seconds(first, begun);
        timestamp_seconds(event->at, ended);
        return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:I, s:s, s:s, s:{s:s}, s:s}", "apiVersion",
                         "v1", "kind", "Event", "metadata", "name", name, "namespace", event_namespace(event),
                         "involvedObject", involved_object(&event->object), "reason", event->reason, "message",
                         event->message, "type", event->type == EVENT_WARNING ? "Warning" : "Normal", "count",
                         (json_int_t)count, "firstTimestamp", begun, "lastTimestamp", ended, "source", "component",
                         EVENT_COMPONENT, "reportingComponent", EVENT_COMPONENT);
}

json_t *event_to_patch(const struct event *event, int64_t count)
{
        char ended[TIMESTAMP_SIZE];

        timestamp_seconds(event->at, ended);
        return json_pack("{s:I, s:s}", "count", (json_int_t)count, "lastTimestamp", ended);
}
