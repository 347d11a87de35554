/*
 * Structured log lines on standard error: logfmt (the default) or one JSON object per line.
 *
 *     log_info("serving", log_string("address", address), log_integer("policies", n));
 *     time=2026-01-02T03:04:05.678Z level=info msg=serving address=127.0.0.1:8443 policies=3
 *
 * A line is written with one write(2), so lines of several threads never mix. Thread-safe. Level and
 * format are set once, before threads start. No secret may be passed as a value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
        const char *key;
        const char *string; /* NULL: `integer` is the value */
        int64_t integer;
};

/* The value NULL is written as "". */
static inline struct log_field log_string(const char *key, const char *value)
{
        return (struct log_field){.key = key, .string = value ? value : ""};
}

static inline struct log_field log_integer(const char *key, int64_t value)
{
        return (struct log_field){.key = key, .integer = value};
}

void log_setup(enum log_level level, enum log_format format);

/* -EINVAL where the name is unknown. */
int log_level_parse(enum log_level *ret, const char *name);
int log_format_parse(enum log_format *ret, const char *name);

bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t n_fields);

/* Fields are evaluated only where the level is enabled. */
#define log_at(level, message, ...)                                                                      \
        do {                                                                                             \
                if (log_enabled(level)) {                                                                \
                        const struct log_field _fields[] = {{0}, ##__VA_ARGS__};                         \
                        log_line(level, message, _fields + 1, sizeof(_fields) / sizeof(_fields[0]) - 1); \
                }                                                                                        \
        } while (0)
#define log_debug(message, ...) log_at(LOG_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...) log_at(LOG_INFO, message, ##__VA_ARGS__)
#define log_warn(message, ...) log_at(LOG_WARN, message, ##__VA_ARGS__)
#define log_error(message, ...) log_at(LOG_ERROR, message, ##__VA_ARGS__)
