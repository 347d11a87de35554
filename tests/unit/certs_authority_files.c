/*
 * An authority as files and back: everything is kept, and damage is told by the file that it is in.
 */
#include "certs/authority.h"

#include <errno.h>
#include <string.h>

#include "authorities.h"
#include "certs/openssl.h"
#include "util/error.h"

START_TEST(files_hold_all_of_it)
{
        _cleanup_authority_ struct authority authority = {0}, again = {0};
        struct certs_request request = request_at(NOW, NULL, 0);
        _cleanup_certs_files_ struct certs_files files = {0};

        create(&authority);
        ck_assert_int_eq(authority_stage(&authority, &request, NULL), 0);
        ck_assert_int_eq(authority_store(&files, &authority, NULL), 0);
        for (size_t i = 0; i < CERTS_N_FILES; i++)
                ck_assert_ptr_nonnull(files.texts[i]);
        ck_assert_int_eq(authority_load(&again, &files, NULL), 0);
        ck_assert_int_eq(X509_cmp(again.ca.certificate, authority.ca.certificate), 0);
        ck_assert_int_eq(X509_cmp(again.next.certificate, authority.next.certificate), 0);
        ck_assert_int_eq(X509_cmp(again.server.certificate, authority.server.certificate), 0);
        ck_assert_int_eq(EVP_PKEY_eq(again.ca.key, authority.ca.key), 1);
        ck_assert_int_eq(EVP_PKEY_eq(again.next.key, authority.next.key), 1);
        ck_assert_int_eq(EVP_PKEY_eq(again.server.key, authority.server.key), 1);
        ck_assert_int_eq(sk_X509_num(again.bundle), 2);
        ck_assert_ptr_null(again.server_fault);
}
END_TEST

static const struct load_case {
        const char *name;
        enum certs_file file;
        enum certs_file as; /* CERTS_N_FILES: `text` instead */
        const char *text;
        int result;
        const char *word; /* of the sentence, or of the server's fault */
} load_cases[] = {
        {"a missing CA key waits until it is needed", CERTS_CA_KEY, CERTS_N_FILES, NULL, 0, NULL},
        {"a missing CA beside its key", CERTS_CA_CRT, CERTS_N_FILES, NULL, -EINVAL, "ca.crt is missing"},
        {"a garbled CA", CERTS_CA_CRT, CERTS_N_FILES, "garbage", -EINVAL, "ca.crt: no certificate"},
        {"a garbled CA key", CERTS_CA_KEY, CERTS_N_FILES, "garbage", -EINVAL, "ca.key: not a private key"},
        {"another CA key", CERTS_CA_KEY, CERTS_TLS_KEY, NULL, -EINVAL, "ca.key is not the key of ca.crt"},
        {"a server certificate as next CA", CERTS_NEXT_CRT, CERTS_TLS_CRT, NULL, -EINVAL,
         "ca-next.key is not the key"},
        {"a missing next key", CERTS_NEXT_KEY, CERTS_N_FILES, NULL, -EINVAL, "ca-next.key is missing"},
        {"a missing bundle is made again", CERTS_BUNDLE, CERTS_N_FILES, NULL, 0, NULL},
        {"a bundle that lacks the CAs is completed", CERTS_BUNDLE, CERTS_TLS_CRT, NULL, 0, NULL},
        {"a garbled bundle", CERTS_BUNDLE, CERTS_N_FILES, "garbage", -EINVAL, "ca-bundle.crt: no certificate"},
        {"a missing certificate", CERTS_TLS_CRT, CERTS_N_FILES, NULL, 0, "tls.crt is missing"},
        {"a garbled certificate", CERTS_TLS_CRT, CERTS_N_FILES, "garbage", 0, "tls.crt: no certificate"},
        {"a missing key", CERTS_TLS_KEY, CERTS_N_FILES, NULL, 0, "tls.key is missing"},
        {"a garbled key", CERTS_TLS_KEY, CERTS_N_FILES, "garbage", 0, "tls.key: not a private key"},
        {"another key", CERTS_TLS_KEY, CERTS_CA_KEY, NULL, 0, "tls.key is not the key of tls.crt"},
};

START_TEST(loads_with_damage)
{
        const struct load_case *c = &load_cases[_i];
        _cleanup_authority_ struct authority authority = {0}, again = {0};
        struct certs_request request = request_at(NOW, NULL, 0);
        _cleanup_certs_files_ struct certs_files files = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        const char *text, *said;

        create(&authority);
        ck_assert_int_eq(authority_stage(&authority, &request, NULL), 0);
        ck_assert_int_eq(authority_store(&files, &authority, NULL), 0);
        text = c->as == CERTS_N_FILES ? c->text : files.texts[c->as];
        secret_free(files.texts[c->file]);
        files.texts[c->file] = text ? strdup(text) : NULL;

        ck_assert_msg(authority_load(&again, &files, &error) == c->result, "%s: %s", c->name, error_message(&error));
        said = c->result ? error_message(&error) : again.server_fault;
        ck_assert_msg(!c->word == !said, "%s: %s", c->name, said ? said : "nothing");
        ck_assert_msg(!c->word || strstr(said, c->word), "%s: %s", c->name, said);
        if (c->result == 0)
                ck_assert_int_ge(sk_X509_num(again.bundle), 2);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, files_hold_all_of_it);
        tcase_add_loop_test(tests, loads_with_damage, 0, ARRAY_SIZE(load_cases));
}

int main(void)
{
        return unit_main("certs_authority_files", add);
}
