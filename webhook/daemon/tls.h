/*
 * The certificate that the server shows, which may change while it serves.
 *
 * One per process: the callback by which GnuTLS asks for it carries nothing of ours.
 */
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

#define TLS_FINGERPRINT_SIZE 96 /* 32 octets as AB:CD:..., and NUL */

/*
 * Shows this certificate chain and key (PEM) in every handshake from now on. Handshakes that have begun go on with
 * the former one, which is freed once none of them can be left. -EINVAL: they cannot be read, or do not match;
 * nothing changes then. Thread-safe.
 */
int tls_use(const char *chain, const char *key, struct error *error);

/* What is shown. */
struct tls_certificate {
        char fingerprint[TLS_FINGERPRINT_SIZE]; /* SHA-256 over the certificate, as `openssl x509 -fingerprint` says
                                                 */
        int64_t not_before, not_after; /* seconds since 1970-01-01T00:00:00Z; the last at which it is valid */
};

/* False where there is none yet. Thread-safe. */
bool tls_current(struct tls_certificate *ret);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_dn, int nreqs,
                 const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length, gnutls_pcert_st **ret_pcert,
                 unsigned int *ret_pcert_length, gnutls_privkey_t *ret_privkey);

/* Frees everything. Call when no handshake can happen any more. */
void tls_forget(void);

/* How long a handshake may take before the server gives up on the connection, in seconds. */
#define TLS_HANDSHAKE_MAX 120
