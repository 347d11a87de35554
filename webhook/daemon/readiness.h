/*
 * Whether requests should be sent here: what /readyz answers.
 */
#pragma once

#include <stdbool.h>

struct request_context;

/* *ret: a new text, a line for each check and one for all of them, as the components of Kubernetes answer ?verbose;
 * NULL where memory ran out. True if every check has passed. */
bool readiness(const struct request_context *context, char **ret);
