/*
 * Sets of certificates.
 */
#include "certs/bundle.h"

#include "authorities.h"
#include "util/cleanup.h"

static X509 *cas[3]; /* the last one expires after a day */

static void setup(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
                struct pair pair = {0};

                ck_assert_int_eq(certificate_issue_ca(&pair, NOW, i == 2 ? 1 : 300, NULL), 0);
                cas[i] = steal_pointer(&pair.certificate);
                pair_clear(&pair);
        }
}

static void teardown(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
                cas[i] = certificate_free(cas[i]);
}

/* Of the bits that are set. */
static STACK_OF(X509) * make(unsigned members)
{
        STACK_OF(X509) *bundle = sk_X509_new_null();

        for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
                if (members & (1u << i))
                        ck_assert(bundle_add(bundle, cas[i]));
        return bundle;
}

/* Sets are compared as the bits are: RFC 5280 says nothing of an order. */
START_TEST(covers_what_it_has)
{
        unsigned a = (unsigned)_i & 7, b = (unsigned)_i >> 3;
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = make(a), *others = make(b);

        ck_assert(bundle_covers(bundle, others) == ((a & b) == b));
        ck_assert(bundle_covers(bundle, NULL));
        ck_assert(bundle_covers(NULL, others) == (b == 0));
}
END_TEST

START_TEST(holds_each_once)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = make(3);

        ck_assert(bundle_add(bundle, cas[0]));
        ck_assert_int_eq(sk_X509_num(bundle), 2);
        ck_assert(bundle_contains(bundle, cas[0]));
        ck_assert(!bundle_contains(bundle, cas[2]));
        ck_assert(!bundle_contains(NULL, cas[2]));
}
END_TEST

static const struct valid_case {
        const char *name;
        int64_t now;
        int count;
} valid_cases[] = {
        {"all are valid", NOW, 3},
        {"in its last second one is valid", NOW + DAY, 3},
        {"then it has expired", NOW + DAY + 1, 2},
};

START_TEST(adds_those_that_have_not_expired)
{
        const struct valid_case *c = &valid_cases[_i];
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = make(1), *others = make(7);

        ck_assert(bundle_add_valid(bundle, others, c->now));
        ck_assert_msg(sk_X509_num(bundle) == c->count, "%s: %d", c->name, sk_X509_num(bundle));
        ck_assert(bundle_add_valid(bundle, NULL, c->now));
        ck_assert_int_eq(sk_X509_num(bundle), c->count);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, covers_what_it_has, 0, 64);
        tcase_add_test(tests, holds_each_once);
        tcase_add_loop_test(tests, adds_those_that_have_not_expired, 0, ARRAY_SIZE(valid_cases));
}

int main(void)
{
        return unit_main("certs_bundle", add);
}
