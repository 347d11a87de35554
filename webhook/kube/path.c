/*
 * Whatever stands in a value, an object's name or a selector that a person wrote, stays within its segment of the
 * path or its parameter of the query: all but RFC 3986's unreserved characters are percent-encoded.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kube/client.h"

static void write_encoded(FILE *stream, const char *value)
{
        for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
                if ((*c < 0x80 && isalnum(*c)) || strchr("-._~", *c))
                        fputc(*c, stream);
                else
                        fprintf(stream, "%%%02X", *c);
        }
}

static void write_integer(FILE *stream, char conversion, int longs, va_list *arguments)
{
        if (conversion == 'd')
                fprintf(stream, "%jd", longs ? (intmax_t)va_arg(*arguments, long long) : va_arg(*arguments, int));
        else
                fprintf(stream, "%ju",
                        longs ? (uintmax_t)va_arg(*arguments, unsigned long long) : va_arg(*arguments, unsigned int));
}

_Static_assert(sizeof(long) == sizeof(long long), "%ld and %lld are read alike");

/* What follows a '%'; where it ends. */
static const char *write_value(FILE *stream, const char *format, va_list *arguments)
{
        int longs = 0;

        while (*format == 'l') {
                longs++;
                format++;
        }
        if (*format == 's')
                write_encoded(stream, va_arg(*arguments, const char *));
        else if (*format == 'd' || *format == 'u')
                write_integer(stream, *format, longs, arguments);
        else
                fputc('%', stream);
        return *format ? format + 1 : format;
}

char *kube_path(const char *format, ...)
{
        char *path = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&path, &size);
        va_list arguments;

        if (!stream)
                return NULL;
        va_start(arguments, format);
        while (*format) {
                if (*format == '%')
                        format = write_value(stream, format + 1, &arguments);
                else
                        fputc(*format++, stream);
        }
        va_end(arguments);
        if (fclose(stream) == 0)
                return path;
        free(path);
        return NULL;
}
