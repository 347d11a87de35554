/*
 * The order of the lists is what makes them one snapshot: the ledger first, then all that it has to be held against.
 * A promise that has become a pod meanwhile is matched by it; the other way round, one that was removed between the
 * two lists would be missing from both. So the lists of quotas and pods are never older than the ledger asks (rules 1
 * and 7), and nothing has to be waited for.
 */
#include "cluster/snapshot.h"

#include <errno.h>
#include <string.h>

#include "admission/node_table.h"
#include "cluster/catalog_source.h"
#include "cluster/known_object.h"
#include "cluster/ledger_feed.h"
#include "cluster/nodes.h"
#include "cluster/pods.h"
#include "kube/client.h"
#include "kube/reflector.h"
#include "quota/cluster_ledger.h"
#include "util/clock.h"
#include "util/error.h"

#define GREETING (5 * NS_PER_SECOND)

/* What one list has brought. */
struct listed {
        json_t *objects; /* owned; an array */
        uint64_t version;
};

static void listed_clear(struct listed *listed)
{
        json_decref(listed->objects);
}

static int collect_begin(void *userdata)
{
        struct listed *listed = userdata;

        json_decref(listed->objects);
        listed->objects = json_array();
        return listed->objects ? 0 : -ENOMEM;
}

static int collect_item(void *userdata, const json_t *object)
{
        struct listed *listed = userdata;

        return json_array_append(listed->objects, (json_t *)object) == 0 ? 0 : -ENOMEM;
}

static int collect_end(void *userdata, uint64_t version)
{
        struct listed *listed = userdata;

        listed->version = version;
        return 0;
}

/* -ENOENT, where the API server does not know the resource, is an empty list. */
static int collect(struct listed *ret, struct kube_client *client, const struct kube_resource *resource,
                   struct error *error)
{
        static const struct reflector_ops ops = {
                .list_begin = collect_begin, .list_item = collect_item, .list_end = collect_end};
        int r = reflector_list(client, resource, &ops, ret, error);

        return r == -ENOENT ? collect_begin(ret) : r;
}

/* True where both are of one kind, namespace and name. */
static bool is_same(const struct manifest *a, const struct manifest *b)
{
        _cleanup_(freep) char *x = NULL, *y = NULL;

        return !strcmp(a->kind, b->kind) && !strcmp(a->api_version, b->api_version) &&
               known_object_key(&x, a->object) == 0 && known_object_key(&y, b->object) == 0 && !strcmp(x, y);
}

static bool is_among(const struct manifests *manifests, size_t n, const struct manifest *manifest)
{
        for (size_t i = 0; i < n; i++)
                if (is_same(&manifests->items[i], manifest))
                        return true;
        return false;
}

