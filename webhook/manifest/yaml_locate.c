/*
 * Finds a place by walking the events once more. Values carry no positions: they are wanted for faults alone, and
 * a second look at the text costs less than remembering every line of every manifest.
 *
 * A step that leads nowhere (a key that is missing, an alias) ends the walk at the value that it started from.
 */
#include "manifest/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "util/cleanup.h"

/* One step of a path: a key, or an index where the value is a sequence. */
struct step {
        const char *text; /* not terminated */
        size_t size;
};

/* Takes the first step off the path; false at its end. */
static bool next_step(const char **path, struct step *step)
{
        const char *text = *path;

        if (*text == '.')
                text++;
        if (!*text)
                return false;
        if (*text == '[') {
                step->text = text + 1;
                step->size = strcspn(text + 1, "]");
                *path = step->text + step->size + (step->text[step->size] == ']');
        } else {
                step->text = text;
                step->size = strcspn(text, ".[");
                *path = text + step->size;
        }
        return true;
}

static bool next_event(yaml_parser_t *parser, yaml_event_t *event)
{
        memset(event, 0, sizeof(*event));
        return yaml_parser_parse(parser, event);
}

static bool begins_collection(yaml_event_type_t type)
{
        return type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
}

static bool ends_collection(yaml_event_type_t type)
{
        return type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
}

/* Reads on to the end of the value whose first event was of this type. */
static bool skip_value(yaml_parser_t *parser, yaml_event_type_t type)
{
        unsigned depth = begins_collection(type);

        while (depth) {
                _cleanup_(yaml_event_delete) yaml_event_t event;

                if (!next_event(parser, &event))
                        return false;
                depth += begins_collection(event.type);
                depth -= ends_collection(event.type);
        }
        return true;
}

static bool is_key(const yaml_event_t *event, const struct step *step)
{
        return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == step->size &&
               !memcmp(event->data.scalar.value, step->text, step->size);
}

/* Reads up to the first event of the value that the step leads to; false where there is none. */
static bool enter_mapping(yaml_parser_t *parser, const struct step *step, yaml_event_t *value)
{
        for (;;) {
                _cleanup_(yaml_event_delete) yaml_event_t key;

                if (!next_event(parser, &key) || ends_collection(key.type) || !skip_value(parser, key.type) ||
                    !next_event(parser, value))
                        return false;
                if (is_key(&key, step))
                        return true;
                if (!skip_value(parser, value->type))
                        return false;
                yaml_event_delete(value);
        }
}

static bool enter_sequence(yaml_parser_t *parser, const struct step *step, yaml_event_t *value)
{
        for (unsigned long index = strtoul(step->text, NULL, 10);; index--) {
                if (!next_event(parser, value) || ends_collection(value->type))
                        return false;
                if (!index)
                        return true;
                if (!skip_value(parser, value->type))
                        return false;
                yaml_event_delete(value);
        }
}

static bool enter(yaml_parser_t *parser, yaml_event_type_t type, const struct step *step, yaml_event_t *value)
{
        if (type == YAML_MAPPING_START_EVENT)
                return enter_mapping(parser, step, value);
        return type == YAML_SEQUENCE_START_EVENT && enter_sequence(parser, step, value);
}

/* Follows the path from the event that begins the document's value. */
static unsigned follow(yaml_parser_t *parser, const yaml_event_t *root, const char *path)
{
        unsigned line = (unsigned)root->start_mark.line + 1;
        yaml_event_type_t type = root->type;
        struct step step;

        while (next_step(&path, &step)) {
                _cleanup_(yaml_event_delete) yaml_event_t value = {0};

                if (!enter(parser, type, &step, &value))
                        break;
                line = (unsigned)value.start_mark.line + 1;
                type = value.type;
        }
        return line;
}

static unsigned locate(yaml_parser_t *parser, size_t document, const char *path)
{
        size_t seen = 0;

        for (;;) {
                _cleanup_(yaml_event_delete) yaml_event_t event, root = {0};

                if (!next_event(parser, &event) || event.type == YAML_STREAM_END_EVENT)
                        return 0;
                if (event.type != YAML_DOCUMENT_START_EVENT || seen++ != document)
                        continue;
                return next_event(parser, &root) ? follow(parser, &root, path) : 0;
        }
}

unsigned yaml_locate(const char *text, size_t size, size_t document, const char *path)
{
        yaml_parser_t parser;
        unsigned line;

        if (!yaml_parser_initialize(&parser))
                return 0;
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        line = locate(&parser, document, path);
        yaml_parser_delete(&parser);
        return line;
}
