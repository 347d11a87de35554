/*
 * What a YAML scalar means to kubectl: sigs.k8s.io/yaml resolves YAML 1.1 as go-yaml v2 does.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct error;

/*
 * *ret is a new JSON value. `tag` is the explicit tag ("tag:yaml.org,2002:str"), or NULL; `plain` says that the
 * scalar was written without quotes and not as a block. -EINVAL: the text does not fit the tag, or JSON cannot
 * express the value (.nan, .inf); `error` says so, without a line. -ENOMEM.
 */
int yaml_scalar(json_t **ret, const char *text, size_t size, const char *tag, bool plain, struct error *error);

/* True if the text, written plain, would not read as the string that it is. */
bool yaml_scalar_needs_quotes(const char *text);

/* True if the text, written plain, would read as a number with a fraction or an exponent, .inf and .nan included. */
bool yaml_scalar_is_float(const char *text);
