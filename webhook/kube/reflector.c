/*
 * One thread that lists, watches, and watches again from where the last watch ended. What went wrong decides where it
 * begins again: a connection that was lost resumes at the version that was reached; 410, or an operation that could
 * not take something in, lists again. So do watches that the server answers and that bring nothing three times in a
 * row, because a version that is ahead of the server's (an etcd restored from a backup) is answered like that, for
 * ever.
 *
 * Each failure waits longer than the one before until a watch has brought something: a list alone is no sign that
 * following works.
 */
#include "kube/reflector.h"

#include <errno.h>
#include <string.h>

#include "kube/resource_view.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread_safety.h"
#include "util/worker.h"

#define FIRST_DELAY (100 * NS_PER_MS)
#define LONGEST_DELAY (10 * NS_PER_SECOND)
#define SHORTEST_WATCH NS_PER_SECOND /* that brings nothing and is no failure */
#define FRUITLESS_MOST 3

struct reflector {
        char *api, *plural, *namespace, *name; /* owned */
        struct kube_resource resource;         /* borrows them */
        struct resource_view view;
        struct worker worker;
        int64_t contact;  /* atomic */
        uint64_t reached; /* atomic */

        struct backoff backoff; /* the thread's, as are the following */
        uint64_t version;       /* where a watch resumes; 0: only a list helps */
        unsigned fruitless;     /* watches in a row that were answered and brought nothing */

        struct lock lock;
        struct reflector_status status; /* without contact and version; guarded by lock, as are the following */
        int64_t failed_at;              /* monotonic ns of the failure */
        bool following;                 /* a list has ended, and a watch can resume */
};

