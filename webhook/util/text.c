/*
 * vasprintf() leaves its pointer undefined where it fails; here that is decided once.
 */
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

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

char *text_join(struct arena *arena, const char *const *texts, size_t n)
{
        size_t size = 1;
        char *joined, *end;

        for (size_t i = 0; i < n; i++)
                size += strlen(texts[i]);
        joined = end = arena ? arena_text(arena, size) : malloc(size);
        for (size_t i = 0; joined && i < n; i++)
                end = stpcpy(end, texts[i]);
        if (joined)
                *end = '\0';
        return joined;
}
