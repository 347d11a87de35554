/*
 * Certificates. What a field must be comes from RFC 5280; whether a client would accept a chain is asked of OpenSSL's
 * verifier (X509_verify_cert), at a given time. tests/integration/test_certs.py asks further verifiers.
 */
#include "certs/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "certs/key.h"
#include "check.h"
#include "util/error.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1767225600)   /* 2026-01-01T00:00:00Z */
#define Y2050 INT64_C(2524608000) /* 2050-01-01T00:00:00Z */

static const char *const names[] = {"regionfit.gpu.svc", "127.0.0.1", "::1"};

static void issue(struct pair *ca, struct pair *server, int64_t now, unsigned int ca_days, unsigned int days)
{
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(sans_add_all(&sans, names, ARRAY_SIZE(names), NULL), 0);
        ck_assert_int_eq(certificate_issue_ca(ca, now, ca_days, NULL), 0);
        ck_assert_int_eq(certificate_issue_server(server, ca, &sans, now, days, NULL), 0);
}

/* What a TLS client does with the server's certificate; X509_V_OK or OpenSSL's reason against it. */
static int verify(X509 *server, X509 *ca, int64_t now, const char *host, const char *address)
{
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509_VERIFY_PARAM *parameters;
        int result;

        ck_assert_int_eq(X509_STORE_add_cert(store, ca), 1);
        ck_assert_int_eq(X509_STORE_CTX_init(context, store, server, NULL), 1);
        parameters = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
        X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
        X509_VERIFY_PARAM_set_time(parameters, now);
        if (host)
                ck_assert_int_eq(X509_VERIFY_PARAM_set1_host(parameters, host, 0), 1);
        if (address)
                ck_assert_int_eq(X509_VERIFY_PARAM_set1_ip_asc(parameters, address), 1);
        X509_verify_cert(context);
        result = X509_STORE_CTX_get_error(context);
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
        ERR_clear_error();
        return result;
}

static const struct verify_case {
        const char *name;
        int64_t now;
        const char *host;
        const char *address;
        int result;
} verify_cases[] = {
        {"at the moment of issue", NOW, NULL, NULL, X509_V_OK},
        {"by a client whose clock is five minutes behind", NOW - 300, NULL, NULL, X509_V_OK},
        {"by a client whose clock is more behind", NOW - 301, NULL, NULL, X509_V_ERR_CERT_NOT_YET_VALID},
        /* RFC 5280 4.1.2.5 includes notAfter; OpenSSL does not. */
        {"in the last second but one", NOW + 90 * DAY - 1, NULL, NULL, X509_V_OK},
        {"after it", NOW + 90 * DAY + 1, NULL, NULL, X509_V_ERR_CERT_HAS_EXPIRED},
        {"under its DNS name", NOW, "regionfit.gpu.svc", NULL, X509_V_OK},
        {"under another DNS name", NOW, "regionfit.cpu.svc", NULL, X509_V_ERR_HOSTNAME_MISMATCH},
        {"under its common name", NOW, "regionfit", NULL, X509_V_ERR_HOSTNAME_MISMATCH},
        {"under its IPv4 address", NOW, NULL, "127.0.0.1", X509_V_OK},
        {"under its IPv6 address", NOW, NULL, "::1", X509_V_OK},
        {"under another address", NOW, NULL, "127.0.0.2", X509_V_ERR_IP_ADDRESS_MISMATCH},
        {"under its address as a DNS name", NOW, "127.0.0.1", NULL, X509_V_ERR_HOSTNAME_MISMATCH},
};

START_TEST(is_accepted)
{
        const struct verify_case *c = &verify_cases[_i];
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        int result;

        issue(&ca, &server, NOW, 3650, 90);
        result = verify(server.certificate, ca.certificate, c->now, c->host, c->address);
        ck_assert_msg(result == c->result, "%s: %s", c->name, X509_verify_cert_error_string(result));
}
END_TEST

START_TEST(knows_its_issuer)
{
        _cleanup_pair_ struct pair ca = {0}, server = {0}, other_ca = {0}, other_server = {0};

        issue(&ca, &server, NOW, 3650, 90);
        issue(&other_ca, &other_server, NOW, 3650, 90);
        ck_assert(certificate_is_issued_by(server.certificate, ca.certificate));
        ck_assert(certificate_is_issued_by(ca.certificate, ca.certificate));
        ck_assert(!certificate_is_issued_by(server.certificate, other_ca.certificate));
        ck_assert(!certificate_is_issued_by(ca.certificate, server.certificate));
        ck_assert_int_ne(verify(server.certificate, other_ca.certificate, NOW, NULL, NULL), X509_V_OK);
        ck_assert(certificate_is_ca(ca.certificate));
        ck_assert(!certificate_is_ca(server.certificate));
        ck_assert_int_ne(
                X509_NAME_cmp(X509_get_subject_name(ca.certificate), X509_get_subject_name(other_ca.certificate)), 0);
}
END_TEST

