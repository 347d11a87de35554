/*
 * Whether requests should be sent here: what /readyz answers.
 */
#pragma once

#include <stdbool.h>

struct error;
struct request_context;

/* Whether clients trust the certificate that is shown: 0, or `error` says why not. Any thread. */
typedef int readiness_trusted(void *userdata, struct error *error);

/* *ret: a new text, a line for each check and one for all of them, as the components of Kubernetes answer ?verbose;
 * NULL where memory ran out. True if every check has passed. */
bool readiness(const struct request_context *context, char **ret);
