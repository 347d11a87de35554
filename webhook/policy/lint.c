/*
 * Each check is a function that looks for one mistake and says what would be right; the entries at the end call them
 * in the order in which a person reads a policy. Errors are what can never work, warnings what works otherwise than
 * it looks.
 */
#include "policy/lint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "manifest/manifest.h"
#include "manifest/workload.h"
#include "policy/label_syntax.h"
#include "policy/resource_policy.h"
#include "policy/selector.h"
#include "quota/region_quota.h"
#include "util/labels.h"

#define PATH_SIZE 512

/* A unit that is being looked at. */
struct place {
        const struct lint_policy *policy;
        struct diagnostics *diagnostics;
        size_t unit;
};

static const struct unit *unit_of(const struct place *place)
{
        return &place->policy->policy->units[place->unit];
}

/* "spec.units[1]" and what follows. */
static const char *unit_path(const struct place *place, const char *rest, char buffer[static PATH_SIZE])
{
        snprintf(buffer, PATH_SIZE, "spec.units[%zu]%s", place->unit, rest);
        return buffer;
}

static void check_label(const struct place *place, const char *field, struct label label, bool check_value)
{
        char path[PATH_SIZE];
        const char *key_fault = label_key_fault(label.key);
        const char *value_fault = check_value ? label_value_fault(label.value) : NULL;

        snprintf(path, sizeof(path), "spec.units[%zu].%s[%s]", place->unit, field, label.key);
        if (key_fault)
                diagnostics_add(place->diagnostics, SEVERITY_ERROR, place->policy->manifest, path,
                                "the key \"%s\" %s", label.key, key_fault);
        if (value_fault)
                diagnostics_add(place->diagnostics, SEVERITY_ERROR, place->policy->manifest, path,
                                "the value \"%s\" %s", label.value, value_fault);
}

static void check_labels(const struct place *place)
{
        const struct {
                const char *field;
                const struct labels *labels;
                bool check_values;
        } maps[] = {
                {"podLabels", unit_of(place)->pod_labels, true},
                {"podAnnotations", unit_of(place)->pod_annotations, false},
                {"nodeSelector", unit_of(place)->node_selector, true},
        };

        for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
                for (size_t j = 0; j < labels_count(maps[i].labels); j++)
                        check_label(place, maps[i].field, labels_at(maps[i].labels, j), maps[i].check_values);
}

/* Ours say what is so, whatever a policy would have them say (admission/patch.c). */
static void check_annotations(const struct place *place)
{
        static const char *const own[] = {ANNOTATION_RESERVATION, ANNOTATION_PLACEMENT};

        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
                char path[PATH_SIZE];

                if (!labels_get(unit_of(place)->pod_annotations, own[i]))
                        continue;
                snprintf(path, sizeof(path), "spec.units[%zu].podAnnotations[%s]", place->unit, own[i]);
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest, path,
                                "has no effect: regionfit writes this annotation itself");
        }
}

/* Labels and node selector of one unit that name different regions, or series. */
static void check_contradiction(const struct place *place)
{
        static const struct {
                const char *what, *label, *node;
        } pairs[] = {
                {"region", LABEL_REGION, LABEL_TOPOLOGY_REGION},
                {"region", LABEL_REGION, LABEL_REGION},
                {"GPU model series", LABEL_SERIES, LABEL_SERIES},
        };
        const struct unit *unit = unit_of(place);
        char path[PATH_SIZE];

        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
                const char *label = labels_get(unit->pod_labels, pairs[i].label);
                const char *node = labels_get(unit->node_selector, pairs[i].node);

                if (label && node && strcmp(label, node))
                        diagnostics_add(place->diagnostics, SEVERITY_ERROR, place->policy->manifest,
                                        unit_path(place, "", path),
                                        "never fits: podLabels name the %s %s, nodeSelector %s", pairs[i].what, label,
                                        node);
        }
}

