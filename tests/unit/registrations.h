/*
 * Two CAs, server certificates of each, and configurations that register them. For tcase_add_checked_fixture().
 */
#pragma once

#include "authorities.h"
#include "certs/bundle.h"
#include "certs/certificate.h"
#include "certs/key.h"
#include "certs/openssl.h"
#include "kube/secret.h"
#include "trust/registration.h"
#include "util/cleanup.h"
#include "util/error.h"

#define HOST "regionfit.gpu.svc"

static struct pair cas[2], servers[2]; /* servers[i] is signed by cas[i], for HOST */

static inline void setup(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
                _cleanup_sans_ struct sans sans = {0};

                ck_assert_int_eq(sans_add(&sans, HOST, NULL), 0);
                ck_assert_int_eq(certificate_issue_ca(&cas[i], NOW, 300, NULL), 0);
                ck_assert_int_eq(certificate_issue_server(&servers[i], &cas[i], &sans, NOW, 30, NULL), 0);
        }
}

static inline void teardown(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
                pair_clear(&cas[i]);
                pair_clear(&servers[i]);
        }
}

/* The CAs whose bits are set. */
static inline STACK_OF(X509) * bundle_of(unsigned members)
{
        STACK_OF(X509) *bundle = sk_X509_new_null();

        for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
                if (members & (1u << i))
                        ck_assert(bundle_add(bundle, cas[i].certificate));
        return bundle;
}

static inline char *pem_of(X509 *certificate)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *list = sk_X509_new_null();
        char *text = NULL;

        ck_assert(bundle_add(list, certificate));
        ck_assert_int_eq(certificates_print(&text, list, NULL), 0);
        return text;
}

static inline json_t *entry_of(const char *name, unsigned members)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = bundle_of(members);
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *encoded = NULL;

        ck_assert_int_eq(certificates_print(&text, bundle, NULL), 0);
        encoded = secret_to_base64(text);
        return json_pack("{s:s, s:{s:{s:s, s:s}, s:s}}", "name", name, "clientConfig", "service", "name", "regionfit",
                         "namespace", "gpu", "caBundle", encoded);
}

/* Of two entries, which trust the CAs whose bits are set. */
static inline json_t *configuration_of(unsigned first, unsigned second)
{
        return json_pack("{s:{s:s, s:s, s:s}, s:[o, o]}", "metadata", "name", "regionfit", "uid", "12-34",
                         "resourceVersion", "7", "webhooks", entry_of("one.regionfit.io", first),
                         entry_of("two.regionfit.io", second));
}

static inline struct registration *registered(unsigned first, unsigned second)
{
        json_auto_t *configuration = configuration_of(first, second);
        struct registration *registration = NULL;

        ck_assert_int_eq(registration_new(&registration, configuration, NULL), 0);
        return registration;
}
