/*
 * Which paths there are, and what may be done with them.
 */
#pragma once

#include <microhttpd.h>
#include <stdint.h>

enum route { ROUTE_MUTATE, ROUTE_LIVEZ, ROUTE_READYZ };

/*
 * Looks at path, method, headers, and how many bytes are to follow, before the body is read. Returns 0 and *ret, or
 * the HTTP status to refuse the request with: 404, 405 (*ret_allow is the Allow header), 413 or 415; *ret_reason says
 * why. Constants.
 */
unsigned route_find(struct MHD_Connection *connection, const char *url, const char *method, uint64_t length,
                    enum route *ret, const char **ret_allow, const char **ret_reason);
