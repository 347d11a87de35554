/*
 * X.509 certificates (RFC 5280): issuing the two kinds that a webhook needs, and looking at any.
 *
 * Times are seconds since 1970-01-01T00:00:00Z.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "certs/san.h"
#include "util/cleanup.h"

struct error;

#define CERTIFICATE_BACKDATE 300 /* seconds by which the clock of a client may be behind ours */

X509 *certificate_free(X509 *certificate);
DEFINE_CLEANUP(X509 *, certificate_free);

/* A certificate and its private key. */
struct pair {
        X509 *certificate; /* owned */
        EVP_PKEY *key;     /* owned */
};

void pair_clear(struct pair *pair);
#define _cleanup_pair_ __attribute__((cleanup(pair_clear)))
bool pair_matches(const struct pair *pair);

/* Both make a new key. Valid from now - CERTIFICATE_BACKDATE until now + days (1 or more). -EIO. */
int certificate_issue_ca(struct pair *ret, int64_t now, unsigned int days, struct error *error);

/* Its life ends with that of `ca` at the latest. -EINVAL: the CA is not valid now, or there are no SANs. */
int certificate_issue_server(struct pair *ret, const struct pair *ca, const struct sans *sans, int64_t now,
                             unsigned int days, struct error *error);

/* The first certificate of a PEM text, or all of them. -EINVAL: there is none, or one is damaged. */
int certificate_parse(X509 **ret, const char *pem, struct error *error);
int certificates_parse(STACK_OF(X509) * *ret, const char *pem, struct error *error);
int certificates_print(char **ret, const STACK_OF(X509) * certificates, struct error *error);
STACK_OF(X509) * certificates_free(STACK_OF(X509) * certificates);
DEFINE_CLEANUP(STACK_OF(X509) *, certificates_free);

bool certificate_is_ca(X509 *certificate);

/* True if `issuer` is a CA that names and signed the certificate; says nothing about the time. */
bool certificate_is_issued_by(X509 *certificate, X509 *issuer);

int64_t certificate_not_before(const X509 *certificate);
int64_t certificate_not_after(const X509 *certificate);

/* Its DNS names and addresses; other kinds of names are left out. */
int certificate_sans(struct sans *ret, const X509 *certificate, struct error *error);

/* Names as in RFC 4514 ("CN=..."), and SHA-256 over the DER as AB:CD:...; owned by the caller. */
int certificate_subject(char **ret, const X509 *certificate, struct error *error);
int certificate_issuer(char **ret, const X509 *certificate, struct error *error);
int certificate_fingerprint(char **ret, const X509 *certificate, struct error *error);
