/*
 * Nothing is decided by this Lease; people and `regionfit status` read it. So the simplest way to write it will do:
 * send the object that the server returned last, with a new time; where the server says that it has another one, or
 * none, read or create it and go on.
 *
 * A replica that dies leaves its Lease behind. In a pod it goes with the pod, through the owner reference.
 */
#include "kube/replica_lease.h"

#include <errno.h>
#include <string.h>

#include "kube/lease_object.h"
#include "kube/timestamp.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/worker.h"

#define DELETE_TIMEOUT NS_PER_SECOND
#define TIMEOUT (5 * NS_PER_SECOND)

struct replica_lease {
        char *namespace, *name; /* owned */
        char *pod, *pod_uid;    /* owned; NULL: in no pod */
        int64_t interval;       /* ns */
        json_t *(*annotations)(void *userdata);
        void *userdata;             /* borrowed */
        struct lease_object object; /* borrows the strings */
        struct worker worker;
        json_t *stored; /* owned; the thread's: the object as last seen; NULL: not known */
};

static json_t *owner_references(const struct replica_lease *lease)
{
        return json_pack("[{s:s, s:s, s:s, s:s}]", "apiVersion", "v1", "kind", "Pod", "name", lease->pod, "uid",
                         lease->pod_uid);
}

/* Sets what is ours in the object and leaves the rest. */
static int fill(const struct replica_lease *lease, json_t *object)
{
        json_t *metadata = json_object_get(object, "metadata");
        json_t *annotations = lease->annotations(lease->userdata);
        char now[TIMESTAMP_SIZE];
        int r = 0;

        timestamp_micro(timestamp_unix_micro(), now);
        if (annotations)
                r |= json_object_set_new(metadata, "annotations", annotations);
        if (lease->pod)
                r |= json_object_set_new(metadata, "ownerReferences", owner_references(lease));
        r |= json_object_set_new(metadata, "labels",
                                 json_pack("{s:s}", REPLICA_LEASE_LABEL, REPLICA_LEASE_LABEL_VALUE));
        r |= json_object_set_new(object, "spec",
                                 json_pack("{s:s, s:i, s:s}", "holderIdentity", lease->name, "leaseDurationSeconds",
                                           REPLICA_LEASE_DURATION_S, "renewTime", now));
        return r ? -ENOMEM : 0;
}

static int create(struct replica_lease *lease, json_t **ret, struct error *error)
{
        json_auto_t *object = lease_object_new(&lease->object);

        if (!object || fill(lease, object) < 0)
                return error_oom(error);
        return lease_object_create(&lease->object, object, ret, error);
}

static int update(struct replica_lease *lease, json_t **ret, struct error *error)
{
        if (fill(lease, lease->stored) < 0)
                return error_oom(error);
        return lease_object_update(&lease->object, lease->stored, ret, error);
}

static int read_or_create(struct replica_lease *lease, bool *ret_created, struct error *error)
{
        int r;

        r = lease_object_get(&lease->object, &lease->stored, error);
        *ret_created = r == -ENOENT;
        return *ret_created ? create(lease, &lease->stored, error) : r;
}

/* What could not be written is read before the next try. */
static int renew(struct replica_lease *lease, struct error *error)
{
        bool created = false;
        json_t *object;
        int r = 0;

        if (!lease->stored)
                r = read_or_create(lease, &created, error);
        if (r < 0 || created)
                return r;
        r = update(lease, &object, error);
        json_decref(lease->stored);
        lease->stored = r < 0 ? NULL : object;
        return r;
}

static void delete_lease(struct replica_lease *lease)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        lease->object.cancelled = NULL;
        lease->object.timeout = DELETE_TIMEOUT;
        r = lease_object_delete(&lease->object, &error);
        if (r < 0 && r != -ENOENT)
                log_warn("the lease of this replica was not deleted", log_string("lease", lease->name),
                         log_string("error", error_message(&error)));
}

static void *run(void *userdata)
{
        struct replica_lease *lease = userdata;
        struct backoff backoff = BACKOFF(lease->interval / 20, lease->interval);
        int64_t wait;

        do {
                _cleanup_error_ struct error error = ERROR_INIT;
                int r;

                r = renew(lease, &error);
                if (r >= 0)
                        backoff_reset(&backoff);
                else if (r != -ECANCELED)
                        log_warn("the lease of this replica was not renewed", log_string("lease", lease->name),
                                 log_string("error", error_message(&error)));
                wait = r < 0 ? backoff_delay(&backoff) : lease->interval;
        } while (!stop_wait(&lease->worker.stop, wait));
        delete_lease(lease);
        return NULL;
}

static struct replica_lease *free_memory(struct replica_lease *lease)
{
        json_decref(lease->stored);
        free(lease->namespace);
        free(lease->name);
        free(lease->pod);
        free(lease->pod_uid);
        free(lease);
        return NULL;
}
DEFINE_CLEANUP(struct replica_lease *, free_memory);

static int copy_options(struct replica_lease *lease, struct kube_client *client,
                        const struct replica_lease_options *options)
{
        bool in_pod = options->pod && options->pod_uid;

        lease->namespace = strdup(options->namespace);
        lease->name = strdup(options->name);
        lease->pod = in_pod ? strdup(options->pod) : NULL;
        lease->pod_uid = in_pod ? strdup(options->pod_uid) : NULL;
        if (!lease->namespace || !lease->name || (in_pod && (!lease->pod || !lease->pod_uid)))
                return -ENOMEM;
        lease->interval = options->interval;
        lease->annotations = options->annotations;
        lease->userdata = options->userdata;
        lease->object = (struct lease_object){
                .client = client,
                .namespace = lease->namespace,
                .name = lease->name,
                .cancelled = &lease->worker.stop.set,
                .timeout = TIMEOUT,
        };
        return 0;
}

int replica_lease_new(struct replica_lease **ret, struct kube_client *client,
                      const struct replica_lease_options *options, struct error *error)
{
        _cleanup_(free_memoryp) struct replica_lease *lease = calloc(1, sizeof(*lease));
        int r;

        if (!lease || copy_options(lease, client, options) < 0)
                return error_oom(error);
        r = worker_start(&lease->worker, run, lease);
        if (r < 0)
                return error_set_errno(error, -r, "cannot start the thread that keeps the lease %s", options->name);
        *ret = steal_pointer(&lease);
        return 0;
}

struct replica_lease *replica_lease_free(struct replica_lease *lease)
{
        if (!lease)
                return NULL;
        worker_end(&lease->worker);
        return free_memory(lease);
}