/* Appends what is not among the first `n`. */
static int append(struct manifests *manifests, size_t n, const json_t *objects)
{
        json_t *object;
        size_t i;

        json_array_foreach (objects, i, object) {
                _cleanup_(freep) char *key = NULL;
                struct manifest manifest = manifest_from_object(object, "");
                int r = known_object_key(&key, object);

                if (r >= 0 && !is_among(manifests, n, &manifest))
                        r = manifests_add(manifests, object, key);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether there is an API server at all, and one that knows us: that is known long before a list is given up. What we
 * may not do there is another question. */
static int greet(struct kube_client *client, struct error *error)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        const struct kube_call call = {.method = KUBE_GET, .path = "/version", .timeout = GREETING};
        int r = kube_call(client, &call, &response, error);

        return r == -EIO || r == -EAGAIN || r == -ENOMEM || response.status == 401 ? r : 0;
}

static int read_objects(struct manifests *manifests, struct kube_client *client, uint64_t *ret_quotas_version,
                        struct error *error)
{
        _cleanup_(listed_clear) struct listed policies = {0}, quotas = {0};
        size_t n = manifests->count;
        int r;

        r = collect(&policies, client, &catalog_policies_resource, error);
        if (r >= 0)
                r = collect(&quotas, client, &catalog_quotas_resource, error);
        if (r < 0)
                return r;
        *ret_quotas_version = quotas.version;
        r = append(manifests, n, policies.objects);
        if (r >= 0)
                r = append(manifests, n, quotas.objects);
        return r == -ENOMEM ? error_oom(error) : r;
}

int snapshot_objects(struct manifests *manifests, struct kube_client *client, uint64_t *ret_quotas_version,
                     struct error *error)
{
        int r = greet(client, error);

        return r < 0 ? r : read_objects(manifests, client, ret_quotas_version, error);
}

/* Pods on their way to the ledger. */
struct pods_list {
        struct cluster_pods *pods; /* owned */
        struct pod_changes changes;
};

static int pods_begin(void *userdata)
{
        struct pods_list *list = userdata;

        pod_changes_clear(&list->changes);
        return cluster_pods_ops.list_begin(list->pods);
}

static int pods_item(void *userdata, const json_t *object)
{
        struct pods_list *list = userdata;
        int r = pod_changes_add(&list->changes, object);

        return r < 0 ? r : cluster_pods_ops.list_item(list->pods, object);
}

static int pods_end(void *userdata, uint64_t version)
{
        struct pods_list *list = userdata;

        return cluster_pods_ops.list_end(list->pods, version);
}

static int read_pods(struct snapshot *snapshot, struct kube_client *client, const char *const *gpu_resources,
                     struct error *error)
{
        static const struct reflector_ops ops = {
                .list_begin = pods_begin, .list_item = pods_item, .list_end = pods_end};
        _cleanup_(cluster_pods_freep) struct cluster_pods *pods = NULL;
        struct pods_list list = {0};
        int r = cluster_pods_new(&pods, snapshot->ledger, gpu_resources);

        if (r < 0)
                return error_oom(error);
        list.pods = pods;
        r = reflector_list(client, &cluster_pods_resource, &ops, &list, error);
        snapshot->changes = list.changes;
        return r;
}

static void use_nodes(void *userdata, struct node_table *table)
{
        struct snapshot *snapshot = userdata;

        node_table_unref(snapshot->nodes);
        snapshot->nodes = node_table_ref(table);
}

static int read_nodes(struct snapshot *snapshot, struct kube_client *client, const char *const *gpu_resources,
                      struct error *error)
{
        _cleanup_(cluster_nodes_freep) struct cluster_nodes *nodes = NULL;
        int r = cluster_nodes_new(&nodes, gpu_resources, use_nodes, snapshot);

        return r < 0 ? error_oom(error)
                     : reflector_list(client, &cluster_nodes_resource, &cluster_nodes_ops, nodes, error);
}

/* What was promised, as it is stored; where nothing is stored, nothing was. */
static int observe(struct snapshot *snapshot, const struct listed *ledgers, struct error *error)
{
        int r;

        if (!json_array_size(ledgers->objects)) {
                cluster_ledger_lost(snapshot->ledger);
                return 0;
        }
        r = cluster_ledger_observe(snapshot->ledger, json_array_get(ledgers->objects, 0));
        return r < 0 ? error_set_errno(error, -r, "cannot read the ReservationLedger of the cluster") : 0;
}

void snapshot_clear(struct snapshot *snapshot)
{
        cluster_ledger_free(snapshot->ledger);
        node_table_unref(snapshot->nodes);
        pod_changes_clear(&snapshot->changes);
        *snapshot = SNAPSHOT_INIT;
}

int snapshot_read(struct snapshot *ret, struct manifests *manifests, struct kube_client *client,
                  const char *const *gpu_resources, struct error *error)
{
        static const struct cluster_ledger_options options = {.time_to_live = 3600 * NS_PER_SECOND};
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;
        _cleanup_(listed_clear) struct listed ledgers = {0};
        uint64_t quotas_version = 0;
        int r;

        r = cluster_ledger_new(&snapshot.ledger, NULL, &options, error);
        if (r >= 0)
                r = greet(client, error);
        if (r >= 0)
                r = collect(&ledgers, client, &ledger_feed_resource, error);
        if (r >= 0)
                r = read_objects(manifests, client, &quotas_version, error);
        if (r >= 0)
                r = observe(&snapshot, &ledgers, error);
        if (r >= 0)
                r = read_nodes(&snapshot, client, gpu_resources, error);
        if (r >= 0)
                r = read_pods(&snapshot, client, gpu_resources, error);
        if (r < 0)
                return r;
        cluster_ledger_quotas(snapshot.ledger, 0, quotas_version);
        *ret = snapshot;
        snapshot = SNAPSHOT_INIT;
        return 0;
}
