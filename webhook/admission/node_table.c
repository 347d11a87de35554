/*
 * Sorted by name, for pods name the node that they are bound to. The virtual nodes are few and asked for by region at
 * each decision, so they are listed once more by themselves.
 */
#include "admission/node_table.h"

#include <errno.h>
#include <string.h>

#include "admission/node.h"

struct node_table {
        unsigned references;         /* atomic */
        struct node **nodes;         /* owned, and a reference to each; by name */
        struct node **virtual_nodes; /* owned; the nodes are those above */
        size_t n_nodes, n_virtual;
        const char *const *gpu_resources; /* borrowed */
};

static int compare_nodes(const void *a, const void *b)
{
        struct node *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

int node_table_new(struct node_table **ret, struct node *const *nodes, size_t n, const char *const *gpu_resources)
{
        _cleanup_(node_table_unrefp) struct node_table *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        table->references = 1;
        table->gpu_resources = gpu_resources;
        table->nodes = calloc(n + 1, sizeof(struct node *));
        table->virtual_nodes = calloc(n + 1, sizeof(struct node *));
        if (!table->nodes || !table->virtual_nodes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                table->nodes[table->n_nodes++] = node_ref(nodes[i]);
                if (nodes[i]->is_virtual)
                        table->virtual_nodes[table->n_virtual++] = nodes[i];
        }
        qsort(table->nodes, n, sizeof(struct node *), compare_nodes);
        *ret = steal_pointer(&table);
        return 0;
}

struct node_table *node_table_ref(struct node_table *table)
{
        __atomic_add_fetch(&table->references, 1, __ATOMIC_RELAXED);
        return table;
}

struct node_table *node_table_unref(struct node_table *table)
{
        if (!table || __atomic_sub_fetch(&table->references, 1, __ATOMIC_ACQ_REL))
                return NULL;
        for (size_t i = 0; i < table->n_nodes; i++)
                node_unref(table->nodes[i]);
        free(table->nodes);
        free(table->virtual_nodes);
        free(table);
        return NULL;
}

const char *const *node_table_gpu_resources(const struct node_table *table)
{
        return table->gpu_resources;
}

size_t node_table_count(const struct node_table *table)
{
        return table->n_nodes;
}

const struct node *node_table_at(const struct node_table *table, size_t i)
{
        return table->nodes[i];
}

const struct node *node_table_find(const struct node_table *table, const char *name)
{
        size_t low = 0, high = table->n_nodes;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(name, table->nodes[middle]->name);

                if (!order)
                        return table->nodes[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

int64_t node_table_virtual_gpus(const struct node_table *table, const char *region, const char *series)
{
        int64_t gpus = 0;

        for (size_t i = 0; i < table->n_virtual; i++) {
                const struct node *node = table->virtual_nodes[i];

                if (!node->schedulable || strcmp(node->region, region) ||
                    (*series && *node->series && strcmp(node->series, series)))
                        continue;
                if (__builtin_add_overflow(gpus, node->gpus, &gpus))
                        return INT64_MAX;
        }
        return gpus;
}
