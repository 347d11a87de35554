/*
 * Two kinds of targets: maps (labels, annotations, nodeSelector), to which single entries are added, and the list
 * of tolerations. Where the pod has no such map or list at all, it is added whole: RFC 6902 adds nothing below a
 * parent that is not there. Entries that the pod has already are left out, so that a patch never overwrites what
 * its author wrote and a patched pod decided on again gets only a new reservation.
 *
 * Our own two annotations are the exception: whatever came with the pod is replaced, with the empty string where
 * there is nothing to say, since a copied reservation id could give back what another pod holds. `regionfit probe`
 * knows by that whether a pod was seen at all (cli/probe_result.c).
 */
#include "admission/patch.h"

#include <errno.h>
#include <string.h>

#include "admission/decide.h"
#include "admission/pod.h"
#include "admission/tally.h"
#include "util/cleanup.h"
#include "util/labels.h"

#define SCHEDULER_VENDOR "ack-co-scheduler"
#define SCHEDULER_DEFAULT "default-scheduler"

/* RFC 6901: "~" is written "~0" and "/" is written "~1". A new string: `parent`, "/" and the escaped key. */
static char *pointer(const char *parent, const char *key)
{
        char *text = malloc(strlen(parent) + 2 * strlen(key) + 2), *end;

        if (!text)
                return NULL;
        end = stpcpy(text, parent);
        *end++ = '/';
        for (; *key; key++) {
                if (*key == '~' || *key == '/') {
                        *end++ = '~';
                        *end++ = *key == '~' ? '0' : '1';
                } else {
                        *end++ = *key;
                }
        }
        *end = '\0';
        return text;
}

/* Takes over the value. */
static int add_operation(json_t *patch, const char *operation, const char *path, json_t *value)
{
        json_t *object = json_pack("{s:s, s:s, s:o}", "op", operation, "path", path, "value", value);

        return object && json_array_append_new(patch, object) == 0 ? 0 : -ENOMEM;
}

/* A map of the pod, and what is to be added to it. */
struct target {
        json_t *patch;
        const char *path; /* "/metadata/labels" */
        json_t *present;  /* the pod's map; NULL: it has none */
        json_t *whole;    /* owned; collects a missing map */
};

static void target_clear(struct target *target)
{
        json_decref(target->whole);
}

static struct target target_init(json_t *patch, const struct pod *pod, const char *parent, const char *name,
                                 const char *path)
{
        json_t *present = json_object_get(json_object_get(pod->object, parent), name);

        return (struct target){.patch = patch, .path = path, .present = json_is_object(present) ? present : NULL};
}

static int target_set(struct target *target, const char *key, const char *value, bool replace)
{
        _cleanup_(freep) char *path = NULL;
        bool exists = json_object_get(target->present, key);

        if (exists && !replace)
                return 0;
        if (!target->present) {
                if (!target->whole)
                        target->whole = json_object();
                return json_object_set_new(target->whole, key, json_string(value)) == 0 ? 0 : -ENOMEM;
        }
        path = pointer(target->path, key);
        return path ? add_operation(target->patch, exists ? "replace" : "add", path, json_string(value)) : -ENOMEM;
}

static int target_set_labels(struct target *target, const struct labels *labels)
{
        int r = 0;

        for (size_t i = 0; i < labels_count(labels) && r >= 0; i++)
                r = target_set(target, labels_at(labels, i).key, labels_at(labels, i).value, false);
        return r;
}

/* Writes a map that was missing. */
static int target_finish(struct target *target)
{
        if (!target->whole)
                return 0;
        return add_operation(target->patch, "add", target->path, steal_pointer(&target->whole));
}

/* The unit that the pod was placed on, or NULL. */
static const struct unit *placed_unit(const struct decision *decision)
{
        return decision->outcome == OUTCOME_PLACED ? &decision->policy->units[decision->unit] : NULL;
}

static int patch_labels(json_t *patch, const struct pod *pod, const struct unit *unit)
{
        _cleanup_(target_clear) struct target target =
                target_init(patch, pod, "metadata", "labels", "/metadata/labels");
        int r = target_set_labels(&target, unit->pod_labels);

        return r < 0 ? r : target_finish(&target);
}

/* Sets our own annotation, or makes one that came with the pod say nothing. */
static int set_own(struct target *target, const char *key, const char *value)
{
        const char *present = json_string_value(json_object_get(target->present, key));

        if (present ? !strcmp(present, value) : !*value)
                return 0;
        return target_set(target, key, value, true);
}

