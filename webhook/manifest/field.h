/*
 * A cursor into a JSON value that knows the way it came, so that whoever reads a field can say which field of
 * which file is wrong, and what would be right, without carrying paths around.
 *
 * The value is jansson's, or a kept value of a document (manifest/document.h): one reader reads both.
 *
 * Fields live on the stack of the reader; a field borrows its parent. Readers return false after they have
 * added an error to the diagnostics. An absent or null member reads as absent: the readers then leave *ret as
 * it is and return true.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "manifest/diagnostics.h"
#include "manifest/document.h"

struct arena;
struct labels;

struct field {
        json_t *value;              /* borrowed; NULL: absent, null, or kept */
        const struct kept *kept;    /* likewise */
        const struct field *parent; /* NULL: it is the root */
        const char *key;            /* NULL: the item `index` of an array */
        size_t index;
        const struct manifest *manifest; /* of the root alone, as is the following; NULL: an object from no file */
        struct diagnostics *diagnostics;
};

struct field field_root(json_t *value, const struct manifest *manifest, struct diagnostics *diagnostics);

struct field field_document(const struct kept *kept, struct diagnostics *diagnostics);

enum field_kind { FIELD_ABSENT, FIELD_OBJECT, FIELD_ARRAY, FIELD_STRING, FIELD_INTEGER, FIELD_REAL, FIELD_BOOL };

static inline bool field_present(const struct field *field)
{
        return field->value || field->kept;
}

extern const enum field_kind field_kept_kinds[], field_json_kinds[]; /* by enum kept_kind, and by jansson's type */

static inline enum field_kind field_kind(const struct field *field)
{
        if (field->kept)
                return field_kept_kinds[field->kept->kind];
        return field->value ? field_json_kinds[json_typeof(field->value)] : FIELD_ABSENT;
}

/* The value of one of this kind; a string is borrowed from it. */
static inline const char *field_text(const struct field *field)
{
        return field->kept ? field->kept->text : json_string_value(field->value);
}
int64_t field_integer(const struct field *field);
double field_real(const struct field *field);
bool field_true(const struct field *field);

/* The value of a member, or NULL; what field_member() looks for where the parent is there. */
const struct kept *field_find_kept(const struct kept *object, const char *key);
json_t *field_find_value(json_t *object, const char *key);

/* A member of an object, or an item of an array; absent where `parent` is not of that type. */
static inline struct field field_member(const struct field *parent, const char *key)
{
        return (struct field){
                .kept = parent->kept ? field_find_kept(parent->kept, key) : NULL,
                .value = parent->value ? field_find_value(parent->value, key) : NULL,
                .parent = parent,
                .key = key,
        };
}
struct field field_item(const struct field *parent, size_t index);

/* How many items an array has; 0 for anything else. */
size_t field_count(const struct field *field);

/* Goes through the members of an object or the items of an array, those that are null included; there are none of
 * anything else.
 *     struct field_each each = field_each(&parent);
 *     while (field_next(&each))
 *             ... each.field ...
 */
struct field_each {
        struct field field;         /* the current one */
        const struct field *parent; /* borrowed */
        size_t position;            /* how many there were up to it */
        void *iterator;             /* jansson's */
};
static inline struct field_each field_each(const struct field *parent)
{
        return (struct field_each){.field = {.parent = parent}, .parent = parent};
}

/* field_next() where the parent is there. */
bool field_step(struct field_each *each);

static inline bool field_next(struct field_each *each)
{
        return field_present(each->parent) && field_step(each);
}

/* "spec.units[1].max"; a new string. */
char *field_path(const struct field *field);

/* Adds "<path>: <message>" and returns false. */
bool field_error(const struct field *field, const char *format, ...) __attribute__((format(printf, 2, 3)));
void field_warning(const struct field *field, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "must be <expected>, not <what it is>", where what it is reads `"x"`, `-1`, `true`, `an object`. Returns false. */
bool field_must_be(const struct field *field, const char *expected);

/* True if the field is of this kind, or absent. */
static inline bool field_is(const struct field *field, enum field_kind kind, const char *expected)
{
        enum field_kind is = field_kind(field);

        return is == kind || is == FIELD_ABSENT || field_must_be(field, expected);
}

static inline bool field_object(const struct field *field)
{
        return field_is(field, FIELD_OBJECT, "an object");
}

static inline bool field_array(const struct field *field)
{
        return field_is(field, FIELD_ARRAY, "a list");
}

static inline bool field_string(const struct field *field, const char **ret) /* borrowed from the value */
{
        if (!field_is(field, FIELD_STRING, "a string"))
                return false;
        if (field_present(field))
                *ret = field_text(field);
        return true;
}

bool field_bool(const struct field *field, bool *ret);
bool field_count_number(const struct field *field, int64_t *ret); /* a non-negative integer */

/* Unix seconds; RFC 3339 in UTC, as metav1.Time is written. */
bool field_time(const struct field *field, int64_t *ret);

/* A map of strings; *ret is new, or stays NULL where absent. */
bool field_labels(const struct field *field, struct labels **ret);

/* Likewise, but in the arena, and the strings are borrowed from the value. */
bool field_borrow_labels(const struct field *field, struct arena *arena, struct labels **ret);

/* The index of the string in `names` (NULL-terminated); what would be right names them all. */
bool field_enum(const struct field *field, const char *const *names, int *ret);

/* Warns of every member that is not in `known` (NULL-terminated). */
void field_warn_unknown(const struct field *field, const char *const *known);
