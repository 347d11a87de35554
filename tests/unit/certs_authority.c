/*
 * The life of an authority, with the clock given. "Accepted" below means that OpenSSL's verifier (X509_verify_cert)
 * takes the server certificate with the bundle that a client holds.
 */
#include "certs/authority.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "authorities.h"
#include "certs/key.h"
#include "certs/openssl.h"
#include "util/error.h"

#define HOUR INT64_C(3600)

static bool accepts(const STACK_OF(X509) * bundle, X509 *server, int64_t now)
{
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        bool accepted;

        for (int i = 0; i < sk_X509_num(bundle); i++)
                ck_assert_int_eq(X509_STORE_add_cert(store, sk_X509_value(bundle, i)), 1);
        ck_assert_int_eq(X509_STORE_CTX_init(context, store, server, NULL), 1);
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), now);
        accepted = X509_verify_cert(context) == 1;
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
        ERR_clear_error();
        return accepted;
}

static STACK_OF(X509) * copy(const STACK_OF(X509) * bundle)
{
        STACK_OF(X509) *copied = X509_chain_up_ref((STACK_OF(X509) *)bundle);

        ck_assert_ptr_nonnull(copied);
        return copied;
}

static X509 *keep(X509 *certificate)
{
        ck_assert_int_eq(X509_up_ref(certificate), 1);
        return certificate;
}

static const struct due_case {
        const char *name;
        int64_t now;
        const char *sans[3];
        enum san_rule rule;
        const char *word; /* of the reason; NULL: not due */
} due_cases[] = {
        {"at once", NOW, {0}, SAN_REPLACE, NULL},
        {"with more than a third left", NOW + 20 * DAY - 101, {0}, SAN_REPLACE, NULL},
        {"with a third left", NOW + 20 * DAY - 100, {0}, SAN_REPLACE, "expires in 10 days"},
        {"with two days left", NOW + 28 * DAY, {0}, SAN_REPLACE, "expires in 2 days"},
        {"with a day left", NOW + 29 * DAY, {0}, SAN_REPLACE, "expires in 24 hours"},
        {"with an hour left", NOW + 30 * DAY - HOUR, {0}, SAN_REPLACE, "expires in 60 minutes"},
        {"after the end", NOW + 30 * DAY + 1, {0}, SAN_REPLACE, "has expired"},
        {"before the begin", NOW - 301, {0}, SAN_REPLACE, "not valid yet"},
        {"for the names that it has", NOW, {"10.0.0.1", "A.svc"}, SAN_REPLACE, NULL},
        {"for one of its names among others", NOW, {"a.svc"}, SAN_ADD, NULL},
        {"for one of its names alone", NOW, {"a.svc"}, SAN_REPLACE, "10.0.0.1"},
        {"for a name that it lacks", NOW, {"a.svc", "b.svc"}, SAN_ADD, "lacks the name b.svc"},
        {"for an address that it lacks", NOW, {"a.svc", "10.0.0.1", "::1"}, SAN_REPLACE, "lacks the name ::1"},
};

START_TEST(renewal_is_due)
{
        const struct due_case *c = &due_cases[_i];
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request request;
        _cleanup_(freep) char *reason = NULL;
        size_t n = 0;

        while (n < ARRAY_SIZE(c->sans) && c->sans[n])
                n++;
        request = request_at(c->now, c->sans, n);
        create(&authority);
        ck_assert_int_eq(authority_due(&reason, &authority, &request, c->rule, NULL), 0);
        ck_assert_msg(!c->word == !reason, "%s: %s", c->name, reason ? reason : "not due");
        ck_assert_msg(!c->word || strstr(reason, c->word), "%s: %s", c->name, reason);
}
END_TEST

/* Otherwise each renewal would be shorter than the last, and there would be no end of them. */
START_TEST(a_life_that_ends_with_the_ca_is_not_due_before_its_end)
{
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request late = request_at(NOW + 280 * DAY, NULL, 0);
        struct certs_request last = request_at(NOW + 300 * DAY, NULL, 0);
        _cleanup_(freep) char *reason = NULL;

        create(&authority);
        ck_assert_int_eq(authority_renew(&authority, &late, SAN_REPLACE, NULL), 0);
        ck_assert_int_eq(certificate_not_after(authority.server.certificate), NOW + 300 * DAY);
        ck_assert_int_eq(authority_due(&reason, &authority, &last, SAN_REPLACE, NULL), 0);
        ck_assert_ptr_null(reason);
}
END_TEST

