/*
 * The sentence of an error: set, replaced, prefixed, and never NULL.
 */
#include "util/error.h"

#include <errno.h>
#include <string.h>

#include "check.h"

START_TEST(the_result_is_the_negative_errno)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(error_set(&error, EINVAL, "%s:%d", "f", 3), -EINVAL);
        ck_assert_str_eq(error_message(&error), "f:3");
        ck_assert_int_eq(error_set_errno(&error, ENOENT, "cannot open %s", "f"), -ENOENT);
        ck_assert_str_eq(error_message(&error), "cannot open f: No such file or directory");
        ck_assert_int_eq(error_oom(&error), -ENOMEM);
        ck_assert_str_eq(error_message(&error), "out of memory");
}
END_TEST

START_TEST(nobody_has_to_want_the_sentence)
{
        ck_assert_int_eq(error_set(NULL, EINVAL, "dropped"), -EINVAL);
        ck_assert_int_eq(error_set_errno(NULL, ENOENT, "dropped"), -ENOENT);
        ck_assert_int_eq(error_oom(NULL), -ENOMEM);
        error_prefix(NULL, "dropped");
        ck_assert_str_eq(error_message(NULL), "out of memory");
}
END_TEST

START_TEST(prefixes_stand_in_front)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        error_set(&error, EINVAL, "is wrong");
        error_prefix(&error, "line %d", 3);
        error_prefix(&error, "%s", "f");
        ck_assert_str_eq(error_message(&error), "f: line 3: is wrong");
}
END_TEST

START_TEST(a_sentence_can_be_made_of_the_one_before)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        error_set(&error, EINVAL, "inner");
        error_set(&error, EIO, "outer (%s)", error_message(&error));
        ck_assert_str_eq(error_message(&error), "outer (inner)");
        error_set_errno(&error, EIO, "%s", error_message(&error));
        ck_assert_str_eq(error_message(&error), "outer (inner): Input/output error");
        error_prefix(&error, "%s", error_message(&error));
        ck_assert_str_eq(error_message(&error),
                         "outer (inner): Input/output error: outer (inner): Input/output error");
}
END_TEST

START_TEST(a_prefix_of_no_sentence_says_out_of_memory)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        error_prefix(&error, "line 3");
        ck_assert_str_eq(error_message(&error), "line 3: out of memory");
}
END_TEST

START_TEST(a_cleared_error_can_be_used_again)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        error_set(&error, EINVAL, "first");
        error_clear(&error);
        ck_assert_ptr_null(error.message);
        error_clear(&error);
        error_set(&error, EINVAL, "second");
        ck_assert_str_eq(error_message(&error), "second");
}
END_TEST

START_TEST(a_long_sentence_is_whole)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        char name[20001] = "";

        memset(name, 'x', sizeof(name) - 1);
        error_set_errno(&error, ENOENT, "%s", name);
        ck_assert_uint_eq(strlen(error_message(&error)), 20000 + strlen(": No such file or directory"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, the_result_is_the_negative_errno);
        tcase_add_test(tests, nobody_has_to_want_the_sentence);
        tcase_add_test(tests, prefixes_stand_in_front);
        tcase_add_test(tests, a_sentence_can_be_made_of_the_one_before);
        tcase_add_test(tests, a_prefix_of_no_sentence_says_out_of_memory);
        tcase_add_test(tests, a_cleared_error_can_be_used_again);
        tcase_add_test(tests, a_long_sentence_is_whole);
}

int main(void)
{
        return unit_main("error", add);
}
