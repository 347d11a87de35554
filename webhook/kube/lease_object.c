/*
 * Objects go back to the server as they came, with what we do not know of: labels that somebody gave a Lease, and
 * fields that newer servers have, stay.
 */
#include "kube/lease_object.h"

#include <errno.h>
#include <string.h>

#include "kube/client.h"
#include "util/cleanup.h"
#include "util/error.h"

#define API "/apis/coordination.k8s.io/v1/namespaces/%s/leases"

json_t *lease_object_new(const struct lease_object *lease)
{
        return json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "coordination.k8s.io/v1", "kind", "Lease",
                         "metadata", "namespace", lease->namespace, "name", lease->name);
}

static int read_object(json_t **ret, const struct kube_response *response, const char *path, struct error *error)
{
        json_error_t fault;
        json_t *object = json_loadb(response->body ? response->body : "", response->size, JSON_ALLOW_NUL, &fault);

        if (!object)
                return error_set(error, EBADMSG, "%s: the answer is not JSON: %s", path, fault.text);
        json_decref(*ret);
        *ret = object;
        return 0;
}

static int call(const struct lease_object *lease, enum kube_method method, const json_t *object, json_t **ret,
                struct error *error)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(freep) char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
        _cleanup_(freep) char *path = method == KUBE_POST ? kube_path(API, lease->namespace)
                                                          : kube_path(API "/%s", lease->namespace, lease->name);
        const struct kube_call call = {
                .method = method,
                .path = path,
                .body = body,
                .size = body ? strlen(body) : 0,
                .timeout = lease->timeout,
                .cancelled = lease->cancelled,
        };
        int r;

        if (!path || (object && !body))
                return error_oom(error);
        r = kube_call(lease->client, &call, &response, error);
        if (r < 0)
                return r;
        return ret ? read_object(ret, &response, path, error) : 0;
}

int lease_object_get(const struct lease_object *lease, json_t **ret, struct error *error)
{
        *ret = NULL;
        return call(lease, KUBE_GET, NULL, ret, error);
}

int lease_object_create(const struct lease_object *lease, const json_t *object, json_t **ret, struct error *error)
{
        *ret = NULL;
        return call(lease, KUBE_POST, object, ret, error);
}

int lease_object_update(const struct lease_object *lease, const json_t *object, json_t **ret, struct error *error)
{
        *ret = NULL;
        return call(lease, KUBE_PUT, object, ret, error);
}

int lease_object_delete(const struct lease_object *lease, struct error *error)
{
        return call(lease, KUBE_DELETE, NULL, NULL, error);
}
