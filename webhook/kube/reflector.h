/*
 * A view of one resource that follows the API server: list, then watch, and list again where the watch cannot be
 * resumed (client-go calls this a reflector).
 *
 * Lists are paginated and read in a stream: one object at a time is in memory. Watches ask for bookmarks and resume
 * where they broke off; 410 Gone lists again; a peer that is silent for longer than any bookmark takes is given up;
 * failures wait longer and longer, with jitter, and are logged.
 *
 * resourceVersions of one resource compare as integers (KEP-5504).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;
struct kube_client;
struct reflector;

/* Borrowed strings. */
struct kube_resource {
        const char *api;       /* "/api/v1", "/apis/regionfit.io/v1alpha1" */
        const char *plural;    /* "pods" */
        const char *namespace; /* NULL: all of them, or a resource that has none */
        const char *name;      /* NULL, or the one object to follow (metadata.name) */
};

enum reflector_event { REFLECTOR_ADDED, REFLECTOR_MODIFIED, REFLECTOR_DELETED };

/*
 * Called from the reflector's thread (or that of reflector_list()). Objects are borrowed. A negative errno is logged;
 * then everything is listed again after a while.
 */
struct reflector_ops {
        /* A list begins; it replaces all that was known once it ends. Called again without an end where a list broke
         * off: what has come of it is void. */
        int (*list_begin)(void *userdata);
        int (*list_item)(void *userdata, const json_t *object);
        int (*list_end)(void *userdata, uint64_t version); /* the list's resourceVersion */

        /* `version` is the object's; for REFLECTOR_DELETED that of the deletion. */
        int (*event)(void *userdata, enum reflector_event event, const json_t *object, uint64_t version);

        /* The view has reached this version without an event. May be NULL. */
        void (*bookmark)(void *userdata, uint64_t version);
};

/* Starts the thread. Borrows client and operations; copies the resource. */
int reflector_new(struct reflector **ret, struct kube_client *client, const struct kube_resource *resource,
                  const struct reflector_ops *ops, void *userdata, struct error *error);

/* Ends the thread, wherever it waits. */
struct reflector *reflector_free(struct reflector *reflector);
DEFINE_CLEANUP(struct reflector *, reflector_free);

/* What a person wants to know of it. Thread-safe. */
struct reflector_status {
        bool listed;       /* the first list has ended */
        uint64_t version;  /* that the view has reached */
        int64_t contact;   /* monotonic ns of the last byte from the API server; 0: never */
        uint64_t lists;    /* how often everything was listed */
        uint64_t watches;  /* how often a watch was begun */
        char failure[256]; /* why it does not follow at the moment; "" where it does */
};
void reflector_status(struct reflector *reflector, struct reflector_status *ret);

/* Lists once, on the caller's thread: begin, items, end. What a call or an operation returns. */
int reflector_list(struct kube_client *client, const struct kube_resource *resource, const struct reflector_ops *ops,
                   void *userdata, struct error *error);

/* metadata.resourceVersion as an integer; 0 where it is missing or none. */
uint64_t object_version(const json_t *object);