static int patch_annotations(json_t *patch, const struct pod *pod, const struct decision *decision)
{
        _cleanup_(target_clear) struct target target =
                target_init(patch, pod, "metadata", "annotations", "/metadata/annotations");
        const struct unit *unit = placed_unit(decision);
        _cleanup_(freep) char *placement = NULL;
        int r = 0;

        if (unit) {
                r = tally_placement(&placement, decision->policy, decision->unit);
                if (r >= 0)
                        r = target_set_labels(&target, unit->pod_annotations);
        }
        if (r >= 0)
                r = set_own(&target, ANNOTATION_PLACEMENT, placement ? placement : "");
        if (r >= 0)
                r = set_own(&target, ANNOTATION_RESERVATION, decision->reservation);
        return r < 0 ? r : target_finish(&target);
}

static int patch_node_selector(json_t *patch, const struct pod *pod, const struct unit *unit)
{
        _cleanup_(target_clear) struct target target =
                target_init(patch, pod, "spec", "nodeSelector", "/spec/nodeSelector");
        int r = target_set_labels(&target, unit->node_selector);

        return r < 0 ? r : target_finish(&target);
}

static int patch_tolerations(json_t *patch, const struct pod *pod, const struct unit *unit)
{
        json_t *present = json_object_get(json_object_get(pod->object, "spec"), "tolerations");
        json_t *toleration;

        if (!unit_is_virtual(unit) || pod->tolerates_virtual_nodes)
                return 0;
        toleration =
                json_pack("{s:s, s:s, s:s}", "key", TAINT_VIRTUAL_NODE, "operator", "Exists", "effect", "NoSchedule");
        if (json_is_array(present))
                return add_operation(patch, "add", "/spec/tolerations/-", toleration);
        return add_operation(patch, "add", "/spec/tolerations", json_pack("[o]", toleration));
}

static int patch_scheduler(json_t *patch, const struct pod *pod, const struct decide_options *options)
{
        if (!options->rewrite_scheduler || strcmp(pod->scheduler, SCHEDULER_VENDOR))
                return 0;
        return add_operation(patch, "replace", "/spec/schedulerName", json_string(SCHEDULER_DEFAULT));
}

int patch_new(json_t **ret, const struct pod *pod, const struct decision *decision,
              const struct decide_options *options)
{
        _cleanup_(json_decrefp) json_t *patch = json_array();
        const struct unit *unit = placed_unit(decision);
        int r = patch ? 0 : -ENOMEM;

        if (unit && r >= 0)
                r = patch_labels(patch, pod, unit);
        if (r >= 0)
                r = patch_annotations(patch, pod, decision);
        if (unit && r >= 0)
                r = patch_node_selector(patch, pod, unit);
        if (unit && r >= 0)
                r = patch_tolerations(patch, pod, unit);
        if (unit && r >= 0)
                r = patch_scheduler(patch, pod, options);
        if (r < 0)
                return r;
        *ret = steal_pointer(&patch);
        return 0;
}

/* Undoes pointer() for one token, in place; returns the rest behind its "/", or NULL at the end. */
static char *next_token(char *token)
{
        char *write = token;

        for (char *read = token;; read++) {
                if (*read == '/' || !*read) {
                        char *rest = *read ? read + 1 : NULL;

                        *write = '\0';
                        return rest;
                }
                if (*read == '~') {
                        read++;
                        *write++ = *read == '1' ? '/' : '~';
                } else {
                        *write++ = *read;
                }
        }
}

/* `path` is "/a/b~1c" and is taken apart. */
static int apply_operation(json_t *object, char *path, json_t *value)
{
        char *token = path + 1, *rest = next_token(token);
        json_t *parent = object;

        for (; rest; token = rest, rest = next_token(token))
                parent = json_object_get(parent, token);
        if (json_is_array(parent) && !strcmp(token, "-"))
                return json_array_append(parent, value) == 0 ? 0 : -ENOMEM;
        return json_object_set(parent, token, value) == 0 ? 0 : -ENOMEM;
}

int patch_apply(json_t **ret, const json_t *object, const json_t *patch)
{
        _cleanup_(json_decrefp) json_t *copy = json_deep_copy(object);
        const json_t *operation;
        size_t i;
        int r;

        if (!copy)
                return -ENOMEM;
        json_array_foreach (patch, i, operation) {
                _cleanup_(freep) char *path = strdup(json_string_value(json_object_get(operation, "path")));

                if (!path)
                        return -ENOMEM;
                r = apply_operation(copy, path, json_object_get(operation, "value"));
                if (r < 0)
                        return r;
        }
        *ret = steal_pointer(&copy);
        return 0;
}
