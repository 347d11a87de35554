/*
 * YAML is parsed event by event straight into JSON values, one function per kind of node, so that nothing is kept
 * of the text but the values. Aliases share the value that they name; what they would be if written out is counted,
 * and bounded, because whoever walks the value walks it once for each alias.
 *
 * Text that begins with "{" is taken as JSON first. Should it not be, it may still be YAML in flow style; if it is
 * neither, the fault that the JSON parser found is the one to tell.
 */
#include "manifest/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "manifest/yaml_scalar.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/map.h"

struct anchor {
        char *name;    /* owned */
        json_t *value; /* a reference */
        size_t nodes;  /* how many it has when written out */
        UT_hash_handle hh;
};

struct parser {
        yaml_parser_t yaml;
        struct anchor *anchors; /* owned; of the current document */
        size_t nodes;           /* so far, aliases written out */
        unsigned depth;
        struct error *error;
};

static void forget_anchors(struct parser *parser)
{
        struct anchor *anchor, *next;

        HASH_ITER (hh, parser->anchors, anchor, next) {
                HASH_DEL(parser->anchors, anchor);
                json_decref(anchor->value);
                free(anchor->name);
                free(anchor);
        }
}

static void parser_clear(struct parser *parser)
{
        forget_anchors(parser);
        yaml_parser_delete(&parser->yaml);
}

static unsigned line_of(const yaml_event_t *event)
{
        return (unsigned)event->start_mark.line + 1;
}

static int syntax_error(struct parser *parser)
{
        const yaml_parser_t *yaml = &parser->yaml;

        if (yaml->error == YAML_MEMORY_ERROR)
                return error_oom(parser->error);
        return error_set(parser->error, EINVAL, "line %zu: %s%s%s", yaml->problem_mark.line + 1,
                         yaml->problem ? yaml->problem : "not YAML", yaml->context ? " " : "",
                         yaml->context ? yaml->context : "");
}

static int next_event(struct parser *parser, yaml_event_t *event)
{
        memset(event, 0, sizeof(*event));
        return yaml_parser_parse(&parser->yaml, event) ? 0 : syntax_error(parser);
}

/* Puts the line in front of whatever is wrong there. */
static int fault_at(struct parser *parser, const yaml_event_t *event, int r)
{
        if (r == -EINVAL)
                error_prefix(parser->error, "line %u", line_of(event));
        return r;
}

static int count_nodes(struct parser *parser, const yaml_event_t *event, size_t nodes)
{
        parser->nodes += nodes;
        if (parser->nodes <= YAML_MAX_NODES)
                return 0;
        return fault_at(parser, event,
                        error_set(parser->error, EINVAL, "aliases make this more than %d nodes", YAML_MAX_NODES));
}

static struct anchor *find_anchor(struct parser *parser, const char *name)
{
        struct anchor *anchor;

        HASH_FIND_STR(parser->anchors, name, anchor);
        return anchor;
}

/* Remembers a value; a later anchor of the same name takes its place (YAML 1.1, 7.1). */
static int add_anchor(struct parser *parser, const char *name, json_t *value, size_t nodes)
{
        struct anchor *anchor = find_anchor(parser, name);

        if (anchor) {
                json_decref(anchor->value);
                anchor->value = json_incref(value);
                anchor->nodes = nodes;
                return 0;
        }
        anchor = calloc(1, sizeof(*anchor));
        if (!anchor)
                return error_oom(parser->error);
        anchor->name = strdup(name);
        if (anchor->name)
                HASH_ADD_KEYPTR(hh, parser->anchors, anchor->name, strlen(anchor->name), anchor);
        if (!anchor->hh.tbl) {
                free(anchor->name);
                free(anchor);
                return error_oom(parser->error);
        }
        anchor->value = json_incref(value);
        anchor->nodes = nodes;
        return 0;
}

static int parse_node(struct parser *parser, json_t **ret, const yaml_event_t *event);

static int parse_scalar(struct parser *parser, json_t **ret, const yaml_event_t *event)
{
        const char *text = (const char *)event->data.scalar.value, *tag = (const char *)event->data.scalar.tag;
        bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        if (tag && !strcmp(tag, "!"))
                tag = "tag:yaml.org,2002:str"; /* the non-specific tag */
        return fault_at(parser, event, yaml_scalar(ret, text, event->data.scalar.length, tag, plain, parser->error));
}

static int parse_alias(struct parser *parser, json_t **ret, const yaml_event_t *event)
{
        const char *name = (const char *)event->data.alias.anchor;
        struct anchor *anchor = find_anchor(parser, name);
        int r;

        if (!anchor)
                return fault_at(parser, event,
                                error_set(parser->error, EINVAL, "the alias *%s names no anchor", name));
        r = count_nodes(parser, event, anchor->nodes);
        if (r >= 0)
                *ret = json_incref(anchor->value);
        return r;
}

