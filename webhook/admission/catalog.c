/*
 * A catalog is built whole and never changed. Whoever decides holds a reference, so that a reload does not pull
 * the policies from under a request that is being decided. Generations grow within the process; the ledger uses
 * them to refuse a claim whose limits come from an older catalog than the one that it counts by.
 */
#include "admission/catalog.h"

#include <errno.h>
#include <string.h>

#include "admission/node_groups.h"
#include "admission/node_table.h"
#include "admission/tally.h"
#include "manifest/diagnostics.h"
#include "manifest/manifest.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "quota/ledger.h"
#include "quota/region_quota.h"

struct catalog {
        unsigned references; /* atomic */
        uint64_t generation;
        struct policy_index *policies; /* owned */
        struct quota_table *quotas;    /* owned */
        struct node_table *nodes;      /* a reference; NULL: they are not known */
        struct node_groups *groups;    /* owned; NULL with them */
};

void catalog_objects_clear(struct catalog_objects *objects)
{
        for (size_t i = 0; i < objects->n_policies; i++)
                resource_policy_unref(objects->policies[i]);
        for (size_t i = 0; i < objects->n_quotas; i++)
                region_quota_unref(objects->quotas[i]);
        free(objects->policies);
        free(objects->quotas);
        *objects = CATALOG_OBJECTS_INIT;
}

/* Takes over the reference. */
static int add_policy(struct catalog_objects *objects, struct resource_policy *policy)
{
        struct resource_policy **policies;

        policies = reallocarray(objects->policies, objects->n_policies + 1, sizeof(struct resource_policy *));
        if (!policies) {
                resource_policy_unref(policy);
                return -ENOMEM;
        }
        objects->policies = policies;
        objects->policies[objects->n_policies++] = policy;
        return 0;
}

static int add_quota(struct catalog_objects *objects, struct region_quota *quota)
{
        struct region_quota **quotas;

        quotas = reallocarray(objects->quotas, objects->n_quotas + 1, sizeof(struct region_quota *));
        if (!quotas) {
                region_quota_unref(quota);
                return -ENOMEM;
        }
        objects->quotas = quotas;
        objects->quotas[objects->n_quotas++] = quota;
        return 0;
}

static bool is_kind(const struct manifest *manifest, const char *api_version, const char *kind)
{
        return !strcmp(manifest->api_version, api_version) && !strcmp(manifest->kind, kind);
}

int catalog_objects_read(struct catalog_objects *objects, const struct manifests *manifests,
                         struct diagnostics *diagnostics)
{
        int r = 0;

        for (size_t i = 0; i < manifests->count && r >= 0; i++) {
                const struct manifest *manifest = &manifests->items[i];

                if (is_kind(manifest, RESOURCE_POLICY_API_VERSION, RESOURCE_POLICY_KIND)) {
                        struct resource_policy *policy = resource_policy_read(manifest, diagnostics);

                        if (policy)
                                r = add_policy(objects, policy);
                } else if (is_kind(manifest, REGION_QUOTA_API_VERSION, REGION_QUOTA_KIND)) {
                        struct region_quota *quota = region_quota_read(manifest, diagnostics);

                        if (quota)
                                r = add_quota(objects, quota);
                }
        }
        return r;
}

int catalog_objects_append(struct catalog_objects *objects, const struct catalog_objects *more)
{
        int r = 0;

        for (size_t i = 0; i < more->n_policies && r >= 0; i++)
                r = add_policy(objects, resource_policy_ref(more->policies[i]));
        for (size_t i = 0; i < more->n_quotas && r >= 0; i++)
                r = add_quota(objects, region_quota_ref(more->quotas[i]));
        return r;
}

/* An object and where it came in the list: sorting by name must not change which of two comes first. */
struct named {
        const char *namespace, *name, *origin;
        size_t position;
};

static int compare_named(const void *a, const void *b)
{
        const struct named *x = a, *y = b;
        int order = strcmp(x->namespace, y->namespace);

        if (!order)
                order = strcmp(x->name, y->name);
        if (order)
                return order;
        return x->position < y->position ? -1 : x->position > y->position;
}

static void report_duplicate(struct diagnostics *diagnostics, const char *kind, const struct named *kept,
                             const struct named *dropped)
{
        diagnostics_add_file(diagnostics, SEVERITY_ERROR, dropped->origin, 0,
                             "%s %s%s%s is defined already in %s; this one has no effect", kind, dropped->namespace,
                             *dropped->namespace ? "/" : "", dropped->name, kept->origin);
}

