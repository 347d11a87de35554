/*
 * One watch: from a version on, until the server ends it. The server is asked to end it after some minutes, not the
 * same for all, so that watches spread over API servers again after one of them was away.
 *
 * A bookmark comes about every minute. Who hears nothing for longer than that talks to nobody.
 *
 * What an event says is believed only once it was taken in: the version moves on after the operation.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kube/client.h"
#include "kube/json_stream.h"
#include "kube/resource_view.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#define SHORTEST_S 300
#define LONGEST_S 600
#define SILENCE (90 * NS_PER_SECOND)

struct watching {
        const struct resource_view *view;
        struct resource_watch *watch;
        struct json_stream *stream; /* owned */
        struct error fault;         /* what kube_call() cannot know */
};

static void watching_clear(struct watching *watching)
{
        json_stream_free(watching->stream);
        error_clear(&watching->fault);
}

static int find_type(enum reflector_event *ret, const char *type)
{
        static const char *const types[] = {
                [REFLECTOR_ADDED] = "ADDED",
                [REFLECTOR_MODIFIED] = "MODIFIED",
                [REFLECTOR_DELETED] = "DELETED",
        };

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                if (!strcmp(types[i], type)) {
                        *ret = (enum reflector_event)i;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int take_change(struct watching *watching, const char *type, const json_t *object, uint64_t version,
                       struct error *error)
{
        const struct resource_view *view = watching->view;
        enum reflector_event event;
        int r;

        if (find_type(&event, type) < 0)
                return error_set(error, EBADMSG, "an event has the unknown type %s", type);
        r = view->ops->event(view->userdata, event, object, version);
        if (r < 0) {
                watching->watch->list_again = true;
                return error_set_errno(error, -r, "an event of %s cannot be taken in", view->resource->plural);
        }
        return 0;
}

static void take_bookmark(struct watching *watching, uint64_t version)
{
        const struct resource_view *view = watching->view;

        if (view->ops->bookmark)
                view->ops->bookmark(view->userdata, version);
}

/* The server gives the watch up, with a Status. */
static int take_error(struct watching *watching, const json_t *status, struct error *error)
{
        const char *message = json_string_value(json_object_get(status, "message"));
        json_int_t code = json_integer_value(json_object_get(status, "code"));

        watching->watch->list_again = code == 410;
        return error_set(error, code == 410 ? ESTALE : EIO, "the watch ends with %" JSON_INTEGER_FORMAT ": %s", code,
                         message ? message : "no message");
}

static int take_event(void *userdata, json_t *value, struct error *error)
{
        struct watching *watching = userdata;
        const char *type = json_string_value(json_object_get(value, "type"));
        const json_t *object = json_object_get(value, "object");
        uint64_t version = object_version(object);
        int r = 0;

        if (!type)
                return error_set(error, EBADMSG, "an event has no type");
        if (!strcmp(type, "ERROR"))
                return take_error(watching, object, error);
        if (!version)
                return error_set(error, EBADMSG, "the object of an event has no metadata.resourceVersion");
        if (!strcmp(type, "BOOKMARK"))
                take_bookmark(watching, version);
        else
                r = take_change(watching, type, object, version, error);
        if (r < 0)
                return r;
        watching->watch->version = version;
        watching->watch->events++;
        resource_view_reach(watching->view, version);
        return 0;
}

static int take_part(void *userdata, const char *part, size_t size)
{
        struct watching *watching = userdata;

        watching->watch->answered = true;
        resource_view_touch(watching->view);
        return json_stream_feed(watching->stream, part, size, &watching->fault);
}

static char *watch_path(const struct watching *watching)
{
        _cleanup_(freep) char *path = resource_view_path(watching->view);

        if (!path)
                return NULL;
        return text_format("%swatch=true&allowWatchBookmarks=true&resourceVersion=%" PRIu64 "&timeoutSeconds=%d",
                           path, watching->watch->version, (int)backoff_random(SHORTEST_S, LONGEST_S));
}

int resource_watch(const struct resource_view *view, struct resource_watch *watch, struct error *error)
{
        _cleanup_(watching_clear) struct watching watching = {.view = view, .watch = watch};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(freep) char *path = watch_path(&watching);
        const struct kube_call call = {
                .method = KUBE_GET,
                .path = path,
                .data = take_part,
                .userdata = &watching,
                .silence = SILENCE,
                .cancelled = view->cancelled,
                .once = view->once,
        };
        int r;

        *watch = (struct resource_watch){.version = watch->version};
        if (!path || json_stream_new(&watching.stream, JSON_STREAM_OBJECTS, take_event, &watching) < 0)
                return error_oom(error);
        r = kube_call(view->client, &call, &response, error);
        if (r >= 0)
                r = json_stream_end(watching.stream, &watching.fault);
        watch->answered = watch->answered || response.status;
        watch->list_again = watch->list_again || r == -ESTALE;
        if (r < 0 && watching.fault.message)
                return error_set(error, -r, "GET %s: %s", path, error_message(&watching.fault));
        return r;
}
