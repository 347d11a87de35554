/*
 * Formatted text that the caller owns.
 *
 * As asprintf(), but the result is the string itself, so that no caller looks at a string that was never
 * written. NULL: out of memory.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct arena;

char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The `n` texts one behind the other, in the arena, or where that is NULL, as above; much cheaper. */
char *text_join(struct arena *arena, const char *const *texts, size_t n);

char *text_format_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
