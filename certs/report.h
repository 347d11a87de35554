/*
 * What a folder of certificates holds, described for a person: plain data, no OpenSSL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "certs/certs.h"
#include "certs/san.h"

struct authority;
struct error;

enum certs_role {
        CERTS_ROLE_SERVER,
        CERTS_ROLE_SIGNS, /* the CA that signs now */
        CERTS_ROLE_NEXT,  /* the CA that will, once the rotation is finished */
        CERTS_ROLE_OLD,   /* a CA that is trusted still, and signs no more */
};

struct certs_description {
        enum certs_role role;
        char *subject;     /* owned; RFC 4514 */
        char *issuer;      /* owned */
        char *fingerprint; /* owned; SHA-256 over the DER as AB:CD:... */
        struct sans sans;  /* owned; none for CAs */
        struct certs_validity validity;
};

struct certs_report {
        struct certs_description *certificates; /* owned; the server's first (if it can be read), then the bundle */
        size_t n_certificates;
        char **problems; /* owned; sentences about what a person should do something about */
        size_t n_problems;
        char *ca_bundle; /* owned; PEM */
};

int certs_report_describe(struct certs_report *report, const struct authority *authority, int64_t now,
                          struct error *error);
int certs_report_add_problem(struct certs_report *report, struct error *error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

void certs_report_clear(struct certs_report *report);
#define _cleanup_certs_report_ __attribute__((cleanup(certs_report_clear)))
