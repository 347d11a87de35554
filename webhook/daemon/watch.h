/*
 * The main thread's work while the server serves: follow policies and certificates as they change, until a signal
 * says to stop.
 */
#pragma once

#include <stdint.h>

struct keypair;
struct error;
struct policies;

/* Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts from now on, and ignores SIGPIPE. Call before
 * any thread is started. */
int watch_block_signals(struct error *error);

#define WATCH_FOREVER INT64_MAX

/*
 * Returns 0 on SIGTERM or SIGINT, or when `longest` (ns) has passed. SIGHUP looks at everything again. `policies` may
 * be NULL: they are no files.
 */
int watch_until_stopped(struct policies *policies, struct keypair *keypair, int64_t longest, struct error *error);
