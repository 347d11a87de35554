/*
 * An authority: the CA that signs, the one that will, every CA to trust, and the server certificate; in memory.
 *
 * Turned into files and back by authority_load() and authority_store(); certs/generation.h puts the files on disk.
 * Every step takes the request's `now` and changes nothing when it fails.
 */
#pragma once

#include "certs/certificate.h"
#include "certs/certs.h"
#include "certs/files.h"

struct error;

struct authority {
        struct pair ca;          /* the key is NULL where it is kept elsewhere: then nothing can be signed */
        struct pair next;        /* both NULL: no rotation under way */
        struct pair server;      /* either may be NULL: missing or damaged */
        char *server_fault;      /* owned; why the server's pair is of no use ("tls.key is missing"); NULL: it is */
        STACK_OF(X509) * bundle; /* owned; the CA that signs, the next, earlier ones */
};

void authority_clear(struct authority *authority);
#define _cleanup_authority_ __attribute__((cleanup(authority_clear)))

/* Reads what is there; all may be missing. -EINVAL: a CA's file is damaged or does not match its key: it is never
 * replaced unasked, as clients trust it. A damaged server certificate is no failure, it can be issued again. */
int authority_load(struct authority *ret, const struct certs_files *files, struct error *error);
int authority_store(struct certs_files *ret, const struct authority *authority, struct error *error);

/* A new CA and server certificate; the earlier CAs and their bundle go. */
int authority_create(struct authority *authority, const struct certs_request *request, struct error *error);

/* How the request's SANs relate to those that the server certificate has. */
enum san_rule {
        SAN_ADD,     /* it shall have them among others */
        SAN_REPLACE, /* it shall have exactly these */
};

/* *ret (owned by the caller) says why the server certificate should be renewed, or is NULL. A life that ends with
 * the CA's cannot gain from renewal, and is not due before it is over. */
int authority_due(char **ret, const struct authority *authority, const struct certs_request *request,
                  enum san_rule rule, struct error *error);

/* Signs a new server certificate with the CA. -ENOKEY: the CA's key is not here. */
int authority_renew(struct authority *authority, const struct certs_request *request, enum san_rule rule,
                    struct error *error);

/* The rotation of the CA: see enum certs_rotation. */
int authority_stage(struct authority *authority, const struct certs_request *request, struct error *error);
int authority_finish(struct authority *authority, const struct certs_request *request, struct error *error);
int authority_drop_old(struct authority *authority, const struct certs_request *request, struct error *error);

/* True if the bundle holds CAs besides the one that signs and the next. */
bool authority_has_old(const struct authority *authority);

/* Whether the CA's life is in its last third, so that it needs a successor, or is over. There must be a CA. */
bool authority_ca_due(const struct authority *authority, int64_t now);
bool authority_ca_expired(const struct authority *authority, int64_t now);

/* All that needs no person: see certs_folder_ensure(). */
int authority_maintain(struct authority *authority, const struct certs_request *request, bool *ret_changed,
                       struct error *error);
