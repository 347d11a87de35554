/*
 * A certificate that somebody else makes and renews: files that are read.
 */
#pragma once

#include "daemon/keypair.h"

/* Paths of PEM files; borrowed. */
struct certificate_files {
        const char *cert, *key;
        const char *ca; /* the CAs to register; NULL: none */
};

/* Borrows `files`. */
struct keypair_source certificate_files_source(const struct certificate_files *files);
