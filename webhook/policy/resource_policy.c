/*
 * Reads ResourcePolicy objects. Each level of the object has one function, which reads its fields in the order
 * of the reference and reports every fault that it finds, not only the first: `lint` shows them all, and the
 * webhook takes a policy only if there was none.
 *
 * What a unit means is worked out here once: the label that acs units add, and the region and series that the
 * unit names, wherever it names them (compute-class gpu-hpn carries the model in the nodeSelector).
 */
#include "policy/resource_policy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "manifest/field.h"
#include "manifest/manifest.h"
#include "policy/selector.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/labels.h"
#include "util/text.h"

const char *const unit_resource_names[] = {
        [UNIT_ACS] = "acs", [UNIT_ECI] = "eci", [UNIT_ECS] = "ecs", [UNIT_ELASTIC] = "elastic", NULL,
};

static const char *const strategy_names[] = {[STRATEGY_PREFER] = "prefer", [STRATEGY_REQUIRED] = "required", NULL};

static const char *const try_next_names[] = {
        [TRY_NEXT_LACK_RESOURCE_OR_EXCEED_MAX] = "LackResourceOrExceedMax",
        [TRY_NEXT_EXCEED_MAX] = "ExceedMax",
        [TRY_NEXT_LACK_RESOURCE_AND_NO_TERMINATING] = "LackResourceAndNoTerminating",
        [TRY_NEXT_TIMEOUT_OR_EXCEED_MAX] = "TimeoutOrExceedMax",
        [TRY_NEXT_TIMEOUT] = "Timeout",
        NULL,
};

static const char *const preempt_names[] = {
        [PREEMPT_AFTER_ALL_UNITS] = "AfterAllUnits",
        [PREEMPT_BEFORE_NEXT_UNIT] = "BeforeNextUnit",
        NULL,
};

static void unit_clear(struct unit *unit)
{
        free(unit->placement);
        labels_free(unit->pod_labels);
        labels_free(unit->pod_annotations);
        labels_free(unit->node_selector);
        resources_clear(&unit->max_resources);
}

static void resource_policy_free(struct resource_policy *policy)
{
        for (size_t i = 0; i < policy->n_units; i++)
                unit_clear(&policy->units[i]);
        for (size_t i = 0; i < policy->n_match_label_keys; i++)
                free(policy->match_label_keys[i]);
        free(policy->units);
        free(policy->match_label_keys);
        selector_free(policy->selector);
        free(policy->namespace);
        free(policy->name);
        free(policy->origin);
        free(policy);
}

struct resource_policy *resource_policy_ref(struct resource_policy *policy)
{
        __atomic_add_fetch(&policy->references, 1, __ATOMIC_RELAXED);
        return policy;
}

struct resource_policy *resource_policy_unref(struct resource_policy *policy)
{
        if (policy && __atomic_sub_fetch(&policy->references, 1, __ATOMIC_ACQ_REL) == 0)
                resource_policy_free(policy);
        return NULL;
}

const char *region_named(const struct labels *pod_labels, const struct labels *node_selector)
{
        const char *region = labels_get(pod_labels, LABEL_REGION);

        if (!region)
                region = labels_get(node_selector, LABEL_REGION);
        if (!region)
                region = labels_get(node_selector, LABEL_TOPOLOGY_REGION);
        return region ? region : "";
}

const char *series_named(const struct labels *pod_labels, const struct labels *node_selector)
{
        const char *series = labels_get(pod_labels, LABEL_SERIES);

        if (!series)
                series = labels_get(node_selector, LABEL_SERIES);
        return series ? series : "";
}

static bool copy_string(char **ret, const char *string, const struct field *field)
{
        *ret = strdup(string);
        return *ret || field_error(field, "out of memory");
}

/* Pods of acs units carry this label, whether the policy's author wrote it or not. */
static bool add_acs_label(struct unit *unit, const struct field *field)
{
        const struct label acs = {LABEL_ACS, "true"};
        _cleanup_(labels_freep) struct labels *base = NULL;
        struct labels *merged;

        if (labels_new(&base, &acs, 1) < 0 || labels_merge(&merged, base, unit->pod_labels) < 0)
                return field_error(field, "out of memory");
        labels_free(unit->pod_labels);
        unit->pod_labels = merged;
        return true;
}

