/*
 * What a TLS session reads from its socket and writes to it, in as few system calls as there are messages.
 */
#pragma once

#include <gnutls/gnutls.h>

#include "util/cleanup.h"

struct transport;

/*
 * Reads and writes for `session` (borrowed), on the socket (not blocking) that it has been given, until the session
 * is gone. One thread at a time. NULL: no memory; the session goes on by itself.
 */
struct transport *transport_new(gnutls_session_t session);
struct transport *transport_free(struct transport *transport);
DEFINE_CLEANUP(struct transport *, transport_free);

/*
 * The next record that is written is the first of two: it waits for the second, and both are sent together. Only for
 * who writes the second in any case, unless it gives up the connection.
 */
void transport_join_next(struct transport *transport);