static void check_max(const struct place *place)
{
        char path[PATH_SIZE];

        if (unit_of(place)->max == 0)
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest,
                                unit_path(place, ".max", path), "never fits: max is 0");
}

static void check_quota(const struct place *place, const struct quota_table *quotas)
{
        const struct unit *unit = unit_of(place);
        struct pool_limit pool;
        char path[PATH_SIZE];

        if (!unit_is_virtual(unit))
                return;
        if (!*unit->region) {
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest,
                                unit_path(place, "", path),
                                "names no region (podLabels[" LABEL_REGION "]), so no quota bounds it");
                return;
        }
        pool = quota_table_find(quotas, unit->region, unit->series);
        unit_path(place, "", path);
        if (!pool.limited)
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest, path,
                                "the region %s has no RegionQuota: what may be used of it is unlimited",
                                unit->region);
        else if (!pool.offered && *unit->series)
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest, path,
                                "never fits: the quota of %s lists neither %s nor \"*\"", unit->region, unit->series);
        else if (pool.offered && *unit->series && !pool.gpus)
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest, path,
                                "never fits: the quota of %s for %s is 0", unit->region, pool.series);
}

/* True if nothing but the pod itself can keep a pod from fitting. */
static bool takes_everything(const struct unit *unit, const struct quota_table *quotas)
{
        if (unit->max >= 0 || unit->max_resources.count)
                return false;
        return !*unit->region || !quota_table_find(quotas, unit->region, unit->series).limited;
}

/* True if they would make the same of a pod. */
static bool adds_the_same(const struct unit *a, const struct unit *b)
{
        return unit_is_virtual(a) == unit_is_virtual(b) && labels_include(a->pod_labels, b->pod_labels) &&
               labels_include(b->pod_labels, a->pod_labels) && labels_include(a->node_selector, b->node_selector) &&
               labels_include(b->node_selector, a->node_selector);
}

static void check_reachable(const struct place *place, const struct quota_table *quotas)
{
        const struct unit *units = place->policy->policy->units, *unit = unit_of(place);
        char path[PATH_SIZE];

        for (size_t i = 0; i < place->unit; i++) {
                bool same = adds_the_same(&units[i], unit);

                if (!takes_everything(&units[i], quotas) && !same)
                        continue;
                diagnostics_add(place->diagnostics, SEVERITY_WARNING, place->policy->manifest,
                                unit_path(place, "", path),
                                same ? "can hardly be reached: units[%zu] is the same"
                                     : "can hardly be reached: units[%zu] has no bound and takes every pod that does "
                                       "not contradict it",
                                i);
                return;
        }
}

static void check_match_label_keys(const struct lint_policy *policy, struct diagnostics *diagnostics)
{
        char path[PATH_SIZE];

        for (size_t i = 0; i < policy->policy->n_match_label_keys; i++) {
                const char *fault = label_key_fault(policy->policy->match_label_keys[i]);

                snprintf(path, sizeof(path), "spec.matchLabelKeys[%zu]", i);
                if (fault)
                        diagnostics_add(diagnostics, SEVERITY_ERROR, policy->manifest, path, "the key \"%s\" %s",
                                        policy->policy->match_label_keys[i], fault);
        }
}

void lint_policy(const struct lint_policy *policy, const struct quota_table *quotas, struct diagnostics *diagnostics)
{
        check_match_label_keys(policy, diagnostics);
        for (size_t i = 0; i < policy->policy->n_units; i++) {
                const struct place place = {.policy = policy, .diagnostics = diagnostics, .unit = i};

                check_labels(&place);
                check_annotations(&place);
                check_contradiction(&place);
                check_max(&place);
                check_quota(&place, quotas);
                check_reachable(&place, quotas);
        }
}

