/*
 * What an API server warns of beside its answer: `Warning: 299 - "text"`, a header for each (RFC 7234 5.5; KEP-1693).
 */
#pragma once

#include <stddef.h>

/*
 * Takes one header line, as it came (borrowed, not NUL-terminated). Where it is a warning with code 299, appends its
 * text and a newline to *warnings, a new string or NULL where there is none yet. Anything else changes nothing.
 * -ENOMEM.
 */
int warning_take(char **warnings, const char *line, size_t size);