static bool read_unit_resource(struct unit *unit, const struct field *field)
{
        struct field resource = field_member(field, "resource");
        int index = -1;

        if (!field_enum(&resource, unit_resource_names, &index))
                return false;
        if (index < 0)
                return field_must_be(&resource, "acs, eci, ecs or elastic");
        unit->resource = (enum unit_resource)index;
        return true;
}

static bool read_unit(struct unit *unit, const struct field *field)
{
        static const char *const known[] = {"resource",       "nodeSelector",  "podLabels",
                                            "podAnnotations", "max",           "maxResources",
                                            "spotInstance",   "scaleInWeight", NULL};
        struct field pod_labels = field_member(field, "podLabels");
        struct field pod_annotations = field_member(field, "podAnnotations");
        struct field node_selector = field_member(field, "nodeSelector");
        struct field max = field_member(field, "max");
        struct field max_resources = field_member(field, "maxResources");
        bool good;

        unit->max = -1;
        unit->region = unit->series = "";
        if (!field_object(field))
                return false;
        if (!field->value)
                return field_must_be(field, "a unit");

        field_warn_unknown(field, known);
        good = read_unit_resource(unit, field);
        good &= field_labels(&pod_labels, &unit->pod_labels);
        good &= field_labels(&pod_annotations, &unit->pod_annotations);
        good &= field_labels(&node_selector, &unit->node_selector);
        good &= field_count_number(&max, &unit->max);
        good &= resources_read(&unit->max_resources, &max_resources);
        if (!good || (unit->resource == UNIT_ACS && !add_acs_label(unit, field)))
                return false;
        if (unit_is_virtual(unit)) {
                unit->region = region_named(unit->pod_labels, unit->node_selector);
                unit->series = series_named(unit->pod_labels, unit->node_selector);
        }
        return true;
}

static bool read_units(struct resource_policy *policy, const struct field *field)
{
        size_t n = field_count(field);
        bool good = true;

        if (!field_array(field))
                return false;
        if (!n)
                return field_error(field, "must list at least one unit");
        policy->units = calloc(n, sizeof(*policy->units));
        if (!policy->units)
                return field_error(field, "out of memory");
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(field, i);

                policy->n_units++;
                good &= read_unit(&policy->units[i], &item);
        }
        return good;
}

static bool read_match_label_keys(struct resource_policy *policy, const struct field *field)
{
        size_t n = field_count(field);

        if (!field_array(field))
                return false;
        policy->match_label_keys = calloc(n ? n : 1, sizeof(*policy->match_label_keys));
        if (!policy->match_label_keys)
                return field_error(field, "out of memory");
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(field, i);
                const char *key = NULL;

                if (!field_string(&item, &key))
                        return false;
                if (!key || !*key)
                        return field_must_be(&item, "a label key");
                if (!copy_string(&policy->match_label_keys[i], key, &item))
                        return false;
                policy->n_match_label_keys++;
        }
        return true;
}

static bool read_try_next(struct resource_policy *policy, const struct field *field)
{
        static const char *const known[] = {"policy", "timeout", NULL};
        struct field name = field_member(field, "policy");
        struct field timeout = field_member(field, "timeout");
        const char *duration = NULL;
        int64_t ns = 0;
        int index = TRY_NEXT_LACK_RESOURCE_OR_EXCEED_MAX;

        if (!field_object(field))
                return false;
        field_warn_unknown(field, known);
        /* The CRD that ACK ships spells this one in two ways. */
        if (json_is_string(name.value) && !strcmp(json_string_value(name.value), "LackResourceAndNoterminating"))
                index = TRY_NEXT_LACK_RESOURCE_AND_NO_TERMINATING;
        else if (!field_enum(&name, try_next_names, &index))
                return false;
        policy->try_next = (enum try_next)index;
        if (!field_string(&timeout, &duration))
                return false;
        if (duration && duration_parse(&ns, duration) < 0)
                return field_must_be(&timeout, "a duration such as \"1m30s\"");
        policy->try_next_timeout = ns / NS_PER_SECOND;
        return true;
}

