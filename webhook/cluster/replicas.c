/*
 * Each replica renews a Lease of its own and notes on it what it has seen, so that one list tells how all of them
 * fare, and whoever is gone or stuck shows by its age. Which of them leads says the Lease that all of them compete
 * for, one in each namespace where regionfit runs; a holder that has let it expire leads no more.
 */
#include "cluster/replicas.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cluster/pod_changes.h"
#include "cluster/presence.h"
#include "kube/client.h"
#include "util/cleanup.h"
#include "util/error.h"

#define LEASES "/apis/coordination.k8s.io/v1"
#define LEADER "regionfit"
#define REPLICAS "regionfit.io/component=replica"

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* A GET whose answer is an object; *ret is new. -ENOENT where there is none. Takes over the path. */
static int get(json_t **ret, struct kube_client *client, char *path, struct error *error)
{
        _cleanup_(freep) char *owned = path;
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        const struct kube_call call = {.method = KUBE_GET, .path = path};
        int r;

        if (!owned)
                return error_oom(error);
        r = kube_call(client, &call, &response, error);
        if (r < 0)
                return r;
        *ret = response.body ? json_loadb(response.body, response.size, 0, NULL) : NULL;
        return *ret ? 0 : error_set(error, EIO, "GET %s: the answer is no JSON", path);
}

/* metav1.MicroTime ("2026-01-31T09:00:00.000000Z") in unix seconds; 0: it is none. */
static int64_t parse_time(const char *text)
{
        struct tm tm = {0};

        return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;
}

/* The Lease that the leader of a namespace holds. */
struct leader {
        char *namespace; /* owned */
        json_t *lease;   /* owned; NULL: there is none */
};

static void leader_clear(struct leader *leader)
{
        free(leader->namespace);
        json_decref(leader->lease);
        *leader = (struct leader){0};
}

/* Reads the leader's Lease of this namespace, unless it is the one that was read last. */
static int read_leader(struct leader *leader, struct kube_client *client, const char *namespace, struct error *error)
{
        int r;

        if (leader->namespace && !strcmp(leader->namespace, namespace))
                return 0;
        leader_clear(leader);
        leader->namespace = strdup(namespace);
        if (!leader->namespace)
                return error_oom(error);
        r = get(&leader->lease, client, kube_path(LEASES "/namespaces/%s/leases/%s", namespace, LEADER), error);
        return r == -ENOENT ? 0 : r;
}

static bool leads(const struct leader *leader, const char *identity, int64_t now)
{
        const json_t *spec = json_object_get(leader->lease, "spec");
        int64_t renewed = parse_time(text_of(spec, "renewTime"));
        int64_t duration = json_integer_value(json_object_get(spec, "leaseDurationSeconds"));

        return *identity && !strcmp(text_of(spec, "holderIdentity"), identity) && now <= renewed + duration;
}

static json_t *describe_lag(const char *view, uint64_t newest_pod)
{
        uint64_t version = strtoull(view, NULL, 10);

        if (!*view)
                return json_null();
        return json_integer(newest_pod > version ? (json_int_t)(newest_pod - version) : 0);
}

static int add_replica(json_t *replicas, struct leader *leader, struct kube_client *client, const json_t *lease,
                       const struct pod_changes *changes, int64_t now, struct error *error)
{
        const json_t *metadata = json_object_get(lease, "metadata"), *spec = json_object_get(lease, "spec");
        const json_t *annotations = json_object_get(metadata, "annotations");
        const char *namespace = text_of(metadata, "namespace"), *identity = text_of(spec, "holderIdentity");
        const char *renewed = text_of(spec, "renewTime"), *view = text_of(annotations, "regionfit.io/view");
        int r = read_leader(leader, client, namespace, error);
        json_t *replica;

        if (r < 0)
                return r;
        replica = json_pack("{s:s, s:s, s:b, s:s, s:s, s:I, s:s, s:s, s:o}", "namespace", namespace, "identity",
                            identity, "leader", leads(leader, identity, now), "version",
                            text_of(annotations, "regionfit.io/version"), "renewTime", renewed, "age",
                            (json_int_t)(now - parse_time(renewed)), "view", view, "ledger",
                            text_of(annotations, "regionfit.io/ledger"), "lag",
                            describe_lag(view, pod_changes_newest(changes, parse_time(renewed))));
        return json_array_append_new(replicas, replica) == 0 ? 0 : error_oom(error);
}

int replicas_read(json_t **ret, struct kube_client *client, const struct pod_changes *changes, int64_t now,
                  struct error *error)
{
        json_auto_t *list = NULL, *replicas = json_array();
        _cleanup_(leader_clear) struct leader leader = {0};
        const json_t *lease;
        size_t i;
        int r;

        if (!replicas)
                return error_oom(error);
        r = get(&list, client, kube_path(LEASES "/leases?labelSelector=%s", REPLICAS), error);
        if (r < 0)
                return r;
        json_array_foreach (json_object_get(list, "items"), i, lease) {
                r = add_replica(replicas, &leader, client, lease, changes, now, error);
                if (r < 0)
                        return r;
        }
        *ret = steal_pointer(&replicas);
        return 0;
}

static bool is_gone(const json_t *lease, int64_t now)
{
        return now - parse_time(text_of(json_object_get(lease, "spec"), "renewTime")) > REPLICA_GONE;
}

static bool serves(const json_t *lease, const char *fingerprint)
{
        const json_t *annotations = json_object_get(json_object_get(lease, "metadata"), "annotations");

        return !strcmp(text_of(annotations, PRESENCE_CERTIFICATE), fingerprint);
}

int replicas_serve(struct kube_client *client, const char *namespace, const char *fingerprint, int64_t now,
                   struct error *error)
{
        json_auto_t *list = NULL;
        const json_t *lease;
        size_t i, n = 0;
        int r;

        r = get(&list, client, kube_path(LEASES "/namespaces/%s/leases?labelSelector=%s", namespace, REPLICAS),
                error);
        if (r < 0)
                return r;
        json_array_foreach (json_object_get(list, "items"), i, lease) {
                if (is_gone(lease, now))
                        continue;
                if (!serves(lease, fingerprint))
                        return 0;
                n++;
        }
        return n > 0;
}
