/*
 * Events (core/v1 Event): something of note has happened to an object, and people see it in `kubectl describe`.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "util/cleanup.h"

#define EVENT_COMPONENT "regionfit"
#define EVENT_MESSAGE_MAX 1024 /* bytes, as events.k8s.io/v1 has it; what is longer is cut */

enum event_type { EVENT_NORMAL, EVENT_WARNING };

/* What it has happened to. Borrowed strings. */
struct event_object {
        const char *api_version, *kind;
        const char *namespace; /* NULL: it has none */
        const char *name;
        const char *uid; /* NULL: not known */
};

/* Plain data; every pointer is owned. */
struct event {
        struct event_object object; /* owned strings here; "" for what is not known */
        enum event_type type;
        char *reason, *message;
        int64_t at; /* unix seconds */
        struct event *next;
};

/* NULL: out of memory. */
struct event *event_new(const struct event_object *object, enum event_type type, const char *reason,
                        const char *message, int64_t at);
struct event *event_free(struct event *event);
DEFINE_CLEANUP(struct event *, event_free);

/* Where Events of the object live: its namespace, or "default". Borrowed. */
const char *event_namespace(const struct event *event);

/* "<object>.<hex>", different each time. NULL: out of memory. */
char *event_make_name(const struct event *event);

/* The object for the API server, seen `count` times since `first` (unix seconds). NULL: out of memory. */
json_t *event_to_json(const struct event *event, const char *name, int64_t count, int64_t first);

/* A merge patch (RFC 7386) of one that is there. */
json_t *event_to_patch(const struct event *event, int64_t count);
