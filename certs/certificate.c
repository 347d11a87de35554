/*
 * A certificate here is an X509 of OpenSSL; this file asks it questions and moves it in and out of PEM. What makes
 * one is in certs/issue.c.
 *
 * Reading is strict where a fault would surface later, in the middle of a handshake: a PEM text with one good and
 * one damaged certificate is damaged. It is lenient about what others put into theirs: names of kinds that we
 * never issue are skipped, and a SAN that our own rules would refuse (an underscore, say) is skipped too, so that
 * a foreign certificate can be shown and replaced.
 */
#include "certs/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "certs/key.h"
#include "certs/openssl.h"
#include "util/error.h"

X509 *certificate_free(X509 *certificate)
{
        X509_free(certificate);
        return NULL;
}

STACK_OF(X509) * certificates_free(STACK_OF(X509) * certificates)
{
        sk_X509_pop_free(certificates, X509_free);
        return NULL;
}

void pair_clear(struct pair *pair)
{
        pair->certificate = certificate_free(pair->certificate);
        pair->key = key_free(pair->key);
}

bool pair_matches(const struct pair *pair)
{
        bool matches = X509_check_private_key(pair->certificate, pair->key) == 1;

        ERR_clear_error();
        return matches;
}

/* True at the end of a PEM text, where OpenSSL found no further "-----BEGIN CERTIFICATE-----". */
static bool at_end_of_pem(void)
{
        unsigned long code = ERR_peek_last_error();

        return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static int read_certificates(STACK_OF(X509) * certificates, BIO *bio, struct error *error)
{
        X509 *certificate;

        while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
                if (!sk_X509_push(certificates, certificate)) {
                        certificate_free(certificate);
                        return error_oom(error);
                }
        }
        if (!at_end_of_pem())
                return openssl_error(error, EINVAL, "a damaged certificate");
        ERR_clear_error();
        if (sk_X509_num(certificates) == 0)
                return error_set(error, EINVAL, "no certificate in PEM");
        return 0;
}

int certificates_parse(STACK_OF(X509) * *ret, const char *pem, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *certificates = sk_X509_new_null();
        _cleanup_(bio_freep) BIO *bio = bio_new_text(pem);
        int r;

        if (!certificates || !bio)
                return error_oom(error);
        r = read_certificates(certificates, bio, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&certificates);
        return 0;
}

int certificate_parse(X509 **ret, const char *pem, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *certificates = NULL;
        int r;

        r = certificates_parse(&certificates, pem, error);
        if (r < 0)
                return r;
        *ret = sk_X509_shift(certificates);
        return 0;
}

int certificates_print(char **ret, const STACK_OF(X509) * certificates, struct error *error)
{
        _cleanup_(bio_freep) BIO *bio = bio_new_memory();

        if (!bio)
                return error_oom(error);
        for (int i = 0; i < sk_X509_num(certificates); i++)
                if (PEM_write_bio_X509(bio, sk_X509_value(certificates, i)) != 1)
                        return openssl_error(error, EIO, "cannot write a certificate as PEM");
        return bio_to_string(ret, bio, error);
}

bool certificate_is_ca(X509 *certificate)
{
        return X509_check_ca(certificate) == 1;
}

bool certificate_is_issued_by(X509 *certificate, X509 *issuer)
{
        bool issued = certificate_is_ca(issuer) && X509_check_issued(issuer, certificate) == X509_V_OK &&
                      X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

        ERR_clear_error();
        return issued;
}

static int64_t to_unix(const ASN1_TIME *time)
{
        struct tm tm;

        /* What cannot be read counts as long past: such a certificate is replaced. */
        return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

int64_t certificate_not_before(const X509 *certificate)
{
        return to_unix(X509_get0_notBefore(certificate));
}

int64_t certificate_not_after(const X509 *certificate)
{
        return to_unix(X509_get0_notAfter(certificate));
}

static int add_general_name(struct sans *sans, const GENERAL_NAME *name, struct error *error)
{
        char address[INET6_ADDRSTRLEN];
        const char *text = NULL;
        int r, type, length;
        const unsigned char *data;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

        if (type != GEN_DNS && type != GEN_IPADD)
                return 0;

        data = ASN1_STRING_get0_data(value);
        length = ASN1_STRING_length(value);
        if (type == GEN_DNS && strlen((const char *)data) == (size_t)length)
                text = (const char *)data;
        if (type == GEN_IPADD && (length == 4 || length == 16))
                text = inet_ntop(length == 4 ? AF_INET : AF_INET6, data, address, sizeof(address));

        r = text ? sans_add(sans, text, NULL) : 0;
        return r == -ENOMEM ? error_oom(error) : 0;
}

int certificate_sans(struct sans *ret, const X509 *certificate, struct error *error)
{
        _cleanup_sans_ struct sans sans = {0};
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        int r = 0;

        ERR_clear_error();
        for (int i = 0; i < sk_GENERAL_NAME_num(names) && r == 0; i++)
                r = add_general_name(&sans, sk_GENERAL_NAME_value(names, i), error);
        GENERAL_NAMES_free(names);
        if (r < 0)
                return r;
        *ret = sans;
        sans = (struct sans){0};
        return 0;
}

static int print_name(char **ret, const X509_NAME *name, struct error *error)
{
        _cleanup_(bio_freep) BIO *bio = bio_new_memory();

        if (!bio)
                return error_oom(error);
        if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
                return openssl_error(error, EIO, "cannot write a certificate's name");
        return bio_to_string(ret, bio, error);
}

int certificate_subject(char **ret, const X509 *certificate, struct error *error)
{
        return print_name(ret, X509_get_subject_name(certificate), error);
}

int certificate_issuer(char **ret, const X509 *certificate, struct error *error)
{
        return print_name(ret, X509_get_issuer_name(certificate), error);
}

int certificate_fingerprint(char **ret, const X509 *certificate, struct error *error)
{
        static const char digits[] = "0123456789ABCDEF";
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int size;
        char *text;

        if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1)
                return openssl_error(error, EIO, "cannot compute a certificate's fingerprint");
        text = malloc(3 * (size_t)size);
        if (!text)
                return error_oom(error);
        for (unsigned int i = 0; i < size; i++) {
                text[3 * i] = digits[digest[i] >> 4];
                text[3 * i + 1] = digits[digest[i] & 15];
                text[3 * i + 2] = i + 1 < size ? ':' : '\0';
        }
        *ret = text;
        return 0;
}
