/*
 * Tokens, keys and certificates as texts: read from files or from base64, and wiped when they are freed.
 *
 * No error says anything of what is in them.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

struct error;

/* Wipes and frees. Returns NULL. */
char *secret_wipe(char *secret);
DEFINE_CLEANUP(char *, secret_wipe);

/* The text of a file of at most 1 MiB. -EINVAL: it is larger, or holds a NUL; the errno of the file system. */
int secret_read(char **ret, const char *path, struct error *error);

/* Decodes base64 (RFC 4648 4); line breaks are let pass. -EINVAL: it is not, or its text holds a NUL. -ENOMEM. */
int secret_from_base64(char **ret, const char *text);

/* Encodes in one line. NULL: out of memory. */
char *secret_to_base64(const char *text);

/* True for what PEM is expected of: it has a line that begins a block of this kind ("CERTIFICATE", "PRIVATE KEY"). */
bool secret_is_pem(const char *text, const char *kind);
