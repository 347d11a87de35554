/*
 * Reads of a Pod only what a decision needs. A pod that the API server sends is always well-formed; one from a
 * person's file may not be, so every field is checked, and a fault names its place.
 *
 * Fields that are absent read as "" or empty: the rules then need no special cases.
 *
 * A pod in a review comes as a document, of which only the members of the shape below are kept; whatever is read here
 * must stand there.
 */
#include "admission/pod.h"

#include <string.h>

#include "admission/pod_requests.h"
#include "manifest/field.h"
#include "policy/resource_policy.h"
#include "util/arena.h"

const char *const pod_default_gpu_resources[] = {"nvidia.com/gpu", "alibabacloud.com/ppu", NULL};

static const char *const phase_names[] = {
        [POD_PENDING] = "Pending", [POD_RUNNING] = "Running", [POD_SUCCEEDED] = "Succeeded",
        [POD_FAILED] = "Failed",   [POD_UNKNOWN] = "Unknown", NULL,
};

static const struct shape owner_shape[] = {
        SHAPE("controller", NULL), SHAPE("kind", NULL), SHAPE("name", NULL),
        SHAPE("apiVersion", NULL), SHAPE("uid", NULL),  SHAPE_END,
};

static const struct shape metadata_shape[] = {
        SHAPE("name", NULL),
        SHAPE("generateName", NULL),
        SHAPE("namespace", NULL),
        SHAPE("labels", NULL),
        SHAPE("annotations", NULL),
        SHAPE("ownerReferences", owner_shape),
        SHAPE("uid", NULL),
        SHAPE("creationTimestamp", NULL),
        SHAPE("deletionTimestamp", NULL),
        SHAPE("deletionGracePeriodSeconds", NULL),
        SHAPE("finalizers", NULL),
        SHAPE_END,
};

static const struct shape resources_shape[] = {SHAPE("requests", NULL), SHAPE("limits", NULL), SHAPE_END};

static const struct shape container_shape[] = {SHAPE("resources", resources_shape), SHAPE("restartPolicy", NULL),
                                               SHAPE_END};

static const struct shape requirement_shape[] = {SHAPE("key", NULL), SHAPE("operator", NULL), SHAPE("values", NULL),
                                                 SHAPE_END};

static const struct shape term_shape[] = {SHAPE("matchExpressions", requirement_shape), SHAPE_END};

static const struct shape required_shape[] = {SHAPE("nodeSelectorTerms", term_shape), SHAPE_END};

static const struct shape node_affinity_shape[] = {
        SHAPE("requiredDuringSchedulingIgnoredDuringExecution", required_shape), SHAPE_END};

static const struct shape affinity_shape[] = {SHAPE("nodeAffinity", node_affinity_shape), SHAPE_END};

static const struct shape toleration_shape[] = {SHAPE("key", NULL), SHAPE("operator", NULL), SHAPE("effect", NULL),
                                                SHAPE_END};

static const struct shape spec_shape[] = {
        SHAPE("containers", container_shape),
        SHAPE("initContainers", container_shape),
        SHAPE("resources", resources_shape),
        SHAPE("overhead", NULL),
        SHAPE("nodeSelector", NULL),
        SHAPE("affinity", affinity_shape),
        SHAPE("tolerations", toleration_shape),
        SHAPE("schedulerName", NULL),
        SHAPE("nodeName", NULL),
        SHAPE_END,
};

static const struct shape status_shape[] = {SHAPE("phase", NULL), SHAPE_END};

const struct shape pod_shape[] = {SHAPE("metadata", metadata_shape), SHAPE("spec", spec_shape),
                                  SHAPE("status", status_shape), SHAPE_END};

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
        struct field_each each = field_each(owners);

        if (!field_array(owners))
                return false;
        while (field_next(&each)) {
                const struct field *owner = &each.field;
                struct field controller = field_member(owner, "controller");
                struct field kind = field_member(owner, "kind");
                struct field name = field_member(owner, "name");
                struct field api_version = field_member(owner, "apiVersion");
                struct field uid = field_member(owner, "uid");
                bool controls = false;

                if (!field_object(owner) || !field_bool(&controller, &controls))
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
        pod->generated = field_present(&generate_name);
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
        pod->terminating = field_present(&timestamp);
        pod->deletion_confirmed = pod->terminating && seconds == 0;
        pod->has_finalizers = field_count(&finalizers) > 0;
        return true;
}

static bool read_metadata(struct pod *pod, const struct field *metadata, struct arena *arena)
{
        struct field labels = field_member(metadata, "labels");
        struct field annotations = field_member(metadata, "annotations");
        struct field owners = field_member(metadata, "ownerReferences");
        struct field uid = field_member(metadata, "uid");
        struct field created_at = field_member(metadata, "creationTimestamp");

        if (!field_object(metadata) || !read_name(pod, metadata) ||
            !field_borrow_labels(&labels, arena, &pod->labels) ||
            !field_borrow_labels(&annotations, arena, &pod->annotations) || !read_owner(pod, &owners) ||
            !read_deletion(pod, metadata) || !field_string(&uid, &pod->uid) ||
            !field_time(&created_at, &pod->created_at))
                return false;
        pod->reservation = text_of(pod->annotations, ANNOTATION_RESERVATION);
        pod->placement = text_of(pod->annotations, ANNOTATION_PLACEMENT);
        pod->mirror = labels_get(pod->annotations, ANNOTATION_MIRROR);
        pod->ignored = is_true(pod->labels, KEY_IGNORE) || is_true(pod->annotations, KEY_IGNORE);
        return true;
}

