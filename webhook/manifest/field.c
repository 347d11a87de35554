/*
 * Fields form a list from the leaf to the root. The path is put together from it only when something is wrong,
 * so that reading a good object costs no more than looking at its values.
 */
#include "manifest/field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manifest/document.h"
#include "util/cleanup.h"
#include "util/labels.h"
#include "util/text.h"

static bool is_plain(const char *key)
{
        for (const char *c = key; *c; c++)
                if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
                        return false;
        return *key;
}

static void write_path(const struct field *field, FILE *stream)
{
        if (!field->parent)
                return;
        write_path(field->parent, stream);
        if (!field->key)
                fprintf(stream, "[%zu]", field->index);
        else if (is_plain(field->key))
                fprintf(stream, "%s%s", field->parent->parent ? "." : "", field->key);
        else
                fprintf(stream, "[%s]", field->key);
}

char *field_path(const struct field *field)
{
        char *path = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&path, &size);

        if (!stream)
                return NULL;
        write_path(field, stream);
        if (fclose(stream) == 0)
                return path;
        free(path);
        return NULL;
}

static void report(const struct field *field, enum severity severity, const char *format, va_list arguments)
        __attribute__((format(printf, 3, 0)));

static void report(const struct field *field, enum severity severity, const char *format, va_list arguments)
{
        char *path = field_path(field), *message = text_format_list(format, arguments);
        const struct field *root = field;

        while (root->parent)
                root = root->parent;
        diagnostics_add(root->diagnostics, severity, root->manifest, path ? path : "", "%s",
                        message ? message : "out of memory");
        free(message);
        free(path);
}

bool field_error(const struct field *field, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        report(field, SEVERITY_ERROR, format, arguments);
        va_end(arguments);
        return false;
}

void field_warning(const struct field *field, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        report(field, SEVERITY_WARNING, format, arguments);
        va_end(arguments);
}

/* A scalar as JSON text; a new string. */
static char *write_scalar(const struct field *field)
{
        json_auto_t *value = NULL;

        switch (field_kind(field)) {
        case FIELD_STRING:
                value = json_string(field_text(field));
                break;
        case FIELD_INTEGER:
                value = json_integer(field_integer(field));
                break;
        case FIELD_REAL:
                value = json_real(field_real(field));
                break;
        default:
                value = json_boolean(field_true(field));
                break;
        }
        return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

/* What the value is, in words that a person recognizes; a new string. */
static char *describe(const struct field *field)
{
        switch (field_kind(field)) {
        case FIELD_OBJECT:
                return strdup("an object");
        case FIELD_ARRAY:
                return strdup("a list");
        case FIELD_ABSENT:
                return strdup("missing");
        default:
                return write_scalar(field);
        }
}

bool field_must_be(const struct field *field, const char *expected)
{
        char *is = describe(field);

        if (field_present(field))
                field_error(field, "must be %s, not %s", expected, is ? is : "this");
        else
                field_error(field, "must be %s; it is missing", expected);
        free(is);
        return false;
}

bool field_bool(const struct field *field, bool *ret)
{
        if (!field_is(field, FIELD_BOOL, "true or false"))
                return false;
        if (field_present(field))
                *ret = field_true(field);
        return true;
}

bool field_count_number(const struct field *field, int64_t *ret)
{
        if (!field_present(field))
                return true;
        if (field_kind(field) != FIELD_INTEGER || field_integer(field) < 0)
                return field_must_be(field, "a non-negative integer");
        *ret = field_integer(field);
        return true;
}

bool field_time(const struct field *field, int64_t *ret)
{
        const char *text = NULL, *end;
        struct tm tm = {0};

        if (!field_string(field, &text))
                return false;
        if (!text)
                return true;
        end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!end || strcmp(end, "Z"))
                return field_must_be(field, "a time such as \"2026-01-31T09:00:00Z\"");
        *ret = timegm(&tm);
        return true;
}

/* The map's pairs, borrowed from it; false after an error. */
static bool read_pairs(const struct field *field, struct label *pairs)
{
        struct field_each each = field_each(field);
        bool good = true;

        for (size_t n = 0; field_next(&each); n++) {
                pairs[n] = (struct label){each.field.key, ""};
                good &= field_string(&each.field, &pairs[n].value);
        }
        return good;
}

static size_t count_members(const struct field *field)
{
        return field->kept ? field->kept->count : json_object_size(field->value);
}

bool field_labels(const struct field *field, struct labels **ret)
{
        _cleanup_(freep) struct label *pairs = NULL;
        size_t n = count_members(field);

        if (!field_present(field) || !field_object(field))
                return !field_present(field);
        pairs = calloc(n + 1, sizeof(*pairs));
        if (!pairs)
                return field_error(field, "out of memory");
        if (!read_pairs(field, pairs))
                return false;
        return labels_new(ret, pairs, n) >= 0 || field_error(field, "out of memory");
}

bool field_borrow_labels(const struct field *field, struct arena *arena, struct labels **ret)
{
        size_t n = count_members(field);
        struct labels *labels;

        if (!field_present(field) || !field_object(field))
                return !field_present(field);
        labels = labels_place(arena, n);
        if (!labels)
                return field_error(field, "out of memory");
        if (!read_pairs(field, labels_pairs(labels)))
                return false;
        labels_sort(labels);
        *ret = labels;
        return true;
}

/* "a, b or c"; a new string. */
static char *list_names(const char *const *names)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        for (size_t i = 0; names[i]; i++)
                fprintf(stream, "%s%s", !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
        if (fclose(stream) == 0)
                return text;
        free(text);
        return NULL;
}

bool field_enum(const struct field *field, const char *const *names, int *ret)
{
        const char *text = NULL;
        char *expected;

        if (!field_string(field, &text))
                return false;
        if (!text)
                return true;
        for (int i = 0; names[i]; i++) {
                if (!strcmp(names[i], text)) {
                        *ret = i;
                        return true;
                }
        }
        expected = list_names(names);
        field_must_be(field, expected ? expected : "another word");
        free(expected);
        return false;
}

void field_warn_unknown(const struct field *field, const char *const *known)
{
        const char *key;
        json_t *value;

        json_object_foreach (field->value, key, value) {
                struct field member = field_member(field, key);
                size_t i = 0;

                while (known[i] && strcmp(known[i], key))
                        i++;
                if (!known[i])
                        field_warning(&member, "is not a field that regionfit knows; it has no effect");
        }
}
