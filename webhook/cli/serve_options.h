/*
 * The command line of `regionfit serve`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/kube_options.h"
#include "cli/placement_options.h"
#include "cli/tls_options.h"
#include "util/log.h"

struct serve_options {
        const char *manifests; /* borrowed, as are all strings; NULL: serve a cluster */
        const char *state, *metrics, *listen;
        struct tls_options tls;
        struct kube_options kube;
        const char *namespace, *identity; /* NULL: the default */
        int64_t ledger_ttl;               /* ns */
        int64_t request_timeout;          /* ns */
        int64_t shutdown_delay;           /* ns */
        bool audit_only;
        enum log_level log_level;
        enum log_format log_format;
        struct placement_options placement;
};

void serve_options_clear(struct serve_options *options);

/* Defaults, then what was given. 0 to go on, -1 where the help has been shown, else an exit status. */
int serve_options_parse(struct serve_options *options, int argc, char **argv);
