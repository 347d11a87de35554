/*
 * From a decision to JSON patch operations (RFC 6902).
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct decide_options;
struct decision;
struct pod;
struct writer;

/*
 * Writes an array of `add` and `replace` operations. What the pod's author wrote stays as it is; a parent object that
 * is missing is added whole; keys are escaped (RFC 6901). A reservation or placement annotation that came with the
 * pod is always replaced, by "" where there is none. Returns how many operations there are.
 */
size_t patch_write(struct writer *writer, const struct pod *pod, const struct decision *decision,
                   const struct decide_options *options);

/* The same, as a new value. -ENOMEM. */
int patch_new(json_t **ret, const struct pod *pod, const struct decision *decision,
              const struct decide_options *options);

/* Applies operations of the kind that patch_write() makes to a copy of `object`; *ret is new. -ENOMEM. */
int patch_apply(json_t **ret, const json_t *object, const json_t *patch);
