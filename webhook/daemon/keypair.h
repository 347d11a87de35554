/*
 * Where the server's certificate comes from: files that somebody else looks after, a folder of its own, or memory.
 *
 * Not thread-safe: the thread that watches owns it.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

struct keypair;
struct error;
struct trust;

struct keypair_options {
        const char *cert, *key; /* files; both or none; borrowed */
        const char *ca;         /* a file of CAs to register with them; borrowed; NULL: none */
        const char *folder;     /* where there are no files: a folder to make and renew them in; borrowed */
        const char *host;       /* a further name or address for the certificate, or ""; borrowed */

        /* Where the files are offered, which knows when they may be put in force; borrowed; NULL: at once. */
        struct trust *trust;
        bool stand_in; /* what is made in memory is shown until `trust` has another */
};

/* Loads the certificate and puts it in force (daemon/tls.h); with neither files nor a folder, makes one in memory. */
int keypair_new(struct keypair **ret, const struct keypair_options *options, struct error *error);
struct keypair *keypair_free(struct keypair *keypair);
DEFINE_CLEANUP(struct keypair *, keypair_free);

/* For poll(2): readable when a file may have changed. -1: there is nothing to watch. */
int keypair_fd(const struct keypair *keypair);

/*
 * Renews what is due, reads again, and puts in force what is new. A pair that cannot be used, because somebody is in
 * the middle of replacing its files, leaves the former one in force; the failure is logged once.
 */
void keypair_refresh(struct keypair *keypair);
