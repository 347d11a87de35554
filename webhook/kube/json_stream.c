/*
 * A list of 100,000 pods is a gigabyte of JSON, and a watch never ends: neither can be parsed as a whole. So a small
 * scanner finds where each object ends, and only that much is kept and handed to jansson, which judges whether it is
 * JSON. The scanner itself needs to know no more than strings, escapes and depth: text that confuses it is text that
 * jansson refuses.
 *
 * Of a list everything but the items goes into a second buffer, the envelope, with an empty array in their place; it
 * is a small object of its own. Typed lists say "kind" before "items", which is when their items need it.
 *
 * Strings may hold NUL, written as an escape; an annotation may. jansson's own strings would end there and be taken
 * for another, or, as keys, be refused, and one object would keep all others from being seen. So it is read as
 * U+FFFD, the character that stands for what cannot be shown.
 */
#include "kube/json_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "util/error.h"

enum state {
        BETWEEN,    /* objects of a stream; a list that has not begun */
        OBJECT,     /* in an object that is handed on */
        ENVELOPE,   /* in a list, outside its items */
        FIRST_ITEM, /* an item, or the end of the array */
        NEXT_ITEM,  /* after a comma: an item */
        AFTER_ITEM, /* a comma, or the end of the array */
        OVER,       /* after a list */
};

/* Which part of `"items": [` has just been read, at the envelope's first level. */
enum member { OTHER, STRING, COLON };

struct buffer {
        char *bytes; /* owned */
        size_t size, capacity;
        size_t limit;
        const char *what; /* borrowed; for people */
};

struct scanner {
        unsigned depth;
        bool in_string, escaped;
};

struct json_stream {
        enum json_stream_kind kind;
        json_stream_object object;
        void *userdata; /* borrowed */
        enum state state;
        struct buffer buffer; /* the object that has begun */
        struct scanner scanner;

        struct buffer envelope; /* of a list */
        struct scanner envelope_scanner;
        enum member member;
        size_t string;  /* where the last string of the envelope's first level begins */
        bool items;     /* the array has been seen */
        json_t *parsed; /* owned; the envelope; NULL: not yet */
};

int json_stream_new(struct json_stream **ret, enum json_stream_kind kind, json_stream_object object, void *userdata)
{
        struct json_stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        stream->kind = kind;
        stream->object = object;
        stream->userdata = userdata;
        stream->buffer.limit = JSON_STREAM_MAX_OBJECT;
        stream->buffer.what = "an object";
        stream->envelope.limit = JSON_STREAM_MAX_ENVELOPE;
        stream->envelope.what = "a list without its items";
        *ret = stream;
        return 0;
}

struct json_stream *json_stream_free(struct json_stream *stream)
{
        if (!stream)
                return NULL;
        json_decref(stream->parsed);
        free(stream->buffer.bytes);
        free(stream->envelope.bytes);
        free(stream);
        return NULL;
}

static int buffer_add(struct buffer *buffer, const char *bytes, size_t size, struct error *error)
{
        size_t capacity = buffer->capacity ? buffer->capacity : 4096;
        char *larger;

        if (size > buffer->limit - buffer->size)
                return error_set(error, E2BIG, "%s is larger than %zu bytes", buffer->what, buffer->limit);
        while (capacity - buffer->size < size)
                capacity *= 2;
        if (capacity > buffer->capacity) {
                larger = realloc(buffer->bytes, capacity);
                if (!larger)
                        return error_oom(error);
                buffer->bytes = larger;
                buffer->capacity = capacity;
        }
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
        return 0;
}

/* True if the backslash at `at` begins an escape: an even number of them stands before it. */
static bool is_escape(const struct buffer *buffer, const char *at)
{
        const char *before = at;

        while (before > buffer->bytes && before[-1] == '\\')
                before--;
        return (at - before) % 2 == 0;
}

