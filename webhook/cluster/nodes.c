/*
 * Each table makes a new catalog, by which everything is counted anew, so a table is made only when a node has
 * changed in what matters (admission/node.h): heartbeats, images and conditions of pressure pass by. When a list has
 * ended, the nodes that it brought take the place of those that were known, and are told of if any of them differs.
 */
#include "cluster/nodes.h"

#include <errno.h>
#include <string.h>

#include "admission/node.h"
#include "admission/node_table.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "util/log.h"
#include "util/map.h"

struct known_node {
        struct node *node; /* a reference */
        UT_hash_handle hh; /* by its name */
};

struct cluster_nodes {
        const char *const *gpu_resources; /* borrowed */
        cluster_nodes_use *use;
        void *userdata;            /* borrowed */
        struct known_node *known;  /* owned */
        struct known_node *listed; /* owned; while a list comes in */
        bool told;                 /* of what is known, as it is: false where memory ran out */
};

const struct kube_resource cluster_nodes_resource = {.api = "/api/v1", .plural = "nodes"};

int cluster_nodes_new(struct cluster_nodes **ret, const char *const *gpu_resources, cluster_nodes_use *use,
                      void *userdata)
{
        struct cluster_nodes *nodes = calloc(1, sizeof(*nodes));

        if (!nodes)
                return -ENOMEM;
        nodes->gpu_resources = gpu_resources;
        nodes->use = use;
        nodes->userdata = userdata;
        *ret = nodes;
        return 0;
}

static void drop(struct known_node **map, struct known_node *known)
{
        HASH_DEL(*map, known);
        node_unref(known->node);
        free(known);
}

static void clear(struct known_node **map)
{
        struct known_node *known, *next;

        HASH_ITER (hh, *map, known, next)
                drop(map, known);
}

struct cluster_nodes *cluster_nodes_free(struct cluster_nodes *nodes)
{
        if (!nodes)
                return NULL;
        clear(&nodes->known);
        clear(&nodes->listed);
        free(nodes);
        return NULL;
}

static struct known_node *find(struct known_node *map, const char *name)
{
        struct known_node *known;

        HASH_FIND_STR(map, name, known);
        return known;
}

/* Adds a node, in the place of another of its name. */
static int add(struct known_node **map, struct node *node)
{
        struct known_node *former = find(*map, node->name), *known = calloc(1, sizeof(*known));

        if (!known)
                return -ENOMEM;
        if (former)
                drop(map, former);
        known->node = node_ref(node);
        HASH_ADD_KEYPTR(hh, *map, node->name, strlen(node->name), known);
        if (known->hh.tbl)
                return 0;
        node_unref(node);
        free(known);
        return -ENOMEM;
}

/* Tells of what is known, unless that has been done. */
static int tell(struct cluster_nodes *nodes)
{
        size_t n = HASH_COUNT(nodes->known), i = 0;
        _cleanup_(freep) struct node **all = calloc(n + 1, sizeof(struct node *));
        _cleanup_(node_table_unrefp) struct node_table *table = NULL;
        const struct known_node *known, *next;
        int r;

        if (nodes->told)
                return 0;
        if (!all)
                return -ENOMEM;
        HASH_ITER (hh, nodes->known, known, next)
                all[i++] = known->node;
        r = node_table_new(&table, all, n, nodes->gpu_resources);
        if (r < 0)
                return r;
        nodes->use(nodes->userdata, table);
        nodes->told = true;
        return 0;
}

static const char *name_of(const json_t *object)
{
        const char *name = json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));

        return name ? name : "";
}

/* 1; 0 where the object is malformed, which has been logged; -ENOMEM. */
static int read_node(const struct cluster_nodes *nodes, struct node **ret, const json_t *object)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_root((json_t *)object, NULL, &diagnostics);
        _cleanup_(freep) char *fault = NULL;

        *ret = node_read(&root, nodes->gpu_resources);
        if (*ret)
                return 1;
        if (!diagnostics.n_errors)
                return -ENOMEM;
        fault = diagnostics.count ? diagnostic_format(&diagnostics.items[0]) : NULL;
        log_warn("a node cannot be read; it stays as it was", log_string("name", name_of(object)),
                 log_string("error", fault));
        return 0;
}

static int list_begin(void *userdata)
{
        struct cluster_nodes *nodes = userdata;

        clear(&nodes->listed);
        return 0;
}

/* A malformed node stays what it was before, if it was there. */
static int list_item(void *userdata, const json_t *object)
{
        struct cluster_nodes *nodes = userdata;
        _cleanup_(node_unrefp) struct node *node = NULL;
        const struct known_node *former;
        int r = read_node(nodes, &node, object);

        if (r < 0)
                return r;
        former = r ? NULL : find(nodes->known, name_of(object));
        if (former)
                return add(&nodes->listed, former->node);
        return r ? add(&nodes->listed, node) : 0;
}

static bool same_nodes(struct known_node *a, struct known_node *b)
{
        const struct known_node *known, *next, *other;

        if (HASH_COUNT(a) != HASH_COUNT(b))
                return false;
        HASH_ITER (hh, a, known, next) {
                other = find(b, known->node->name);
                if (!other || !node_equal(known->node, other->node))
                        return false;
        }
        return true;
}

static int list_end(void *userdata, uint64_t version)
{
        struct cluster_nodes *nodes = userdata;

        (void)version;
        if (!same_nodes(nodes->known, nodes->listed))
                nodes->told = false;
        clear(&nodes->known);
        nodes->known = steal_pointer(&nodes->listed);
        return tell(nodes);
}

static int put(struct cluster_nodes *nodes, const json_t *object)
{
        _cleanup_(node_unrefp) struct node *node = NULL;
        const struct known_node *former;
        int r = read_node(nodes, &node, object);

        if (r <= 0)
                return r;
        former = find(nodes->known, node->name);
        if (former && node_equal(former->node, node))
                return tell(nodes);
        nodes->told = false;
        r = add(&nodes->known, node);
        return r < 0 ? r : tell(nodes);
}

static int take_out(struct cluster_nodes *nodes, const char *name)
{
        struct known_node *former = find(nodes->known, name);

        if (former) {
                drop(&nodes->known, former);
                nodes->told = false;
        }
        return tell(nodes);
}

static int handle_event(void *userdata, enum reflector_event event, const json_t *object, uint64_t version)
{
        struct cluster_nodes *nodes = userdata;

        (void)version;
        return event == REFLECTOR_DELETED ? take_out(nodes, name_of(object)) : put(nodes, object);
}

const struct reflector_ops cluster_nodes_ops = {
        .list_begin = list_begin,
        .list_item = list_item,
        .list_end = list_end,
        .event = handle_event,
};
