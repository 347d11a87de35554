/*
 * A unit would make a few facts true of the pod: its labels, and of the node that it runs on: its nodeSelector and
 * its region. A conflict is a fact that the pod's author has already decided otherwise.
 *
 * Region and series can be named in more than one place (a label, a nodeSelector entry), so they are compared by
 * meaning as well as key by key. Required node affinity is a list of alternatives: it contradicts the unit only if
 * every one of them does. What an alternative says of keys that the unit does not touch is left to the scheduler.
 */
#include "admission/conflict.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/pod.h"
#include "policy/resource_policy.h"
#include "util/labels.h"

/* 1 and the sentence if a key of `wanted` has another value in `present`. */
static int compare_maps(char **ret, const char *what, const struct labels *present, const struct labels *wanted)
{
        for (size_t i = 0; i < labels_count(wanted); i++) {
                struct label label = labels_at(wanted, i);
                const char *value = labels_get(present, label.key);

                if (!value || !strcmp(value, label.value))
                        continue;
                if (asprintf(ret, "the pod's %s %s is \"%s\", the unit's \"%s\"", what, label.key, value,
                             label.value) < 0)
                        return -ENOMEM;
                return 1;
        }
        return 0;
}

static int compare_names(char **ret, const char *what, const char *pod, const char *unit)
{
        if (!*pod || !*unit || !strcmp(pod, unit))
                return 0;
        return asprintf(ret, "the pod asks for %s %s, the unit is %s", what, pod, unit) < 0 ? -ENOMEM : 1;
}

/* A pod that names a serverless region is not for real nodes. */
static int compare_kind(char **ret, const struct pod *pod, const struct unit *unit)
{
        if (unit_is_virtual(unit) || !*pod->own_region)
                return 0;
        return asprintf(ret, "the pod asks for serverless region %s, the unit is of real nodes (%s)", pod->own_region,
                        unit_resource_names[unit->resource]) < 0
                       ? -ENOMEM
                       : 1;
}

static bool is_one_of(const char *value, const struct node_requirement *requirement)
{
        for (size_t i = 0; i < requirement->n_values; i++)
                if (!strcmp(value, requirement->values[i]))
                        return true;
        return false;
}

static bool parse_integer(const char *text, long long *ret)
{
        char *end;

        errno = 0;
        *ret = strtoll(text, &end, 10);
        return !errno && end != text && !*end;
}

/* core/v1 NodeSelectorOperator, for a node that has the key with this value. */
static bool requirement_allows(const struct node_requirement *requirement, const char *value)
{
        long long have, bound;

        if (!strcmp(requirement->relation, "In"))
                return is_one_of(value, requirement);
        if (!strcmp(requirement->relation, "NotIn"))
                return !is_one_of(value, requirement);
        if (!strcmp(requirement->relation, "Exists"))
                return true;
        if (!strcmp(requirement->relation, "DoesNotExist"))
                return false;
        if (requirement->n_values != 1 || !parse_integer(value, &have) ||
            !parse_integer(requirement->values[0], &bound))
                return false;
        return !strcmp(requirement->relation, "Gt") ? have > bound : have < bound;
}

/* The value that the unit's nodes have for this key, or NULL where the unit says nothing of it. */
static const char *unit_node_label(const struct unit *unit, const char *key)
{
        const char *value = labels_get(unit->node_selector, key);

        if (!value && *unit->region && !strcmp(key, LABEL_TOPOLOGY_REGION))
                return unit->region;
        return value;
}

/* The first requirement that the unit's nodes break, or NULL. */
static const struct node_requirement *term_broken(const struct node_term *term, const struct unit *unit)
{
        for (size_t i = 0; i < term->n_requirements; i++) {
                const struct node_requirement *requirement = &term->requirements[i];
                const char *value = unit_node_label(unit, requirement->key);

                if (value && !requirement_allows(requirement, value))
                        return requirement;
        }
        return NULL;
}

static int compare_affinity(char **ret, const struct pod *pod, const struct unit *unit)
{
        const struct node_requirement *broken = NULL;

        for (size_t i = 0; i < pod->n_terms; i++) {
                broken = term_broken(&pod->terms[i], unit);
                if (!broken)
                        return 0;
        }
        if (!broken)
                return 0;
        if (asprintf(ret, "the pod's required node affinity (%s %s) contradicts the unit's %s=%s", broken->key,
                     broken->relation, broken->key, unit_node_label(unit, broken->key)) < 0)
                return -ENOMEM;
        return 1;
}

int conflict_find(char **ret, const struct pod *pod, const struct unit *unit)
{
        int r;

        r = compare_names(ret, "region", pod->region, unit->region);
        if (!r)
                r = compare_names(ret, "GPU model series", pod->series, unit->series);
        if (!r)
                r = compare_kind(ret, pod, unit);
        if (!r)
                r = compare_maps(ret, "label", pod->labels, unit->pod_labels);
        if (!r)
                r = compare_maps(ret, "nodeSelector", pod->node_selector, unit->node_selector);
        if (!r)
                r = compare_affinity(ret, pod, unit);
        return r;
}
