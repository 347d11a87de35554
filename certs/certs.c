/*
 * The front of this library for callers that know nothing of X.509: they ask for certificates and get PEM. Nothing
 * is kept between calls, and nothing is global, so that every function may be called from any thread.
 */
#include "certs/certs.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "certs/authority.h"
#include "certs/key.h"
#include "certs/openssl.h"
#include "util/error.h"

void certs_pem_clear(struct certs_pem *pem)
{
        free(pem->ca_bundle);
        free(pem->chain);
        secret_free(pem->key);
        *pem = (struct certs_pem){0};
}

int certs_make(struct certs_pem *ret, const struct certs_request *request, struct error *error)
{
        _cleanup_authority_ struct authority authority = {0};
        _cleanup_certs_files_ struct certs_files files = {0};
        int r;

        r = authority_create(&authority, request, error);
        if (r == 0)
                r = authority_store(&files, &authority, error);
        if (r < 0)
                return r;
        *ret = (struct certs_pem){
                .ca_bundle = steal_pointer(&files.texts[CERTS_BUNDLE]),
                .chain = steal_pointer(&files.texts[CERTS_TLS_CRT]),
                .key = steal_pointer(&files.texts[CERTS_TLS_KEY]),
        };
        return 0;
}

int certs_inspect(struct certs_validity *ret, const char *chain, const char *key, struct error *error)
{
        _cleanup_pair_ struct pair pair = {0};
        int r;

        r = certificate_parse(&pair.certificate, chain, error);
        if (r == 0)
                r = key_parse(&pair.key, key, error);
        if (r < 0)
                return r;
        if (!pair_matches(&pair))
                return error_set(error, EKEYREJECTED, "the private key does not belong to the certificate");
        *ret = (struct certs_validity){
                .not_before = certificate_not_before(pair.certificate),
                .not_after = certificate_not_after(pair.certificate),
        };
        return 0;
}

int certs_fingerprint(char **ret, const char *chain, struct error *error)
{
        _cleanup_(certificate_freep) X509 *certificate = NULL;
        int r;

        r = certificate_parse(&certificate, chain, error);
        return r < 0 ? r : certificate_fingerprint(ret, certificate, error);
}

bool certs_renewal_due(const struct certs_validity *validity, int64_t now)
{
        int64_t life = validity->not_after - validity->not_before;

        return 3 * (validity->not_after - now) <= life;
}

int certs_base64(char **ret, const char *text, struct error *error)
{
        size_t size = strlen(text);
        char *encoded;

        if (size > INT_MAX)
                return error_set(error, EINVAL, "too much to encode");
        encoded = malloc((size + 2) / 3 * 4 + 1);
        if (!encoded)
                return error_oom(error);
        EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)size);
        *ret = encoded;
        return 0;
}