START_TEST(pairs_match_their_own_key_only)
{
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        struct pair mixed;

        issue(&ca, &server, NOW, 3650, 90);
        mixed = (struct pair){.certificate = server.certificate, .key = ca.key};
        ck_assert(pair_matches(&ca));
        ck_assert(pair_matches(&server));
        ck_assert(!pair_matches(&mixed));
        ck_assert(!ERR_peek_error());
}
END_TEST

static const struct life_case {
        const char *name;
        unsigned int ca_days, days;
        int64_t later; /* seconds between CA and server */
        int64_t server_from, server_until;
} life_cases[] = {
        {"the days asked for", 3650, 90, 0, NOW - 300, NOW + 90 * DAY},
        {"one day", 3650, 1, 0, NOW - 300, NOW + DAY},
        {"not beyond the CA's end", 30, 90, 0, NOW - 300, NOW + 30 * DAY},
        {"not beyond the CA's end, late in its life", 30, 90, 29 * DAY, NOW + 29 * DAY - 300, NOW + 30 * DAY},
        {"not before the CA's begin", 30, 10, -60, NOW - 300, NOW - 60 + 10 * DAY},
        {"beyond 2050", 36500, 18250, 0, NOW - 300, NOW + 18250 * DAY},
};

START_TEST(lives)
{
        const struct life_case *c = &life_cases[_i];
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(sans_add(&sans, "a", NULL), 0);
        ck_assert_int_eq(certificate_issue_ca(&ca, NOW, c->ca_days, NULL), 0);
        ck_assert_int_eq(certificate_issue_server(&server, &ca, &sans, NOW + c->later, c->days, NULL), 0);
        ck_assert_msg(certificate_not_before(server.certificate) == c->server_from, "%s: begin", c->name);
        ck_assert_msg(certificate_not_after(server.certificate) == c->server_until, "%s: end", c->name);
        ck_assert_int_eq(certificate_not_after(ca.certificate), NOW + c->ca_days * DAY);
}
END_TEST

/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
START_TEST(writes_times_as_the_rfc_wants)
{
        _cleanup_pair_ struct pair before = {0}, after = {0};

        ck_assert_int_eq(certificate_issue_ca(&before, Y2050 - DAY - 1, 1, NULL), 0);
        ck_assert_int_eq(certificate_issue_ca(&after, Y2050 - DAY, 1, NULL), 0);
        ck_assert_int_eq(ASN1_STRING_type(X509_get0_notAfter(before.certificate)), V_ASN1_UTCTIME);
        ck_assert_int_eq(ASN1_STRING_type(X509_get0_notAfter(after.certificate)), V_ASN1_GENERALIZEDTIME);
        ck_assert_int_eq(certificate_not_after(after.certificate), Y2050);
}
END_TEST

static const struct refuse_case {
        const char *name;
        int64_t now;
        bool with_san;
        const char *word;
} refuse_cases[] = {
        {"a CA that has expired", NOW + 30 * DAY + 1, true, "expired"},
        {"a CA of the future", NOW - 301, true, "not valid yet"},
        {"no names", NOW, false, "name"},
};

START_TEST(refuses_to_issue)
{
        const struct refuse_case *c = &refuse_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(certificate_issue_ca(&ca, NOW, 30, NULL), 0);
        if (c->with_san)
                ck_assert_int_eq(sans_add(&sans, "a", NULL), 0);
        ck_assert_msg(certificate_issue_server(&server, &ca, &sans, c->now, 1, &error) == -EINVAL, "%s", c->name);
        ck_assert_msg(strstr(error_message(&error), c->word), "%s: %s", c->name, error_message(&error));
        ck_assert_ptr_null(server.certificate);
}
END_TEST

/* RFC 5280 4.1.2.2: positive, at most 20 octets. 128 random bits: two of them never agree. */
START_TEST(numbers_are_positive_long_and_new)
{
        _cleanup_pair_ struct pair a = {0}, b = {0};
        const ASN1_INTEGER *x, *y;

        ck_assert_int_eq(certificate_issue_ca(&a, NOW, 1, NULL), 0);
        ck_assert_int_eq(certificate_issue_ca(&b, NOW, 1, NULL), 0);
        x = X509_get0_serialNumber(a.certificate);
        y = X509_get0_serialNumber(b.certificate);
        ck_assert_int_eq(ASN1_STRING_type(x), V_ASN1_INTEGER); /* not V_ASN1_NEG_INTEGER */
        ck_assert_int_ge(ASN1_STRING_length(x), 16);
        ck_assert_int_le(ASN1_STRING_length(x), 20);
        ck_assert_int_ne(ASN1_INTEGER_cmp(x, y), 0);
}
END_TEST

START_TEST(reads_back_its_names)
{
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        _cleanup_sans_ struct sans sans = {0}, none = {0};

        issue(&ca, &server, NOW, 3650, 90);
        ck_assert_int_eq(certificate_sans(&sans, server.certificate, NULL), 0);
        ck_assert_int_eq(certificate_sans(&none, ca.certificate, NULL), 0);
        ck_assert_uint_eq(sans.count, ARRAY_SIZE(names));
        for (size_t i = 0; i < sans.count; i++)
                ck_assert_str_eq(sans.names[i], names[i]);
        ck_assert_uint_eq(none.count, 0);
}
END_TEST

