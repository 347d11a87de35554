/*
 * Reads of a Pod only what a decision needs. A pod that the API server sends is always well-formed; one from a
 * person's file may not be, so every field is checked, and a fault names its place.
 *
 * Fields that are absent read as "" or empty: the rules then need no special cases.
 */
#include "admission/pod.h"

#include <string.h>

#include "admission/pod_requests.h"
#include "manifest/field.h"
#include "policy/resource_policy.h"

const char *const pod_default_gpu_resources[] = {"nvidia.com/gpu", "alibabacloud.com/ppu", NULL};

static const char *const phase_names[] = {
        [POD_PENDING] = "Pending", [POD_RUNNING] = "Running", [POD_SUCCEEDED] = "Succeeded",
        [POD_FAILED] = "Failed",   [POD_UNKNOWN] = "Unknown", NULL,
};

void pod_clear(struct pod *pod)
{
        for (size_t i = 0; i < pod->n_terms; i++) {
                for (size_t j = 0; j < pod->terms[i].n_requirements; j++)
                        free(pod->terms[i].requirements[j].values);
                free(pod->terms[i].requirements);
        }
        free(pod->terms);
        labels_free(pod->labels);
        labels_free(pod->annotations);
        labels_free(pod->node_selector);
        resources_clear(&pod->requests);
        *pod = POD_INIT;
}

static bool no_memory(const struct field *field)
{
        return field_error(field, "out of memory");
}

static const char *text_of(const struct labels *labels, const char *key)
{
        const char *value = labels_get(labels, key);

        return value ? value : "";
}

static bool is_true(const struct labels *labels, const char *key)
{
        return !strcmp(text_of(labels, key), "true");
}

/* The owner reference that says controller: true. */
static bool read_owner(struct pod *pod, const struct field *owners)
{
        if (!field_array(owners))
                return false;
        for (size_t i = 0; i < field_count(owners); i++) {
                struct field owner = field_item(owners, i);
                struct field controller = field_member(&owner, "controller");
                struct field kind = field_member(&owner, "kind");
                struct field name = field_member(&owner, "name");
                struct field api_version = field_member(&owner, "apiVersion");
                struct field uid = field_member(&owner, "uid");
                bool controls = false;

                if (!field_object(&owner) || !field_bool(&controller, &controls))
                        return false;
                if (controls &&
                    (!field_string(&kind, &pod->owner_kind) || !field_string(&name, &pod->owner_name) ||
                     !field_string(&api_version, &pod->owner_api_version) || !field_string(&uid, &pod->owner_uid)))
                        return false;
        }
        return true;
}

static bool read_name(struct pod *pod, const struct field *metadata)
{
        struct field namespace = field_member(metadata, "namespace");
        struct field name = field_member(metadata, "name");
        struct field generate_name = field_member(metadata, "generateName");

        if (!field_string(&namespace, &pod->namespace) || !field_string(&name, &pod->name))
                return false;
        if (*pod->name)
                return true;
        pod->generated = generate_name.value;
        return field_string(&generate_name, &pod->name);
}

static bool read_deletion(struct pod *pod, const struct field *metadata)
{
        struct field timestamp = field_member(metadata, "deletionTimestamp");
        struct field grace = field_member(metadata, "deletionGracePeriodSeconds");
        struct field finalizers = field_member(metadata, "finalizers");
        int64_t seconds = -1;

        if (!field_count_number(&grace, &seconds) || !field_array(&finalizers))
                return false;
        pod->terminating = timestamp.value;
        pod->deletion_confirmed = pod->terminating && seconds == 0;
        pod->has_finalizers = field_count(&finalizers) > 0;
        return true;
}

static bool read_metadata(struct pod *pod, const struct field *metadata)
{
        struct field labels = field_member(metadata, "labels");
        struct field annotations = field_member(metadata, "annotations");
        struct field owners = field_member(metadata, "ownerReferences");
        struct field uid = field_member(metadata, "uid");
        struct field created_at = field_member(metadata, "creationTimestamp");

        if (!field_object(metadata) || !read_name(pod, metadata) || !field_labels(&labels, &pod->labels) ||
            !field_labels(&annotations, &pod->annotations) || !read_owner(pod, &owners) ||
            !read_deletion(pod, metadata) || !field_string(&uid, &pod->uid) ||
            !field_time(&created_at, &pod->created_at))
                return false;
        pod->reservation = text_of(pod->annotations, ANNOTATION_RESERVATION);
        pod->placement = text_of(pod->annotations, ANNOTATION_PLACEMENT);
        pod->mirror = labels_get(pod->annotations, ANNOTATION_MIRROR);
        pod->ignored = is_true(pod->labels, KEY_IGNORE) || is_true(pod->annotations, KEY_IGNORE);
        return true;
}

static bool read_values(struct node_requirement *requirement, const struct field *values)
{
        size_t n = field_count(values);

        if (!field_array(values))
                return false;
        requirement->values = calloc(n ? n : 1, sizeof(*requirement->values));
        if (!requirement->values)
                return no_memory(values);
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(values, i);

                requirement->values[i] = "";
                if (!field_string(&item, &requirement->values[i]))
                        return false;
        }
        requirement->n_values = n;
        return true;
}