static bool read_values(struct node_requirement *requirement, const struct field *values, struct arena *arena)
{
        struct field_each each = field_each(values);

        if (!field_array(values))
                return false;
        requirement->values = arena_array(arena, field_count(values), sizeof(*requirement->values));
        if (!requirement->values)
                return no_memory(values);
        while (field_next(&each)) {
                const char **value = &requirement->values[requirement->n_values++];

                *value = "";
                if (!field_string(&each.field, value))
                        return false;
        }
        return true;
}

static bool read_requirement(struct node_requirement *requirement, const struct field *field, struct arena *arena)
{
        struct field key = field_member(field, "key");
        struct field relation = field_member(field, "operator");
        struct field values = field_member(field, "values");

        *requirement = (struct node_requirement){.key = "", .relation = ""};
        return field_object(field) && field_string(&key, &requirement->key) &&
               field_string(&relation, &requirement->relation) && read_values(requirement, &values, arena);
}

static bool read_term(struct node_term *term, const struct field *field, struct arena *arena)
{
        struct field expressions = field_member(field, "matchExpressions");
        struct field_each each = field_each(&expressions);

        *term = (struct node_term){0};
        if (!field_object(field) || !field_array(&expressions))
                return false;
        term->requirements = arena_array(arena, field_count(&expressions), sizeof(*term->requirements));
        if (!term->requirements)
                return no_memory(field);
        while (field_next(&each))
                if (!read_requirement(&term->requirements[term->n_requirements++], &each.field, arena))
                        return false;
        return true;
}

static bool read_affinity(struct pod *pod, const struct field *affinity, struct arena *arena)
{
        struct field node_affinity = field_member(affinity, "nodeAffinity");
        struct field required = field_member(&node_affinity, "requiredDuringSchedulingIgnoredDuringExecution");
        struct field terms = field_member(&required, "nodeSelectorTerms");
        struct field_each each = field_each(&terms);

        if (!field_object(affinity) || !field_object(&node_affinity) || !field_object(&required) ||
            !field_array(&terms))
                return false;
        pod->terms = arena_array(arena, field_count(&terms), sizeof(*pod->terms));
        if (!pod->terms)
                return no_memory(&terms);
        while (field_next(&each))
                if (!read_term(&pod->terms[pod->n_terms++], &each.field, arena))
                        return false;
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
        struct field_each each = field_each(tolerations);

        if (!field_array(tolerations))
                return false;
        pod->has_tolerations = field_present(tolerations);
        while (field_next(&each))
                if (!read_toleration(pod, &each.field))
                        return false;
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

static bool read_spec(struct pod *pod, const struct field *spec, struct arena *arena)
{
        struct field node_selector = field_member(spec, "nodeSelector");
        struct field scheduler = field_member(spec, "schedulerName");
        struct field node_name = field_member(spec, "nodeName");
        struct field tolerations = field_member(spec, "tolerations");
        struct field affinity = field_member(spec, "affinity");

        pod->requests = RESOURCES_IN(arena);
        return field_object(spec) && field_borrow_labels(&node_selector, arena, &pod->node_selector) &&
               field_string(&scheduler, &pod->scheduler) && field_string(&node_name, &pod->node_name) &&
               read_tolerations(pod, &tolerations) &&
               (!field_present(&affinity) || read_affinity(pod, &affinity, arena)) &&
               pod_requests_read(&pod->requests, spec);
}

static bool read_phase(struct pod *pod, const struct field *status)
{
        struct field phase = field_member(status, "phase");
        int index = POD_PENDING;

        if (!field_object(status))
                return false;
        if (field_kind(&phase) == FIELD_STRING && !*field_text(&phase))
                return true;
        if (!field_enum(&phase, phase_names, &index))
                return false;
        pod->phase = (enum pod_phase)index;
        return true;
}

bool pod_read(struct pod *ret, const struct field *field, const char *namespace, const char *const *gpu_resources,
              struct arena *arena)
{
        struct field metadata = field_member(field, "metadata");
        struct field spec = field_member(field, "spec");
        struct field status = field_member(field, "status");

        ret->namespace = namespace;
        ret->name = ret->uid = ret->scheduler = ret->node_name = "";
        ret->owner_kind = ret->owner_name = ret->owner_api_version = ret->owner_uid = "";
        ret->reservation = ret->placement = "";
        if (!field_object(field) || !read_metadata(ret, &metadata, arena) || !read_spec(ret, &spec, arena) ||
            !read_phase(ret, &status))
                return false;
        ret->own_region = text_of(ret->labels, LABEL_REGION);
        ret->region = region_named(ret->labels, ret->node_selector);
        ret->series = series_named(ret->labels, ret->node_selector);
        count_gpus(ret, gpu_resources);
        return true;
}
