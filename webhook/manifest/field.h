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

struct arena;
struct labels;
struct kept;

struct field {
        json_t *value;           /* borrowed; NULL: absent, null, or kept */
        const struct kept *kept; /* likewise */
        const struct field *parent;
        const char *key; /* NULL: the item `index` of an array */
        size_t index;
        const struct manifest *manifest; /* NULL: an object from no file */
        struct diagnostics *diagnostics;
};

struct field field_root(json_t *value, const struct manifest *manifest, struct diagnostics *diagnostics);

struct field field_document(const struct kept *kept, struct diagnostics *diagnostics);

enum field_kind { FIELD_ABSENT, FIELD_OBJECT, FIELD_ARRAY, FIELD_STRING, FIELD_INTEGER, FIELD_REAL, FIELD_BOOL };

enum field_kind field_kind(const struct field *field);
static inline bool field_present(const struct field *field)
{
        return field->value || field->kept;
}

/* The value of one of this kind; a string is borrowed from it. */
const char *field_text(const struct field *field);
int64_t field_integer(const struct field *field);
double field_real(const struct field *field);
bool field_true(const struct field *field);

/* A member of an object, or an item of an array; absent where `parent` is not of that type. */
struct field field_member(const struct field *parent, const char *key);
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
struct field_each field_each(const struct field *parent);
bool field_next(struct field_each *each);

/* "spec.units[1].max"; a new string. */
char *field_path(const struct field *field);

/* Adds "<path>: <message>" and returns false. */
bool field_error(const struct field *field, const char *format, ...) __attribute__((format(printf, 2, 3)));
void field_warning(const struct field *field, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "must be <expected>, not <what it is>", where what it is reads `"x"`, `-1`, `true`, `an object`. Returns false. */
bool field_must_be(const struct field *field, const char *expected);

bool field_object(const struct field *field);
bool field_array(const struct field *field);
bool field_string(const struct field *field, const char **ret); /* borrowed from the value */
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
