/*
 * vasprintf() leaves its pointer undefined where it fails; here that is decided once.
 */
#include "util/text.h"

#include <stdio.h>

char *text_format_list(const char *format, va_list arguments)
{
        char *text;

        return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

char *text_format(const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        text = text_format_list(format, arguments);
        va_end(arguments);
        return text;
}
