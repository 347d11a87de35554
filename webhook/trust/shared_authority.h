/*
 * The authority (certs/authority.h) that the replicas share through a Secret: followed by all, changed by the leader.
 *
 * Not thread-safe.
 */
#pragma once

#include <jansson.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "certs/certs.h"
#include "trust/certificate_secret.h"
#include "util/cleanup.h"

struct error;
struct shared_authority;

/* Copies the place and the request; what they point to is borrowed. */
int shared_authority_new(struct shared_authority **ret, const struct certificate_secret_place *place,
                         const struct certs_request *request, struct error *error);
struct shared_authority *shared_authority_free(struct shared_authority *shared);
DEFINE_CLEANUP(struct shared_authority *, shared_authority_free);

/* The Secret has been seen like this (a new reference); NULL: there is none. -EINVAL: what clients trust is damaged,
 * `error` says how; what was read before stays, and nothing is written until the Secret is whole again. -ENOMEM. */
int shared_authority_take(struct shared_authority *shared, json_t *secret, struct error *error);

/* What was read last. Borrowed; NULL: nothing yet; of the pair also where it is damaged. */
const STACK_OF(X509) * shared_authority_bundle(const struct shared_authority *shared);
bool shared_authority_server(const struct shared_authority *shared, const char **ret_chain, const char **ret_key);

/* True if its bundle has CAs that sign no more, so that it matters what the replicas serve. */
bool shared_authority_has_old(const struct shared_authority *shared);

struct shared_authority_view {
        bool leads;
        bool settled, served; /* see struct rotation_state */
};

/*
 * Writes what is due: 1; 0 where nothing is. A Secret that is missing is made by anybody who knows of none, or by the
 * leader as it was; all else is the leader's. Negative errno, as of certs/authority.h and kube_call(); -EBUSY and
 * -EEXIST: somebody else was quicker. What was written is known once it has been seen.
 */
int shared_authority_work(struct shared_authority *shared, const struct shared_authority_view *view,
                          struct error *error);
