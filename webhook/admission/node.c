/*
 * A kubelet writes its node every few minutes and whenever a condition changes, and little of it matters here: what
 * is read can be compared, so that a heartbeat is known for what it is.
 *
 * Taints are left to the scheduler, but for the one that marks virtual nodes: a node that must not take pods is
 * cordoned or not Ready beside it.
 */
#include "admission/node.h"

#include <string.h>

#include "admission/pod.h"
#include "manifest/field.h"
#include "policy/resource_policy.h"
#include "util/labels.h"

static void node_free(struct node *node)
{
        free(node->name);
        labels_free(node->labels);
        resources_clear(&node->allocatable);
        free(node);
}

struct node *node_ref(struct node *node)
{
        __atomic_add_fetch(&node->references, 1, __ATOMIC_RELAXED);
        return node;
}

struct node *node_unref(struct node *node)
{
        if (node && __atomic_sub_fetch(&node->references, 1, __ATOMIC_ACQ_REL) == 0)
                node_free(node);
        return NULL;
}

static const char *text_of(const struct labels *labels, const char *key)
{
        const char *value = labels_get(labels, key);

        return value ? value : "";
}

static bool read_metadata(struct node *node, const struct field *metadata)
{
        struct field name_field = field_member(metadata, "name");
        struct field labels = field_member(metadata, "labels");
        const char *name = NULL;

        if (!field_object(metadata) || !field_string(&name_field, &name) || !field_labels(&labels, &node->labels))
                return false;
        if (!name || !*name)
                return field_must_be(&name_field, "the node's name");
        node->name = strdup(name);
        node->region = text_of(node->labels, LABEL_TOPOLOGY_REGION);
        if (!*node->region)
                node->region = text_of(node->labels, LABEL_REGION);
        node->series = text_of(node->labels, LABEL_SERIES);
        node->is_virtual = !strcmp(text_of(node->labels, LABEL_NODE_TYPE), NODE_TYPE_VIRTUAL);
        return node->name || field_error(metadata, "out of memory");
}

static bool read_taints(struct node *node, const struct field *taints)
{
        if (!field_array(taints))
                return false;
        for (size_t i = 0; i < field_count(taints); i++) {
                struct field taint = field_item(taints, i);
                struct field key_field = field_member(&taint, "key");
                const char *key = "";

                if (!field_object(&taint) || !field_string(&key_field, &key))
                        return false;
                if (!strcmp(key, TAINT_VIRTUAL_NODE))
                        node->is_virtual = true;
        }
        return true;
}

/* The condition Ready must be there, and be True (core/v1 NodeCondition). */
static bool read_ready(bool *ret, const struct field *conditions)
{
        if (!field_array(conditions))
                return false;
        for (size_t i = 0; i < field_count(conditions); i++) {
                struct field condition = field_item(conditions, i);
                struct field type_field = field_member(&condition, "type");
                struct field status_field = field_member(&condition, "status");
                const char *type = "", *status = "";

                if (!field_object(&condition) || !field_string(&type_field, &type) ||
                    !field_string(&status_field, &status))
                        return false;
                if (!strcmp(type, "Ready"))
                        *ret = !strcmp(status, "True");
        }
        return true;
}

static bool read_allocatable(struct node *node, const struct field *field, const char *const *gpu_resources)
{
        _cleanup_(resources_clear) struct resources all = RESOURCES_INIT;

        if (!resources_read(&all, field))
                return false;
        for (size_t i = 0; gpu_resources[i]; i++) {
                const struct quantity *quantity = resources_find(&all, gpu_resources[i]);

                if (!quantity || quantity_compare(*quantity, quantity_whole(0)) <= 0)
                        continue;
                if (resources_set(&node->allocatable, gpu_resources[i], *quantity) < 0)
                        return field_error(field, "out of memory");
                if (__builtin_add_overflow(node->gpus, quantity_value(*quantity), &node->gpus))
                        node->gpus = INT64_MAX;
        }
        return true;
}

static bool read_node(struct node *node, const struct field *field, const char *const *gpu_resources)
{
        struct field metadata = field_member(field, "metadata");
        struct field spec = field_member(field, "spec");
        struct field status = field_member(field, "status");
        struct field unschedulable_field = field_member(&spec, "unschedulable");
        struct field taints = field_member(&spec, "taints");
        struct field conditions = field_member(&status, "conditions");
        struct field allocatable = field_member(&status, "allocatable");
        bool unschedulable = false, ready = false;

        if (!field_object(field) || !field_object(&spec) || !field_object(&status) ||
            !read_metadata(node, &metadata) || !field_bool(&unschedulable_field, &unschedulable) ||
            !read_taints(node, &taints) || !read_ready(&ready, &conditions) ||
            !read_allocatable(node, &allocatable, gpu_resources))
                return false;
        node->schedulable = ready && !unschedulable;
        return true;
}

struct node *node_read(const struct field *field, const char *const *gpu_resources)
{
        _cleanup_(node_unrefp) struct node *node = calloc(1, sizeof(*node));

        if (!node)
                return NULL;
        node->references = 1;
        return read_node(node, field, gpu_resources) ? steal_pointer(&node) : NULL;
}

static bool same_resources(const struct resources *a, const struct resources *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++) {
                const struct quantity *other = resources_find(b, a->items[i].name);

                if (!other || quantity_compare(a->items[i].quantity, *other))
                        return false;
        }
        return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
        return !strcmp(a->name, b->name) && a->is_virtual == b->is_virtual && a->schedulable == b->schedulable &&
               labels_count(a->labels) == labels_count(b->labels) && labels_include(a->labels, b->labels) &&
               same_resources(&a->allocatable, &b->allocatable);
}
