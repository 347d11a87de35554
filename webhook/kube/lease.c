/*
 * Times in a Lease are for people. Whether somebody else's has run out is decided by how long this process has seen
 * it unchanged; that needs no clock that agrees with another's.
 *
 * Ours counts from the moment before the request was sent that renewed it: the others cannot have seen the renewal
 * earlier than that, and they wait longer (`duration`) than we believe (`renewal`). A renewal whose answer was lost
 * is found at the next try, which conflicts, reads, and finds our own name.
 */
#include "kube/lease.h"

#include <errno.h>
#include <string.h>

#include "kube/lease_object.h"
#include "kube/timestamp.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/worker.h"

#define RELEASE_TIMEOUT (600 * NS_PER_MS) /* of one call of three */

struct lease {
        char *namespace, *name, *identity; /* owned */
        int64_t duration, renewal, retry;  /* ns */
        struct lease_object object;        /* borrows the strings */
        struct worker worker;
        int64_t held_until; /* atomic; monotonic ns; 0: not held */

        json_t *stored;      /* owned; the thread's, as are the following: the object as last seen; NULL: never */
        int64_t observed_at; /* monotonic ns since when its spec has been the same */
        bool leading;        /* what was logged last */
};

static const char *holder(const json_t *object)
{
        const char *name = json_string_value(json_object_get(json_object_get(object, "spec"), "holderIdentity"));

        return name ? name : "";
}

/* Takes the object over. */
static void observe(struct lease *lease, json_t *object)
{
        if (!lease->stored || !json_equal(json_object_get(lease->stored, "spec"), json_object_get(object, "spec")))
                lease->observed_at = clock_monotonic();
        json_decref(lease->stored);
        lease->stored = object;
}

/* True if another one holds it and still has time. */
static bool is_taken(const struct lease *lease)
{
        const json_t *duration = json_object_get(json_object_get(lease->stored, "spec"), "leaseDurationSeconds");
        int64_t ns = json_is_integer(duration) ? json_integer_value(duration) * NS_PER_SECOND : lease->duration;
        const char *name = holder(lease->stored);

        return *name && strcmp(name, lease->identity) != 0 && clock_monotonic() < lease->observed_at + ns;
}

/* Changes the spec so that `identity` ("": nobody) holds it from now on. */
static int take(json_t *object, const char *identity, int64_t duration)
{
        json_t *spec = json_object_get(object, "spec");
        bool ours = !strcmp(holder(object), identity);
        json_int_t transitions = json_integer_value(json_object_get(spec, "leaseTransitions"));
        bool first = !spec;
        char now[TIMESTAMP_SIZE];
        int r = 0;

        if (first) {
                spec = json_object();
                if (json_object_set_new(object, "spec", spec) < 0)
                        return -ENOMEM;
        }
        timestamp_micro(timestamp_unix_micro(), now);
        r |= json_object_set_new(spec, "holderIdentity", json_string(identity));
        r |= json_object_set_new(spec, "leaseDurationSeconds", json_integer(duration / NS_PER_SECOND));
        r |= json_object_set_new(spec, "renewTime", json_string(now));
        if (!ours) {
                r |= json_object_set_new(spec, "acquireTime", json_string(now));
                r |= json_object_set_new(spec, "leaseTransitions",
                                         json_integer(first || !*identity ? transitions : transitions + 1));
        }
        return r ? -ENOMEM : 0;
}

static int create(struct lease *lease, json_t **ret, struct error *error)
{
        json_auto_t *object = lease_object_new(&lease->object);

        if (!object || take(object, lease->identity, lease->duration) < 0)
                return error_oom(error);
        return lease_object_create(&lease->object, object, ret, error);
}

static int update(struct lease *lease, json_t **ret, struct error *error)
{
        json_auto_t *object = json_deep_copy(lease->stored);

        if (!object || take(object, lease->identity, lease->duration) < 0)
                return error_oom(error);
        return lease_object_update(&lease->object, object, ret, error);
}

static void set_held(struct lease *lease, int64_t until)
{
        __atomic_store_n(&lease->held_until, until, __ATOMIC_RELEASE);
}

/* 1: ours; 0: another one's; or a negative errno. */
static int acquire(struct lease *lease, struct error *error)
{
        json_t *object;
        int r;

        r = lease_object_get(&lease->object, &object, error);
        if (r == -ENOENT) {
                r = create(lease, &object, error);
        } else if (r >= 0) {
                observe(lease, object);
                if (is_taken(lease))
                        return 0;
                r = update(lease, &object, error);
        }
        if (r < 0)
                return r == -EBUSY || r == -EEXIST ? 0 : r;
        observe(lease, object);
        return 1;
}

