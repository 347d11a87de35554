/*
 * What is served must be verified by every caBundle that an API server may still use. So a new pair waits until its
 * CA has been registered for as long as API servers take to learn of it, or is the CA of what is served, as after a
 * renewal. It does not wait where that can do no harm: nothing is served yet, or what is served is verified by the
 * registered configuration no more.
 */
#include "trust/serving.h"

#include <errno.h>
#include <string.h>

#include "certs/bundle.h"
#include "certs/certificate.h"
#include "certs/certs.h"
#include "certs/openssl.h"
#include "certs/verification.h"
#include "trust/carried.h"
#include "trust/registration.h"
#include "util/cleanup.h"
#include "util/error.h"

static void pair_reset(struct server_pair *pair)
{
        free(pair->chain);
        secret_free(pair->key);
        certificates_free(pair->certificates);
        *pair = (struct server_pair){0};
}

void serving_clear(struct serving *serving)
{
        pair_reset(&serving->served);
        pair_reset(&serving->offered);
}

static bool is_pair(const struct server_pair *pair, const char *chain, const char *key)
{
        return pair->chain && !strcmp(pair->chain, chain) && !strcmp(pair->key, key);
}

static int read_pair(struct server_pair *ret, const char *chain, const char *key, struct error *error)
{
        struct server_pair pair = {0};
        struct certs_validity validity;
        int r;

        r = certs_inspect(&validity, chain, key, error);
        if (r >= 0)
                r = certificates_parse(&pair.certificates, chain, error);
        if (r < 0)
                return r;
        pair.chain = strdup(chain);
        pair.key = strdup(key);
        if (pair.chain && pair.key) {
                *ret = pair;
                return 0;
        }
        pair_reset(&pair);
        return error_oom(error);
}

int serving_offer(struct serving *serving, const char *chain, const char *key, struct error *error)
{
        struct server_pair pair = {0};
        int r;

        if (is_pair(&serving->offered, chain, key))
                return 0;
        if (!is_pair(&serving->served, chain, key)) {
                r = read_pair(&pair, chain, key, error);
                if (r < 0)
                        return r;
        }
        pair_reset(&serving->offered);
        serving->offered = pair;
        return 0;
}

/* The CAs that every API server knows, and those that what is served relies on already. */
static int known_cas(STACK_OF(X509) * *ret, const struct serving *serving, const struct serving_view *view)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *known = sk_X509_new_null();

        for (size_t i = 0; known && i < view->carried->count; i++) {
                const struct carried_ca *carried = &view->carried->cas[i];
                _cleanup_(certificates_freep) STACK_OF(X509) *alone = sk_X509_new_null();
                bool done = alone && bundle_add(alone, carried->ca);

                if (done && (carried->since <= view->before ||
                             registration_verify(view->registration, serving->served.certificates, alone, view->now,
                                                 NULL) == 0))
                        done = bundle_add(known, carried->ca);
                if (!done)
                        return -ENOMEM;
        }
        if (!known)
                return -ENOMEM;
        *ret = steal_pointer(&known);
        return 0;
}

static bool is_over(const struct server_pair *pair, int64_t now)
{
        return now > certificate_not_after(sk_X509_value(pair->certificates, 0));
}

/* 1, 0 or -ENOMEM. */
static int may_be_served(const struct serving *serving, const struct serving_view *view)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *known = NULL;
        int r;

        if (!serving->served.chain || is_over(&serving->served, view->now))
                return 1;
        if (!view->known)
                return 0;
        if (!view->registration || registration_verify(view->registration, serving->served.certificates, NULL,
                                                       view->now, NULL) == -EKEYREJECTED)
                return 1;
        r = known_cas(&known, serving, view);
        if (r < 0)
                return r;
        r = registration_verify(view->registration, serving->offered.certificates, known, view->now, NULL);
        return r == -EKEYREJECTED ? 0 : r < 0 ? r : 1;
}

int serving_settle(struct serving *serving, const struct serving_view *view, struct error *error)
{
        int r;

        if (!serving->offered.chain)
                return 0;
        r = may_be_served(serving, view);
        if (r == 0)
                return 0;
        if (r < 0)
                return error_oom(error);
        r = serving->use(serving->offered.chain, serving->offered.key, error);
        if (r < 0)
                return r;
        pair_reset(&serving->served);
        serving->served = serving->offered;
        serving->offered = (struct server_pair){0};
        return 1;
}

const char *serving_newest(const struct serving *serving)
{
        return serving->offered.chain ? serving->offered.chain : serving->served.chain;
}