static void push(STACK_OF(X509) * list, X509 *certificate)
{
        ck_assert_int_eq(X509_up_ref(certificate), 1);
        ck_assert_int_gt(sk_X509_push(list, certificate), 0);
}

START_TEST(prints_and_parses_several)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *list = sk_X509_new_null(), *again = NULL;
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        _cleanup_(certificate_freep) X509 *first = NULL;
        _cleanup_(freep) char *pem = NULL;

        issue(&ca, &server, NOW, 3650, 90);
        push(list, server.certificate);
        push(list, ca.certificate);
        ck_assert_int_eq(certificates_print(&pem, list, NULL), 0);
        ck_assert_int_eq(certificates_parse(&again, pem, NULL), 0);
        ck_assert_int_eq(sk_X509_num(again), 2);
        ck_assert_int_eq(X509_cmp(sk_X509_value(again, 0), server.certificate), 0);
        ck_assert_int_eq(X509_cmp(sk_X509_value(again, 1), ca.certificate), 0);
        ck_assert_int_eq(certificate_parse(&first, pem, NULL), 0);
        ck_assert_int_eq(X509_cmp(first, server.certificate), 0);
}
END_TEST

static const struct damage_case {
        const char *name;
        const char *pem; /* stands behind a good certificate if it begins with '+' */
        const char *word;
} damage_cases[] = {
        {"an empty text", "", "no certificate"},
        {"garbage", "garbage", "no certificate"},
        {"a key instead", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate"},
        {"no base64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "damaged"},
        {"no certificate inside", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"},
        {"cut off", "-----BEGIN CERTIFICATE-----\nMIIB\n", "damaged"},
        {"a damaged one behind a good one", "+-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "damaged"},
};

START_TEST(refuses_damage)
{
        const struct damage_case *c = &damage_cases[_i];
        _cleanup_(certificates_freep) STACK_OF(X509) *list = sk_X509_new_null(), *parsed = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *good = NULL, *pem = NULL;
        _cleanup_pair_ struct pair ca = {0};
        bool behind = c->pem[0] == '+';

        ck_assert_int_eq(certificate_issue_ca(&ca, NOW, 1, NULL), 0);
        push(list, ca.certificate);
        ck_assert_int_eq(certificates_print(&good, list, NULL), 0);
        ck_assert_int_gt(asprintf(&pem, "%s%s", behind ? good : "", c->pem + behind), -1);

        ck_assert_msg(certificates_parse(&parsed, pem, &error) == -EINVAL, "%s", c->name);
        ck_assert_msg(strstr(error_message(&error), c->word), "%s: %s", c->name, error_message(&error));
        ck_assert_msg(!ERR_peek_error(), "%s leaves an error behind", c->name);
}
END_TEST

START_TEST(describes)
{
        _cleanup_(freep) char *subject = NULL, *issuer = NULL, *ca_subject = NULL, *fingerprint = NULL;
        _cleanup_pair_ struct pair ca = {0}, server = {0};

        issue(&ca, &server, NOW, 3650, 90);
        ck_assert_int_eq(certificate_subject(&subject, server.certificate, NULL), 0);
        ck_assert_int_eq(certificate_issuer(&issuer, server.certificate, NULL), 0);
        ck_assert_int_eq(certificate_subject(&ca_subject, ca.certificate, NULL), 0);
        ck_assert_int_eq(certificate_fingerprint(&fingerprint, server.certificate, NULL), 0);
        ck_assert_str_eq(subject, "CN=regionfit");
        ck_assert_str_eq(issuer, ca_subject);
        ck_assert_ptr_eq(strstr(issuer, "CN=regionfit CA "), issuer);
        ck_assert_uint_eq(strlen(fingerprint), 32 * 3 - 1);
        ck_assert_uint_eq(strspn(fingerprint, "0123456789ABCDEF:"), 32 * 3 - 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, is_accepted, 0, ARRAY_SIZE(verify_cases));
        tcase_add_test(tests, knows_its_issuer);
        tcase_add_test(tests, pairs_match_their_own_key_only);
        tcase_add_loop_test(tests, lives, 0, ARRAY_SIZE(life_cases));
        tcase_add_test(tests, writes_times_as_the_rfc_wants);
        tcase_add_loop_test(tests, refuses_to_issue, 0, ARRAY_SIZE(refuse_cases));
        tcase_add_test(tests, numbers_are_positive_long_and_new);
        tcase_add_test(tests, reads_back_its_names);
        tcase_add_test(tests, prints_and_parses_several);
        tcase_add_loop_test(tests, refuses_damage, 0, ARRAY_SIZE(damage_cases));
        tcase_add_test(tests, describes);
}

int main(void)
{
        return unit_main("certs_certificate", add);
}