/* Likewise, where it was ours when last seen: without reading it first. */
static int renew(struct lease *lease, struct error *error)
{
        json_t *object;
        int r;

        r = update(lease, &object, error);
        if (r == -EBUSY || r == -ENOENT)
                return acquire(lease, error);
        if (r < 0)
                return r;
        observe(lease, object);
        return 1;
}

static void attempt(struct lease *lease)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t begun = clock_monotonic();
        bool held;
        int r;

        r = lease->stored && !strcmp(holder(lease->stored), lease->identity) ? renew(lease, &error)
                                                                             : acquire(lease, &error);
        if (r >= 0)
                set_held(lease, r ? begun + lease->renewal : 0);
        if (r < 0 && r != -ECANCELED)
                log_warn("cannot get or keep a lease", log_string("lease", lease->name),
                         log_string("error", error_message(&error)));
        held = lease_held(lease);
        if (held != lease->leading)
                log_info(held ? "leading" : "no longer leading", log_string("lease", lease->name),
                         log_string("identity", lease->identity));
        lease->leading = held;
}

static int give_up(struct lease *lease, const struct lease_object *object, struct error *error)
{
        json_auto_t *stored = NULL;

        if (take(lease->stored, "", NS_PER_SECOND) < 0)
                return error_oom(error);
        return lease_object_update(object, lease->stored, &stored, error);
}

/*
 * With an empty holder the next one need not wait; a short duration tells those who do not look at the holder. What
 * is stored may be newer than what we have seen: a renewal of ours that was cancelled when the thread was to end.
 */
static void release(struct lease *lease)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        struct lease_object object = lease->object;
        json_t *newer;
        int r;

        if (!lease_held(lease))
                return;
        set_held(lease, 0);
        object.cancelled = NULL;
        object.timeout = RELEASE_TIMEOUT;
        r = give_up(lease, &object, &error);
        if (r == -EBUSY) {
                r = lease_object_get(&object, &newer, &error);
                if (r >= 0) {
                        observe(lease, newer);
                        r = strcmp(holder(newer), lease->identity) ? 0 : give_up(lease, &object, &error);
                }
        }
        if (r < 0)
                log_warn("a lease was not given up", log_string("lease", lease->name),
                         log_string("error", error_message(&error)));
}

static void *run(void *userdata)
{
        struct lease *lease = userdata;

        do {
                attempt(lease);
        } while (!stop_wait(&lease->worker.stop, backoff_random(lease->retry, lease->retry + lease->retry / 5)));
        release(lease);
        return NULL;
}

static struct lease *free_memory(struct lease *lease)
{
        json_decref(lease->stored);
        free(lease->namespace);
        free(lease->name);
        free(lease->identity);
        free(lease);
        return NULL;
}
DEFINE_CLEANUP(struct lease *, free_memory);

static int copy_options(struct lease *lease, struct kube_client *client, const struct lease_options *options)
{
        lease->namespace = strdup(options->namespace);
        lease->name = strdup(options->name);
        lease->identity = strdup(options->identity);
        if (!lease->namespace || !lease->name || !lease->identity)
                return -ENOMEM;
        lease->duration = options->duration;
        lease->renewal = options->renewal;
        lease->retry = options->retry;
        lease->object = (struct lease_object){
                .client = client,
                .namespace = lease->namespace,
                .name = lease->name,
                .cancelled = &lease->worker.stop.set,
                .timeout = options->renewal / 2,
        };
        return 0;
}

int lease_new(struct lease **ret, struct kube_client *client, const struct lease_options *options,
              struct error *error)
{
        _cleanup_(free_memoryp) struct lease *lease = calloc(1, sizeof(*lease));
        int r;

        if (!lease || copy_options(lease, client, options) < 0)
                return error_oom(error);
        r = worker_start(&lease->worker, run, lease);
        if (r < 0)
                return error_set_errno(error, -r, "cannot start the thread that keeps the lease %s", options->name);
        *ret = steal_pointer(&lease);
        return 0;
}

struct lease *lease_free(struct lease *lease)
{
        if (!lease)
                return NULL;
        worker_end(&lease->worker);
        return free_memory(lease);
}

bool lease_held(const struct lease *lease)
{
        return clock_monotonic() < __atomic_load_n(&lease->held_until, __ATOMIC_ACQUIRE);
}
