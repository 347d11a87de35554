/*
 * Nodes and tables of nodes from text in the tests' own sources.
 */
#pragma once

#include "admission/node.h"
#include "admission/node_table.h"
#include "admission/pod.h"
#include "json.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"

#define READY "'conditions': [{'type': 'Ready', 'status': 'True'}]"
#define NODE_OF(name, labels, spec, status) \
        "{'metadata': {'name': '" name "', 'labels': {" labels "}}, 'spec': {" spec "}, 'status': {" status "}}"

/* One that is Ready and has so many GPUs. */
#define NODE(name, labels, gpus) NODE_OF(name, labels, "", READY ", 'allocatable': {'nvidia.com/gpu': '" gpus "'}")
#define VIRTUAL_NODE(name, region, more, gpus) \
        NODE(name, "'type': 'virtual-kubelet', 'topology.kubernetes.io/region': '" region "'" more, gpus)

static inline struct node *node_from(json_t *object)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_root(object, NULL, &diagnostics);
        struct node *node = node_read(&root, pod_default_gpu_resources);

        if (!node)
                ck_abort_msg("%s: %s", diagnostics.items[0].path, diagnostics.items[0].message);
        return node;
}

/* From what stands between the brackets of a JSON array of nodes. */
static inline struct node_table *node_table_text(const char *text)
{
        struct node *nodes[16];
        struct node_table *table;
        char list[4096];
        json_t *array;
        size_t n;

        ck_assert_int_lt(snprintf(list, sizeof(list), "[%s]", text), (int)sizeof(list));
        array = json_text(list);
        n = json_array_size(array);
        for (size_t i = 0; i < n; i++)
                nodes[i] = node_from(json_array_get(array, i));
        ck_assert_int_eq(node_table_new(&table, nodes, n, pod_default_gpu_resources), 0);
        for (size_t i = 0; i < n; i++)
                node_unref(nodes[i]);
        json_decref(array);
        return table;
}
