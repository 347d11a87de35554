/*
 * The MutatingWebhookConfiguration (admissionregistration.k8s.io/v1) by which API servers find the webhook, as far as
 * trust goes: in each of its entries, under which name they will ask, and which CAs they trust.
 */
#pragma once

#include <jansson.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;
struct kube_client;

#define REGISTRATION_FIELD_MANAGER "regionfit"

struct registration_entry {
        char *name;           /* owned; webhooks[].name */
        char *host;           /* owned; that the certificate must be for: NAME.NAMESPACE.svc, or that of the url */
        STACK_OF(X509) * cas; /* owned; of its caBundle; NULL: it has none, or none that can be read */
};

struct registration {
        char *name, *uid, *version;         /* owned; of the object */
        struct registration_entry *entries; /* owned */
        size_t n_entries;
};

/* -EINVAL: `error` names what is malformed, which no API server would have stored. */
int registration_new(struct registration **ret, const json_t *configuration, struct error *error);
struct registration *registration_free(struct registration *registration);
DEFINE_CLEANUP(struct registration *, registration_free);

/* 0: an API server that uses this configuration at `now` (unix seconds) trusts the chain in every entry; with `roots`
 * (else NULL), were they the CAs of each. -EKEYREJECTED: `error` says which does not, and why; -ENOMEM. */
int registration_verify(const struct registration *registration, STACK_OF(X509) * chain, STACK_OF(X509) * roots,
                        int64_t now, struct error *error);

/* True if every entry trusts every CA of the bundle; and if it trusts no others. */
bool registration_covers(const struct registration *registration, const STACK_OF(X509) * bundle);
bool registration_is_within(const struct registration *registration, const STACK_OF(X509) * bundle);

/* Adds to the bundle those CAs that some entry trusts and that have not expired. False: out of memory. */
bool registration_add_to(const struct registration *registration, STACK_OF(X509) * bundle, int64_t now);

/* What a server-side apply sends to give every entry this caBundle. NULL: out of memory. */
json_t *registration_patch(const struct registration *registration, const char *ca_bundle);

/* Applies it, with force, on exactly the version that was read. -EBUSY: there is another; errors of kube_call().
 * `cancelled` as in struct kube_call. */
int registration_apply(const struct registration *registration, struct kube_client *client, const char *ca_bundle,
                       const bool *cancelled, struct error *error);
