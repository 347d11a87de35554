/*
 * An authority as files and back. The two CAs and the bundle are read strictly: what clients trust must never be
 * replaced because a file could not be read. The server's pair is read leniently: it can be issued again at any
 * time, so a fault in it is kept as a sentence that becomes the reason of its renewal. A bundle that is missing is
 * made again from the CAs, and one that lacks them is completed: a bundle without the CA that signs is of no use.
 */
#include <errno.h>
#include <string.h>

#include "certs/authority.h"
#include "certs/bundle.h"
#include "certs/key.h"
#include "certs/openssl.h"
#include "util/error.h"

static const char *name_of(enum certs_file file)
{
        return certs_file_kinds[file].name;
}

static int load_certificate(X509 **ret, const struct certs_files *files, enum certs_file file, struct error *error)
{
        int r;

        if (!files->texts[file])
                return error_set(error, ENOENT, "%s is missing", name_of(file));
        r = certificate_parse(ret, files->texts[file], error);
        if (r < 0)
                error_prefix(error, "%s", name_of(file));
        return r;
}

static int load_key(EVP_PKEY **ret, const struct certs_files *files, enum certs_file file, struct error *error)
{
        int r;

        if (!files->texts[file])
                return error_set(error, ENOENT, "%s is missing", name_of(file));
        r = key_parse(ret, files->texts[file], error);
        if (r < 0)
                error_prefix(error, "%s", name_of(file));
        return r;
}

/* Reads what can be read into *pair even if the result is a failure. */
static int load_pair(struct pair *pair, const struct certs_files *files, enum certs_file certificate,
                     enum certs_file key, struct error *error)
{
        int r, r2;

        r = load_certificate(&pair->certificate, files, certificate, error);
        r2 = load_key(&pair->key, files, key, r < 0 ? NULL : error);
        if (r < 0 || r2 < 0)
                return r < 0 ? r : r2;
        if (!pair_matches(pair))
                return error_set(error, EKEYREJECTED, "%s is not the key of %s", name_of(key), name_of(certificate));
        return 0;
}

static int load_ca(struct pair *pair, const struct certs_files *files, enum certs_file certificate,
                   enum certs_file key, struct error *error)
{
        int r;

        if (!files->texts[certificate] && !files->texts[key])
                return 0;
        r = load_pair(pair, files, certificate, key, error);
        if (r == 0 && !certificate_is_ca(pair->certificate))
                r = error_set(error, EINVAL, "%s is no CA certificate", name_of(certificate));
        return r == -ENOENT || r == -EKEYREJECTED ? -EINVAL : r;
}

/* A CA whose key is kept elsewhere is a sensible thing to have, until something is to be signed. */
static int load_signing_ca(struct pair *pair, const struct certs_files *files, struct error *error)
{
        if (files->texts[CERTS_CA_CRT] && !files->texts[CERTS_CA_KEY])
                return load_certificate(&pair->certificate, files, CERTS_CA_CRT, error);
        return load_ca(pair, files, CERTS_CA_CRT, CERTS_CA_KEY, error);
}

static int load_server(struct authority *authority, const struct certs_files *files, struct error *error)
{
        _cleanup_error_ struct error fault = ERROR_INIT;
        int r;

        r = load_pair(&authority->server, files, CERTS_TLS_CRT, CERTS_TLS_KEY, &fault);
        if (r == 0)
                return 0;
        authority->server_fault = strdup(error_message(&fault));
        return authority->server_fault ? 0 : error_oom(error);
}

static bool complete_bundle(struct authority *authority)
{
        X509 *cas[] = {authority->ca.certificate, authority->next.certificate};

        for (int i = 0; i < 2; i++) {
                if (!cas[i] || bundle_contains(authority->bundle, cas[i]))
                        continue;
                if (!sk_X509_insert(authority->bundle, cas[i], i))
                        return false;
                X509_up_ref(cas[i]);
        }
        return true;
}

static int load_bundle(struct authority *authority, const struct certs_files *files, struct error *error)
{
        int r = 0;

        if (files->texts[CERTS_BUNDLE])
                r = certificates_parse(&authority->bundle, files->texts[CERTS_BUNDLE], error);
        else
                authority->bundle = sk_X509_new_null();
        if (r < 0) {
                error_prefix(error, "%s", name_of(CERTS_BUNDLE));
                return r;
        }
        return authority->bundle && complete_bundle(authority) ? 0 : error_oom(error);
}

int authority_load(struct authority *ret, const struct certs_files *files, struct error *error)
{
        _cleanup_authority_ struct authority authority = {0};
        int r;

        r = load_signing_ca(&authority.ca, files, error);
        if (r == 0)
                r = load_ca(&authority.next, files, CERTS_NEXT_CRT, CERTS_NEXT_KEY, error);
        if (r == 0)
                r = load_server(&authority, files, error);
        if (r == 0)
                r = load_bundle(&authority, files, error);
        if (r < 0)
                return r;
        *ret = authority;
        authority = (struct authority){0};
        return 0;
}

static int store_certificate(char **ret, X509 *certificate, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *list = NULL;

        if (!certificate)
                return 0;
        list = sk_X509_new_null();
        if (!list || !sk_X509_push(list, certificate))
                return error_oom(error);
        X509_up_ref(certificate);
        return certificates_print(ret, list, error);
}

static int store_pair(struct certs_files *files, const struct pair *pair, enum certs_file certificate,
                      enum certs_file key, struct error *error)
{
        int r;

        r = store_certificate(&files->texts[certificate], pair->certificate, error);
        if (r == 0 && pair->key)
                r = key_print(&files->texts[key], pair->key, error);
        return r;
}

int authority_store(struct certs_files *ret, const struct authority *authority, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        int r;

        r = store_pair(&files, &authority->ca, CERTS_CA_CRT, CERTS_CA_KEY, error);
        if (r == 0)
                r = store_pair(&files, &authority->next, CERTS_NEXT_CRT, CERTS_NEXT_KEY, error);
        if (r == 0)
                r = store_pair(&files, &authority->server, CERTS_TLS_CRT, CERTS_TLS_KEY, error);
        if (r == 0)
                r = certificates_print(&files.texts[CERTS_BUNDLE], authority->bundle, error);
        if (r < 0)
                return r;
        *ret = files;
        files = (struct certs_files){0};
        return 0;
}