START_TEST(renewal_changes_key_and_number_and_keeps_names)
{
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request request = request_at(NOW + 25 * DAY, NULL, 0);
        _cleanup_(certificate_freep) X509 *before = NULL;
        _cleanup_sans_ struct sans sans = {0};

        create(&authority);
        before = keep(authority.server.certificate);
        ck_assert_int_eq(authority_renew(&authority, &request, SAN_REPLACE, NULL), 0);
        ck_assert(pair_matches(&authority.server));
        ck_assert(accepts(authority.bundle, authority.server.certificate, request.now));
        ck_assert_int_ne(EVP_PKEY_eq(X509_get0_pubkey(before), authority.server.key), 1);
        ck_assert_int_eq(certificate_sans(&sans, authority.server.certificate, NULL), 0);
        ck_assert_uint_eq(sans.count, 2);
        ck_assert_int_eq(certificate_not_after(authority.server.certificate), NOW + 55 * DAY);
}
END_TEST

START_TEST(names_are_added_or_replaced)
{
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request request = request_at(NOW, NAMES("b.svc"), 1);
        _cleanup_sans_ struct sans added = {0}, replaced = {0};

        create(&authority);
        ck_assert_int_eq(authority_renew(&authority, &request, SAN_ADD, NULL), 0);
        ck_assert_int_eq(certificate_sans(&added, authority.server.certificate, NULL), 0);
        ck_assert_uint_eq(added.count, 3);
        ck_assert_int_eq(authority_renew(&authority, &request, SAN_REPLACE, NULL), 0);
        ck_assert_int_eq(certificate_sans(&replaced, authority.server.certificate, NULL), 0);
        ck_assert_uint_eq(replaced.count, 1);
        ck_assert_str_eq(replaced.names[0], "b.svc");
}
END_TEST

/* At no step is there a client that does as the help says and is refused. */
START_TEST(a_rotation_never_shows_what_a_client_does_not_trust)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *first = NULL, *staged = NULL, *finished = NULL;
        _cleanup_(certificate_freep) X509 *old_server = NULL, *old_ca = NULL;
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request request = request_at(NOW + DAY, NULL, 0);

        create(&authority);
        first = copy(authority.bundle);
        old_server = keep(authority.server.certificate);
        old_ca = keep(authority.ca.certificate);

        ck_assert_int_eq(authority_stage(&authority, &request, NULL), 0);
        staged = copy(authority.bundle);
        ck_assert_ptr_eq(authority.server.certificate, old_server);
        ck_assert_ptr_eq(authority.ca.certificate, old_ca);
        ck_assert_int_eq(sk_X509_num(staged), 2);
        ck_assert(accepts(staged, old_server, request.now));

        ck_assert_int_eq(authority_finish(&authority, &request, NULL), 0);
        finished = copy(authority.bundle);
        ck_assert_ptr_ne(authority.ca.certificate, old_ca);
        ck_assert_ptr_null(authority.next.certificate);
        ck_assert(certificate_is_issued_by(authority.server.certificate, authority.ca.certificate));
        ck_assert(accepts(staged, authority.server.certificate, request.now));
        ck_assert(accepts(finished, authority.server.certificate, request.now));
        ck_assert(accepts(finished, old_server, request.now));
        ck_assert(!accepts(first, authority.server.certificate, request.now)); /* why staging is a step */
        ck_assert(authority_has_old(&authority));

        ck_assert_int_eq(authority_drop_old(&authority, &request, NULL), 0);
        ck_assert(!authority_has_old(&authority));
        ck_assert(accepts(authority.bundle, authority.server.certificate, request.now));
        ck_assert(!accepts(authority.bundle, old_server, request.now));
}
END_TEST

