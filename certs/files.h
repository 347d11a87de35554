/*
 * The files of an authority, as texts in memory.
 */
#pragma once

#include <stdbool.h>

enum certs_file {
        CERTS_CA_CRT,
        CERTS_CA_KEY,
        CERTS_NEXT_CRT,
        CERTS_NEXT_KEY,
        CERTS_BUNDLE,
        CERTS_TLS_CRT,
        CERTS_TLS_KEY,
        CERTS_N_FILES,
};

/* Plain data: name on disk, and whether it holds a private key. */
struct certs_file_kind {
        const char *name;
        bool secret;
};

extern const struct certs_file_kind certs_file_kinds[CERTS_N_FILES];

struct certs_files {
        char *texts[CERTS_N_FILES]; /* owned; NULL: there is no such file */
};

/* Wipes the texts and frees them. */
void certs_files_clear(struct certs_files *files);
#define _cleanup_certs_files_ __attribute__((cleanup(certs_files_clear)))
