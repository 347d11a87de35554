/*
 * Formatted text that the caller owns.
 *
 * As asprintf(), but the result is the string itself, so that no caller looks at a string that was never
 * written. NULL: out of memory.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The `n` texts one behind the other; likewise, and much cheaper. */
char *text_join(const char *const *texts, size_t n);

char *text_format_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