/* Sorts by name and marks later ones of one name by a NULL name; the others keep their order by position. */
static void drop_duplicates(struct named *objects, size_t n, const char *kind, struct diagnostics *diagnostics)
{
        const struct named *kept = NULL;

        if (n)
                qsort(objects, n, sizeof(*objects), compare_named);
        for (size_t i = 0; i < n; i++) {
                if (kept && !strcmp(kept->namespace, objects[i].namespace) && !strcmp(kept->name, objects[i].name)) {
                        report_duplicate(diagnostics, kind, kept, &objects[i]);
                        objects[i].name = NULL;
                } else {
                        kept = &objects[i];
                }
        }
}

static int index_policies(struct catalog *catalog, const struct catalog_objects *objects,
                          struct diagnostics *diagnostics)
{
        size_t n = objects->n_policies, kept = 0;
        _cleanup_(freep) struct named *named = calloc(n ? n : 1, sizeof(*named));
        _cleanup_(freep) struct resource_policy **unique = calloc(n ? n : 1, sizeof(struct resource_policy *));

        if (!named || !unique)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                named[i] = (struct named){objects->policies[i]->namespace, objects->policies[i]->name,
                                          objects->policies[i]->origin, i};
        drop_duplicates(named, n, RESOURCE_POLICY_KIND, diagnostics);
        for (size_t i = 0; i < n; i++)
                if (named[i].name)
                        unique[kept++] = objects->policies[named[i].position];
        return policy_index_new(&catalog->policies, unique, kept);
}

static int index_quotas(struct catalog *catalog, const struct catalog_objects *objects,
                        struct diagnostics *diagnostics)
{
        size_t n = objects->n_quotas, kept = 0;
        _cleanup_(freep) struct named *named = calloc(n ? n : 1, sizeof(*named));
        _cleanup_(freep) struct region_quota **unique = calloc(n ? n : 1, sizeof(struct region_quota *));

        if (!named || !unique)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                named[i] = (struct named){"", objects->quotas[i]->name, objects->quotas[i]->origin, i};
        drop_duplicates(named, n, REGION_QUOTA_KIND, diagnostics);
        for (size_t i = 0; i < n; i++)
                if (named[i].name)
                        unique[kept++] = objects->quotas[named[i].position];
        return quota_table_new(&catalog->quotas, unique, kept, diagnostics);
}

static void catalog_free(struct catalog *catalog)
{
        node_groups_free(catalog->groups);
        node_table_unref(catalog->nodes);
        policy_index_free(catalog->policies);
        quota_table_free(catalog->quotas);
        free(catalog);
}

static int group_nodes(struct catalog *catalog, struct node_table *nodes)
{
        if (!nodes)
                return 0;
        catalog->nodes = node_table_ref(nodes);
        return node_groups_new(&catalog->groups, catalog->policies, nodes);
}

int catalog_new(struct catalog **ret, const struct catalog_objects *objects, struct node_table *nodes,
                struct diagnostics *diagnostics)
{
        static uint64_t last_generation; /* atomic */
        _cleanup_(catalog_unrefp) struct catalog *catalog = calloc(1, sizeof(*catalog));
        int r;

        if (!catalog)
                return -ENOMEM;
        catalog->references = 1;
        catalog->generation = __atomic_add_fetch(&last_generation, 1, __ATOMIC_RELAXED);
        r = index_policies(catalog, objects, diagnostics);
        if (r >= 0)
                r = index_quotas(catalog, objects, diagnostics);
        if (r >= 0)
                r = group_nodes(catalog, nodes);
        if (r < 0)
                return r;
        *ret = steal_pointer(&catalog);
        return 0;
}

struct catalog *catalog_ref(struct catalog *catalog)
{
        __atomic_add_fetch(&catalog->references, 1, __ATOMIC_RELAXED);
        return catalog;
}

struct catalog *catalog_unref(struct catalog *catalog)
{
        if (catalog && __atomic_sub_fetch(&catalog->references, 1, __ATOMIC_ACQ_REL) == 0)
                catalog_free(catalog);
        return NULL;
}

uint64_t catalog_generation(const struct catalog *catalog)
{
        return catalog->generation;
}

const struct policy_index *catalog_policies(const struct catalog *catalog)
{
        return catalog->policies;
}

const struct quota_table *catalog_quotas(const struct catalog *catalog)
{
        return catalog->quotas;
}

const struct node_table *catalog_nodes(const struct catalog *catalog)
{
        return catalog->nodes;
}

const struct node_groups *catalog_node_groups(const struct catalog *catalog)
{
        return catalog->groups;
}

static void release_catalog(void *userdata)
{
        catalog_unref(userdata);
}

struct classifier catalog_classifier(struct catalog *catalog)
{
        return (struct classifier){
                .generation = catalog->generation,
                .classify = tally_classify,
                .userdata = catalog_ref(catalog),
                .release = release_catalog,
                .reads = tally_reads,
        };
}
