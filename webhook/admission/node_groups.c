/*
 * What is free on the nodes of a unit is what they have, less what is counted toward their group. Sums over nodes say
 * nothing of how the GPUs are spread: a pod that fits the sum may fit no single node, which is the scheduler's to
 * say.
 *
 * A pod that is not bound yet could go to any node that its nodeSelector allows, so it takes from each group that it
 * might go to; once it is bound, from those that its node is in.
 */
#include "admission/node_groups.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admission/node.h"
#include "admission/node_table.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "quota/counter.h"
#include "quota/reservation.h"
#include "util/labels.h"

struct node_groups {
        struct node_group *groups;      /* owned; by key */
        const struct node_table *nodes; /* borrowed */
};

/* "nodes disk=ssd,zone=a"; a new string, or NULL. */
static char *key_of(const struct labels *selector)
{
        char *key = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&key, &size);

        if (!stream)
                return NULL;
        fprintf(stream, "nodes ");
        for (size_t i = 0; i < labels_count(selector); i++) {
                struct label label = labels_at(selector, i);

                fprintf(stream, "%s%s=%s", i ? "," : "", label.key, label.value);
        }
        if (fclose(stream) == 0)
                return key;
        free(key);
        return NULL;
}

static bool is_member(const struct node_group *group, const struct node *node)
{
        return node->schedulable && !node->is_virtual && labels_include(node->labels, group->selector);
}

static int add_nodes(struct node_group *group, const struct node_table *nodes)
{
        const char *const *names = node_table_gpu_resources(nodes);
        int r = 0;

        for (size_t i = 0; names[i] && r >= 0; i++)
                r = resources_set(&group->allocatable, names[i], quantity_whole(0));
        for (size_t i = 0; i < node_table_count(nodes) && r >= 0; i++) {
                const struct node *node = node_table_at(nodes, i);

                if (!is_member(group, node))
                        continue;
                group->n_nodes++;
                r = resources_add(&group->allocatable, &node->allocatable);
        }
        return r;
}

static void group_free(struct node_group *group)
{
        free(group->key);
        resources_clear(&group->allocatable);
        free(group);
}

/* Takes over the key. */
static int add_group(struct node_groups *groups, char *key, const struct labels *selector)
{
        struct node_group *group = calloc(1, sizeof(*group));

        if (!group) {
                free(key);
                return -ENOMEM;
        }
        group->key = key;
        group->selector = selector;
        if (add_nodes(group, groups->nodes) >= 0)
                HASH_ADD_KEYPTR(hh, groups->groups, group->key, strlen(group->key), group);
        if (group->hh.tbl)
                return 0;
        group_free(group);
        return -ENOMEM;
}

static int add_selector(struct node_groups *groups, const struct labels *selector)
{
        const struct node_group *group;
        char *key = key_of(selector);

        if (!key)
                return -ENOMEM;
        HASH_FIND_STR(groups->groups, key, group);
        if (!group)
                return add_group(groups, key, selector);
        free(key);
        return 0;
}

static int add_policy(struct node_groups *groups, const struct resource_policy *policy)
{
        int r = 0;

        for (size_t i = 0; i < policy->n_units && r >= 0; i++)
                if (!unit_is_virtual(&policy->units[i]))
                        r = add_selector(groups, policy->units[i].node_selector);
        return r;
}

int node_groups_new(struct node_groups **ret, const struct policy_index *policies, const struct node_table *nodes)
{
        _cleanup_(node_groups_freep) struct node_groups *groups = calloc(1, sizeof(*groups));
        int r = 0;

        if (!groups)
                return -ENOMEM;
        groups->nodes = nodes;
        for (size_t i = 0; i < policy_index_count(policies) && r >= 0; i++)
                r = add_policy(groups, policy_index_at(policies, i));
        if (r < 0)
                return r;
        *ret = steal_pointer(&groups);
        return 0;
}

struct node_groups *node_groups_free(struct node_groups *groups)
{
        struct node_group *group, *next;

        if (!groups)
                return NULL;
        HASH_ITER (hh, groups->groups, group, next) {
                HASH_DEL(groups->groups, group);
                group_free(group);
        }
        free(groups);
        return NULL;
}

int node_groups_find(const struct node_groups *groups, const struct node_group **ret, const struct labels *selector)
{
        _cleanup_(freep) char *key = key_of(selector);

        if (!key)
                return -ENOMEM;
        HASH_FIND_STR(groups->groups, key, *ret);
        return 0;
}

bool node_group_capacity(const struct node_group *group, const char *resource, struct quantity *ret)
{
        const struct quantity *quantity = resources_find(&group->allocatable, resource);

        if (quantity)
                *ret = *quantity;
        return quantity;
}

static bool asks_for_gpus(const struct node_table *nodes, const struct resources *resources)
{
        const char *const *names = node_table_gpu_resources(nodes);

        for (size_t i = 0; names[i]; i++) {
                const struct quantity *quantity = resources_find(resources, names[i]);

                if (quantity && quantity_compare(*quantity, quantity_whole(0)) > 0)
                        return true;
        }
        return false;
}

int node_groups_classify(const struct node_groups *groups, const struct reservation *reservation,
                         struct counter_keys *ret)
{
        const struct node *node = reservation->node ? node_table_find(groups->nodes, reservation->node) : NULL;
        const struct node_group *group, *next;
        int r = 0;

        if ((reservation->node && !node) || !asks_for_gpus(groups->nodes, &reservation->resources))
                return 0;
        HASH_ITER (hh, groups->groups, group, next) {
                bool takes =
                        node ? is_member(group, node) : labels_include(reservation->node_selector, group->selector);

                if (takes && r >= 0)
                        r = counter_keys_add(ret, group->key, 0);
        }
        return r;
}
