/*
 * An error is one sentence on the heap. When even that cannot be allocated, the sentence is a constant:
 * error_message() answers it for an error whose message is NULL.
 */
#include "util/error.h"
#include "util/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_message(struct error *error, char *message)
{
        free(error->message);
        error->message = message;
}

int error_set(struct error *error, int errnum, const char *format, ...)
{
        va_list arguments;

        if (error) {
                va_start(arguments, format);
                set_message(error, text_format_list(format, arguments));
                va_end(arguments);
        }
        return -errnum;
}

int error_set_errno(struct error *error, int errnum, const char *format, ...)
{
        char description[128];
        va_list arguments;
        char *message, *sentence;

        if (!error)
                return -errnum;

        va_start(arguments, format);
        message = text_format_list(format, arguments);
        va_end(arguments);

        if (!message ||
            asprintf(&sentence, "%s: %s", message, strerror_r(errnum, description, sizeof(description))) < 0)
                sentence = NULL;
        free(message);
        set_message(error, sentence);
        return -errnum;
}

void error_prefix(struct error *error, const char *format, ...)
{
        va_list arguments;
        char *prefix, *sentence;

        if (!error)
                return;

        va_start(arguments, format);
        prefix = text_format_list(format, arguments);
        va_end(arguments);

        if (prefix && asprintf(&sentence, "%s: %s", prefix, error_message(error)) >= 0)
                set_message(error, sentence);
        free(prefix);
}

int error_oom(struct error *error)
{
        if (error)
                set_message(error, NULL);
        return -ENOMEM;
}

const char *error_message(const struct error *error)
{
        return error && error->message ? error->message : "out of memory";
}

void error_clear(struct error *error)
{
        free(error->message);
        error->message = NULL;
}
