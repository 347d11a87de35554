/*
 * Follows the controllers of Kubernetes in what a policy can see of a pod: its namespace, name, labels, annotations,
 * owner and spec. Hashes in names and labels stand in for theirs: they depend on the template and on nothing else, so
 * two runs print the same.
 */
#include "manifest/workload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "manifest/field.h"
#include "manifest/manifest.h"
#include "util/cleanup.h"

enum naming {
        NAMED_ITSELF,     /* a Pod */
        NAMED_BY_HASH,    /* NAME-HASH-xxxxx, owned by the ReplicaSet NAME-HASH */
        NAMED_AT_RANDOM,  /* NAME-xxxxx */
        NAMED_BY_ORDINAL, /* NAME-0, NAME-1 */
        NAMED_BY_INDEX,   /* NAME-xxxxx, or of an Indexed job NAME-0-xxxxx */
};

static const struct kind {
        const char *api_version, *kind;
        enum naming naming;
        const char *job; /* where the job's spec is, below the object; NULL: the spec */
} kinds[] = {
        {"v1", "Pod", NAMED_ITSELF, NULL},
        {"apps/v1", "Deployment", NAMED_BY_HASH, NULL},
        {"apps/v1", "ReplicaSet", NAMED_AT_RANDOM, NULL},
        {"apps/v1", "DaemonSet", NAMED_AT_RANDOM, NULL},
        {"apps/v1", "StatefulSet", NAMED_BY_ORDINAL, NULL},
        {"batch/v1", "Job", NAMED_BY_INDEX, NULL},
        {"batch/v1", "CronJob", NAMED_BY_INDEX, "jobTemplate"},
        {"v1", "ReplicationController", NAMED_AT_RANDOM, NULL},
};

/* What there is to know of the workload before its pods are made. */
struct plan {
        const struct kind *kind;
        const char *namespace, *name; /* borrowed */
        json_t *template;             /* borrowed */
        size_t count, first;          /* how many pods, and the first ordinal */
        bool indexed;
        char hash[11];
};

static const struct kind *find_kind(const struct manifest *manifest)
{
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (!strcmp(kinds[i].kind, manifest->kind) && !strcmp(kinds[i].api_version, manifest->api_version))
                        return &kinds[i];
        return NULL;
}

bool workload_is(const struct manifest *manifest)
{
        return find_kind(manifest);
}

/* The spec that replicas, parallelism and the template are in. `job` is room for a field on the way. */
static struct field inner_spec(const struct field *outer, struct field *job, const struct kind *kind)
{
        if (!kind->job)
                return *outer;
        *job = field_member(outer, kind->job);
        return field_member(job, "spec");
}

json_t *workload_template(const struct manifest *manifest)
{
        const struct kind *kind = find_kind(manifest);
        json_t *spec = json_object_get(manifest->object, "spec");

        if (!kind || kind->naming == NAMED_ITSELF)
                return kind ? manifest->object : NULL;
        if (kind->job)
                spec = json_object_get(json_object_get(spec, kind->job), "spec");
        spec = json_object_get(spec, "template");
        return json_is_object(spec) ? spec : NULL;
}

const char *workload_namespace(const struct manifest *manifest, const char *default_namespace)
{
        json_t *metadata = json_object_get(manifest->object, "metadata");
        const char *namespace = json_string_value(json_object_get(metadata, "namespace"));

        return namespace ? namespace : default_namespace;
}

/* FNV-1a of the template, in the letters that Kubernetes uses for such suffixes. */
static int make_hash(struct plan *plan)
{
        static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
        _cleanup_(freep) char *text = json_dumps(plan->template, JSON_COMPACT | JSON_SORT_KEYS);
        uint64_t hash = UINT64_C(14695981039346656037);

        if (!text)
                return -ENOMEM;
        for (const char *c = text; *c; c++)
                hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
        for (size_t i = 0; i < sizeof(plan->hash) - 1; i++, hash /= sizeof(letters) - 1)
                plan->hash[i] = letters[hash % (sizeof(letters) - 1)];
        return 0;
}

