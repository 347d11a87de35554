/*
 * What an API server says when it refuses (meta/v1 Status), as a sentence and an errno.
 */
#pragma once

#include <stddef.h>

struct error;

/*
 * The negative errno that kube_call() documents for an answer with this HTTP status, and "404 Not Found: <message>".
 * A body that is no Status (NULL, or what a proxy sends) is not shown.
 */
int status_error(int status, const char *body, size_t size, struct error *error);
