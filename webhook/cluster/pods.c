/*
 * A pod that exists is charged for what it carries, whoever placed it and whatever policy is in force now: the same
 * fields that a claim describes before the pod is stored (admission/claim.c) are read from the pod afterwards.
 *
 * A list goes into a usage of its own, which takes the place of the former one when the list has ended; until then
 * the former one stands. What an API server stores is well-formed, so a pod that cannot be read is one that a newer
 * Kubernetes writes differently: it is left out alone, for one pod must not keep the others from being counted.
 */
#include "cluster/pods.h"

#include <errno.h>
#include <string.h>

#include "admission/pod.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "quota/cluster_ledger.h"
#include "quota/reservation.h"
#include "quota/usage.h"
#include "util/arena.h"
#include "util/log.h"

struct cluster_pods {
        struct cluster_ledger *ledger;    /* borrowed */
        const char *const *gpu_resources; /* borrowed */
        struct usage *listed;             /* owned; while a list comes in */
};

const struct kube_resource cluster_pods_resource = {.api = "/api/v1", .plural = "pods"};

int cluster_pods_new(struct cluster_pods **ret, struct cluster_ledger *ledger, const char *const *gpu_resources)
{
        struct cluster_pods *pods = calloc(1, sizeof(*pods));

        if (!pods)
                return -ENOMEM;
        pods->ledger = ledger;
        pods->gpu_resources = gpu_resources;
        *ret = pods;
        return 0;
}

struct cluster_pods *cluster_pods_free(struct cluster_pods *pods)
{
        if (!pods)
                return NULL;
        usage_free(pods->listed);
        free(pods);
        return NULL;
}

static const char *uid_of(const json_t *object)
{
        const char *uid = json_string_value(json_object_get(json_object_get(object, "metadata"), "uid"));

        return uid ? uid : "";
}

/*
 * The region whose pool the pod takes from: that of its label; else the one that it asks for, if it may run on
 * virtual nodes: on real ones a region takes nothing from a pool.
 */
static const char *charged_region(const struct pod *pod)
{
        if (*pod->own_region)
                return pod->own_region;
        return pod->tolerates_virtual_nodes ? pod->region : "";
}

/* What the pod counts for; every pointer is the pod's. The node is left out where nothing is counted by it, so that
 * pods of one template stay alike. */
static struct reservation describe(const struct pod *pod)
{
        const char *region = charged_region(pod);
        bool matters = pod->gpus && !*pod->own_region && *pod->node_name;
        struct reservation reservation = {
                .namespace = (char *)pod->namespace,
                .labels = pod->labels,
                .node_selector = pod->node_selector,
                .region = (char *)region,
                .series = (char *)pod->series,
                .placement = (char *)pod->placement,
                .node = matters ? (char *)pod->node_name : NULL,
                .gpus = *region ? pod->gpus : 0,
                .resources = pod->requests,
                .created_at = pod->created_at,
        };

        if (strlen(pod->reservation) == RESERVATION_ID_SIZE - 1)
                memcpy(reservation.id, pod->reservation, RESERVATION_ID_SIZE);
        return reservation;
}

static void log_fault(const json_t *object, const struct diagnostics *diagnostics)
{
        const json_t *metadata = json_object_get(object, "metadata");
        _cleanup_(freep) char *fault = diagnostics->count ? diagnostic_format(&diagnostics->items[0]) : NULL;

        log_warn("a pod cannot be read; it is not counted anew",
                 log_string("namespace", json_string_value(json_object_get(metadata, "namespace"))),
                 log_string("name", json_string_value(json_object_get(metadata, "name"))),
                 log_string("error", fault));
}

/* 1; 0 where the object is no pod that can be counted, which has been logged; -ENOMEM. */
static int read_pod(const struct cluster_pods *pods, struct pod *ret, const json_t *object, struct arena *arena)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_root((json_t *)object, NULL, &diagnostics);
        struct field metadata = field_member(&root, "metadata"), uid = field_member(&metadata, "uid");
        bool good = pod_read(ret, &root, "", pods->gpu_resources, arena);

        if (good && !*ret->uid)
                good = field_must_be(&uid, "the pod's uid");
        if (good)
                return 1;
        if (!diagnostics.n_errors)
                return -ENOMEM;
        log_fault(object, &diagnostics);
        return 0;
}

static int list_begin(void *userdata)
{
        struct cluster_pods *pods = userdata;

        pods->listed = usage_free(pods->listed);
        return usage_new(&pods->listed);
}

static int list_item(void *userdata, const json_t *object)
{
        struct cluster_pods *pods = userdata;
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct pod pod = POD_INIT;
        struct reservation reservation;
        int r = read_pod(pods, &pod, object, &arena);

        if (r <= 0 || pod_is_finished(&pod))
                return r < 0 ? r : 0;
        reservation = describe(&pod);
        r = usage_put(pods->listed, pod.uid, &reservation, object_version(object), pod.terminating);
        return r < 0 ? r : 0;
}

static int list_end(void *userdata, uint64_t version)
{
        struct cluster_pods *pods = userdata;

        return cluster_ledger_use_pods(pods->ledger, &pods->listed, version);
}

/* The pod is there, or is there as it is now. */
static int put(struct cluster_pods *pods, const json_t *object, uint64_t version)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct pod pod = POD_INIT;
        struct reservation reservation;
        int r = read_pod(pods, &pod, object, &arena);

        if (r <= 0)
                return r < 0 ? r : cluster_ledger_view(pods->ledger, version);
        if (pod_is_finished(&pod))
                return cluster_ledger_pod_gone(pods->ledger, pod.uid, version);
        reservation = describe(&pod);
        return cluster_ledger_pod(pods->ledger, pod.uid, &reservation, version, pod.terminating);
}

static int handle_event(void *userdata, enum reflector_event event, const json_t *object, uint64_t version)
{
        struct cluster_pods *pods = userdata;

        if (event == REFLECTOR_DELETED)
                return cluster_ledger_pod_gone(pods->ledger, uid_of(object), version);
        return put(pods, object, version);
}

static void bookmark(void *userdata, uint64_t version)
{
        struct cluster_pods *pods = userdata;

        cluster_ledger_view(pods->ledger, version);
}

const struct reflector_ops cluster_pods_ops = {
        .list_begin = list_begin,
        .list_item = list_item,
        .list_end = list_end,
        .event = handle_event,
        .bookmark = bookmark,
};
