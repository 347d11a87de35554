/*
 * Where the values of fields come from: jansson's, of files and of the cluster, or a document's, of a review.
 * Everything above this file reads both alike.
 *
 * Null is absent, as for every optional field of the Kubernetes API.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/document.h"
#include "manifest/field.h"

const enum field_kind field_kept_kinds[] = {
        [KEPT_NULL] = FIELD_ABSENT,   [KEPT_OBJECT] = FIELD_OBJECT,   [KEPT_LIST] = FIELD_ARRAY,
        [KEPT_STRING] = FIELD_STRING, [KEPT_INTEGER] = FIELD_INTEGER, [KEPT_REAL] = FIELD_REAL,
        [KEPT_TRUE] = FIELD_BOOL,     [KEPT_FALSE] = FIELD_BOOL,
};

const enum field_kind field_json_kinds[] = {
        [JSON_NULL] = FIELD_ABSENT,   [JSON_OBJECT] = FIELD_OBJECT,   [JSON_ARRAY] = FIELD_ARRAY,
        [JSON_STRING] = FIELD_STRING, [JSON_INTEGER] = FIELD_INTEGER, [JSON_REAL] = FIELD_REAL,
        [JSON_TRUE] = FIELD_BOOL,     [JSON_FALSE] = FIELD_BOOL,
};

struct field field_root(json_t *value, const struct manifest *manifest, struct diagnostics *diagnostics)
{
        return (struct field){
                .value = json_is_null(value) ? NULL : value,
                .manifest = manifest,
                .diagnostics = diagnostics,
        };
}

struct field field_document(const struct kept *kept, struct diagnostics *diagnostics)
{
        return (struct field){.kept = kept->kind == KEPT_NULL ? NULL : kept, .diagnostics = diagnostics};
}

int64_t field_integer(const struct field *field)
{
        return field->kept ? strtoll(field->kept->text, NULL, 10) : json_integer_value(field->value);
}

bool field_true(const struct field *field)
{
        return field->kept ? field->kept->kind == KEPT_TRUE : json_is_true(field->value);
}

double field_real(const struct field *field)
{
        return field->kept ? strtod(field->kept->text, NULL) : json_real_value(field->value);
}

/* Null is absent. */
static inline json_t *unless_null(json_t *value)
{
        return json_is_null(value) ? NULL : value;
}

static inline const struct kept *kept_unless_null(const struct kept *kept)
{
        return kept && kept->kind == KEPT_NULL ? NULL : kept;
}

/* The key by what it says, where the reader's constant is another one. */
static __attribute__((noinline)) const struct shape *find_equal(const struct shape *shape, const char *key)
{
        while (shape->key && strcmp(shape->key, key) != 0)
                shape++;
        return shape;
}

/* A member that the shape leaves out cannot be asked for: it would be missing whatever was sent. */
static inline const struct kept *find_shaped(const struct kept *object, const char *key)
{
        const struct shape *shape = object->shape;

        while (shape->key != key && shape->key)
                shape++;
        if (!shape->key)
                shape = find_equal(object->shape, key);
        assert(shape->key);
        return object->members[shape - object->shape];
}

static __attribute__((noinline)) const struct kept *find_whole(const struct kept *object, const char *key)
{
        const struct kept *kept = object->kind == KEPT_OBJECT ? object->first : NULL;

        while (kept && strcmp(kept->key, key) != 0)
                kept = kept->next;
        return kept;
}

const struct kept *field_find_kept(const struct kept *object, const char *key)
{
        return kept_unless_null(object->shape ? find_shaped(object, key) : find_whole(object, key));
}

json_t *field_find_value(json_t *object, const char *key)
{
        return unless_null(json_object_get(object, key));
}

static const struct kept *find_item(const struct kept *list, size_t index)
{
        const struct kept *kept = list->kind == KEPT_LIST ? list->first : NULL;

        for (size_t i = 0; kept && i < index; i++)
                kept = kept->next;
        return kept;
}

struct field field_item(const struct field *parent, size_t index)
{
        return (struct field){
                .value = parent->value ? unless_null(json_array_get(parent->value, index)) : NULL,
                .kept = parent->kept ? kept_unless_null(find_item(parent->kept, index)) : NULL,
                .parent = parent,
                .index = index,
        };
}

size_t field_count(const struct field *field)
{
        if (field->kept)
                return field->kept->kind == KEPT_LIST ? field->kept->count : 0;
        return json_array_size(field->value);
}

static bool next_kept(struct field_each *each)
{
        const struct kept *kept = each->position ? each->iterator : each->parent->kept->first;

        if (!kept)
                return false;
        each->field.kept = kept_unless_null(kept);
        each->field.key = kept->key;
        each->iterator = kept->next;
        return true;
}

static bool next_member(struct field_each *each)
{
        json_t *object = each->parent->value;
        void *iterator = each->position ? json_object_iter_next(object, each->iterator) : json_object_iter(object);

        if (!iterator)
                return false;
        each->field.value = unless_null(json_object_iter_value(iterator));
        each->field.key = json_object_iter_key(iterator);
        each->iterator = iterator;
        return true;
}

static bool next_item(struct field_each *each)
{
        if (each->position >= json_array_size(each->parent->value))
                return false;
        each->field.value = unless_null(json_array_get(each->parent->value, each->position));
        return true;
}

bool field_step(struct field_each *each)
{
        bool more = each->parent->kept                    ? next_kept(each)
                    : json_is_object(each->parent->value) ? next_member(each)
                                                          : next_item(each);

        each->field.index = each->position;
        each->position += more;
        return more;
}
