/*
 * Subject alternative names. What is a DNS name comes from RFC 1034 3.5, RFC 1123 2.1 and RFC 1035 2.3.4; the forms
 * of addresses from RFC 4291 2.2 and RFC 5952.
 */
#include "certs/san.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "util/error.h"

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
#define NAME_251 LABEL_63 "." LABEL_63 "." LABEL_63 ".a2345678901234567890123456789012345678901234567890123456789"

static const struct good_case {
        const char *text;
        const char *kept;
        size_t address_size; /* 0: a DNS name */
} good[] = {
        {"localhost", "localhost", 0},
        {"regionfit.gpu.svc", "regionfit.gpu.svc", 0},
        {"RegionFit.GPU.svc", "regionfit.gpu.svc", 0},
        {"3com.example", "3com.example", 0},
        {"a-b.c--d.example", "a-b.c--d.example", 0},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", 0},
        {"*.gpu.svc", "*.gpu.svc", 0},
        {LABEL_63, LABEL_63, 0},
        {NAME_251 ".a", NAME_251 ".a", 0},
        {"10.0.0.1", "10.0.0.1", 4},
        {"255.255.255.255", "255.255.255.255", 4},
        {"::1", "::1", 16},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", 16},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1", 16},
};

static const struct bad_case {
        const char *text;
        const char *why; /* a word of the sentence that tells what is wrong */
} bad[] = {
        {"", "empty"},
        {"https://regionfit.svc", "scheme"},
        {"[::1]", "brackets"},
        {"fe80::1%eth0", "zone"},
        {"10.0.0.0/8", "range"},
        {"localhost:8443", "port"},
        {"DNS:localhost", "prefix"},
        {"12345::1", "IPv6"},
        {"regionfit.svc.", "dot"},
        {".regionfit.svc", "empty label"},
        {"regionfit..svc", "empty label"},
        {"*", "wildcard"},
        {"a.*.svc", "wildcard"},
        {"a*.svc", "wildcard"},
        {"-a.svc", "hyphen"},
        {"a-.svc", "hyphen"},
        {"a_b.svc", "letters"},
        {"a b.svc", "letters"},
        {"a,b", "letters"},
        {"a\nb", "letters"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--"},
        {LABEL_63 "4.svc", "63"},
        {NAME_251 ".ab", "253"},
        {"10.0.0.300", "IPv4"},
        {"10.0.0", "IPv4"},
        {"010.0.0.1", "IPv4"},
        {"1.2.3.4.5", "IPv4"},
};

START_TEST(keeps_good_names_in_one_form)
{
        const struct good_case *c = &good[_i];
        _cleanup_sans_ struct sans sans = {0};
        uint8_t octets[16];

        ck_assert_int_eq(sans_add(&sans, c->text, NULL), 0);
        ck_assert_uint_eq(sans.count, 1);
        ck_assert_str_eq(sans.names[0], c->kept);
        ck_assert_uint_eq(san_address(sans.names[0], octets), c->address_size);
}
END_TEST

START_TEST(refuses_bad_names_with_a_sentence)
{
        const struct bad_case *c = &bad[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(sans_add(&sans, c->text, &error), -EINVAL);
        ck_assert_uint_eq(sans.count, 0);
        ck_assert_msg(strstr(error_message(&error), c->why), "no word of \"%s\" in: %s", c->why,
                      error_message(&error));
}
END_TEST

START_TEST(keeps_equal_names_once)
{
        static const char *const texts[] = {"a.svc", "A.SVC", "::1", "0:0:0:0:0:0:0:1", "a.svc"};
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(sans_add_all(&sans, texts, ARRAY_SIZE(texts), NULL), 0);
        ck_assert_uint_eq(sans.count, 2);
        ck_assert_str_eq(sans.names[0], "a.svc");
        ck_assert_str_eq(sans.names[1], "::1");
}
END_TEST

START_TEST(finds_the_first_missing_name)
{
        static const char *const present[] = {"a.svc", "*.b.svc", "10.0.0.1"};
        static const char *const wanted[] = {"10.0.0.1", "x.b.svc", "c.svc"};
        _cleanup_sans_ struct sans a = {0}, b = {0}, none = {0};

        ck_assert_int_eq(sans_add_all(&a, present, ARRAY_SIZE(present), NULL), 0);
        ck_assert_int_eq(sans_add_all(&b, wanted, ARRAY_SIZE(wanted), NULL), 0);
        ck_assert_str_eq(sans_find_missing(&a, &b), "x.b.svc");
        ck_assert_ptr_null(sans_find_missing(&a, &a));
        ck_assert_ptr_null(sans_find_missing(&a, &none));
        ck_assert_str_eq(sans_find_missing(&none, &a), "a.svc");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, keeps_good_names_in_one_form, 0, ARRAY_SIZE(good));
        tcase_add_loop_test(tests, refuses_bad_names_with_a_sentence, 0, ARRAY_SIZE(bad));
        tcase_add_test(tests, keeps_equal_names_once);
        tcase_add_test(tests, finds_the_first_missing_name);
}

int main(void)
{
        return unit_main("certs_san", add);
}
