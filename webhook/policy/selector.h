/*
 * Label selectors (Kubernetes meta/v1 LabelSelector, plus ACK's plain map).
 *
 * A selector is immutable once read and may be shared between threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct field;
struct labels;
struct selector;

enum selector_operator { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };

/* One term. A plain label is "key In [value]". */
struct requirement {
        char *key; /* owned */
        enum selector_operator relation;
        char **values; /* owned; sorted, none for Exists and DoesNotExist */
        size_t n_values;
};

/*
 * Reads a LabelSelector (matchLabels, matchExpressions), ACK's plain map of labels, or both in one object.
 * `expressions` is a further list of matchExpressions that stands beside it, or NULL. Absent and empty select
 * everything. False after errors have gone to the fields' diagnostics.
 */
bool selector_read(struct selector **ret, const struct field *selector, const struct field *expressions);
struct selector *selector_free(struct selector *selector);
DEFINE_CLEANUP(struct selector *, selector_free);

/* True if every requirement holds. An empty selector matches everything. */
bool selector_match(const struct selector *selector, const struct labels *labels);

/* Its terms; a selector with more of them is more specific. */
size_t selector_count(const struct selector *selector);
const struct requirement *selector_at(const struct selector *selector, size_t i);

/* Kubernetes labels.Requirement semantics: NotIn and DoesNotExist hold where the key is missing. `value` NULL:
 * the key is missing. */
bool requirement_match(const struct requirement *requirement, const char *value);
