/*
 * Formatted text that the caller owns.
 *
 * As asprintf(), but the result is the string itself, so that no caller looks at a string that was never
 * written. NULL: out of memory.
 */
#pragma once

#include <stdarg.h>

char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_format_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