static bool count_replicas(struct plan *plan, const struct field *spec)
{
        struct field replicas = field_member(spec, "replicas");
        struct field ordinals = field_member(spec, "ordinals");
        struct field start = field_member(&ordinals, "start");
        int64_t count = 1, first = 0;

        if (!field_count_number(&replicas, &count) || !field_object(&ordinals) || !field_count_number(&start, &first))
                return false;
        plan->count = strcmp(plan->kind->kind, "DaemonSet") ? (size_t)count : 1;
        plan->first = (size_t)first;
        return true;
}

/* A job runs `parallelism` pods at once, but no more than there are completions left. */
static bool count_parallelism(struct plan *plan, const struct field *outer, const struct field *spec)
{
        struct field parallelism = field_member(spec, "parallelism");
        struct field completions = field_member(spec, "completions");
        struct field mode = field_member(spec, "completionMode");
        struct field suspend = field_member(spec, "suspend");
        struct field outer_suspend = field_member(outer, "suspend");
        int64_t parallel = 1, complete = INT64_MAX;
        const char *mode_text = "";
        bool suspended = false, outer_suspended = false;

        if (!field_count_number(&parallelism, &parallel) || !field_count_number(&completions, &complete) ||
            !field_string(&mode, &mode_text) || !field_bool(&suspend, &suspended) ||
            !field_bool(&outer_suspend, &outer_suspended))
                return false;
        plan->indexed = !strcmp(mode_text, "Indexed");
        plan->count = (size_t)(parallel < complete ? parallel : complete);
        if (suspended || outer_suspended)
                plan->count = 0;
        return true;
}

static bool make_plan(struct plan *plan, const struct manifest *manifest, const struct field *root)
{
        struct field metadata = field_member(root, "metadata"), name = field_member(&metadata, "name");
        struct field namespace = field_member(&metadata, "namespace");
        struct field outer = field_member(root, "spec"), job = {0};
        struct field spec = inner_spec(&outer, &job, plan->kind), template = field_member(&spec, "template");
        const char *ignored; /* plan->namespace has it */

        plan->name = "";
        plan->template = workload_template(manifest);
        plan->count = 1;
        if (!field_object(&metadata) || !field_string(&name, &plan->name) || !field_string(&namespace, &ignored) ||
            !field_object(&outer) || !field_object(&spec))
                return false;
        if (plan->kind->naming == NAMED_ITSELF)
                return true;
        if (!*plan->name)
                return field_must_be(&name, "the workload's name");
        if (!plan->template)
                return field_must_be(&template, "the template of its pods");
        return plan->kind->naming == NAMED_BY_INDEX ? count_parallelism(plan, &outer, &spec)
                                                    : count_replicas(plan, &spec);
}

