/*
 * The HTTPS server: a socket, libmicrohttpd, and the end of both.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/readiness.h"
#include "util/cleanup.h"

struct admission;
struct error;
struct ledger;
struct server;

struct server_options {
        const char *listen;         /* ADDR:PORT; see daemon/address.h; borrowed */
        int64_t request_timeout;    /* ns; the longest that a request may take */
        const char *metrics;        /* ADDR:PORT of daemon/exporter.h; borrowed; NULL: none */
        readiness_trusted *trusted; /* what /readyz asks of the certificate besides its dates; NULL: nothing */
        void *userdata;             /* of `trusted`; borrowed */
};

/* Listens and serves with the certificate of daemon/tls.h. Borrows the rest. What bind(2) says, with `error`. */
int server_new(struct server **ret, const struct server_options *options, struct admission *admission,
               struct ledger *ledger, struct error *error);

/* Somebody else is to be asked from now on: /readyz fails, and every answer tells its client to close the connection.
 */
void server_retire(struct server *server);

/*
 * Stops: refuses new connections, tells clients to close theirs, finishes what came in, within the longest that a
 * request may take.
 */
struct server *server_free(struct server *server);
DEFINE_CLEANUP(struct server *, server_free);

/* The address that it listens on, with the port that was chosen. */
const char *server_address(const struct server *server);