static int parse_sequence(struct parser *parser, json_t **ret)
{
        json_auto_t *array = json_array();
        int r = array ? 0 : error_oom(parser->error);

        while (r >= 0) {
                _cleanup_(yaml_event_delete) yaml_event_t event;
                json_t *item = NULL;

                r = next_event(parser, &event);
                if (r < 0)
                        return r;
                if (event.type == YAML_SEQUENCE_END_EVENT) {
                        *ret = steal_pointer(&array);
                        return 0;
                }
                r = parse_node(parser, &item, &event);
                if (r >= 0 && json_array_append_new(array, item) < 0)
                        r = error_oom(parser->error);
        }
        return r;
}

static bool is_plain(const yaml_event_t *event)
{
        return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* A key as JSON has it; a new string. kubectl would write 1.10 as 1.1 and 123456789.5 as 1.2345679e+08, which nobody
 * means: fractions are refused. */
static int key_text(struct parser *parser, char **ret, const json_t *key, const yaml_event_t *event)
{
        char number[32];

        if (is_plain(event) && yaml_scalar_is_float((const char *)event->data.scalar.value))
                return fault_at(parser, event,
                                error_set(parser->error, EINVAL, "a key must be a string: \"%s\" needs its quotes",
                                          (const char *)event->data.scalar.value));
        if (json_is_string(key))
                *ret = strdup(json_string_value(key));
        else if (json_is_boolean(key))
                *ret = strdup(json_is_true(key) ? "true" : "false");
        else if (json_is_integer(key) &&
                 snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(key)) > 0)
                *ret = strdup(number);
        else
                return fault_at(parser, event,
                                error_set(parser->error, EINVAL, "a key must be a string, not %s",
                                          json_is_null(key) ? "null" : "a list or a mapping"));
        return *ret ? 0 : error_oom(parser->error);
}

/* "<<": takes over what the mapping, or each of a list of mappings, has; the earlier of these win. */
static int merge(struct parser *parser, json_t *object, const json_t *value, const yaml_event_t *event)
{
        if (json_is_object(value))
                return json_object_update(object, (json_t *)value) == 0 ? 0 : error_oom(parser->error);
        if (json_is_array(value) && json_array_size(value) == 0)
                return 0;
        for (size_t i = json_array_size(value); i > 0; i--) {
                if (!json_is_object(json_array_get(value, i - 1)))
                        break;
                if (json_object_update(object, json_array_get(value, i - 1)) < 0)
                        return error_oom(parser->error);
                if (i == 1)
                        return 0;
        }
        return fault_at(parser, event, error_set(parser->error, EINVAL, "<< must be a mapping or a list of them"));
}

static bool is_merge(const yaml_event_t *event)
{
        const char *tag = is_plain(event) ? (const char *)event->data.scalar.tag : NULL;

        return is_plain(event) && !strcmp((const char *)event->data.scalar.value, "<<") &&
               (!tag || !strcmp(tag, "tag:yaml.org,2002:merge"));
}

/* One entry, whose key is `event`. `seen` has the keys that the mapping itself gives. */
static int parse_entry(struct parser *parser, json_t *object, json_t *seen, const yaml_event_t *event)
{
        _cleanup_(yaml_event_delete) yaml_event_t value_event = {0};
        json_auto_t *key = NULL, *value = NULL;
        _cleanup_(freep) char *text = NULL;
        int r;

        r = parse_node(parser, &key, event);
        if (r >= 0)
                r = key_text(parser, &text, key, event);
        if (r >= 0)
                r = next_event(parser, &value_event);
        if (r >= 0)
                r = parse_node(parser, &value, &value_event);
        if (r < 0)
                return r;
        if (is_merge(event))
                return merge(parser, object, value, &value_event);
        if (json_object_get(seen, text))
                return fault_at(parser, event, error_set(parser->error, EINVAL, "key \"%s\" is given twice", text));
        if (json_object_set(object, text, value) < 0 || json_object_set_new(seen, text, json_true()) < 0)
                return error_oom(parser->error);
        return 0;
}

static int parse_mapping(struct parser *parser, json_t **ret)
{
        json_auto_t *object = json_object(), *seen = json_object();
        int r = object && seen ? 0 : error_oom(parser->error);

        while (r >= 0) {
                _cleanup_(yaml_event_delete) yaml_event_t event;

                r = next_event(parser, &event);
                if (r < 0)
                        return r;
                if (event.type == YAML_MAPPING_END_EVENT) {
                        *ret = steal_pointer(&object);
                        return 0;
                }
                r = parse_entry(parser, object, seen, &event);
        }
        return r;
}