static bool read_term(struct node_term *term, const struct field *field)
{
        struct field expressions = field_member(field, "matchExpressions");
        size_t n = field_count(&expressions);

        if (!field_object(field) || !field_array(&expressions))
                return false;
        term->requirements = calloc(n ? n : 1, sizeof(*term->requirements));
        if (!term->requirements)
                return no_memory(field);
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(&expressions, i);
                struct field key = field_member(&item, "key");
                struct field relation = field_member(&item, "operator");
                struct field values = field_member(&item, "values");
                struct node_requirement *requirement = &term->requirements[term->n_requirements++];

                requirement->key = requirement->relation = "";
                if (!field_object(&item) || !field_string(&key, &requirement->key) ||
                    !field_string(&relation, &requirement->relation) || !read_values(requirement, &values))
                        return false;
        }
        return true;
}

static bool read_affinity(struct pod *pod, const struct field *spec)
{
        struct field affinity = field_member(spec, "affinity");
        struct field node_affinity = field_member(&affinity, "nodeAffinity");
        struct field required = field_member(&node_affinity, "requiredDuringSchedulingIgnoredDuringExecution");
        struct field terms = field_member(&required, "nodeSelectorTerms");
        size_t n = field_count(&terms);

        if (!field_object(&affinity) || !field_object(&node_affinity) || !field_object(&required) ||
            !field_array(&terms))
                return false;
        if (!n)
                return true;
        pod->terms = calloc(n, sizeof(*pod->terms));
        if (!pod->terms)
                return no_memory(&terms);
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(&terms, i);

                pod->n_terms++;
                if (!read_term(&pod->terms[i], &item))
                        return false;
        }
        return true;
}

/* One with an empty key tolerates every taint; one with an empty effect, every effect (core/v1 Toleration). */
static bool read_toleration(struct pod *pod, const struct field *toleration)
{
        struct field key_field = field_member(toleration, "key");
        struct field operator_field = field_member(toleration, "operator");
        struct field effect_field = field_member(toleration, "effect");
        const char *key = "", *relation = "Equal", *effect = "";

        if (!field_object(toleration) || !field_string(&key_field, &key) ||
            !field_string(&operator_field, &relation) || !field_string(&effect_field, &effect))
                return false;
        if (!strcmp(relation, "Exists") && (!*key || !strcmp(key, TAINT_VIRTUAL_NODE)) &&
            (!*effect || !strcmp(effect, "NoSchedule")))
                pod->tolerates_virtual_nodes = true;
        return true;
}

static bool read_tolerations(struct pod *pod, const struct field *tolerations)
{
        if (!field_array(tolerations))
                return false;
        for (size_t i = 0; i < field_count(tolerations); i++) {
                struct field toleration = field_item(tolerations, i);

                if (!read_toleration(pod, &toleration))
                        return false;
        }
        return true;
}

static void count_gpus(struct pod *pod, const char *const *gpu_resources)
{
        int64_t gpus;

        for (size_t i = 0; gpu_resources[i]; i++) {
                const struct quantity *quantity = resources_find(&pod->requests, gpu_resources[i]);

                if (!quantity)
                        continue;
                gpus = quantity_value(*quantity);
                if (gpus > 0 && __builtin_add_overflow(pod->gpus, gpus, &pod->gpus))
                        pod->gpus = INT64_MAX;
        }
}

static bool read_spec(struct pod *pod, const struct field *spec)
{
        struct field node_selector = field_member(spec, "nodeSelector");
        struct field scheduler = field_member(spec, "schedulerName");
        struct field node_name = field_member(spec, "nodeName");
        struct field tolerations = field_member(spec, "tolerations");

        return field_object(spec) && field_labels(&node_selector, &pod->node_selector) &&
               field_string(&scheduler, &pod->scheduler) && field_string(&node_name, &pod->node_name) &&
               read_tolerations(pod, &tolerations) && read_affinity(pod, spec) &&
               pod_requests_read(&pod->requests, spec);
}

static bool read_phase(struct pod *pod, const struct field *status)
{
        struct field phase = field_member(status, "phase");
        int index = POD_PENDING;

        if (!field_object(status))
                return false;
        if (json_is_string(phase.value) && !*json_string_value(phase.value))
                return true;
        if (!field_enum(&phase, phase_names, &index))
                return false;
        pod->phase = (enum pod_phase)index;
        return true;
}

bool pod_read(struct pod *ret, const struct field *field, const char *namespace, const char *const *gpu_resources)
{
        struct field metadata = field_member(field, "metadata");
        struct field spec = field_member(field, "spec");
        struct field status = field_member(field, "status");

        ret->object = field->value;
        ret->namespace = namespace;
        ret->name = ret->uid = ret->scheduler = ret->node_name = "";
        ret->owner_kind = ret->owner_name = ret->owner_api_version = ret->owner_uid = "";
        ret->reservation = ret->placement = "";
        if (!field_object(field) || !read_metadata(ret, &metadata) || !read_spec(ret, &spec) ||
            !read_phase(ret, &status))
                return false;
        ret->own_region = text_of(ret->labels, LABEL_REGION);
        ret->region = region_named(ret->labels, ret->node_selector);
        ret->series = series_named(ret->labels, ret->node_selector);
        count_gpus(ret, gpu_resources);
        return true;
}