static void replace_nul(struct buffer *buffer)
{
        static const char nul[] = "\\u0000", replacement[] = "\\ufffd";
        const size_t size = sizeof(nul) - 1;
        const char *end = buffer->bytes + buffer->size;
        char *found = buffer->bytes;

        while ((found = memmem(found, (size_t)(end - found), nul, size))) {
                if (is_escape(buffer, found))
                        memcpy(found, replacement, size);
                found += 1;
        }
}

static int parse(json_t **ret, struct buffer *buffer, struct error *error)
{
        json_error_t fault;
        json_t *value;

        replace_nul(buffer);
        value = json_loadb(buffer->bytes, buffer->size, 0, &fault);
        if (!value && json_error_code(&fault) == json_error_out_of_memory)
                return error_oom(error);
        if (!value)
                return error_set(error, EBADMSG, "%s is not JSON: byte %d: %s", buffer->what, fault.position,
                                 fault.text);
        *ret = value;
        return 0;
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One byte of a string. */
static void scan_string(struct scanner *scanner, char c)
{
        if (scanner->escaped)
                scanner->escaped = false;
        else if (c == '\\')
                scanner->escaped = true;
        else if (c == '"')
                scanner->in_string = false;
}

/* -E2BIG where it is nested too deep. */
static int scan(struct scanner *scanner, char c)
{
        if (scanner->in_string)
                scan_string(scanner, c);
        else if (c == '"')
                scanner->in_string = true;
        else if (c == '}' || c == ']')
                scanner->depth--;
        else if ((c == '{' || c == '[') && ++scanner->depth > JSON_STREAM_MAX_DEPTH)
                return -E2BIG;
        return 0;
}

static int too_deep(struct error *error)
{
        return error_set(error, E2BIG, "nested deeper than %d levels", JSON_STREAM_MAX_DEPTH);
}

static int unexpected(char c, const char *expected, struct error *error)
{
        if (c >= ' ' && c <= '~')
                return error_set(error, EBADMSG, "%s must come where '%c' does", expected, c);
        return error_set(error, EBADMSG, "%s must come where the byte 0x%02x does", expected, (unsigned char)c);
}

static int hand_on(struct json_stream *stream, struct error *error)
{
        json_auto_t *object = NULL;
        int r = parse(&object, &stream->buffer, error);

        if (r < 0)
                return r;
        stream->buffer.size = 0;
        stream->state = stream->kind == JSON_STREAM_ITEMS ? AFTER_ITEM : BETWEEN;
        return stream->object(stream->userdata, object, error);
}

/* Returns how many bytes belong to the object, or a negative errno. */
static ssize_t feed_object(struct json_stream *stream, const char *part, size_t size, struct error *error)
{
        size_t n = 0;
        int r;

        do {
                if (scan(&stream->scanner, part[n++]) < 0)
                        return too_deep(error);
        } while (n < size && stream->scanner.depth);
        r = buffer_add(&stream->buffer, part, n, error);
        if (r >= 0 && !stream->scanner.depth)
                r = hand_on(stream, error);
        return r < 0 ? r : (ssize_t)n;
}

/* What is known of the envelope when its items begin. */
static int parse_head(struct json_stream *stream, struct error *error)
{
        size_t size = stream->envelope.size;
        int r;

        r = buffer_add(&stream->envelope, "]}", 2, error);
        if (r >= 0)
                r = parse(&stream->parsed, &stream->envelope, error);
        stream->envelope.size = size;
        return r;
}

static int parse_envelope(struct json_stream *stream, struct error *error)
{
        int r;

        json_decref(stream->parsed);
        stream->parsed = NULL;
        stream->state = OVER;
        r = parse(&stream->parsed, &stream->envelope, error);
        if (r < 0)
                return r;
        if (!stream->items && !json_is_null(json_object_get(stream->parsed, "items")))
                return error_set(error, EBADMSG, "a list must have an array of items");
        return 0;
}

static int begin_items(struct json_stream *stream, struct error *error)
{
        int r;

        if (stream->items)
                return error_set(error, EBADMSG, "a list has its items twice");
        stream->items = true;
        stream->state = FIRST_ITEM;
        stream->envelope_scanner.depth--; /* the array ends elsewhere */
        r = parse_head(stream, error);
        return r < 0 ? r : 1;
}

/* True if this byte of the envelope opens the array of items. */
static bool opens_items(struct json_stream *stream, char c)
{
        static const char key[] = "\"items\"";
        const struct buffer *envelope = &stream->envelope;
        enum member before = stream->member;

        if (is_space(c))
                return false;
        stream->member = before == STRING && c == ':' ? COLON : OTHER;
        return before == COLON && c == '[' && stream->envelope_scanner.depth == 2 &&
               !strncmp(envelope->bytes + stream->string, key, sizeof(key) - 1);
}

/* Returns 1, the byte that was used, or a negative errno; so do the functions that it ends in. */
static int feed_envelope(struct json_stream *stream, char c, struct error *error)
{
        struct scanner *scanner = &stream->envelope_scanner;
        bool in_string = scanner->in_string;
        int r;

        if (scan(scanner, c) < 0)
                return too_deep(error);
        if (!in_string && scanner->in_string && scanner->depth == 1)
                stream->string = stream->envelope.size;
        r = buffer_add(&stream->envelope, &c, 1, error);
        if (r < 0)
                return r;
        if (in_string || scanner->in_string)
                stream->member = in_string && !scanner->in_string && scanner->depth == 1 ? STRING : OTHER;
        else if (opens_items(stream, c))
                return begin_items(stream, error);
        r = scanner->depth ? 0 : parse_envelope(stream, error);
        return r < 0 ? r : 1;
}

static int end_items(struct json_stream *stream, struct error *error)
{
        stream->state = ENVELOPE;
        stream->member = OTHER;
        return buffer_add(&stream->envelope, "]", 1, error);
}

/* Returns how many bytes were used: 0 where the state has changed and says what to do with the byte. */
static int feed_between(struct json_stream *stream, char c, struct error *error)
{
        bool list = stream->kind == JSON_STREAM_ITEMS;
        int r;

        if (is_space(c))
                return 1;
        switch (stream->state) {
        case BETWEEN:
                if (c != '{')
                        return unexpected(c, list ? "a list" : "an object", error);
                stream->state = list ? ENVELOPE : OBJECT;
                return 0;
        case FIRST_ITEM:
        case NEXT_ITEM:
                if (c == ']' && stream->state == FIRST_ITEM)
                        break;
                if (c != '{')
                        return unexpected(c, "an item", error);
                stream->state = OBJECT;
                return 0;
        case AFTER_ITEM:
                if (c == ']')
                        break;
                if (c != ',')
                        return unexpected(c, "a comma or the end of the items", error);
                stream->state = NEXT_ITEM;
                return 1;
        default:
                return unexpected(c, "nothing more", error);
        }
        r = end_items(stream, error);
        return r < 0 ? r : 1;
}

int json_stream_feed(struct json_stream *stream, const char *part, size_t size, struct error *error)
{
        for (size_t i = 0; i < size;) {
                ssize_t n;

                if (stream->state == OBJECT)
                        n = feed_object(stream, part + i, size - i, error);
                else if (stream->state == ENVELOPE)
                        n = feed_envelope(stream, part[i], error);
                else
                        n = feed_between(stream, part[i], error);
                if (n < 0)
                        return (int)n;
                i += (size_t)n;
        }
        return 0;
}

int json_stream_end(struct json_stream *stream, struct error *error)
{
        if (stream->state == (stream->kind == JSON_STREAM_ITEMS ? OVER : BETWEEN))
                return 0;
        if (stream->state == BETWEEN)
                return error_set(error, EBADMSG, "there is no list");
        return error_set(error, EBADMSG, "it ends in the middle of %s",
                         stream->kind == JSON_STREAM_ITEMS ? "a list" : "an object");
}

const json_t *json_stream_envelope(const struct json_stream *stream)
{
        return stream->parsed;
}
