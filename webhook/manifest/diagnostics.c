/*
 * Faults are collected rather than returned: a reader goes on after each, so that a person sees all of them at
 * once. The line is looked up when the fault is added, while the text is still at hand. Losing one to a lack of
 * memory is counted all the same: what has errors is never taken for good.
 */
#include "manifest/diagnostics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest.h"

#include "util/text.h"

static void diagnostic_clear(struct diagnostic *diagnostic)
{
        free(diagnostic->file);
        free(diagnostic->path);
        free(diagnostic->message);
}

void diagnostics_clear(struct diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->count; i++)
                diagnostic_clear(&diagnostics->items[i]);
        free(diagnostics->items);
        *diagnostics = DIAGNOSTICS_INIT;
}

/* Takes over the diagnostic, whose strings may be NULL where memory ran out. */
static void append(struct diagnostics *diagnostics, struct diagnostic diagnostic)
{
        struct diagnostic *items = NULL;

        if (diagnostic.severity == SEVERITY_ERROR)
                diagnostics->n_errors++;
        if (diagnostic.path && diagnostic.message)
                items = reallocarray(diagnostics->items, diagnostics->count + 1, sizeof(*items));
        if (!items) {
                diagnostic_clear(&diagnostic);
                diagnostics->failure = -ENOMEM;
                return;
        }
        diagnostics->items = items;
        diagnostics->items[diagnostics->count++] = diagnostic;
}

void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, const struct manifest *manifest,
                     const char *path, const char *format, ...)
{
        struct diagnostic diagnostic = {.severity = severity, .path = strdup(path)};
        va_list arguments;

        if (manifest) {
                diagnostic.file = strdup(manifest->file);
                diagnostic.line = manifest_line(manifest, path);
        }
        va_start(arguments, format);
        diagnostic.message = text_format_list(format, arguments);
        va_end(arguments);
        append(diagnostics, diagnostic);
}

void diagnostics_add_file(struct diagnostics *diagnostics, enum severity severity, const char *file, unsigned line,
                          const char *format, ...)
{
        struct diagnostic diagnostic = {.severity = severity, .file = strdup(file), .line = line, .path = strdup("")};
        va_list arguments;

        va_start(arguments, format);
        diagnostic.message = text_format_list(format, arguments);
        va_end(arguments);
        append(diagnostics, diagnostic);
}

void diagnostics_move(struct diagnostics *to, struct diagnostics *from)
{
        for (size_t i = 0; i < from->count; i++)
                append(to, from->items[i]);
        if (from->failure) {
                to->failure = from->failure;
                to->n_errors++;
        }
        free(from->items);
        *from = DIAGNOSTICS_INIT;
}

char *diagnostic_format(const struct diagnostic *diagnostic)
{
        const char *file = diagnostic->file ? diagnostic->file : "";
        const char *path_end = *diagnostic->path ? ": " : "";

        if (diagnostic->file && diagnostic->line)
                return text_format("%s:%u: %s%s%s", file, diagnostic->line, diagnostic->path, path_end,
                                   diagnostic->message);
        return text_format("%s%s%s%s%s", file, *file ? ": " : "", diagnostic->path, path_end, diagnostic->message);
}

void diagnostics_print_errors(const struct diagnostics *diagnostics, FILE *stream)
{
        for (size_t i = 0; i < diagnostics->count; i++) {
                _cleanup_(freep) char *line = diagnostic_format(&diagnostics->items[i]);

                if (diagnostics->items[i].severity == SEVERITY_ERROR && line)
                        fprintf(stream, "%s\n", line);
        }
}