static bool same_requirement(const struct requirement *a, const struct requirement *b)
{
        if (a->relation != b->relation || strcmp(a->key, b->key) || a->n_values != b->n_values)
                return false;
        for (size_t i = 0; i < a->n_values; i++)
                if (strcmp(a->values[i], b->values[i]))
                        return false;
        return true;
}

/* True if every term of `wide` is in `narrow`: it selects all that `narrow` does. */
static bool selects_all_of(const struct selector *wide, const struct selector *narrow)
{
        for (size_t i = 0; i < selector_count(wide); i++) {
                bool found = false;

                for (size_t j = 0; j < selector_count(narrow) && !found; j++)
                        found = same_requirement(selector_at(wide, i), selector_at(narrow, j));
                if (!found)
                        return false;
        }
        return true;
}

static void report_overlap(const struct lint_policy *a, const struct lint_policy *b, struct diagnostics *diagnostics)
{
        bool more = selector_count(a->policy->selector) > selector_count(b->policy->selector);
        bool equal = selector_count(a->policy->selector) == selector_count(b->policy->selector);

        diagnostics_add(diagnostics, SEVERITY_WARNING, b->manifest, "spec.selector",
                        "overlaps with ResourcePolicy %s/%s (%s): of two that select a pod %s decides",
                        a->policy->namespace, a->policy->name, a->policy->origin,
                        equal  ? "the older, then the first by name,"
                        : more ? "that one, which has more terms,"
                               : "this one, which has more terms,");
}

void lint_overlaps(const struct lint_policy *policies, size_t n, struct diagnostics *diagnostics)
{
        for (size_t i = 0; i < n; i++) {
                for (size_t j = i + 1; j < n; j++) {
                        const struct resource_policy *a = policies[i].policy, *b = policies[j].policy;

                        if (!strcmp(a->namespace, b->namespace) &&
                            (selects_all_of(a->selector, b->selector) || selects_all_of(b->selector, a->selector)))
                                report_overlap(&policies[i], &policies[j], diagnostics);
                }
        }
}

/* The workload that is being looked at. */
struct workload {
        const struct manifest *manifest;
        struct diagnostics *diagnostics;
        struct labels *labels;     /* owned; of its pods */
        struct selector *selector; /* owned; NULL: it has none */
};

static void workload_clear(struct workload *workload)
{
        labels_free(workload->labels);
        selector_free(workload->selector);
}

/* Reads the pods' labels and the workload's own selector; what is malformed is the reader's to report. */
static void workload_read(struct workload *workload)
{
        struct diagnostics ignored = DIAGNOSTICS_INIT;
        struct field template = field_root(workload_template(workload->manifest), workload->manifest, &ignored);
        struct field root = field_root(workload->manifest->object, workload->manifest, &ignored);
        struct field metadata = field_member(&template, "metadata"), labels = field_member(&metadata, "labels");
        struct field spec = field_member(&root, "spec"), selector = field_member(&spec, "selector");

        (void)!field_labels(&labels, &workload->labels);
        if (selector.value)
                (void)!selector_read(&workload->selector, &selector, NULL);
        diagnostics_clear(&ignored);
}

/* compute-class and compute-qos are changed on pods: a workload that selects its pods by them loses them. */
static void check_own_selector(const struct workload *workload)
{
        static const char *const changed[] = {LABEL_COMPUTE_CLASS, LABEL_COMPUTE_QOS};

        for (size_t i = 0; workload->selector && i < selector_count(workload->selector); i++) {
                const char *key = selector_at(workload->selector, i)->key;

                for (size_t j = 0; j < sizeof(changed) / sizeof(changed[0]); j++)
                        if (!strcmp(key, changed[j]))
                                diagnostics_add(
                                        workload->diagnostics, SEVERITY_WARNING, workload->manifest, "spec.selector",
                                        "selects pods by %s, which placing may set: use a label of your own", key);
        }
}

/* Labels that a unit adds which the workload's own selector does not allow: its controller would make pods for ever.
 */
