/*
 * Fields form a list from the leaf to the root. The path is put together from it only when something is wrong,
 * so that reading a good object costs no more than looking at its values.
 *
 * Null is absent, as for every optional field of the Kubernetes API.
 */
#include "manifest/field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/labels.h"
#include "util/text.h"

struct field field_root(json_t *value, const struct manifest *manifest, struct diagnostics *diagnostics)
{
        return (struct field){
                .value = json_is_null(value) ? NULL : value,
                .manifest = manifest,
                .diagnostics = diagnostics,
        };
}

static struct field field_below(const struct field *parent, json_t *value)
{
        return (struct field){
                .value = json_is_null(value) ? NULL : value,
                .parent = parent,
                .manifest = parent->manifest,
                .diagnostics = parent->diagnostics,
        };
}

struct field field_member(const struct field *parent, const char *key)
{
        struct field field = field_below(parent, json_object_get(parent->value, key));

        field.key = key;
        return field;
}

struct field field_item(const struct field *parent, size_t index)
{
        struct field field = field_below(parent, json_array_get(parent->value, index));

        field.index = index;
        return field;
}

size_t field_count(const struct field *field)
{
        return json_array_size(field->value);
}

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

        diagnostics_add(field->diagnostics, severity, field->manifest, path ? path : "", "%s",
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

/* What the value is, in words that a person recognizes; a new string. */
static char *describe(const json_t *value)
{
        char *text;

        switch (value ? json_typeof(value) : JSON_NULL) {
        case JSON_OBJECT:
                return strdup("an object");
        case JSON_ARRAY:
                return strdup("a list");
        case JSON_NULL:
                return strdup("missing");
        default:
                text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
                return text;
        }
}

bool field_must_be(const struct field *field, const char *expected)
{
        char *is = describe(field->value);

        if (field->value)
                field_error(field, "must be %s, not %s", expected, is ? is : "this");
        else
                field_error(field, "must be %s; it is missing", expected);
        free(is);
        return false;
}

bool field_object(const struct field *field)
{
        return !field->value || json_is_object(field->value) || field_must_be(field, "an object");
}

bool field_array(const struct field *field)
{
        return !field->value || json_is_array(field->value) || field_must_be(field, "a list");
}

bool field_string(const struct field *field, const char **ret)
{
        if (!field->value)
                return true;
        if (!json_is_string(field->value))
                return field_must_be(field, "a string");
        *ret = json_string_value(field->value);
        return true;
}

bool field_bool(const struct field *field, bool *ret)
{
        if (!field->value)
                return true;
        if (!json_is_boolean(field->value))
                return field_must_be(field, "true or false");
        *ret = json_is_true(field->value);
        return true;
}

bool field_count_number(const struct field *field, int64_t *ret)
{
        if (!field->value)
                return true;
        if (!json_is_integer(field->value) || json_integer_value(field->value) < 0)
                return field_must_be(field, "a non-negative integer");
        *ret = json_integer_value(field->value);
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

bool field_labels(const struct field *field, struct labels **ret)
{
        struct label *pairs;
        const char *key;
        json_t *value;
        size_t n = 0;
        bool good = field_object(field);
        int r;

        if (!field->value || !good)
                return good;
        pairs = calloc(json_object_size(field->value) + 1, sizeof(*pairs));
        if (!pairs)
                return field_error(field, "out of memory");
        json_object_foreach (field->value, key, value) {
                struct field member = field_member(field, key);
                const char *text = "";

                good &= field_string(&member, &text);
                pairs[n++] = (struct label){key, text};
        }
        r = good ? labels_new(ret, pairs, n) : 0;
        free(pairs);
        return r < 0 ? field_error(field, "out of memory") : good;
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
