/*
 * What OpenSSL leaves to its callers: its errors as sentences, its memory buffers as strings.
 */
#pragma once

#include <openssl/types.h>

#include "util/cleanup.h"

struct error;

/* As error_set(), with OpenSSL's own reason at the end if it has one. Empties OpenSSL's queue of errors. */
int openssl_error(struct error *error, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

BIO *bio_free(BIO *bio);
DEFINE_CLEANUP(BIO *, bio_free);

/* A buffer to write to, or one that reads `text` (borrowed). NULL: out of memory. */
BIO *bio_new_memory(void);
BIO *bio_new_text(const char *text);

/* Copies what was written to the buffer. -ENOMEM. */
int bio_to_string(char **ret, BIO *bio, struct error *error);

/* Wipes and frees a text that may hold a private key. Returns NULL. */
char *secret_free(char *secret);
DEFINE_CLEANUP(char *, secret_free);
