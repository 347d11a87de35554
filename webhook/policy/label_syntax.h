/*
 * What Kubernetes takes as a label key and value (apimachinery util/validation: IsQualifiedName,
 * IsValidLabelValue).
 *
 * Each function answers NULL where the text is legal, else what is wrong with it and what would be right, as a
 * constant clause that goes on after the text itself: "must be ...".
 */
#pragma once

#include <stddef.h>

/* [prefix/]name: a DNS subdomain, and at most 63 characters [A-Za-z0-9._-] between alphanumeric ones. */
const char *label_key_fault(const char *key);

/* Empty, or at most 63 characters [A-Za-z0-9._-] between alphanumeric ones. */
const char *label_value_fault(const char *value);