START_TEST(an_old_ca_leaves_the_bundle_once_it_has_expired)
{
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request rotate = request_at(NOW + 200 * DAY, NULL, 0);
        struct certs_request last = request_at(NOW + 300 * DAY, NULL, 0);
        struct certs_request after = request_at(NOW + 300 * DAY + 1, NULL, 0);

        create(&authority);
        ck_assert_int_eq(authority_stage(&authority, &rotate, NULL), 0);
        ck_assert_int_eq(authority_finish(&authority, &rotate, NULL), 0);
        ck_assert_int_eq(authority_renew(&authority, &last, SAN_ADD, NULL), 0);
        ck_assert(authority_has_old(&authority));
        ck_assert_int_eq(authority_renew(&authority, &after, SAN_ADD, NULL), 0);
        ck_assert(!authority_has_old(&authority));
}
END_TEST

START_TEST(dropping_waits_for_a_server_certificate_of_the_ca)
{
        _cleanup_authority_ struct authority authority = {0}, other = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        struct certs_request request = request_at(NOW, NULL, 0);

        create(&authority);
        create(&other);
        ck_assert_int_eq(authority_stage(&authority, &request, NULL), 0);
        pair_clear(&authority.server);
        authority.server = other.server;
        other.server = (struct pair){0};
        ck_assert_int_eq(authority_drop_old(&authority, &request, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "renew"));
}
END_TEST

static const struct maintain_case {
        const char *name;
        int64_t now;
        bool staged, changed;
        bool same_ca, has_next, same_server;
} maintain_cases[] = {
        {"nothing, while all is well", NOW, false, false, true, false, true},
        {"renews the server", NOW + 25 * DAY, false, true, true, false, false},
        {"renews the server after its end", NOW + 100 * DAY, false, true, true, false, false},
        {"leaves a rotation under way alone", NOW, true, false, true, true, true},
        {"stages a successor in the CA's last third", NOW + 200 * DAY, false, true, true, true, false},
        {"stages one successor only", NOW + 200 * DAY, true, true, true, true, false},
        {"lets the successor take over at the end", NOW + 300 * DAY + 1, true, true, false, false, false},
        {"starts anew where there is no successor", NOW + 300 * DAY + 1, false, true, false, false, false},
        {"starts anew where the successor has expired too", NOW + 400 * DAY, true, true, false, false, false},
};

START_TEST(maintenance)
{
        const struct maintain_case *c = &maintain_cases[_i];
        struct certs_request start = request_at(NOW, NULL, 0), request = request_at(c->now, NULL, 0);
        _cleanup_(certificate_freep) X509 *ca = NULL, *server = NULL;
        _cleanup_authority_ struct authority authority = {0};
        _cleanup_sans_ struct sans sans = {0};
        bool changed = !c->changed;

        create(&authority);
        start.now += c->now > NOW + 350 * DAY ? 0 : HOUR; /* the successor outlives the CA by an hour, or not */
        if (c->staged)
                ck_assert_int_eq(authority_stage(&authority, &start, NULL), 0);
        ca = keep(authority.ca.certificate);
        server = keep(authority.server.certificate);

        ck_assert_int_eq(authority_maintain(&authority, &request, &changed, NULL), 0);
        ck_assert_msg(changed == c->changed, "%s: changed", c->name);
        ck_assert_msg((authority.ca.certificate == ca) == c->same_ca, "%s: CA", c->name);
        ck_assert_msg(!!authority.next.certificate == c->has_next, "%s: next CA", c->name);
        ck_assert_msg((authority.server.certificate == server) == c->same_server, "%s: server", c->name);
        ck_assert_msg(accepts(authority.bundle, authority.server.certificate, c->now), "%s: accepted", c->name);
        ck_assert_int_eq(certificate_sans(&sans, authority.server.certificate, NULL), 0);
        ck_assert_msg(sans.count == 2, "%s: names", c->name);
}
END_TEST

/* A clock that was set back or reset must not cost anybody the CA. */
START_TEST(maintenance_before_the_ca_is_valid_fails_and_changes_nothing)
{
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request request = request_at(DAY, NULL, 0); /* 1970 */
        bool changed;

        create(&authority);
        ck_assert_int_eq(authority_maintain(&authority, &request, &changed, NULL), -EINVAL);
        ck_assert_int_eq(sk_X509_num(authority.bundle), 1);
        ck_assert(pair_matches(&authority.server));
}
END_TEST

