/*
 * A second port, of plain HTTP: GET /metrics for Prometheus, and /livez and /readyz as the first one answers them.
 */
#pragma once

#include "daemon/metrics.h"
#include "util/cleanup.h"

struct error;
struct exporter;
struct request_context;

/*
 * Listens on ADDR:PORT (daemon/address.h) and serves, with a thread of its own. Copies `source`; borrows what is in
 * it, and the context, which tells whether requests should be sent here. What bind(2) says, with `error`.
 */
int exporter_new(struct exporter **ret, const char *listen, const struct request_context *context,
                 const struct metrics_source *source, struct error *error);
struct exporter *exporter_free(struct exporter *exporter);
DEFINE_CLEANUP(struct exporter *, exporter_free);
