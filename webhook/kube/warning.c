/*
 * A header may carry several warnings, and other agents than the API server may add theirs; API servers write one to
 * a header, with code 299 and no date. So one is read, and a line that is not of that form is left alone: a warning
 * is there to be shown, and nothing is decided by it.
 */
#include "kube/warning.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"

#define PREFIX "Warning:"
#define CODE "299 "

/* Steps over `text`, in any case of letters. */
static bool skip(const char **line, const char *end, const char *text)
{
        size_t length = strlen(text);

        if ((size_t)(end - *line) < length || strncasecmp(*line, text, length))
                return false;
        *line += length;
        return true;
}

/* The quoted-string (RFC 9110 5.6.4) that begins here, without quotes and backslashes, into `ret`, which has room for
 * the line. Its length, or 0 where it has no end. */
static size_t unquote(char *ret, const char *line, const char *end)
{
        size_t length = 0;

        for (line++; line < end && *line != '"'; line++) {
                if (*line == '\\' && ++line == end)
                        return 0;
                ret[length++] = *line;
        }
        return line < end ? length : 0;
}

int warning_take(char **warnings, const char *line, size_t size)
{
        const char *end = line + size, *quote;
        size_t before = *warnings ? strlen(*warnings) : 0, length;
        char *text;

        if (!skip(&line, end, PREFIX))
                return 0;
        while (line < end && *line == ' ')
                line++;
        quote = memchr(line, '"', (size_t)(end - line));
        if (!skip(&line, end, CODE) || !quote)
                return 0;
        text = realloc(*warnings, before + (size_t)(end - quote) + 2);
        if (!text)
                return -ENOMEM;
        *warnings = text;
        length = unquote(text + before, quote, end);
        if (length)
                text[before + length++] = '\n';
        text[before + length] = '\0';
        return 0;
}
