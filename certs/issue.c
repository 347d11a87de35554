/*
 * Issuing certificates: the two profiles of this project, each a table of extensions, and one way through.
 *
 * What is not in the tables is the same for both. The serial number has 128 random bits below a bit that is always
 * set: positive, 17 octets, never twice (RFC 5280 4.1.2.2 allows 20). The life starts a few minutes ago, as the
 * clock of a client may be behind. A CA's name carries the end of its serial number: during a rotation old and
 * new CA are trusted side by side, and a verifier that looks an issuer up by its name must find the one that
 * signed. A server certificate never outlives its CA, as verifiers would refuse the chain anyway and the time of
 * its renewal is computed from its own end.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "certs/certificate.h"
#include "certs/key.h"
#include "certs/openssl.h"
#include "util/error.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define SERIAL_BITS 128

struct extension {
        int nid;
        const char *value; /* as in openssl's x509v3_config(5) */
};

/* RFC 5280 4.2.1: constraints and usage are critical for a CA. pathlen 0: it signs servers, no further CAs. The
 * order matters: the key ids are computed from what was added before. */
static const struct extension ca_extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
        {NID_undef, NULL},
};

static const struct extension server_extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
        {NID_undef, NULL},
};

static bool set_serial(X509 *certificate)
{
        BIGNUM *serial = BN_new();
        bool done = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                    BN_set_bit(serial, SERIAL_BITS) == 1 &&
                    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));

        BN_free(serial);
        return done;
}

static bool set_name(X509 *certificate, const char *common_name)
{
        return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                          (const unsigned char *)common_name, -1, -1, 0) == 1;
}

/* X509_time_adj_ex() chooses UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 wants it. */
static bool set_life(X509 *certificate, int64_t not_before, int64_t not_after)
{
        time_t from = not_before, until = not_after;

        return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &from) &&
               X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &until);
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions)
{
        X509V3_CTX context;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        for (; extensions->value; extensions++) {
                X509_EXTENSION *extension;
                int added;

                extension = X509V3_EXT_conf_nid(NULL, &context, extensions->nid, extensions->value);
                added = extension ? X509_add_ext(certificate, extension, -1) : 0;
                X509_EXTENSION_free(extension);
                if (added != 1)
                        return false;
        }
        return true;
}

/* dNSName is an IA5String, iPAddress an OCTET STRING with 4 or 16 octets. */
static bool push_general_name(GENERAL_NAMES *names, const char *san)
{
        uint8_t address[16];
        size_t size = san_address(san, address);
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *value = ASN1_STRING_type_new(size ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

        if (!name || !value ||
            ASN1_STRING_set(value, size ? (const void *)address : san, size ? (int)size : -1) != 1) {
                ASN1_STRING_free(value);
                GENERAL_NAME_free(name);
                return false;
        }
        GENERAL_NAME_set0_value(name, size ? GEN_IPADD : GEN_DNS, value);
        if (!sk_GENERAL_NAME_push(names, name)) {
                GENERAL_NAME_free(name);
                return false;
        }
        return true;
}

static bool add_sans(X509 *certificate, const struct sans *sans)
{
        GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
        bool done = names;

        for (size_t i = 0; done && i < sans->count; i++)
                done = push_general_name(names, sans->names[i]);
        done = done && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
        GENERAL_NAMES_free(names);
        return done;
}

/* An unsigned certificate for a new key, with all but names and extensions. */
static int prepare(struct pair *ret, int64_t not_before, int64_t not_after, struct error *error)
{
        _cleanup_pair_ struct pair pair = {0};
        int r;

        r = key_generate(&pair.key, error);
        if (r < 0)
                return r;
        pair.certificate = X509_new();
        if (!pair.certificate || X509_set_version(pair.certificate, X509_VERSION_3) != 1 ||
            !set_serial(pair.certificate) || !set_life(pair.certificate, not_before, not_after) ||
            X509_set_pubkey(pair.certificate, pair.key) != 1)
                return openssl_error(error, EIO, "cannot prepare a certificate");
        *ret = pair;
        pair = (struct pair){0};
        return 0;
}

/* "regionfit CA 1f2e3d4c", after the end of the serial number. */
static bool name_ca(X509 *certificate)
{
        char common_name[64]; /* ub-common-name, RFC 5280 appendix A.1 */
        const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
        const unsigned char *octets = ASN1_STRING_get0_data(serial);
        int length = ASN1_STRING_length(serial);

        if (length < 4)
                return false;
        octets += length - 4;
        snprintf(common_name, sizeof(common_name), "regionfit CA %02x%02x%02x%02x", octets[0], octets[1], octets[2],
                 octets[3]);
        return set_name(certificate, common_name);
}

int certificate_issue_ca(struct pair *ret, int64_t now, unsigned int days, struct error *error)
{
        _cleanup_pair_ struct pair pair = {0};
        int r;

        r = prepare(&pair, now - CERTIFICATE_BACKDATE, now + days * SECONDS_PER_DAY, error);
        if (r < 0)
                return r;
        if (!name_ca(pair.certificate) ||
            X509_set_issuer_name(pair.certificate, X509_get_subject_name(pair.certificate)) != 1 ||
            !add_extensions(pair.certificate, pair.certificate, ca_extensions) ||
            X509_sign(pair.certificate, pair.key, EVP_sha256()) <= 0)
                return openssl_error(error, EIO, "cannot issue a CA certificate");
        *ret = pair;
        pair = (struct pair){0};
        return 0;
}

/* The part of the wished life in which the CA is valid too. */
static int fit_into_ca(int64_t *not_before, int64_t *not_after, const X509 *ca, int64_t now, struct error *error)
{
        int64_t ca_from = certificate_not_before(ca), ca_until = certificate_not_after(ca);

        if (now > ca_until)
                return error_set(error, EINVAL, "the CA has expired and cannot sign any more");
        if (now < ca_from)
                return error_set(error, EINVAL, "the CA is not valid yet; is the clock right?");
        if (*not_before < ca_from)
                *not_before = ca_from;
        if (*not_after > ca_until)
                *not_after = ca_until;
        return 0;
}

int certificate_issue_server(struct pair *ret, const struct pair *ca, const struct sans *sans, int64_t now,
                             unsigned int days, struct error *error)
{
        int64_t not_before = now - CERTIFICATE_BACKDATE, not_after = now + days * SECONDS_PER_DAY;
        _cleanup_pair_ struct pair pair = {0};
        int r;

        if (sans->count == 0)
                return error_set(error, EINVAL, "a server certificate needs a name or IP address at least");
        r = fit_into_ca(&not_before, &not_after, ca->certificate, now, error);
        if (r < 0)
                return r;
        r = prepare(&pair, not_before, not_after, error);
        if (r < 0)
                return r;
        if (!set_name(pair.certificate, "regionfit") ||
            X509_set_issuer_name(pair.certificate, X509_get_subject_name(ca->certificate)) != 1 ||
            !add_extensions(pair.certificate, ca->certificate, server_extensions) ||
            !add_sans(pair.certificate, sans) || X509_sign(pair.certificate, ca->key, EVP_sha256()) <= 0)
                return openssl_error(error, EIO, "cannot issue a server certificate");
        *ret = pair;
        pair = (struct pair){0};
        return 0;
}
