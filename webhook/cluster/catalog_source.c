/*
 * Reflectors note what has come, under the lock, and wake the thread. The thread lets a burst gather, takes
 * references to everything that is known, and makes the catalog of them without the lock: an event costs the reading
 * of one object, a catalog is made as often as there are bursts. Putting a catalog in force counts every pod anew, so
 * at least as much time goes by as the last one took.
 *
 * The versions of the quotas are told after the catalog that was made of them is in force, never before: who decides
 * by rule 7 asks whether what it decides by is new enough.
 */
#include "cluster/catalog_source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/node_table.h"
#include "cluster/known_objects.h"
#include "manifest/diagnostics.h"
#include "policy/resource_policy.h"
#include "quota/region_quota.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"
#include "util/thread_safety.h"

#define GATHER (25 * NS_PER_MS)
#define RETRY (1 * NS_PER_SECOND)

struct versions {
        uint64_t spec, view;
};

struct catalog_feed {
        struct catalog_source *source; /* borrowed: the one that it is part of */
        struct known_objects *objects; /* owned; what it points to is guarded by the source's lock */
};

struct catalog_source {
        const struct catalog_source_ops *ops; /* borrowed */
        void *userdata;                       /* borrowed */
        pthread_t thread;
        struct lock lock;
        pthread_cond_t work; /* something below has changed */
        struct catalog_feed policies, quotas;
        struct node_table *nodes; /* a reference; NULL: not known; guarded by lock, as are the following */
        bool changed;             /* the catalog is older than what is known */
        bool moved;               /* the versions that were told are */
        bool stopping;
        char *reported; /* owned; the thread's own: what was last found wrong between objects */
};

const struct kube_resource catalog_policies_resource = {
        .api = "/apis/" RESOURCE_POLICY_API_VERSION,
        .plural = "resourcepolicies",
};
const struct kube_resource catalog_quotas_resource = {
        .api = "/apis/" REGION_QUOTA_API_VERSION,
        .plural = "regionquotas",
};

static bool is_ready(const struct catalog_source *source) requires_lock(source->lock)
{
        return known_objects_listed(source->policies.objects) && known_objects_listed(source->quotas.objects) &&
               (source->nodes || !source->ops->with_nodes);
}

/* References to every value in force; *ret is an owned array of them. */
static int gather_values(const struct known_objects *known, const struct known_kind *kind, void ***ret, size_t *ret_n)
{
        _cleanup_(freep) struct known_object **all = NULL;
        size_t n;
        int r = known_objects_all(known, &all, &n);

        if (r < 0)
                return r;
        *ret = calloc(n ? n : 1, sizeof(void *));
        for (size_t i = 0; i < n; i++) {
                if (*ret && all[i]->value)
                        (*ret)[(*ret_n)++] = kind->ref(all[i]->value);
                known_object_unref(all[i]);
        }
        return *ret ? 0 : -ENOMEM;
}

static int gather(struct catalog_source *source, struct catalog_objects *ret) requires_lock(source->lock)
{
        void **policies = NULL, **quotas = NULL;
        int r = gather_values(source->policies.objects, &known_policy, &policies, &ret->n_policies);

        ret->policies = (struct resource_policy **)policies;
        if (r >= 0)
                r = gather_values(source->quotas.objects, &known_quota, &quotas, &ret->n_quotas);
        ret->quotas = (struct region_quota **)quotas;
        return r;
}

/* What is wrong between objects stays so with every catalog; it is logged when it is new. */
static void log_faults(struct catalog_source *source, const struct diagnostics *diagnostics)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        for (size_t i = 0; i < diagnostics->count && stream; i++)
                fprintf(stream, "%s\n", diagnostics->items[i].message);
        if (!stream || fclose(stream) != 0)
                return;
        if (!source->reported || strcmp(source->reported, text))
                for (size_t i = 0; i < diagnostics->count; i++)
                        log_error(diagnostics->items[i].message, log_string("object", diagnostics->items[i].file));
        free(source->reported);
        source->reported = text;
}