/* A damaged server certificate is issued again; its names are kept as long as they can be read. */
START_TEST(maintenance_mends_the_server)
{
        static const enum certs_file damaged[] = {CERTS_TLS_CRT, CERTS_TLS_KEY};
        struct certs_request request = request_at(NOW, NAMES("a.svc"), 1);
        _cleanup_authority_ struct authority authority = {0}, again = {0};
        _cleanup_certs_files_ struct certs_files files = {0};
        _cleanup_sans_ struct sans sans = {0};
        bool changed = false;

        create(&authority);
        ck_assert_int_eq(authority_store(&files, &authority, NULL), 0);
        files.texts[damaged[_i]] = secret_free(files.texts[damaged[_i]]);
        ck_assert_int_eq(authority_load(&again, &files, NULL), 0);
        ck_assert_int_eq(authority_maintain(&again, &request, &changed, NULL), 0);
        ck_assert(changed);
        ck_assert(pair_matches(&again.server));
        ck_assert(accepts(authority.bundle, again.server.certificate, NOW));
        ck_assert_int_eq(certificate_sans(&sans, again.server.certificate, NULL), 0);
        ck_assert_uint_eq(sans.count, damaged[_i] == CERTS_TLS_CRT ? 1 : 2);
}
END_TEST

START_TEST(nothing_is_signed_without_the_ca_key)
{
        _cleanup_authority_ struct authority authority = {0};
        struct certs_request request = request_at(NOW, NULL, 0);

        create(&authority);
        authority.ca.key = key_free(authority.ca.key);
        ck_assert_int_eq(authority_renew(&authority, &request, SAN_ADD, NULL), -ENOKEY);
}
END_TEST

START_TEST(lives_that_are_too_long_are_refused)
{
        struct certs_request too_long = {.sans = NAMES("a"), .n_sans = 1, .days = CERTS_MAX_DAYS + 1, .now = NOW};
        struct certs_request ca_too_long = {
                .sans = NAMES("a"), .n_sans = 1, .ca_days = CERTS_MAX_DAYS + 1, .now = NOW};
        struct certs_request longest = {
                .sans = NAMES("a"), .n_sans = 1, .days = CERTS_MAX_DAYS, .ca_days = CERTS_MAX_DAYS, .now = NOW};
        _cleanup_authority_ struct authority authority = {0};

        ck_assert_int_eq(authority_create(&authority, &too_long, NULL), -EINVAL);
        ck_assert_int_eq(authority_create(&authority, &ca_too_long, NULL), -EINVAL);
        ck_assert_int_eq(authority_create(&authority, &longest, NULL), 0);
        ck_assert_int_eq(certificate_not_after(authority.server.certificate), NOW + CERTS_MAX_DAYS * DAY);
}
END_TEST

START_TEST(defaults_are_90_days_and_ten_years)
{
        struct certs_request request = {.sans = NAMES("a"), .n_sans = 1, .now = NOW};
        _cleanup_authority_ struct authority authority = {0};

        ck_assert_int_eq(authority_create(&authority, &request, NULL), 0);
        ck_assert_int_eq(certificate_not_after(authority.server.certificate), NOW + 90 * DAY);
        ck_assert_int_eq(certificate_not_after(authority.ca.certificate), NOW + 3650 * DAY);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, renewal_is_due, 0, ARRAY_SIZE(due_cases));
        tcase_add_test(tests, a_life_that_ends_with_the_ca_is_not_due_before_its_end);
        tcase_add_test(tests, renewal_changes_key_and_number_and_keeps_names);
        tcase_add_test(tests, names_are_added_or_replaced);
        tcase_add_test(tests, a_rotation_never_shows_what_a_client_does_not_trust);
        tcase_add_test(tests, an_old_ca_leaves_the_bundle_once_it_has_expired);
        tcase_add_test(tests, dropping_waits_for_a_server_certificate_of_the_ca);
        tcase_add_loop_test(tests, maintenance, 0, ARRAY_SIZE(maintain_cases));
        tcase_add_test(tests, maintenance_before_the_ca_is_valid_fails_and_changes_nothing);
        tcase_add_loop_test(tests, maintenance_mends_the_server, 0, 2);
        tcase_add_test(tests, nothing_is_signed_without_the_ca_key);
        tcase_add_test(tests, lives_that_are_too_long_are_refused);
        tcase_add_test(tests, defaults_are_90_days_and_ten_years);
}

int main(void)
{
        return unit_main("certs_authority", add);
}
