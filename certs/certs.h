/*
 * The certificates of the webhook, as the rest of the program needs them: asked for, made, checked.
 *
 * No OpenSSL type shows here. PEM texts are NUL-terminated strings. Times are seconds since 1970-01-01T00:00:00Z.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;

#define CERTS_DEFAULT_DAYS 90      /* the server certificate's life */
#define CERTS_DEFAULT_CA_DAYS 3650 /* the CA's */
#define CERTS_MAX_DAYS 36500

/* What a caller wants. Everything is borrowed; zero stands for the default. */
struct certs_request {
        const char *const *sans; /* DNS names and IP addresses (RFC 5280 4.2.1.6), in any order */
        size_t n_sans;           /* 0: those that the present certificate has */
        unsigned int days;       /* at most CERTS_MAX_DAYS; never beyond the CA's life */
        unsigned int ca_days;
        int64_t now; /* 0: the system's clock */
};

/* What a server needs, and what its clients need to trust it. */
struct certs_pem {
        char *ca_bundle; /* owned; every CA to trust: caBundle of the webhook's registration, before base64 */
        char *chain;     /* owned; the server certificate. Its CA is a root and not sent (RFC 8446 4.4.2) */
        char *key;       /* owned; PKCS #8; wiped when cleared */
};

void certs_pem_clear(struct certs_pem *pem);
#define _cleanup_certs_pem_ __attribute__((cleanup(certs_pem_clear)))

/* A CA and a server certificate that live in memory alone. -EINVAL: `error` names the SAN or number at fault. */
int certs_make(struct certs_pem *ret, const struct certs_request *request, struct error *error);

struct certs_validity {
        int64_t not_before;
        int64_t not_after; /* the last second at which it is valid */
};

/*
 * Looks at a certificate chain and its private key of any origin and algorithm. -EINVAL: one of them cannot be
 * read; -EKEYREJECTED: they do not belong together, as in the moment in which somebody replaces the two files:
 * keep the old pair and read again. An expired certificate is no error: the caller compares the times.
 */
int certs_inspect(struct certs_validity *ret, const char *chain, const char *key, struct error *error);

/* SHA-256 over the server certificate of a chain, as AB:CD:...; what `openssl x509 -fingerprint -sha256` prints. A
 * new string. -EINVAL: there is none. */
int certs_fingerprint(char **ret, const char *chain, struct error *error);

/* True once a third of the life, or less, is left. */
bool certs_renewal_due(const struct certs_validity *validity, int64_t now);

/* Base64 in one line (RFC 4648 4), as caBundle of a webhook's registration wants the bundle. */
int certs_base64(char **ret, const char *text, struct error *error);
