/*
 * YAML and JSON text to JSON values, as kubectl reads them (sigs.k8s.io/yaml: YAML 1.1 scalars, JSON when
 * the text begins with "{"), and back from a place inside a value to the line that it was written on.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct error;

/*
 * Parses every document of `text` (`size` bytes, need not end in NUL) into *ret, a new JSON array with one
 * value per document; empty documents (only comments) are null values.
 * -EINVAL: `error` has "line N: " and what is wrong: syntax, invalid UTF-8, a key given twice in a mapping,
 * an unknown alias, a value that JSON cannot express (.nan, .inf), nesting deeper than YAML_MAX_DEPTH (text that
 * is JSON: 2048) or an alias expansion of more than YAML_MAX_NODES nodes. -ENOMEM.
 */
#define YAML_MAX_DEPTH 100
#define YAML_MAX_NODES 4000000
int yaml_parse(json_t **ret, const char *text, size_t size, struct error *error);

/*
 * The line (from 1) on which the value at `path` ("spec.units[1].max", "metadata.annotations[a.b/c]") of the
 * document with this index begins; for a path that does not exist, that of its longest part that does.
 * It reads the text again, so that parsing need not remember positions: call it for errors only.
 */
unsigned yaml_locate(const char *text, size_t size, size_t document, const char *path);

/* Writes a JSON value as block style YAML, the way kubectl -o yaml does: keys sorted, strings that would read
 * as another type quoted. No document marker. -ENOMEM, or -EIO where the stream fails. */
int yaml_write(FILE *stream, const json_t *value);