static int use(struct catalog_source *source, const struct catalog_objects *objects, struct node_table *nodes,
               struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(catalog_unrefp) struct catalog *catalog = NULL;
        int64_t started = clock_monotonic();
        int r;

        r = catalog_new(&catalog, objects, nodes, &diagnostics);
        if (r < 0)
                return error_oom(error);
        log_faults(source, &diagnostics);
        r = source->ops->use(source->userdata, catalog, error);
        if (r >= 0)
                log_info("policies are in force", log_integer("policies", (int64_t)objects->n_policies),
                         log_integer("quotas", (int64_t)objects->n_quotas),
                         log_integer("us", (clock_monotonic() - started) / 1000));
        return r;
}

static struct versions versions(const struct catalog_source *source) requires_lock(source->lock)
{
        return (struct versions){
                .spec = known_objects_spec_version(source->quotas.objects),
                .view = known_objects_version(source->quotas.objects),
        };
}

/* Makes a catalog of what is known and puts it in force; the lock is free meanwhile. */
static int refresh(struct catalog_source *source, struct versions *ret) requires_lock(source->lock)
{
        _cleanup_(catalog_objects_clear) struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        _cleanup_(node_table_unrefp) struct node_table *nodes = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        r = gather(source, &objects);
        nodes = source->nodes ? node_table_ref(source->nodes) : NULL;
        *ret = versions(source);
        source->changed = false;
        lock_release(&source->lock);
        r = r < 0 ? error_oom(&error) : use(source, &objects, nodes, &error);
        if (r < 0)
                log_error("policies were not put in force; those that were stay",
                          log_string("error", error_message(&error)));
        lock_acquire(&source->lock);
        if (r < 0)
                source->changed = true;
        return r;
}

/* Lets time go by, unless it all ends. */
static void pause_until(struct catalog_source *source, int64_t at) requires_lock(source->lock)
{
        while (!source->stopping && clock_monotonic() < at)
                lock_wait_until(&source->lock, &source->work, at);
}

/* One round: a catalog where something has changed, else the versions alone. */
static void step(struct catalog_source *source) requires_lock(source->lock)
{
        struct versions reached = versions(source);
        int64_t started = clock_monotonic(), took;
        bool changed = source->changed;

        source->moved = false;
        if (changed) {
                pause_until(source, started + GATHER);
                if (source->stopping)
                        return;
                started = clock_monotonic();
                if (refresh(source, &reached) < 0) {
                        pause_until(source, started + RETRY);
                        return;
                }
        }
        lock_release(&source->lock);
        if (source->ops->quotas)
                source->ops->quotas(source->userdata, reached.spec, reached.view);
        took = clock_monotonic() - started;
        lock_acquire(&source->lock);
        if (changed)
                pause_until(source, started + 2 * took);
}

static void *run(void *userdata)
{
        struct catalog_source *source = userdata;

        lock_acquire(&source->lock);
        while (!source->stopping) {
                if (is_ready(source) && (source->changed || source->moved))
                        step(source);
                else
                        lock_wait(&source->lock, &source->work);
        }
        lock_release(&source->lock);
        return NULL;
}

static int start(struct catalog_source *source)
{
        int r = lock_init(&source->lock);

        if (!r)
                r = condition_init(&source->work);
        if (!r)
                r = thread_start(&source->thread, run, source);
        return r;
}

static void source_release(struct catalog_source *source)
{
        known_objects_free(source->policies.objects);
        known_objects_free(source->quotas.objects);
        node_table_unref(source->nodes);
        free(source->reported);
        free(source);
}

int catalog_source_new(struct catalog_source **ret, const struct catalog_source_ops *ops, void *userdata,
                       struct error *error)
{
        struct catalog_source *source = calloc(1, sizeof(*source));
        int r;

        if (!source)
                return error_oom(error);
        source->ops = ops;
        source->userdata = userdata;
        source->policies.source = source->quotas.source = source;
        r = known_objects_new(&source->policies.objects, &known_policy);
        if (r >= 0)
                r = known_objects_new(&source->quotas.objects, &known_quota);
        if (r >= 0)
                r = -start(source);
        if (r < 0) {
                source_release(source);
                return error_set_errno(error, -r, "cannot start following policies and quotas");
        }
        *ret = source;
        return 0;
}

