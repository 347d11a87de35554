/*
 * One object of the API server, as it was last seen; followed by list and watch (kube/reflector.h).
 *
 * Thread-safe.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kube/reflector.h"
#include "util/cleanup.h"

struct error;
struct followed_object;

/* Starts the thread that follows; it calls `changed` (may be NULL) when there is something to take. `resource` names
 * one object; its strings are copied. Borrows the client. */
int followed_object_new(struct followed_object **ret, struct kube_client *client,
                        const struct kube_resource *resource, void (*changed)(void *userdata), void *userdata,
                        struct error *error);

struct followed_object *followed_object_free(struct followed_object *followed);
DEFINE_CLEANUP(struct followed_object *, followed_object_free);

/* True if there is news since the last call: *ret is the object, the caller's own; NULL where there is none. *ret_gap
 * is true if it may have been something else in between, which nobody has taken. */
bool followed_object_take(struct followed_object *followed, json_t **ret, bool *ret_gap);

/* Gives back what could not be taken in, unless there is news; takes the object over. */
void followed_object_put_back(struct followed_object *followed, json_t *object);

/* Why it is not known, or "" where it is followed. */
void followed_object_failure(struct followed_object *followed, char *ret, size_t size);
