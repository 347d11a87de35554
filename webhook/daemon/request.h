/*
 * One HTTP request, from its first header to its last byte.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/metrics.h"
#include "daemon/readiness.h"

struct admission;
struct deadlines;
struct ledger;

/* Two objects of about 1.5 MiB and more, as controller-runtime bounds it. */
#define REQUEST_BODY_MAX (7 * 1024 * 1024)

/* What requests share; set before the first one. */
struct request_context {
        struct admission *admission; /* borrowed, as are the following */
        struct ledger *ledger;
        struct deadlines *deadlines;
        readiness_trusted *trusted; /* NULL: it does not matter who trusts us */
        void *userdata;             /* of `trusted` */
        int64_t timeout;            /* ns */
        bool draining;              /* atomic; answers carry Connection: close, and /readyz fails */
        struct metrics metrics;
};

/* The callbacks of libmicrohttpd; `context` is the struct request_context. */
enum MHD_Result request_handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **request);
void request_completed(void *context, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode code);