static bool read_spec(struct resource_policy *policy, const struct field *field)
{
        static const char *const known[] = {
                "selector",
                "matchExpressions",
                "strategy",
                "units",
                "matchLabelKeys",
                "ignorePreviousPod",
                "ignoreTerminatingPod",
                "preemptPolicy",
                "whenTryNextUnits",
                "consumerRef",
                NULL,
        };
        struct field selector = field_member(field, "selector");
        struct field expressions = field_member(field, "matchExpressions");
        struct field strategy = field_member(field, "strategy");
        struct field units = field_member(field, "units");
        struct field match_label_keys = field_member(field, "matchLabelKeys");
        struct field ignore_previous = field_member(field, "ignorePreviousPod");
        struct field ignore_terminating = field_member(field, "ignoreTerminatingPod");
        struct field preempt = field_member(field, "preemptPolicy");
        struct field try_next = field_member(field, "whenTryNextUnits");
        int strategy_index = STRATEGY_PREFER, preempt_index = PREEMPT_AFTER_ALL_UNITS;
        bool good;

        policy->ignore_terminating_pod = true;
        if (!field_object(field))
                return false;
        if (!field->value)
                return field_must_be(field, "an object with selector and units");

        field_warn_unknown(field, known);
        good = selector_read(&policy->selector, &selector, &expressions);
        good &= field_enum(&strategy, strategy_names, &strategy_index);
        good &= read_units(policy, &units);
        good &= read_match_label_keys(policy, &match_label_keys);
        good &= field_bool(&ignore_previous, &policy->ignore_previous_pod);
        good &= field_bool(&ignore_terminating, &policy->ignore_terminating_pod);
        good &= field_enum(&preempt, preempt_names, &preempt_index);
        good &= read_try_next(policy, &try_next);
        policy->strategy = (enum strategy)strategy_index;
        policy->preempt = (enum preempt)preempt_index;
        return good;
}

static bool read_when_nothing_fits(struct resource_policy *policy, const struct field *field)
{
        static const char *const names[] = {"allow", "deny", NULL};
        static const enum when_nothing_fits values[] = {NOTHING_FITS_ALLOW, NOTHING_FITS_DENY};
        int index = -1;

        if (json_is_string(field->value) && !strcmp(json_string_value(field->value), "hold"))
                return field_error(field, "must be allow or deny: \"hold\" does not exist yet");
        if (!field_enum(field, names, &index))
                return false;
        policy->when_nothing_fits = index < 0 ? NOTHING_FITS_UNSET : values[index];
        return true;
}

static bool read_metadata(struct resource_policy *policy, const struct field *field)
{
        struct field namespace = field_member(field, "namespace");
        struct field name = field_member(field, "name");
        struct field created_at = field_member(field, "creationTimestamp");
        struct field annotations = field_member(field, "annotations");
        struct field when_nothing_fits = field_member(&annotations, ANNOTATION_WHEN_NOTHING_FITS);
        const char *namespace_text = "default", *name_text = NULL;
        bool good;

        if (!field_object(field) || !field_string(&namespace, &namespace_text) || !field_string(&name, &name_text))
                return false;
        if (!name_text || !*name_text)
                return field_must_be(&name, "the policy's name");
        good = copy_string(&policy->namespace, namespace_text, field);
        good &= copy_string(&policy->name, name_text, field);
        good &= field_object(&annotations);
        good &= field_time(&created_at, &policy->created_at);
        good &= read_when_nothing_fits(policy, &when_nothing_fits);
        return good;
}

static bool name_units(struct resource_policy *policy, const struct field *field)
{
        for (size_t i = 0; i < policy->n_units; i++) {
                policy->units[i].placement = text_format("%s/%s#%zu", policy->namespace, policy->name, i);
                if (!policy->units[i].placement)
                        return field_error(field, "out of memory");
        }
        return true;
}

struct resource_policy *resource_policy_read(const struct manifest *manifest, struct diagnostics *diagnostics)
{
        static const char *const known[] = {"apiVersion", "kind", "metadata", "spec", "status", NULL};
        _cleanup_(resource_policy_unrefp) struct resource_policy *policy = calloc(1, sizeof(*policy));
        struct field root = field_root(manifest->object, manifest, diagnostics);
        struct field metadata = field_member(&root, "metadata");
        struct field spec = field_member(&root, "spec");
        bool good;

        if (!policy) {
                field_error(&root, "out of memory");
                return NULL;
        }
        policy->references = 1;
        field_warn_unknown(&root, known);
        good = read_metadata(policy, &metadata);
        good &= read_spec(policy, &spec);
        good &= copy_string(&policy->origin, manifest->file ? manifest->file : "", &root);
        return good && name_units(policy, &root) ? steal_pointer(&policy) : NULL;
}
