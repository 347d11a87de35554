/*
 * What is told of the certificate that is served, by GnuTLS, beside what OpenSSL tells of it.
 */
#include "daemon/tls.h"

#include <errno.h>
#include <string.h>

#include "certs/certs.h"
#include "check.h"
#include "util/error.h"

#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static const char *const names[] = {"localhost"};
static const struct certs_request usual = {.sans = names, .n_sans = 1, .now = NOW, .days = 1};

START_TEST(tells_what_openssl_tells)
{
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        _cleanup_(freep) char *fingerprint = NULL;
        struct certs_validity validity;
        struct tls_certificate shown;

        ck_assert_int_eq(certs_make(&pem, &usual, NULL), 0);
        ck_assert(!tls_current(&shown));
        ck_assert_int_eq(tls_use(pem.chain, pem.key, NULL), 0);
        ck_assert(tls_current(&shown));
        ck_assert_int_eq(certs_inspect(&validity, pem.chain, pem.key, NULL), 0);
        ck_assert_int_eq(certs_fingerprint(&fingerprint, pem.chain, NULL), 0);
        ck_assert_str_eq(shown.fingerprint, fingerprint);
        ck_assert_int_eq(shown.not_before, validity.not_before);
        ck_assert_int_eq(shown.not_after, validity.not_after);
        tls_forget();
        ck_assert(!tls_current(&shown));
}
END_TEST

static const struct refusal {
        const char *name, *chain, *key; /* NULL: those of one pair */
        bool of_another;                /* the key */
        int result;
        const char *sentence;
} refusals[] = {
        {"the key of another", NULL, NULL, true, -EKEYREJECTED, "the private key does not belong to the certificate"},
        {"an empty certificate", "", NULL, false, -EINVAL, "cannot use the certificate: "},
        {"a certificate that is none", "no certificate\n", NULL, false, -EINVAL, "cannot use the certificate: "},
        {"a key that is none", NULL, "no key\n", false, -EINVAL, "cannot use the private key: "},
};

START_TEST(refuses_what_is_of_no_use_and_keeps_what_was_there)
{
        const struct refusal *test = &refusals[_i];
        _cleanup_certs_pem_ struct certs_pem pem = {0}, other = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        struct tls_certificate before, after;
        const char *key;

        ck_assert_int_eq(certs_make(&pem, &usual, NULL), 0);
        ck_assert_int_eq(certs_make(&other, &usual, NULL), 0);
        ck_assert_int_eq(tls_use(pem.chain, pem.key, NULL), 0);
        ck_assert(tls_current(&before));
        key = test->of_another ? other.key : test->key ? test->key : pem.key;
        ck_assert_int_eq(tls_use(test->chain ? test->chain : pem.chain, key, &error), test->result);
        ck_assert_msg(!strncmp(error_message(&error), test->sentence, strlen(test->sentence)), "%s: %s", test->name,
                      error_message(&error));
        ck_assert(tls_current(&after));
        ck_assert_str_eq(after.fingerprint, before.fingerprint);
        tls_forget();
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, tells_what_openssl_tells);
        tcase_add_loop_test(tests, refuses_what_is_of_no_use_and_keeps_what_was_there, 0, ARRAY_SIZE(refusals));
}

int main(void)
{
        return unit_main("tls", add);
}
