/*
 * Writes with libyaml's emitter, which knows how to break and quote; what it cannot know is which plain words would
 * read back as something else (yes, 1e3, null): these are quoted here. Keys are sorted, as kubectl writes them.
 */
#include "manifest/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "manifest/yaml_scalar.h"
#include "util/cleanup.h"

static bool emit_value(yaml_emitter_t *emitter, const json_t *value);

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, size_t size, yaml_scalar_style_t style)
{
        yaml_event_t event;
        bool plain = style == YAML_PLAIN_SCALAR_STYLE;

        return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)size, plain, !plain,
                                            style) &&
               yaml_emitter_emit(emitter, &event);
}

static bool emit_string(yaml_emitter_t *emitter, const char *text, size_t size)
{
        yaml_scalar_style_t style = YAML_ANY_SCALAR_STYLE;
        yaml_event_t event;

        if (strlen(text) == size && yaml_scalar_needs_quotes(text))
                style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        else if (memchr(text, '\n', size))
                style = YAML_LITERAL_SCALAR_STYLE;
        return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)size, 1, 1, style) &&
               yaml_emitter_emit(emitter, &event);
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool emit_members(yaml_emitter_t *emitter, const json_t *object)
{
        size_t n = json_object_size(object), i = 0;
        _cleanup_(freep) const char **keys = calloc(n + 1, sizeof(*keys));
        const char *key;
        json_t *value;
        bool good = keys;

        if (!keys)
                return false;
        json_object_foreach ((json_t *)object, key, value)
                keys[i++] = key;
        qsort(keys, n, sizeof(*keys), compare_keys);
        for (i = 0; i < n && good; i++)
                good = emit_string(emitter, keys[i], strlen(keys[i])) &&
                       emit_value(emitter, json_object_get(object, keys[i]));
        return good;
}

static bool emit_object(yaml_emitter_t *emitter, const json_t *object)
{
        yaml_event_t start, end;

        return yaml_mapping_start_event_initialize(&start, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) &&
               yaml_emitter_emit(emitter, &start) && emit_members(emitter, object) &&
               yaml_mapping_end_event_initialize(&end) && yaml_emitter_emit(emitter, &end);
}

static bool emit_array(yaml_emitter_t *emitter, const json_t *array)
{
        yaml_event_t start, end;
        bool good;

        good = yaml_sequence_start_event_initialize(&start, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE) &&
               yaml_emitter_emit(emitter, &start);
        for (size_t i = 0; i < json_array_size(array) && good; i++)
                good = emit_value(emitter, json_array_get(array, i));
        return good && yaml_sequence_end_event_initialize(&end) && yaml_emitter_emit(emitter, &end);
}

/* With as few digits as read as the same double; a new string. */
static char *format_real(const json_t *value)
{
        char *text = NULL;

        for (size_t digits = 15; digits <= 17; digits++) {
                free(text);
                text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
                if (!text || strtod(text, NULL) == json_real_value(value))
                        break;
        }
        return text;
}

/* Numbers, booleans and null look the same in JSON and YAML. */
static bool emit_plain(yaml_emitter_t *emitter, const json_t *value)
{
        _cleanup_(freep) char *text = json_is_real(value) ? format_real(value) : json_dumps(value, JSON_ENCODE_ANY);

        return text && emit_scalar(emitter, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *value)
{
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return emit_object(emitter, value);
        case JSON_ARRAY:
                return emit_array(emitter, value);
        case JSON_STRING:
                return emit_string(emitter, json_string_value(value), json_string_length(value));
        default:
                return emit_plain(emitter, value);
        }
}

static bool emit_document(yaml_emitter_t *emitter, const json_t *value)
{
        yaml_event_t stream_start, start, end, stream_end;

        return yaml_stream_start_event_initialize(&stream_start, YAML_UTF8_ENCODING) &&
               yaml_emitter_emit(emitter, &stream_start) &&
               yaml_document_start_event_initialize(&start, NULL, NULL, NULL, 1) &&
               yaml_emitter_emit(emitter, &start) && emit_value(emitter, value) &&
               yaml_document_end_event_initialize(&end, 1) && yaml_emitter_emit(emitter, &end) &&
               yaml_stream_end_event_initialize(&stream_end) && yaml_emitter_emit(emitter, &stream_end) &&
               yaml_emitter_flush(emitter);
}

int yaml_write(FILE *stream, const json_t *value)
{
        yaml_emitter_t emitter;
        bool good;

        if (!yaml_emitter_initialize(&emitter))
                return -ENOMEM;
        yaml_emitter_set_output_file(&emitter, stream);
        yaml_emitter_set_unicode(&emitter, 1);
        yaml_emitter_set_width(&emitter, -1);
        good = emit_document(&emitter, value);
        yaml_emitter_delete(&emitter);
        if (good)
                return 0;
        return ferror(stream) ? -EIO : -ENOMEM;
}
