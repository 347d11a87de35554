/*
 * A list is gathered beside what is known and takes its place at once, so that nobody ever sees half of one, and a
 * list that breaks off leaves no trace. What a list brings in a version that is known is not read again.
 */
#include "cluster/known_objects.h"

#include <errno.h>
#include <string.h>

#include "util/map.h"

struct slot {
        struct known_object *object; /* a reference */
        UT_hash_handle hh;
};

struct known_objects {
        const struct known_kind *kind; /* borrowed */
        struct slot *slots;            /* owned; by key */
        struct slot *listing;          /* owned; likewise, of the list that has begun */
        uint64_t version, spec_version;
        bool listed;
};

int known_objects_new(struct known_objects **ret, const struct known_kind *kind)
{
        struct known_objects *objects = calloc(1, sizeof(*objects));

        if (!objects)
                return -ENOMEM;
        objects->kind = kind;
        *ret = objects;
        return 0;
}

static void slots_clear(struct slot **slots)
{
        struct slot *slot, *next;

        HASH_ITER (hh, *slots, slot, next) {
                HASH_DEL(*slots, slot);
                known_object_unref(slot->object);
                free(slot);
        }
}

struct known_objects *known_objects_free(struct known_objects *objects)
{
        if (!objects)
                return NULL;
        slots_clear(&objects->slots);
        slots_clear(&objects->listing);
        free(objects);
        return NULL;
}

static struct slot *slots_find(struct slot *slots, const char *key)
{
        struct slot *slot;

        HASH_FIND_STR(slots, key, slot);
        return slot;
}

static void slots_remove(struct slot **slots, struct slot *slot)
{
        HASH_DEL(*slots, slot);
        known_object_unref(slot->object);
        free(slot);
}

/* Puts the object in, in place of an earlier one. Takes over the reference, on success; else nothing has changed. */
static int slots_put(struct slot **slots, struct known_object *object)
{
        struct slot *slot = slots_find(*slots, object->key);

        if (slot) {
                slot->hh.key = object->key;
                known_object_unref(slot->object);
                slot->object = object;
                return 0;
        }
        slot = calloc(1, sizeof(*slot));
        if (!slot)
                return -ENOMEM;
        slot->object = object;
        HASH_ADD_KEYPTR(hh, *slots, object->key, strlen(object->key), slot);
        if (slot->hh.tbl)
                return 0;
        free(slot);
        return -ENOMEM;
}

int known_objects_begin(struct known_objects *objects)
{
        slots_clear(&objects->listing);
        return 0;
}

/* The object as it is known where it has not changed since, else read anew. */
static int read_object(const struct known_objects *objects, const json_t *json, struct known_object **ret,
                       struct known_object **ret_former)
{
        _cleanup_(freep) char *key = NULL;
        struct slot *slot;
        int r = known_object_key(&key, json);

        *ret_former = NULL;
        if (r < 0)
                return r;
        slot = slots_find(objects->slots, key);
        if (slot)
                *ret_former = slot->object;
        if (slot && slot->object->version == object_version(json)) {
                *ret = known_object_ref(slot->object);
                return 0;
        }
        return known_object_read(ret, objects->kind, json, *ret_former);
}

int known_objects_item(struct known_objects *objects, const json_t *object)
{
        _cleanup_(known_object_unrefp) struct known_object *known = NULL;
        struct known_object *former;
        int r;

        r = read_object(objects, object, &known, &former);
        if (r >= 0)
                r = slots_put(&objects->listing, known);
        if (r >= 0)
                known = NULL;
        return r;
}

static void raise_spec_version(struct known_objects *objects, uint64_t version)
{
        if (version > objects->spec_version)
                objects->spec_version = version;
}

/* True where something of what is known is in the list no more, or has another value. */
static bool differs(const struct known_objects *objects)
{
        if (!objects->listed || HASH_COUNT(objects->slots) != HASH_COUNT(objects->listing))
                return true;
        for (const struct slot *slot = objects->listing; slot; slot = slot->hh.next) {
                const struct slot *former = slots_find(objects->slots, slot->object->key);

                if (!former || former->object->value_version != slot->object->value_version)
                        return true;
        }
        return false;
}

/* When something was deleted is not known any more; at the list's version it was gone. */
static void note_list(struct known_objects *objects, uint64_t version)
{
        for (const struct slot *slot = objects->listing; slot; slot = slot->hh.next)
                raise_spec_version(objects, slot->object->spec_version);
        for (const struct slot *slot = objects->slots; slot; slot = slot->hh.next)
                if (!slots_find(objects->listing, slot->object->key))
                        raise_spec_version(objects, version);
}

int known_objects_end(struct known_objects *objects, uint64_t version)
{
        bool changed = differs(objects);

        note_list(objects, version);
        slots_clear(&objects->slots);
        objects->slots = steal_pointer(&objects->listing);
        objects->version = version;
        objects->listed = true;
        return changed;
}

static int remove_object(struct known_objects *objects, const json_t *object, uint64_t version)
{
        _cleanup_(freep) char *key = NULL;
        struct slot *slot;
        int r = known_object_key(&key, object);

        if (r < 0)
                return r;
        slot = slots_find(objects->slots, key);
        if (slot) {
                slots_remove(&objects->slots, slot);
                raise_spec_version(objects, version);
        }
        objects->version = version;
        return slot ? 1 : 0;
}

int known_objects_event(struct known_objects *objects, enum reflector_event event, const json_t *object,
                        uint64_t version)
{
        _cleanup_(known_object_unrefp) struct known_object *known = NULL;
        struct known_object *former;
        bool changed;
        int r;

        if (event == REFLECTOR_DELETED)
                return remove_object(objects, object, version);
        r = read_object(objects, object, &known, &former);
        if (r < 0)
                return r;
        changed = !former || former->value_version != known->value_version;
        r = slots_put(&objects->slots, known);
        if (r < 0)
                return r;
        raise_spec_version(objects, known->spec_version);
        objects->version = version;
        known = NULL;
        return changed;
}

void known_objects_bookmark(struct known_objects *objects, uint64_t version)
{
        objects->version = version;
}

bool known_objects_listed(const struct known_objects *objects)
{
        return objects->listed;
}

uint64_t known_objects_version(const struct known_objects *objects)
{
        return objects->version;
}

uint64_t known_objects_spec_version(const struct known_objects *objects)
{
        return objects->spec_version;
}

size_t known_objects_faults(const struct known_objects *objects)
{
        size_t n = 0;

        for (const struct slot *slot = objects->slots; slot; slot = slot->hh.next)
                n += slot->object->fault ? 1 : 0;
        return n;
}

static int compare_keys(const void *a, const void *b)
{
        const struct known_object *x = *(struct known_object *const *)a, *y = *(struct known_object *const *)b;

        return strcmp(x->key, y->key);
}

int known_objects_all(const struct known_objects *objects, struct known_object ***ret, size_t *ret_n)
{
        size_t n = HASH_COUNT(objects->slots), i = 0;
        struct known_object **all = calloc(n ? n : 1, sizeof(struct known_object *));

        if (!all)
                return -ENOMEM;
        for (const struct slot *slot = objects->slots; slot; slot = slot->hh.next)
                all[i++] = known_object_ref(slot->object);
        if (n)
                qsort(all, n, sizeof(struct known_object *), compare_keys);
        *ret = all;
        *ret_n = n;
        return 0;
}
