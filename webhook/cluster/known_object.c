/*
 * Of an object's JSON only what decisions need is kept, so that ten thousand policies stay cheap; of a quota also its
 * status, which is held against what it should be.
 *
 * The API server raises metadata.generation whenever the spec changes, and with nothing else. While it stays, a new
 * resourceVersion tells of labels, of a status, of nothing that quotas say; so the version of the spec stays too,
 * and the ledger is not made to wait for a status that was written (rule 7). An object that is first seen
 * in a list may be older than its resourceVersion says: to take its spec for newer than it is costs others a moment
 * of waiting, and never an answer by an older limit.
 */
#include "cluster/known_object.h"

#include <errno.h>
#include <string.h>

#include "kube/reflector.h"
#include "manifest/diagnostics.h"
#include "manifest/manifest.h"
#include "policy/resource_policy.h"
#include "quota/region_quota.h"
#include "util/log.h"
#include "util/text.h"

static void *read_policy(const struct manifest *manifest, struct diagnostics *diagnostics)
{
        return resource_policy_read(manifest, diagnostics);
}

static void *ref_policy(void *value)
{
        return resource_policy_ref(value);
}

static void *unref_policy(void *value)
{
        return resource_policy_unref(value);
}

static bool same_annotation(const void *a, const void *b)
{
        const struct resource_policy *x = a, *y = b;

        return x->when_nothing_fits == y->when_nothing_fits;
}

const struct known_kind known_policy = {
        .name = RESOURCE_POLICY_KIND,
        .read = read_policy,
        .ref = ref_policy,
        .unref = unref_policy,
        .same_metadata = same_annotation,
};

static void *read_quota(const struct manifest *manifest, struct diagnostics *diagnostics)
{
        return region_quota_read(manifest, diagnostics);
}

static void *ref_quota(void *value)
{
        return region_quota_ref(value);
}

static void *unref_quota(void *value)
{
        return region_quota_unref(value);
}

static bool always_same(const void *a, const void *b)
{
        (void)a, (void)b;
        return true;
}

const struct known_kind known_quota = {
        .name = REGION_QUOTA_KIND,
        .read = read_quota,
        .ref = ref_quota,
        .unref = unref_quota,
        .same_metadata = always_same,
        .keeps_status = true,
};

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

int known_object_key(char **ret, const json_t *object)
{
        const json_t *metadata = json_object_get(object, "metadata");
        const char *namespace = text_of(metadata, "namespace"), *name = text_of(metadata, "name");

        if (!*name)
                return -EINVAL;
        *ret = text_format("%s%s%s", namespace, *namespace ? "/" : "", name);
        return *ret ? 0 : -ENOMEM;
}

static void known_object_free(struct known_object *object)
{
        if (object->value)
                object->kind->unref(object->value);
        json_decref(object->status);
        free(object->fault);
        free(object->uid);
        free(object->key);
        free(object);
}

struct known_object *known_object_ref(struct known_object *object)
{
        __atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
        return object;
}

struct known_object *known_object_unref(struct known_object *object)
{
        if (object && __atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0)
                known_object_free(object);
        return NULL;
}

/* Errors matter to whoever runs the webhook; what a policy has beyond what we know matters to its author. */
static void log_faults(const struct known_object *object, const struct diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->count; i++) {
                const struct diagnostic *item = &diagnostics->items[i];

                log_at(item->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_DEBUG, item->message,
                       log_string("kind", object->kind->name), log_string("object", object->key),
                       log_string("field", item->path));
        }
}

/* The first error as the fault. */
static int note_fault(struct known_object *object, const struct diagnostics *diagnostics)
{
        size_t i = 0;

        if (diagnostics->failure)
                return -ENOMEM;
        while (i < diagnostics->count && diagnostics->items[i].severity != SEVERITY_ERROR)
                i++;
        if (i == diagnostics->count)
                return -ENOMEM;
        object->fault = text_format("%s%s%s", diagnostics->items[i].path, *diagnostics->items[i].path ? ": " : "",
                                    diagnostics->items[i].message);
        return object->fault ? 0 : -ENOMEM;
}

static int read_value(struct known_object *object, const json_t *json, const struct known_object *former)
{
        const struct manifest manifest = manifest_from_object((json_t *)json, object->key);
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        int r = 0;

        object->value = object->kind->read(&manifest, &diagnostics);
        if (!object->value) {
                r = note_fault(object, &diagnostics);
                if (former && former->value)
                        object->value = former->kind->ref(former->value);
        }
        log_faults(object, &diagnostics);
        return r;
}

/* Whether whoever goes by the former value would see anything new in this one. */
static bool same_value(const struct known_object *object, const struct known_object *former, bool same_spec)
{
        if (object->value == former->value)
                return true;
        return same_spec && !former->fault && object->kind->same_metadata(object->value, former->value);
}

/* Where the spec is the one that was known, its version is, too. */
static void compare(struct known_object *object, const struct known_object *former)
{
        bool same_spec = former && object->generation && object->generation == former->generation &&
                         !strcmp(object->uid, former->uid);

        object->spec_version = same_spec ? former->spec_version : object->version;
        object->value_version =
                former && same_value(object, former, same_spec) ? former->value_version : object->version;
}

static int copy_metadata(struct known_object *object, const json_t *json)
{
        const json_t *metadata = json_object_get(json, "metadata");
        int r = known_object_key(&object->key, json);

        if (r < 0)
                return r;
        object->uid = strdup(text_of(metadata, "uid"));
        object->version = object_version(json);
        object->generation = json_integer_value(json_object_get(metadata, "generation"));
        if (object->kind->keeps_status)
                object->status = json_incref(json_object_get(json, "status"));
        return object->uid ? 0 : -ENOMEM;
}

int known_object_read(struct known_object **ret, const struct known_kind *kind, const json_t *json,
                      const struct known_object *former)
{
        _cleanup_(known_object_unrefp) struct known_object *object = calloc(1, sizeof(*object));
        int r;

        if (!object)
                return -ENOMEM;
        *object = (struct known_object){.references = 1, .kind = kind};
        r = copy_metadata(object, json);
        if (r >= 0)
                r = read_value(object, json, former);
        if (r < 0)
                return r;
        compare(object, former);
        *ret = steal_pointer(&object);
        return 0;
}
