/*
 * What an API server makes of a webhook's certificate. Expected is what crypto/x509 of Go documents of
 * Certificate.Verify with Roots from the caBundle, DNSName and KeyUsages = ServerAuth: names are SANs and never the
 * subject (Go 1.15), a wildcard is a whole label and the leftmost, an address is an address, every certificate of the
 * chain is valid now, and whatever is in the pool of roots ends a chain.
 */
#include "certs/verification.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "authorities.h"
#include "certs/certificate.h"
#include "util/cleanup.h"
#include "util/error.h"

static struct pair ca, other, server; /* the server's is signed by `ca` */

static void setup(void)
{
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(sans_add_all(&sans, NAMES("regionfit.gpu.svc", "*.wild.svc", "10.0.0.1", "::1"), 4, NULL),
                         0);
        ck_assert_int_eq(certificate_issue_ca(&ca, NOW, 300, NULL), 0);
        ck_assert_int_eq(certificate_issue_ca(&other, NOW, 300, NULL), 0);
        ck_assert_int_eq(certificate_issue_server(&server, &ca, &sans, NOW, 30, NULL), 0);
}

static void teardown(void)
{
        pair_clear(&ca);
        pair_clear(&other);
        pair_clear(&server);
}

static STACK_OF(X509) * list(X509 *first, X509 *second)
{
        STACK_OF(X509) *made = sk_X509_new_null();

        if (first && X509_up_ref(first))
                sk_X509_push(made, first);
        if (second && X509_up_ref(second))
                sk_X509_push(made, second);
        return made;
}

enum trusted { NOBODY, ITS_CA, ANOTHER_CA, BOTH, ITSELF };

static STACK_OF(X509) * roots(enum trusted trusted)
{
        switch (trusted) {
        case ITS_CA:
                return list(ca.certificate, NULL);
        case ANOTHER_CA:
                return list(other.certificate, NULL);
        case BOTH:
                return list(other.certificate, ca.certificate);
        case ITSELF:
                return list(server.certificate, NULL);
        default:
                return list(NULL, NULL);
        }
}

static const struct verify_case {
        const char *name, *host;
        enum trusted trusted;
        int64_t now;
        bool good;
} cases[] = {
        {"its name", "regionfit.gpu.svc", ITS_CA, NOW, true},
        {"its name in capitals", "RegionFit.GPU.svc", ITS_CA, NOW, true},
        {"another name", "regionfit.other.svc", ITS_CA, NOW, false},
        {"a part of its name", "gpu.svc", ITS_CA, NOW, false},
        {"its name within another", "a.regionfit.gpu.svc", ITS_CA, NOW, false},
        {"the name of its subject", "regionfit", ITS_CA, NOW, false},
        {"a label for the wildcard", "a.wild.svc", ITS_CA, NOW, true},
        {"two labels for the wildcard", "a.b.wild.svc", ITS_CA, NOW, false},
        {"no label for the wildcard", "wild.svc", ITS_CA, NOW, false},
        {"its address", "10.0.0.1", ITS_CA, NOW, true},
        {"another address", "10.0.0.2", ITS_CA, NOW, false},
        {"its IPv6 address", "::1", ITS_CA, NOW, true},
        {"its IPv6 address in other words", "0:0:0:0:0:0:0:1", ITS_CA, NOW, true},
        {"nobody is trusted", "regionfit.gpu.svc", NOBODY, NOW, false},
        {"another CA is trusted", "regionfit.gpu.svc", ANOTHER_CA, NOW, false},
        {"both CAs are trusted", "regionfit.gpu.svc", BOTH, NOW, true},
        {"it is trusted itself", "regionfit.gpu.svc", ITSELF, NOW, true},
        {"in its first second", "regionfit.gpu.svc", ITS_CA, NOW - CERTIFICATE_BACKDATE, true},
        {"before it", "regionfit.gpu.svc", ITS_CA, NOW - CERTIFICATE_BACKDATE - 1, false},
        /* To OpenSSL the last second is over; to Go it is not. */
        {"a second before its last", "regionfit.gpu.svc", ITS_CA, NOW + 30 * DAY - 1, true},
        {"after it", "regionfit.gpu.svc", ITS_CA, NOW + 30 * DAY + 1, false},
};