struct catalog_source *catalog_source_free(struct catalog_source *source)
{
        if (!source)
                return NULL;
        lock_acquire(&source->lock);
        source->stopping = true;
        pthread_cond_signal(&source->work);
        lock_release(&source->lock);
        pthread_join(source->thread, NULL);
        pthread_cond_destroy(&source->work);
        lock_destroy(&source->lock);
        source_release(source);
        return NULL;
}

size_t catalog_source_faults(struct catalog_source *source)
{
        size_t n;

        lock_acquire(&source->lock);
        n = known_objects_faults(source->policies.objects) + known_objects_faults(source->quotas.objects);
        lock_release(&source->lock);
        return n;
}

int catalog_source_all_quotas(struct catalog_source *source, struct known_object ***ret, size_t *ret_n,
                              uint64_t *ret_spec_version)
{
        int r = -EAGAIN;

        lock_acquire(&source->lock);
        *ret_spec_version = known_objects_spec_version(source->quotas.objects);
        if (known_objects_listed(source->quotas.objects))
                r = known_objects_all(source->quotas.objects, ret, ret_n);
        lock_release(&source->lock);
        return r;
}

/* Notes what an operation has changed, and wakes the thread. */
static int note(struct catalog_source *source, int r) requires_lock(source->lock)
{
        if (r < 0)
                return r;
        source->changed |= r > 0;
        source->moved = true;
        pthread_cond_signal(&source->work);
        return 0;
}

void catalog_source_use_nodes(struct catalog_source *source, struct node_table *nodes)
{
        struct node_table *former;

        lock_acquire(&source->lock);
        former = source->nodes;
        source->nodes = node_table_ref(nodes);
        (void)note(source, 1);
        lock_release(&source->lock);
        node_table_unref(former);
}

struct node_table *catalog_source_nodes(struct catalog_source *source)
{
        struct node_table *nodes;

        lock_acquire(&source->lock);
        nodes = source->nodes ? node_table_ref(source->nodes) : NULL;
        lock_release(&source->lock);
        return nodes;
}

static int begin(void *userdata)
{
        struct catalog_feed *feed = userdata;
        int r;

        lock_acquire(&feed->source->lock);
        r = known_objects_begin(feed->objects);
        lock_release(&feed->source->lock);
        return r;
}

static int item(void *userdata, const json_t *object)
{
        struct catalog_feed *feed = userdata;
        int r;

        lock_acquire(&feed->source->lock);
        r = known_objects_item(feed->objects, object);
        lock_release(&feed->source->lock);
        return r;
}

static int end(void *userdata, uint64_t version)
{
        struct catalog_feed *feed = userdata;
        int r;

        lock_acquire(&feed->source->lock);
        r = note(feed->source, known_objects_end(feed->objects, version));
        lock_release(&feed->source->lock);
        return r;
}

static int event(void *userdata, enum reflector_event kind, const json_t *object, uint64_t version)
{
        struct catalog_feed *feed = userdata;
        int r;

        lock_acquire(&feed->source->lock);
        r = note(feed->source, known_objects_event(feed->objects, kind, object, version));
        lock_release(&feed->source->lock);
        return r;
}

static void bookmark(void *userdata, uint64_t version)
{
        struct catalog_feed *feed = userdata;

        lock_acquire(&feed->source->lock);
        known_objects_bookmark(feed->objects, version);
        (void)note(feed->source, 0);
        lock_release(&feed->source->lock);
}

const struct reflector_ops catalog_feed_ops = {
        .list_begin = begin,
        .list_item = item,
        .list_end = end,
        .event = event,
        .bookmark = bookmark,
};

struct catalog_feed *catalog_source_policies(struct catalog_source *source)
{
        return &source->policies;
}

struct catalog_feed *catalog_source_quotas(struct catalog_source *source)
{
        return &source->quotas;
}
