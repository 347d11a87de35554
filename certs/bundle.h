/*
 * Sets of CA certificates: what a client trusts. The order tells nothing, and each is in it once.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

bool bundle_contains(const STACK_OF(X509) * bundle, const X509 *certificate);

/* True if it has every one of `others`; NULL is the empty set. */
bool bundle_covers(const STACK_OF(X509) * bundle, const STACK_OF(X509) * others);

/* Adds the certificate (a new reference), unless it is there. False: out of memory. */
bool bundle_add(STACK_OF(X509) * bundle, X509 *certificate);

/* Adds those of `others` (may be NULL) that have not expired at `now`. False: out of memory. */
bool bundle_add_valid(STACK_OF(X509) * bundle, const STACK_OF(X509) * others, int64_t now);
