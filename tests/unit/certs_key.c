/*
 * Private keys. Foreign keys below were made by openssl(1), so that reading is not tested against our own writing.
 */
#include "certs/key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "certs/openssl.h"
#include "check.h"
#include "util/error.h"

/* openssl ecparam -name prime256v1 -genkey: SEC 1, behind a block of parameters. */
#define SEC1_KEY                                                             \
        "-----BEGIN EC PARAMETERS-----\n"                                    \
        "BggqhkjOPQMBBw==\n"                                                 \
        "-----END EC PARAMETERS-----\n"                                      \
        "-----BEGIN EC PRIVATE KEY-----\n"                                   \
        "MHcCAQEEIEH+3+0FTcidTb5h8hKy900uIoqLut9gib2cy3e9wEZMoAoGCCqGSM49\n" \
        "AwEHoUQDQgAEl9J6+sIaUqGu9OUsa/brq3MEvoZ9R1b94n4mFFnz7yD3LuzelGWy\n" \
        "pRVAxnSv+Kr7IHyzmXnbNI/xou9GY2hAXg==\n"                             \
        "-----END EC PRIVATE KEY-----\n"
/* openssl genpkey -algorithm ED25519 */
#define ED25519_KEY                                                          \
        "-----BEGIN PRIVATE KEY-----\n"                                      \
        "MC4CAQAwBQYDK2VwBCIEIOBYYKiRmoTs9cp63dJJhNABv26fQIHTgV57zDPeknGa\n" \
        "-----END PRIVATE KEY-----\n"
/* openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret */
#define ENCRYPTED_KEY                                                        \
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                            \
        "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgK9e1NimVwVQICCAAw\n" \
        "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEENbhSg+BdLoIE4hOrRyqcX8EgZDx\n" \
        "C3hb54ixZMnjfJFFaEKXxjaoEoDfEaqNQvjcA487r63FkH+k9JQag0k3ekA/9T7I\n" \
        "EMrrWOhUVzD99nolZUdeWn4q5o+W9L1Zk5+GjvB6xNZc4aGKsywnMhgdOISGEuhx\n" \
        "swpkmeQUcjgrEF/qAeAl4Htzz5BOwb+KtGXAvN7Po2m66877L2RVTb0cZeXWGDI=\n" \
        "-----END ENCRYPTED PRIVATE KEY-----\n"

static const struct parse_case {
        const char *name;
        const char *pem;
        int result;
        const char *word; /* of the sentence */
} parse_cases[] = {
        {"SEC 1 behind EC PARAMETERS", SEC1_KEY, 0, ""},
        {"another algorithm", ED25519_KEY, 0, ""},
        {"text around the key", "hello\n" ED25519_KEY "goodbye\n", 0, ""},
        {"an encrypted key", ENCRYPTED_KEY, -EINVAL, "encrypted"},
        {"an empty text", "", -EINVAL, "not a private key"},
        {"garbage", "garbage", -EINVAL, "not a private key"},
        {"a key without its content", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", -EINVAL, "not a"},
        {"a key without its end", "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n", -EINVAL,
         "not a"},
};

START_TEST(parses)
{
        const struct parse_case *c = &parse_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(key_freep) EVP_PKEY *key = NULL;

        ck_assert_msg(key_parse(&key, c->pem, &error) == c->result, "%s: %s", c->name, error_message(&error));
        ck_assert_msg(!c->result == !!key, "%s", c->name);
        ck_assert_msg(!c->result || strstr(error_message(&error), c->word), "%s: %s", c->name, error_message(&error));
        ck_assert_msg(!ERR_peek_error(), "%s leaves an error behind", c->name);
}
END_TEST

START_TEST(makes_keys_on_p256_only)
{
        _cleanup_(key_freep) EVP_PKEY *key = NULL;
        char group[32];

        ck_assert_int_eq(key_generate(&key, NULL), 0);
        ck_assert_int_eq(EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL),
                         1);
        ck_assert_str_eq(group, "prime256v1"); /* the name of P-256 in ANSI X9.62 */
}
END_TEST

START_TEST(makes_another_key_each_time)
{
        _cleanup_(key_freep) EVP_PKEY *a = NULL, *b = NULL;

        ck_assert_int_eq(key_generate(&a, NULL), 0);
        ck_assert_int_eq(key_generate(&b, NULL), 0);
        ck_assert_int_ne(EVP_PKEY_eq(a, b), 1);
}
END_TEST

START_TEST(prints_pkcs8_that_reads_back)
{
        _cleanup_(key_freep) EVP_PKEY *key = NULL, *again = NULL;
        _cleanup_(secret_freep) char *pem = NULL;

        ck_assert_int_eq(key_generate(&key, NULL), 0);
        ck_assert_int_eq(key_print(&pem, key, NULL), 0);
        ck_assert_ptr_eq(strstr(pem, "-----BEGIN PRIVATE KEY-----\n"), pem); /* RFC 7468 10 */
        ck_assert_int_eq(key_parse(&again, pem, NULL), 0);
        ck_assert_int_eq(EVP_PKEY_eq(key, again), 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, parses, 0, ARRAY_SIZE(parse_cases));
        tcase_add_test(tests, makes_keys_on_p256_only);
        tcase_add_test(tests, makes_another_key_each_time);
        tcase_add_test(tests, prints_pkcs8_that_reads_back);
}

int main(void)
{
        return unit_main("certs_key", add);
}
