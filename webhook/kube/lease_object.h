/*
 * One coordination.k8s.io/v1 Lease at the API server: read, create, update, delete.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct error;
struct kube_client;

/* Plain data; every pointer is borrowed. */
struct lease_object {
        struct kube_client *client;
        const char *namespace, *name;
        const bool *cancelled; /* atomic; see struct kube_call; NULL: never */
        int64_t timeout;       /* ns, of one call; 0: the client's */
};

/* A new Lease without a spec; NULL: out of memory. */
json_t *lease_object_new(const struct lease_object *lease);

/* *ret is new. Errors are those of kube_call(); -ENOENT: there is none. */
int lease_object_get(const struct lease_object *lease, json_t **ret, struct error *error);

/* *ret is the object as it is stored now. -EEXIST. */
int lease_object_create(const struct lease_object *lease, const json_t *object, json_t **ret, struct error *error);

/* Likewise; -EBUSY: another resourceVersion is stored than the object's. */
int lease_object_update(const struct lease_object *lease, const json_t *object, json_t **ret, struct error *error);

int lease_object_delete(const struct lease_object *lease, struct error *error);
