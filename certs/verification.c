/*
 * OpenSSL verifies as Go does once it is told what Go takes for granted: whatever is in the pool of roots ends a
 * chain, even if it is signed by another (X509_V_FLAG_PARTIAL_CHAIN); the certificate must be good for a server; a
 * name is looked for among the SANs alone, a wildcard stands for a whole label, and an address is no name.
 */
#include "certs/verification.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "certs/san.h"
#include "util/cleanup.h"
#include "util/error.h"

static X509_STORE *store_free(X509_STORE *store)
{
        X509_STORE_free(store);
        return NULL;
}
DEFINE_CLEANUP(X509_STORE *, store_free);

static X509_STORE_CTX *context_free(X509_STORE_CTX *context)
{
        X509_STORE_CTX_free(context);
        return NULL;
}
DEFINE_CLEANUP(X509_STORE_CTX *, context_free);

static X509_STORE *make_store(STACK_OF(X509) * roots)
{
        _cleanup_(store_freep) X509_STORE *store = X509_STORE_new();

        for (int i = 0; store && i < sk_X509_num(roots); i++)
                if (X509_STORE_add_cert(store, sk_X509_value(roots, i)) != 1)
                        return NULL;
        return steal_pointer(&store);
}

static bool set_host(X509_VERIFY_PARAM *parameters, const char *host)
{
        uint8_t octets[16];
        size_t size = san_address(host, octets);

        X509_VERIFY_PARAM_set_hostflags(parameters,
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (size)
                return X509_VERIFY_PARAM_set1_ip(parameters, octets, size) == 1;
        return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1;
}

static bool prepare(X509_STORE_CTX *context, X509_STORE *store, STACK_OF(X509) * chain, const char *host, int64_t now)
{
        X509_VERIFY_PARAM *parameters;

        if (X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) != 1)
                return false;
        parameters = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(parameters, now);
        return X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER) == 1 && set_host(parameters, host);
}

int certificate_verify(STACK_OF(X509) * chain, STACK_OF(X509) * roots, const char *host, int64_t now,
                       struct error *error)
{
        _cleanup_(store_freep) X509_STORE *store = make_store(roots);
        _cleanup_(context_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
        int verified;

        if (!store || !context || !prepare(context, store, chain, host, now)) {
                ERR_clear_error();
                return error_oom(error);
        }
        verified = X509_verify_cert(context);
        ERR_clear_error();
        if (verified == 1)
                return 0;
        return error_set(error, EKEYREJECTED, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
}
