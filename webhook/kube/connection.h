/*
 * A connection to the API server, kept open from one exchange to the next. Not thread-safe, but for
 * connection_wake().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kube/client.h"
#include "kube/patience.h"

struct connection;
struct endpoint;
struct error;
struct identity;

int connection_new(struct connection **ret, struct error *error);
struct connection *connection_free(struct connection *connection);
DEFINE_CLEANUP(struct connection *, connection_free);

/* One request and its answer. */
struct exchange {
        const struct endpoint *endpoint; /* borrowed, as are the following */
        const struct identity *identity;
        const struct kube_call *call;
        struct patience patience; /* of a stream: until its headers are there; then only its flags count */

        struct kube_response response; /* whatever the status; owned by the caller, whatever is returned */
        int64_t retry_after;           /* ns; 0: the server named none */
        bool sent;                     /* the request, or a part of it, may have reached the server */
        bool streamed;                 /* call->data has been called */
        bool distrust;                 /* one of the two does not accept the other's certificate */
};

/*
 * 0 for a whole answer of any status. -ECANCELED; -ETIMEDOUT; -ENOMEM; -EFBIG: the answer is too large; what
 * call->data returned; -EIO for everything else, with `sent` to tell whether anything can have come of it. `error`
 * has the reason alone.
 */
int connection_exchange(struct connection *connection, struct exchange *exchange, struct error *error);

/* Waits. 0 once the time has come, -ECANCELED. */
int connection_sleep(struct connection *connection, const struct patience *patience, int64_t until);

/* Makes a wait look at its flags now. From any thread. */
void connection_wake(struct connection *connection);
