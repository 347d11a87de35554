/*
 * Private keys: ECDSA on the curve P-256 (FIPS 186-4), which every TLS client of Kubernetes takes and which signs
 * many times faster than RSA. Keys of other kinds are read, never made.
 */
#pragma once

#include <openssl/types.h>

#include "util/cleanup.h"

struct error;

/* A new key from OpenSSL's random generator. -EIO. */
int key_generate(EVP_PKEY **ret, struct error *error);
EVP_PKEY *key_free(EVP_PKEY *key);
DEFINE_CLEANUP(EVP_PKEY *, key_free);

/* Reads the first private key of a PEM text (PKCS #8, or SEC 1 and PKCS #1). -EINVAL: there is none, or it is
 * encrypted: nobody is there to type a passphrase. */
int key_parse(EVP_PKEY **ret, const char *pem, struct error *error);

/* PKCS #8 in PEM (RFC 5958, RFC 7468); free with secret_free(). */
int key_print(char **ret, const EVP_PKEY *key, struct error *error);
