/*
 * Whether a client would trust a server's certificate: as the API server judges a webhook's, with crypto/x509 of Go.
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

struct error;

/*
 * `chain` is the server's certificate, then intermediate ones; `roots` are what the client trusts, be they roots or
 * not; `host` is a DNS name or an IP address, which must be among the SANs (the subject does not count); `now` in
 * unix seconds. -EKEYREJECTED: `error` has the reason; -ENOMEM.
 */
int certificate_verify(STACK_OF(X509) * chain, STACK_OF(X509) * roots, const char *host, int64_t now,
                       struct error *error);
