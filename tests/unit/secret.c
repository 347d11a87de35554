/*
 * Texts of secrets: files of every size, and base64 (RFC 4648 10's test vectors).
 */
#include "kube/secret.h"

#include <errno.h>

#include "scratch.h"
#include "util/error.h"

static const struct size_case {
        const char *name;
        size_t size;
        int result;
} size_cases[] = {
        {"nothing", 0, 0},
        {"a byte", 1, 0},
        {"just below a block", 8191, 0},
        {"a block", 8192, 0},
        {"just above a block", 8193, 0},
        {"many blocks", 100000, 0},
        {"just below the most", 1024 * 1024 - 1, 0},
        {"the most is too much", 1024 * 1024, -EINVAL},
};

START_TEST(sizes)
{
        const struct size_case *test = &size_cases[_i];
        _cleanup_(freep) char *written = calloc(1, test->size + 1);
        _cleanup_(secret_wipep) char *text = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        for (size_t i = 0; i < test->size; i++)
                written[i] = (char)('a' + i % 26);
        scratch_write("file", written);
        r = secret_read(&text, scratch_path("file").text, &error);
        ck_assert_msg(r == test->result, "%s: %d, %s", test->name, r, error_message(&error));
        if (r == 0)
                ck_assert_msg(!strcmp(text, written), "%s", test->name);
}
END_TEST

START_TEST(files_that_are_no_texts)
{
        _cleanup_(secret_wipep) char *text = NULL;

        scratch_write_bytes("file", "a\0b", 3);
        ck_assert_int_eq(secret_read(&text, scratch_path("file").text, NULL), -EINVAL);
        ck_assert_int_eq(secret_read(&text, scratch, NULL), -EISDIR);
        ck_assert_int_eq(secret_read(&text, scratch_path("none").text, NULL), -ENOENT);
}
END_TEST

static const struct base64_case {
        const char *encoded, *text; /* NULL: it is no base64 of a text */
} base64_cases[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"Zm9v\nYmFy\r\n", "foobar"},
        {"Zm9", NULL},
        {"Zm9v Yg==", NULL},
        {"Zm9-", NULL},
        {"!", NULL},
        {"AAAA", NULL}, /* NULs */
};

START_TEST(base64)
{
        const struct base64_case *test = &base64_cases[_i];
        _cleanup_(secret_wipep) char *text = NULL, *encoded = NULL;
        int r = secret_from_base64(&text, test->encoded);

        ck_assert_msg(r == (test->text ? 0 : -EINVAL), "%s: %d", test->encoded, r);
        if (!test->text)
                return;
        ck_assert_str_eq(text, test->text);
        encoded = secret_to_base64(text);
        if (!strpbrk(test->encoded, "\r\n"))
                ck_assert_str_eq(encoded, test->encoded);
}
END_TEST

START_TEST(pem)
{
        ck_assert(secret_is_pem("-----BEGIN CERTIFICATE-----\n", "CERTIFICATE"));
        ck_assert(secret_is_pem("# a comment\n-----BEGIN EC PRIVATE KEY-----\n", "PRIVATE KEY"));
        ck_assert(secret_is_pem("-----BEGIN EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\n", "PRIVATE KEY"));
        ck_assert(!secret_is_pem("-----BEGIN PUBLIC KEY-----\n", "PRIVATE KEY"));
        ck_assert(!secret_is_pem("CERTIFICATE", "CERTIFICATE"));
        ck_assert(!secret_is_pem("-----BEGIN CERTIFICATE", "CERTIFICATE"));
        ck_assert(!secret_is_pem("", "CERTIFICATE"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, sizes, 0, ARRAY_SIZE(size_cases));
        tcase_add_test(tests, files_that_are_no_texts);
        tcase_add_loop_test(tests, base64, 0, ARRAY_SIZE(base64_cases));
        tcase_add_test(tests, pem);
}

int main(void)
{
        return unit_main("secret", add);
}
