/*
 * A line is put together on the stack and written with one write(2), and must never fail a request for want of
 * memory: a value that does not fit is cut, and the fields behind it are left out. What is there stays well-formed.
 */
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192
#define LINE_END 3    /* kept for a closing quote, a brace and the newline */
#define FIELD_ROOM 32 /* beside its key: a number, quotes and separators */

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"logfmt", "json"};

/* Set once, before threads start. */
static enum log_level log_threshold = LOG_INFO;
static enum log_format log_format = LOG_LOGFMT;

struct line {
        char bytes[LINE_MAX_BYTES];
        size_t size;
};

void log_setup(enum log_level level, enum log_format format)
{
        log_threshold = level;
        log_format = format;
}

static int find_name(const char *const *names, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (!strcmp(names[i], name))
                        return (int)i;
        return -EINVAL;
}

int log_level_parse(enum log_level *ret, const char *name)
{
        int r = find_name(level_names, sizeof(level_names) / sizeof(*level_names), name);

        if (r < 0)
                return r;
        *ret = (enum log_level)r;
        return 0;
}

int log_format_parse(enum log_format *ret, const char *name)
{
        int r = find_name(format_names, sizeof(format_names) / sizeof(*format_names), name);

        if (r < 0)
                return r;
        *ret = (enum log_format)r;
        return 0;
}

bool log_enabled(enum log_level level)
{
        return level >= log_threshold;
}

static size_t room_in(const struct line *line)
{
        size_t end = sizeof(line->bytes) - LINE_END;

        return line->size < end ? end - line->size : 0;
}

/* All or nothing: false where it does not fit. */
static bool put(struct line *line, const char *bytes, size_t size)
{
        if (size > room_in(line))
                return false;
        memcpy(line->bytes + line->size, bytes, size);
        line->size += size;
        return true;
}

static bool put_text(struct line *line, const char *text)
{
        return put(line, text, strlen(text));
}

/* One of those bytes that there is always room for. */
static void put_end(struct line *line, char byte)
{
        line->bytes[line->size++] = byte;
}

/* The length of a valid UTF-8 sequence at `text` (RFC 3629), or 0. */
static size_t utf8_length(const unsigned char *text)
{
        size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;

        if ((text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4)
                return 0;
        for (size_t i = 1; i < length; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        return length;
}

/* One character, escaped as in a JSON string (RFC 8259, section 7). False where it does not fit. */
static bool put_character(struct line *line, const unsigned char *c, size_t length)
{
        char escape[8];

        if (*c == '\n')
                return put_text(line, "\\n");
        if (*c == '"' || *c == '\\')
                snprintf(escape, sizeof(escape), "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
                snprintf(escape, sizeof(escape), "\\u%04x", *c);
        else if (!length)
                return put_text(line, "\xef\xbf\xbd"); /* U+FFFD */
        else
                return put(line, (const char *)c, length);
        return put_text(line, escape);
}

static void put_quoted(struct line *line, const char *text)
{
        const unsigned char *c = (const unsigned char *)text;
        bool fits = put_text(line, "\"");

        while (*c && fits) {
                size_t length = utf8_length(c);

                fits = put_character(line, c, length);
                c += length ? length : 1;
        }
        put_end(line, '"');
}

/* logfmt leaves plain words bare. */
static void put_value(struct line *line, const char *text)
{
        bool plain = *text;

        for (const char *c = text; *c; c++)
                plain &= *c > ' ' && *c < 0x7f && *c != '"' && *c != '=' && *c != '\\';
        if (plain && log_format == LOG_LOGFMT && put_text(line, text))
                return;
        put_quoted(line, text);
}

static void put_key(struct line *line, const char *key)
{
        bool first = line->size <= 1;

        if (log_format == LOG_JSON) {
                put_text(line, first ? "" : ",");
                put_quoted(line, key);
                put_text(line, ":");
        } else {
                put_text(line, first ? "" : " ");
                put_text(line, key);
                put_text(line, "=");
        }
}

static void put_field(struct line *line, const struct log_field *field)
{
        char number[24];

        if (room_in(line) < strlen(field->key) + FIELD_ROOM)
                return;
        put_key(line, field->key);
        if (field->string) {
                put_value(line, field->string);
        } else {
                snprintf(number, sizeof(number), "%lld", (long long)field->integer);
                put_text(line, number);
        }
}

/* RFC 3339 in UTC, with milliseconds. */
static void put_time(struct line *line)
{
        char seconds[32], text[40];
        struct timespec now;
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(text, sizeof(text), "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
        put_key(line, "time");
        put_value(line, text);
}

void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t n_fields)
{
        const struct log_field head[] = {log_string("level", level_names[level]), log_string("msg", message)};
        struct line line = {.size = 0};
        ssize_t written;

        put_text(&line, log_format == LOG_JSON ? "{" : "");
        put_time(&line);
        for (size_t i = 0; i < 2; i++)
                put_field(&line, &head[i]);
        for (size_t i = 0; i < n_fields; i++)
                put_field(&line, &fields[i]);
        if (log_format == LOG_JSON)
                put_end(&line, '}');
        put_end(&line, '\n');
        do
                written = write(STDERR_FILENO, line.bytes, line.size);
        while (written < 0 && errno == EINTR);
}