static int parse_collection(struct parser *parser, json_t **ret, const yaml_event_t *event)
{
        int r;

        if (parser->depth == YAML_MAX_DEPTH)
                return fault_at(parser, event,
                                error_set(parser->error, EINVAL, "nested deeper than %d levels", YAML_MAX_DEPTH));
        parser->depth++;
        r = event->type == YAML_SEQUENCE_START_EVENT ? parse_sequence(parser, ret) : parse_mapping(parser, ret);
        parser->depth--;
        return r;
}

static const char *anchor_of(const yaml_event_t *event)
{
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return (const char *)event->data.scalar.anchor;
        case YAML_SEQUENCE_START_EVENT:
                return (const char *)event->data.sequence_start.anchor;
        case YAML_MAPPING_START_EVENT:
                return (const char *)event->data.mapping_start.anchor;
        default:
                return NULL;
        }
}

static int parse_node(struct parser *parser, json_t **ret, const yaml_event_t *event)
{
        const char *anchor = anchor_of(event);
        size_t before = parser->nodes;
        int r;

        if (event->type == YAML_ALIAS_EVENT)
                return parse_alias(parser, ret, event);
        r = count_nodes(parser, event, 1);
        if (r < 0)
                return r;
        r = event->type == YAML_SCALAR_EVENT ? parse_scalar(parser, ret, event)
                                             : parse_collection(parser, ret, event);
        if (r < 0 || !anchor)
                return r;
        r = add_anchor(parser, anchor, *ret, parser->nodes - before);
        if (r < 0) {
                json_decref(*ret);
                *ret = NULL;
        }
        return r;
}

/* From behind the start of a document up to its end. */
static int parse_document(struct parser *parser, json_t *documents)
{
        _cleanup_(yaml_event_delete) yaml_event_t event, end = {0};
        json_auto_t *value = NULL;
        int r;

        r = next_event(parser, &event);
        if (r >= 0)
                r = parse_node(parser, &value, &event);
        if (r >= 0)
                r = next_event(parser, &end);
        forget_anchors(parser);
        if (r >= 0 && json_array_append(documents, value) < 0)
                r = error_oom(parser->error);
        return r;
}

static int parse_stream(struct parser *parser, json_t *documents)
{
        int r = 0;

        while (r >= 0) {
                _cleanup_(yaml_event_delete) yaml_event_t event;

                r = next_event(parser, &event);
                if (r < 0 || event.type == YAML_STREAM_END_EVENT)
                        return r;
                if (event.type == YAML_DOCUMENT_START_EVENT)
                        r = parse_document(parser, documents);
        }
        return r;
}

static int parse_yaml(json_t **ret, const char *text, size_t size, struct error *error)
{
        struct parser parser = {.error = error};
        json_auto_t *documents = json_array();
        int r;

        if (!documents || !yaml_parser_initialize(&parser.yaml))
                return error_oom(error);
        yaml_parser_set_input_string(&parser.yaml, (const unsigned char *)text, size);
        yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
        r = parse_stream(&parser, documents);
        parser_clear(&parser);
        if (r >= 0)
                *ret = steal_pointer(&documents);
        return r;
}

static size_t skip_space(const char *text, size_t size, size_t position)
{
        while (position < size && isspace((unsigned char)text[position]))
                position++;
        return position;
}

static unsigned count_lines(const char *text, size_t position)
{
        unsigned lines = 0;

        for (size_t i = 0; i < position; i++)
                lines += text[i] == '\n';
        return lines;
}

/* One JSON value after the other. */
static int parse_json(json_t **ret, const char *text, size_t size, struct error *error)
{
        const size_t flags = JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK;
        json_auto_t *documents = json_array();
        json_error_t fault;

        if (!documents)
                return error_oom(error);
        for (size_t i = skip_space(text, size, 0); i < size; i = skip_space(text, size, i + (size_t)fault.position)) {
                json_t *value = json_loadb(text + i, size - i, flags, &fault);

                if (!value && json_error_code(&fault) == json_error_out_of_memory)
                        return error_oom(error);
                if (!value)
                        return error_set(error, EINVAL, "line %u: %s",
                                         count_lines(text, i) + (unsigned)(fault.line > 0 ? fault.line : 1),
                                         fault.text);
                if (json_array_append_new(documents, value) < 0)
                        return error_oom(error);
        }
        *ret = steal_pointer(&documents);
        return 0;
}

int yaml_parse(json_t **ret, const char *text, size_t size, struct error *error)
{
        size_t start = skip_space(text, size, 0);
        int r;

        if (start == size || text[start] != '{')
                return parse_yaml(ret, text, size, error);
        r = parse_json(ret, text, size, error);
        if (r == -EINVAL && parse_yaml(ret, text, size, NULL) >= 0) {
                if (error)
                        error_clear(error);
                return 0;
        }
        return r;
}