static void check_unit_labels(const struct workload *workload, const struct lint_policy *policy, size_t index)
{
        const struct labels *added = policy->policy->units[index].pod_labels;
        _cleanup_(labels_freep) struct labels *merged = NULL;

        if (!workload->selector || labels_merge(&merged, added, workload->labels) < 0)
                return;
        for (size_t i = 0; i < selector_count(workload->selector); i++) {
                const struct requirement *requirement = selector_at(workload->selector, i);
                const char *value = labels_get(added, requirement->key);

                if (!value || requirement_match(requirement, labels_get(merged, requirement->key)))
                        continue;
                diagnostics_add(workload->diagnostics, SEVERITY_ERROR, workload->manifest, "spec.selector",
                                "does not match pods with the label %s=%s, which units[%zu] of ResourcePolicy %s/%s "
                                "(%s) adds",
                                requirement->key, value, index, policy->policy->namespace, policy->policy->name,
                                policy->policy->origin);
        }
}

/* A label of the pods that no unit agrees with leaves them nowhere to go. */
static void check_conflicts(const struct workload *workload, const struct lint_policy *policy)
{
        const struct label *conflict = NULL;
        struct label found;

        for (size_t i = 0; i < policy->policy->n_units; i++) {
                const struct labels *added = policy->policy->units[i].pod_labels;
                bool fits = true;

                for (size_t j = 0; j < labels_count(added); j++) {
                        const char *value = labels_get(workload->labels, labels_at(added, j).key);

                        if (value && strcmp(value, labels_at(added, j).value)) {
                                found = labels_at(added, j);
                                conflict = &found;
                                fits = false;
                        }
                }
                if (fits)
                        return;
        }
        if (conflict)
                diagnostics_add(workload->diagnostics, SEVERITY_WARNING, workload->manifest, "",
                                "its pods' label %s=%s contradicts every unit of ResourcePolicy %s/%s (%s)",
                                conflict->key, labels_get(workload->labels, conflict->key), policy->policy->namespace,
                                policy->policy->name, policy->policy->origin);
}

/* Deployments give their pods pod-template-hash; what other controllers add is not meant to group by. */
static void check_groups(const struct workload *workload, const struct lint_policy *policy)
{
        for (size_t i = 0; i < policy->policy->n_match_label_keys; i++) {
                const char *key = policy->policy->match_label_keys[i];

                if (labels_get(workload->labels, key) || !strcmp(key, "pod-template-hash") ||
                    !strcmp(key, "controller-revision-hash"))
                        continue;
                diagnostics_add(
                        workload->diagnostics, SEVERITY_ERROR, workload->manifest, "",
                        "its pods lack the label %s, by which ResourcePolicy %s/%s (%s) groups pods: they will "
                        "be refused",
                        key, policy->policy->namespace, policy->policy->name, policy->policy->origin);
        }
}

void lint_workload(const struct manifest *manifest, const char *namespace, const struct lint_policy *policies,
                   size_t n, struct diagnostics *diagnostics)
{
        _cleanup_(workload_clear) struct workload workload = {.manifest = manifest, .diagnostics = diagnostics};
        const struct lint_policy *first = NULL;

        workload_read(&workload);
        check_own_selector(&workload);
        for (size_t i = 0; i < n; i++) {
                const struct lint_policy *policy = &policies[i];

                if (strcmp(policy->policy->namespace, namespace) ||
                    !selector_match(policy->policy->selector, workload.labels))
                        continue;
                check_groups(&workload, policy);
                check_conflicts(&workload, policy);
                for (size_t j = 0; j < policy->policy->n_units; j++)
                        check_unit_labels(&workload, policy, j);
                if (first)
                        diagnostics_add(
                                diagnostics, SEVERITY_WARNING, manifest, "",
                                "is selected by ResourcePolicy %s and %s: the one with more terms decides, then "
                                "the older, then the first by name",
                                first->policy->name, policy->policy->name);
                first = policy;
        }
}
