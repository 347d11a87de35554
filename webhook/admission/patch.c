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
#include <stdbool.h>
#include <string.h>

#include "admission/decide.h"
#include "admission/pod.h"
#include "manifest/writer.h"
#include "util/cleanup.h"
#include "util/labels.h"

#define SCHEDULER_VENDOR "ack-co-scheduler"
#define SCHEDULER_DEFAULT "default-scheduler"

/* The operations, and how many there are so far. */
struct operations {
        struct writer *writer; /* borrowed */
        size_t count;
};

/* One token of a path (RFC 6901): "~" is written "~0" and "/" is written "~1". */
static void write_token(struct writer *writer, const char *key)
{
        for (;;) {
                const char *tilde = strchrnul(key, '~'), *slash = strchrnul(key, '/');
                const char *end = tilde < slash ? tilde : slash;

                writer_part(writer, key, (size_t)(end - key));
                if (!*end)
                        return;
                if (*end == '~')
                        writer_raw(writer, "~0");
                else
                        writer_raw(writer, "~1");
                key = end + 1;
        }
}

/* Up to the value; `key` NULL: the parent itself is what is added. */
static void begin_operation(struct operations *operations, bool replace, const char *parent, const char *key)
{
        struct writer *writer = operations->writer;

        if (operations->count++)
                writer_raw(writer, ",");
        if (replace)
                writer_raw(writer, "{\"op\":\"replace\",\"path\":\"");
        else
                writer_raw(writer, "{\"op\":\"add\",\"path\":\"");
        writer_bytes(writer, parent, strlen(parent));
        if (key) {
                writer_raw(writer, "/");
                write_token(writer, key);
        }
        writer_raw(writer, "\",\"value\":");
}

static void end_operation(struct operations *operations)
{
        writer_raw(operations->writer, "}");
}

/* A map of the pod, to which entries are added. One that is missing is added whole, as a single operation that goes
 * from the first entry to target_finish(). */
struct target {
        struct operations *operations;
        const char *path;             /* "/metadata/labels" */
        const struct labels *present; /* the pod's map; NULL: it has none */
        size_t n_whole;               /* how many entries of a missing map there are so far */
};

/* Up to the entry's value. */
static void target_begin(struct target *target, const char *key, bool replace)
{
        struct writer *writer = target->operations->writer;

        if (target->present) {
                begin_operation(target->operations, replace, target->path, key);
                return;
        }
        if (!target->n_whole)
                begin_operation(target->operations, false, target->path, NULL);
        writer_bytes(writer, target->n_whole++ ? "," : "{", 1);
        writer_string(writer, key);
        writer_raw(writer, ":");
}

static void target_end(struct target *target)
{
        if (target->present)
                end_operation(target->operations);
}

static bool is_own(const char *key)
{
        return !strcmp(key, ANNOTATION_PLACEMENT) || !strcmp(key, ANNOTATION_RESERVATION);
}

static void target_add(struct target *target, const struct labels *labels)
{
        for (size_t i = 0; i < labels_count(labels); i++) {
                struct label label = labels_at(labels, i);

                if (labels_get(target->present, label.key) || is_own(label.key))
                        continue;
                target_begin(target, label.key, false);
                writer_string(target->operations->writer, label.value);
                target_end(target);
        }
}

/* Writes the end of a map that was missing. */
static void target_finish(struct target *target)
{
        if (!target->n_whole)
                return;
        writer_raw(target->operations->writer, "}");
        end_operation(target->operations);
}

/* The unit that the pod was placed on, or NULL. */
static const struct unit *placed_unit(const struct decision *decision)
{
        return decision->outcome == OUTCOME_PLACED ? &decision->policy->units[decision->unit] : NULL;
}

static void patch_map(struct operations *operations, const char *path, const struct labels *present,
                      const struct labels *added)
{
        struct target target = {.operations = operations, .path = path, .present = present};

        target_add(&target, added);
        target_finish(&target);
}

/* Sets our own annotation, or makes one that came with the pod say nothing. */
static void set_own(struct target *target, const char *key, const char *value)
{
        const char *present = labels_get(target->present, key);

        if (present ? !strcmp(present, value) : !*value)
                return;
        target_begin(target, key, present);
        writer_string(target->operations->writer, value);
        target_end(target);
}

static void patch_annotations(struct operations *operations, const struct pod *pod, const struct decision *decision)
{
        struct target target = {
                .operations = operations, .path = "/metadata/annotations", .present = pod->annotations};
        const struct unit *unit = placed_unit(decision);

        if (unit)
                target_add(&target, unit->pod_annotations);
        set_own(&target, ANNOTATION_PLACEMENT, unit ? unit->placement : "");
        set_own(&target, ANNOTATION_RESERVATION, decision->reservation);
        target_finish(&target);
}

static void patch_tolerations(struct operations *operations, const struct pod *pod, const struct unit *unit)
{
        static const char toleration[] =
                "{\"key\":\"" TAINT_VIRTUAL_NODE "\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}";

        if (!unit_is_virtual(unit) || pod->tolerates_virtual_nodes)
                return;
        begin_operation(operations, false, "/spec/tolerations", pod->has_tolerations ? "-" : NULL);
        if (pod->has_tolerations) {
                writer_raw(operations->writer, toleration);
        } else {
                writer_raw(operations->writer, "[");
                writer_raw(operations->writer, toleration);
                writer_raw(operations->writer, "]");
        }
        end_operation(operations);
}

static void patch_scheduler(struct operations *operations, const struct pod *pod,
                            const struct decide_options *options)
{
        if (!options->rewrite_scheduler || strcmp(pod->scheduler, SCHEDULER_VENDOR))
                return;
        begin_operation(operations, true, "/spec/schedulerName", NULL);
        writer_string(operations->writer, SCHEDULER_DEFAULT);
        end_operation(operations);
}

size_t patch_write(struct writer *writer, const struct pod *pod, const struct decision *decision,
                   const struct decide_options *options)
{
        struct operations operations = {.writer = writer};
        const struct unit *unit = placed_unit(decision);

        writer_raw(writer, "[");
        if (unit)
                patch_map(&operations, "/metadata/labels", pod->labels, unit->pod_labels);
        patch_annotations(&operations, pod, decision);
        if (unit) {
                patch_map(&operations, "/spec/nodeSelector", pod->node_selector, unit->node_selector);
                patch_tolerations(&operations, pod, unit);
                patch_scheduler(&operations, pod, options);
        }
        writer_raw(writer, "]");
        return operations.count;
}

int patch_new(json_t **ret, const struct pod *pod, const struct decision *decision,
              const struct decide_options *options)
{
        _cleanup_(writer_clear) struct writer writer;

        writer_init(&writer, NULL, 0);
        patch_write(&writer, pod, decision, options);
        *ret = writer.failed ? NULL : json_loadb(writer.bytes, writer.size, 0, NULL);
        return *ret ? 0 : -ENOMEM;
}

/* Undoes write_token() for one token, in place; returns the rest behind its "/", or NULL at the end. */
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
