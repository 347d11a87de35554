/*
 * A compare-and-swap is a PUT with the resourceVersion that was read, which the API server answers with 409 where
 * another version is stored. It is sent once: whether a lost one was stored is for the ledger to find out.
 *
 * Lists are consistent reads (no resourceVersion), of one namespace at a time where that will do, and are read in a
 * stream.
 */
#include "quota/kube_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/client.h"
#include "kube/reflector.h"
#include "quota/cluster_ledger.h"
#include "quota/ledger_store.h"
#include "quota/region_quota.h"
#include "util/clock.h"
#include "util/error.h"

#define COLLECTION "/apis/regionfit.io/v1alpha1/reservationledgers"

/* Long enough for an API server that is busy, and short enough for requests that wait. */
#define CALL_TIMEOUT (4 * NS_PER_SECOND)

struct kube_store {
        struct kube_client *client; /* borrowed, as are the following */
        const char *lease_namespace, *lease_name, *annotation;
        struct ledger_store operations;
};

static int parse(const struct kube_response *response, json_t **ret, struct error *error)
{
        json_error_t fault;

        *ret = json_loadb(response->body ? response->body : "", response->size, 0, &fault);
        return json_is_object(*ret) ? 0 : error_set(error, EIO, "the API server sent no object: %s", fault.text);
}

static int read_object(void *userdata, json_t **ret, struct error *error)
{
        struct kube_store *store = userdata;
        const struct kube_call call = {
                .method = KUBE_GET, .path = COLLECTION "/" RESERVATION_LEDGER_NAME, .timeout = CALL_TIMEOUT};
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        int r = kube_call(store->client, &call, &response, error);

        return r < 0 ? r : parse(&response, ret, error);
}

static int write_object(void *userdata, const json_t *object, json_t **ret, struct error *error)
{
        struct kube_store *store = userdata;
        bool stored = json_object_get(json_object_get(object, "metadata"), "resourceVersion");
        _cleanup_(freep) char *body = json_dumps(object, JSON_COMPACT);
        const struct kube_call call = {
                .method = stored ? KUBE_PUT : KUBE_POST,
                .path = stored ? COLLECTION "/" RESERVATION_LEDGER_NAME : COLLECTION,
                .body = body,
                .size = body ? strlen(body) : 0,
                .timeout = CALL_TIMEOUT,
        };
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        int r;

        if (!body)
                return error_oom(error);
        r = kube_call(store->client, &call, &response, error);
        if (r == -EEXIST)
                return -EBUSY;
        return r < 0 ? r : parse(&response, ret, error);
}

/* Who asks for a list. */
struct listing {
        const struct kube_store *store;
        void (*found)(void *userdata, const char *id, uint64_t version);
        void *userdata;
};

static int list_item(void *userdata, const json_t *pod)
{
        const struct listing *listing = userdata;
        const json_t *metadata = json_object_get(pod, "metadata");
        const char *id = json_string_value(
                json_object_get(json_object_get(metadata, "annotations"), listing->store->annotation));

        if (id && *id)
                listing->found(listing->userdata, id, object_version(pod));
        return 0;
}

static int list_mark(void *userdata)
{
        (void)userdata;
        return 0;
}

static int list_end(void *userdata, uint64_t version)
{
        (void)userdata, (void)version;
        return 0;
}

static int list_pods(void *userdata, const char *namespace,
                     void (*found)(void *found_userdata, const char *id, uint64_t version), void *found_userdata,
                     struct error *error)
{
        static const struct reflector_ops ops = {
                .list_begin = list_mark, .list_item = list_item, .list_end = list_end};
        struct kube_store *store = userdata;
        struct listing listing = {.store = store, .found = found, .userdata = found_userdata};
        const struct kube_resource pods = {.api = "/api/v1", .plural = "pods", .namespace = namespace};

        return reflector_list(store->client, &pods, &ops, &listing, error);
}

static int note_newest(void *userdata, const json_t *object)
{
        uint64_t *newest = userdata;

        if (object_version(object) > *newest)
                *newest = object_version(object);
        return 0;
}

static int newest_quota(void *userdata, uint64_t *ret, struct error *error)
{
        static const struct reflector_ops ops = {
                .list_begin = list_mark, .list_item = note_newest, .list_end = list_end};
        struct kube_store *store = userdata;
        const struct kube_resource quotas = {.api = "/apis/" REGION_QUOTA_API_VERSION, .plural = "regionquotas"};

        *ret = 0;
        return reflector_list(store->client, &quotas, &ops, ret, error);
}

/* Whoever makes the leader's Lease is the first; it has no holder yet. */
static int is_first(void *userdata, struct error *error)
{
        const struct kube_store *store = userdata;
        _cleanup_(freep) char *path =
                kube_path("/apis/coordination.k8s.io/v1/namespaces/%s/leases", store->lease_namespace);
        json_auto_t *lease =
                json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}}", "apiVersion", "coordination.k8s.io/v1", "kind", "Lease",
                          "metadata", "name", store->lease_name, "namespace", store->lease_namespace, "spec");
        _cleanup_(freep) char *body = lease ? json_dumps(lease, JSON_COMPACT) : NULL;
        const struct kube_call call = {
                .method = KUBE_POST,
                .path = path,
                .body = body,
                .size = body ? strlen(body) : 0,
                .timeout = CALL_TIMEOUT,
        };
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        int r;

        if (!path || !body)
                return error_oom(error);
        r = kube_call(store->client, &call, &response, error);
        if (r == -EEXIST)
                return 0;
        return r < 0 ? r : 1;
}

int kube_store_new(struct kube_store **ret, struct kube_client *client, const char *lease_namespace,
                   const char *lease_name, const char *annotation)
{
        struct kube_store *store = calloc(1, sizeof(*store));

        if (!store)
                return -ENOMEM;
        store->client = client;
        store->lease_namespace = lease_namespace;
        store->lease_name = lease_name;
        store->annotation = annotation;
        store->operations = (struct ledger_store){.read = read_object,
                                                  .write = write_object,
                                                  .list = list_pods,
                                                  .quotas = newest_quota,
                                                  .is_first = is_first,
                                                  .userdata = store};
        *ret = store;
        return 0;
}

struct kube_store *kube_store_free(struct kube_store *store)
{
        free(store);
        return NULL;
}

const struct ledger_store *kube_store_operations(const struct kube_store *store)
{
        return &store->operations;
}