uint64_t object_version(const json_t *object)
{
        const char *text = json_string_value(json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
        unsigned long long version;
        char *end;

        if (!text || *text < '0' || *text > '9')
                return 0;
        errno = 0;
        version = strtoull(text, &end, 10);
        return *end || errno ? 0 : version;
}

int reflector_list(struct kube_client *client, const struct kube_resource *resource, const struct reflector_ops *ops,
                   void *userdata, struct error *error)
{
        const struct resource_view view = {.client = client, .resource = resource, .ops = ops, .userdata = userdata};
        uint64_t version;

        return resource_list(&view, &version, error);
}

static int list(struct reflector *reflector, struct error *error)
{
        int r;

        r = resource_list(&reflector->view, &reflector->version, error);
        if (r < 0)
                return r;
        reflector->fruitless = 0;
        lock_acquire(&reflector->lock);
        reflector->status.lists++;
        reflector->status.listed = true;
        reflector->status.failure[0] = '\0';
        reflector->following = true;
        lock_release(&reflector->lock);
        return 0;
}

/* Where to go on after a watch. */
static void conclude(struct reflector *reflector, const struct resource_watch *watch, int result)
{
        reflector->version = watch->list_again ? 0 : watch->version;
        if (watch->events) {
                backoff_reset(&reflector->backoff);
                reflector->fruitless = 0;
        } else if (result < 0 && watch->answered && ++reflector->fruitless >= FRUITLESS_MOST) {
                reflector->version = 0;
        }
        lock_acquire(&reflector->lock);
        reflector->following = reflector->version > 0;
        lock_release(&reflector->lock);
}

static int watch(struct reflector *reflector, struct error *error)
{
        struct resource_watch watch = {.version = reflector->version};
        int64_t begun = clock_monotonic();
        int r;

        lock_acquire(&reflector->lock);
        reflector->status.watches++;
        lock_release(&reflector->lock);
        r = resource_watch(&reflector->view, &watch, error);
        if (r >= 0 && !watch.events && clock_monotonic() - begun < SHORTEST_WATCH)
                r = error_set(error, EIO, "a watch of %s ended at once", reflector->resource.plural);
        conclude(reflector, &watch, r);
        return r;
}

static void note_failure(struct reflector *reflector, const struct error *error)
{
        log_warn("cannot follow a resource", log_string("resource", reflector->resource.plural),
                 log_string("error", error_message(error)));
        lock_acquire(&reflector->lock);
        snprintf(reflector->status.failure, sizeof(reflector->status.failure), "%s", error_message(error));
        reflector->failed_at = clock_monotonic();
        lock_release(&reflector->lock);
}

static void *run(void *userdata)
{
        struct reflector *reflector = userdata;

        while (!stop_is_set(&reflector->worker.stop)) {
                _cleanup_error_ struct error error = ERROR_INIT;
                int r;

                r = reflector->version ? watch(reflector, &error) : list(reflector, &error);
                if (r >= 0)
                        continue;
                if (r != -ECANCELED)
                        note_failure(reflector, &error);
                stop_wait(&reflector->worker.stop, backoff_delay(&reflector->backoff));
        }
        return NULL;
}

static int copy_string(char **ret, const char *string)
{
        if (!string)
                return 0;
        *ret = strdup(string);
        return *ret ? 0 : -ENOMEM;
}

static int copy_resource(struct reflector *reflector, const struct kube_resource *resource)
{
        if (copy_string(&reflector->api, resource->api) < 0 ||
            copy_string(&reflector->plural, resource->plural) < 0 ||
            copy_string(&reflector->namespace, resource->namespace) < 0 ||
            copy_string(&reflector->name, resource->name) < 0)
                return -ENOMEM;
        reflector->resource = (struct kube_resource){
                .api = reflector->api,
                .plural = reflector->plural,
                .namespace = reflector->namespace,
                .name = reflector->name,
        };
        return 0;
}

static struct reflector *free_memory(struct reflector *reflector)
{
        free(reflector->api);
        free(reflector->plural);
        free(reflector->namespace);
        free(reflector->name);
        free(reflector);
        return NULL;
}
DEFINE_CLEANUP(struct reflector *, free_memory);

/* The lock and the thread; returns a negative errno. */
static int start(struct reflector *reflector)
{
        int r;

        r = -lock_init(&reflector->lock);
        if (r < 0)
                return r;
        r = worker_start(&reflector->worker, run, reflector);
        if (r < 0)
                lock_destroy(&reflector->lock);
        return r;
}

int reflector_new(struct reflector **ret, struct kube_client *client, const struct kube_resource *resource,
                  const struct reflector_ops *ops, void *userdata, struct error *error)
{
        _cleanup_(free_memoryp) struct reflector *reflector = calloc(1, sizeof(*reflector));
        int r;

        if (!reflector || copy_resource(reflector, resource) < 0)
                return error_oom(error);
        reflector->backoff = BACKOFF(FIRST_DELAY, LONGEST_DELAY);
        reflector->view = (struct resource_view){
                .client = client,
                .resource = &reflector->resource,
                .ops = ops,
                .userdata = userdata,
                .once = true,
                .cancelled = &reflector->worker.stop.set,
                .contact = &reflector->contact,
                .reached = &reflector->reached,
        };
        r = start(reflector);
        if (r < 0)
                return error_set_errno(error, -r, "cannot start the thread that follows %s", resource->plural);
        *ret = steal_pointer(&reflector);
        return 0;
}

struct reflector *reflector_free(struct reflector *reflector)
{
        if (!reflector)
                return NULL;
        worker_end(&reflector->worker);
        lock_destroy(&reflector->lock);
        return free_memory(reflector);
}

void reflector_status(struct reflector *reflector, struct reflector_status *ret)
{
        lock_acquire(&reflector->lock);
        *ret = reflector->status;
        ret->contact = __atomic_load_n(&reflector->contact, __ATOMIC_RELAXED);
        ret->version = __atomic_load_n(&reflector->reached, __ATOMIC_RELAXED);
        /* A watch that resumed is heard of before anybody could say that it follows. */
        if (reflector->following && ret->contact > reflector->failed_at)
                ret->failure[0] = '\0';
        lock_release(&reflector->lock);
}
