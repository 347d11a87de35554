/*
 * How API servers come to trust the webhook: which certificate is served, and that the caBundle of the registered
 * MutatingWebhookConfiguration verifies it.
 *
 * At every moment, what any replica serves is verified by every caBundle that an API server may still use.
 *
 * Where a Secret is named, CA and certificate are made, kept in it, renewed and rotated, and their bundle is
 * registered. Otherwise somebody else makes them, they are offered as they come, and the bundle is registered that
 * comes with them, if any does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "certs/certs.h"
#include "trust/agreement.h"
#include "trust/serving.h"
#include "util/cleanup.h"

struct error;
struct kube_client;
struct trust;

/* Strings are borrowed. What is called is called from the thread of trust_start(). */
struct trust_options {
        const char *namespace;        /* of the Secret */
        const char *secret;           /* NULL: pairs are offered */
        struct certs_request request; /* of what is made in the Secret; `now` is for tests */
        const char *configuration;    /* the MutatingWebhookConfiguration's name */
        int64_t overlap;              /* ns; how long API servers may take to learn what is in it */
        serving_use *use;             /* puts a pair in force; from trust_offer(), too */

        /* True while this replica, and no other, changes what is shared. */
        bool (*leads)(void *userdata);

        agreement_ask *all_serve; /* fingerprints are those of certs_fingerprint() */
        void *userdata;
};

/* Nothing is followed yet. Borrows the client. */
int trust_new(struct trust **ret, struct kube_client *client, const struct trust_options *options,
              struct error *error);

/* Ends the threads; what is in force stays. */
struct trust *trust_free(struct trust *trust);
DEFINE_CLEANUP(struct trust *, trust_free);

/* Starts to follow and to write. */
int trust_start(struct trust *trust, struct error *error);

/* A pair to serve: put in force now, if nothing is, or as soon as that is safe. `pem->ca_bundle` is what the leader
 * registers; NULL: somebody else does. -EINVAL, -EKEYREJECTED: it is of no use; nothing has changed. Thread-safe. */
int trust_offer(struct trust *trust, const struct certs_pem *pem, struct error *error);

/* 0 if API servers trust what is served; otherwise `error` says why not. Thread-safe. */
int trust_check(struct trust *trust, struct error *error);