START_TEST(verifies)
{
        const struct verify_case *c = &cases[_i];
        _cleanup_(certificates_freep) STACK_OF(X509) *chain = list(server.certificate, NULL);
        _cleanup_(certificates_freep) STACK_OF(X509) *trusted = roots(c->trusted);
        _cleanup_error_ struct error error = ERROR_INIT;
        int r = certificate_verify(chain, trusted, c->host, c->now, &error);

        ck_assert_msg(r == (c->good ? 0 : -EKEYREJECTED), "%s: %d %s", c->name, r, error_message(&error));
        ck_assert_msg(c->good == !error.message, "%s: %s", c->name, error_message(&error));
}
END_TEST

static void add_extension(X509 *certificate, int nid, const char *value)
{
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        ck_assert_ptr_nonnull(extension);
        ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
}

/* Signs a certificate for a.svc with what is given, as other people's tools would. */
static X509 *sign(const struct pair *issuer, EVP_PKEY *key, const char *name, bool is_ca, const char *usage)
{
        X509 *made = X509_new();
        X509_NAME *subject = X509_get_subject_name(made);

        ck_assert_int_eq(X509_set_version(made, 2), 1);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 7);
        ck_assert_ptr_nonnull(ASN1_TIME_adj(X509_getm_notBefore(made), NOW, 0, -300));
        ck_assert_ptr_nonnull(ASN1_TIME_adj(X509_getm_notAfter(made), NOW, 30, 0));
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
        X509_set_issuer_name(made, X509_get_subject_name(issuer->certificate ? issuer->certificate : made));
        X509_set_pubkey(made, key);
        add_extension(made, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (!is_ca)
                add_extension(made, NID_subject_alt_name, "DNS:a.svc");
        if (usage)
                add_extension(made, NID_ext_key_usage, usage);
        ck_assert_int_gt(X509_sign(made, issuer->key ? issuer->key : key, EVP_sha256()), 0);
        return made;
}

static const struct foreign_case {
        const char *name;
        const char *usage;
        bool sent;       /* the intermediate CA comes with the certificate */
        bool registered; /* the caBundle has the intermediate CA alone, not the root */
        bool good;
} foreign_cases[] = {
        {"with an intermediate CA that is sent", "serverAuth", true, false, true},
        {"with one that is not sent", "serverAuth", false, false, false},
        {"with an intermediate CA in the caBundle", "serverAuth", false, true, true},
        {"without a usage", NULL, true, false, true},
        {"for clients", "clientAuth", true, false, false},
};

START_TEST(verifies_chains_of_other_people)
{
        const struct foreign_case *c = &foreign_cases[_i];
        EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
        struct pair none = {0}, root = {.key = keys[0]}, intermediate = {.key = keys[1]};
        X509 *leaf;
        int r;

        root.certificate = sign(&none, keys[0], "root", true, NULL);
        intermediate.certificate = sign(&root, keys[1], "intermediate", true, NULL);
        leaf = sign(&intermediate, keys[2], "leaf", false, c->usage);
        {
                _cleanup_(certificates_freep) STACK_OF(X509) *chain =
                        list(leaf, c->sent ? intermediate.certificate : NULL);
                _cleanup_(certificates_freep) STACK_OF(X509) *trusted =
                        list(c->registered ? intermediate.certificate : root.certificate, NULL);

                r = certificate_verify(chain, trusted, "a.svc", NOW, NULL);
        }
        ck_assert_msg(r == (c->good ? 0 : -EKEYREJECTED), "%s: %d", c->name, r);
        certificate_free(leaf);
        pair_clear(&root);
        pair_clear(&intermediate);
        EVP_PKEY_free(keys[2]);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, verifies, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, verifies_chains_of_other_people, 0, ARRAY_SIZE(foreign_cases));
}

int main(void)
{
        return unit_main("certs_verification", add);
}
