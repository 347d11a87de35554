/*
 * What callers say behind the path: ?timeout=10s, as API servers add it, and ?verbose.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/* True if the query has the parameter. */
bool query_has(struct MHD_Connection *connection, const char *name);

/* Lowers *timeout (ns) to the caller's own patience, less a margin for the way back. 0; -EINVAL: the parameter is
 * malformed. */
int query_timeout(struct MHD_Connection *connection, int64_t *timeout);