static int set_text(json_t *object, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int set_text(json_t *object, const char *key, const char *format, ...)
{
        va_list arguments;
        json_t *text;

        va_start(arguments, format);
        text = json_vsprintf(format, arguments);
        va_end(arguments);
        return json_object_set_new(object, key, text) == 0 ? 0 : -ENOMEM;
}

/* A member that is an object, made if it is missing. */
static json_t *get_object(json_t *parent, const char *key)
{
        json_t *object = json_object_get(parent, key);

        if (json_is_object(object))
                return object;
        object = json_object();
        return json_object_set_new(parent, key, object) == 0 ? object : NULL;
}

static int set_owner(json_t *metadata, const char *api_version, const char *kind, const char *name)
{
        json_t *owners = json_pack("[{s:s, s:s, s:s, s:b, s:b}]", "apiVersion", api_version, "kind", kind, "name",
                                   name, "controller", 1, "blockOwnerDeletion", 1);

        return json_object_set_new(metadata, "ownerReferences", owners) == 0 ? 0 : -ENOMEM;
}

static int name_by_hash(const struct plan *plan, json_t *metadata, json_t *labels)
{
        _cleanup_(freep) char *owner = NULL;
        int r;

        if (asprintf(&owner, "%s-%s", plan->name, plan->hash) < 0)
                return -ENOMEM;
        r = set_text(metadata, "generateName", "%s-", owner);
        if (r >= 0)
                r = set_text(labels, "pod-template-hash", "%s", plan->hash);
        return r < 0 ? r : set_owner(metadata, "apps/v1", "ReplicaSet", owner);
}

static int name_by_ordinal(const struct plan *plan, json_t *metadata, json_t *labels, size_t i)
{
        size_t ordinal = plan->first + i;
        int r;

        r = set_text(metadata, "name", "%s-%zu", plan->name, ordinal);
        if (r >= 0)
                r = set_text(labels, "statefulset.kubernetes.io/pod-name", "%s-%zu", plan->name, ordinal);
        if (r >= 0)
                r = set_text(labels, "apps.kubernetes.io/pod-index", "%zu", ordinal);
        if (r >= 0)
                r = set_text(labels, "controller-revision-hash", "%s-%s", plan->name, plan->hash);
        return r < 0 ? r : set_owner(metadata, "apps/v1", "StatefulSet", plan->name);
}

/* An Indexed job's pods have their index as a label and as an annotation. */
static int set_index(json_t *metadata, json_t *labels, size_t i)
{
        json_t *annotations = get_object(metadata, "annotations");
        int r = annotations ? 0 : -ENOMEM;

        if (r >= 0)
                r = set_text(annotations, "batch.kubernetes.io/job-completion-index", "%zu", i);
        if (r >= 0)
                r = set_text(labels, "batch.kubernetes.io/job-completion-index", "%zu", i);
        return r;
}

static int name_by_index(const struct plan *plan, json_t *metadata, json_t *labels, size_t i)
{
        int r;

        r = set_text(labels, "job-name", "%s", plan->name);
        if (r >= 0)
                r = set_text(labels, "batch.kubernetes.io/job-name", "%s", plan->name);
        if (r >= 0 && plan->indexed)
                r = set_index(metadata, labels, i);
        if (r >= 0)
                r = plan->indexed ? set_text(metadata, "generateName", "%s-%zu-", plan->name, i)
                                  : set_text(metadata, "generateName", "%s-", plan->name);
        return r < 0 ? r : set_owner(metadata, "batch/v1", "Job", plan->name);
}

static int name_pod(const struct plan *plan, json_t *metadata, size_t i)
{
        json_t *labels;
        int r;

        if (plan->kind->naming == NAMED_ITSELF)
                return 0;
        labels = get_object(metadata, "labels");
        if (!labels)
                return -ENOMEM;
        switch (plan->kind->naming) {
        case NAMED_BY_HASH:
                return name_by_hash(plan, metadata, labels);
        case NAMED_BY_ORDINAL:
                return name_by_ordinal(plan, metadata, labels, i);
        case NAMED_BY_INDEX:
                return name_by_index(plan, metadata, labels, i);
        default:
                r = set_text(metadata, "generateName", "%s-", plan->name);
                return r < 0 ? r : set_owner(metadata, plan->kind->api_version, plan->kind->kind, plan->name);
        }
}

static int make_pod(const struct plan *plan, size_t i, json_t **ret)
{
        json_auto_t *pod = json_deep_copy(plan->template);
        json_t *metadata = pod ? get_object(pod, "metadata") : NULL;
        int r;

        if (!metadata)
                return -ENOMEM;
        r = set_text(pod, "apiVersion", "v1");
        if (r >= 0)
                r = set_text(pod, "kind", "Pod");
        if (r >= 0)
                r = set_text(metadata, "namespace", "%s", plan->namespace);
        if (r >= 0)
                r = name_pod(plan, metadata, i);
        if (r >= 0)
                *ret = steal_pointer(&pod);
        return r;
}

int workload_expand(const struct manifest *manifest, const char *default_namespace,
                    int (*visit)(void *userdata, json_t *pod, size_t number, size_t total), void *userdata,
                    struct diagnostics *diagnostics)
{
        struct plan plan = {
                .kind = find_kind(manifest),
                .namespace = workload_namespace(manifest, default_namespace),
        };
        struct field root = field_root(manifest->object, manifest, diagnostics);
        int r;

        if (!make_plan(&plan, manifest, &root))
                return 0;
        r = make_hash(&plan);
        for (size_t i = 0; i < plan.count && r >= 0; i++) {
                json_auto_t *pod = NULL;

                r = make_pod(&plan, i, &pod);
                if (r >= 0)
                        r = visit(userdata, pod, i + 1, plan.count);
        }
        return r;
}
