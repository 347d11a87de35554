/*
 * YAML 1.1 scalars as go-yaml v2, and so kubectl, reads them. tests/golden compares many more with that code itself.
 */
#include "manifest/yaml_scalar.h"

#include <errno.h>

#include "json.h"
#include "util/error.h"

#define CORE "tag:yaml.org,2002:"

static const struct scalar_case {
        const char *text;
        const char *json; /* NULL: refused */
} plain_cases[] = {
        {"abc", "'abc'"},
        {"a b", "'a b'"},
        {"y", "true"},
        {"Yes", "true"},
        {"on", "true"},
        {"TRUE", "true"},
        {"n", "false"},
        {"No", "false"},
        {"OFF", "false"},
        {"false", "false"},
        {"yEs", "'yEs'"},
        {"tRUE", "'tRUE'"},
        {"", "null"},
        {"~", "null"},
        {"Null", "null"},
        {"nULL", "'nULL'"},
        {"0", "0"},
        {"-0", "0"},
        {"+12", "12"},
        {"-12", "-12"},
        {"1_000", "1000"},
        {"014", "12"},
        {"0o14", "12"},
        {"0x1F", "31"},
        {"-0x10", "-16"},
        {"0b101", "5"},
        {"08", "8"}, /* no octal number, but a float */
        {"0o8", "'0o8'"},
        {"0x", "'0x'"},
        {"0xg", "'0xg'"},
        {"0b2", "'0b2'"},
        {"_1", "'_1'"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"1.5", "1.5"},
        {"-1.5", "-1.5"},
        {".5", "0.5"},
        {"1.", "1"},
        {"1e3", "1000"},
        {"1.5E-1", "0.15"},
        {"1e", "'1e'"},
        {"1.2.3", "'1.2.3'"},
        {".", "'.'"},
        {"-", "'-'"},
        {"+", "'+'"},
        {"1 000", "'1 000'"},
        {"2001-01-01", "'2001-01-01'"},
        {"12:30", "'12:30'"},
        {"10Gi", "'10Gi'"},
        {"500m", "'500m'"},
        {"=", "'='"},
        {"inf", "'inf'"},
        {"nan", "'nan'"},
        {".inf", NULL},
        {"-.Inf", NULL},
        {".NaN", NULL},
};

START_TEST(resolves_plain_words)
{
        const struct scalar_case *test = &plain_cases[_i];
        json_auto_t *expected = test->json ? json_text(test->json) : NULL, *value = NULL;
        int r = yaml_scalar(&value, test->text, strlen(test->text), NULL, true, NULL);

        ck_assert_msg(r == (test->json ? 0 : -EINVAL), "\"%s\": %d", test->text, r);
        if (test->json)
                ck_assert_msg(json_equal(value, expected), "\"%s\" is not %s", test->text, test->json);
}
END_TEST

START_TEST(what_is_quoted_is_a_string)
{
        for (size_t i = 0; i < ARRAY_SIZE(plain_cases); i++) {
                const char *text = plain_cases[i].text;
                json_auto_t *value = NULL;

                ck_assert_int_eq(yaml_scalar(&value, text, strlen(text), NULL, false, NULL), 0);
                ck_assert(json_is_string(value));
                ck_assert_str_eq(json_string_value(value), text);
        }
}
END_TEST

/* A string wants quotes where it would read as something else, and only there. */
START_TEST(words_that_read_as_something_else_need_quotes)
{
        for (size_t i = 0; i < ARRAY_SIZE(plain_cases); i++) {
                const struct scalar_case *test = &plain_cases[i];
                bool reads_as_string = test->json && *test->json == '\'';

                ck_assert_msg(yaml_scalar_needs_quotes(test->text) == !reads_as_string, "\"%s\"", test->text);
        }
}
END_TEST

static const struct tag_case {
        const char *name;
        const char *tag, *text;
        bool plain;
        const char *json;  /* NULL: refused */
        const char *error; /* NULL: any sentence */
} tag_cases[] = {
        {"a number that is called a string is one", CORE "str", "12", true, "'12'", NULL},
        {"nothing that is called a string is an empty one", CORE "str", "", true, "''", NULL},
        {"an integer", CORE "int", "12", true, "12", NULL},
        {"a quoted integer", CORE "int", "12", false, "12", NULL},
        {"a word that is called an integer", CORE "int", "twelve", true, NULL, "`twelve` is not a !!int"},
        {"a fraction that is called an integer", CORE "int", "1.5", true, NULL, "`1.5` is not a !!int"},
        {"an integer that is called a float", CORE "float", "1", true, "1", NULL},
        {"a word that is called a float", CORE "float", "one", true, NULL, "`one` is not a !!float"},
        {"infinity by its tag", CORE "float", ".inf", true, NULL, NULL},
        {"a boolean", CORE "bool", "on", true, "true", NULL},
        {"a word that is called a boolean", CORE "bool", "maybe", true, NULL, "`maybe` is not a !!bool"},
        {"null", CORE "null", "~", true, "null", NULL},
        {"a word that is called null", CORE "null", "x", true, NULL, "`x` is not a !!null"},
        {"base64", CORE "binary", "aGVsbG8=", true, "'hello'", NULL},
        {"base64 on two lines", CORE "binary", "aGVs\n  bG8h", false, "'hello!'", NULL},
        {"base64 of nothing", CORE "binary", "", false, "''", NULL},
        {"what is no base64", CORE "binary", "a#==", true, NULL, NULL},
        {"base64 of what is no text", CORE "binary", "/w==", true, NULL, NULL},
        {"a tag of somebody's own", "!mine", "12", true, "'12'", NULL},
};

START_TEST(obeys_tags)
{
        const struct tag_case *test = &tag_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *expected = test->json ? json_text(test->json) : NULL, *value = NULL;
        int r = yaml_scalar(&value, test->text, strlen(test->text), test->tag, test->plain, &error);

        ck_assert_msg(r == (test->json ? 0 : -EINVAL), "%s: %d", test->name, r);
        if (test->json)
                ck_assert_msg(json_equal(value, expected), "%s", test->name);
        if (test->error)
                ck_assert_str_eq(error_message(&error), test->error);
}
END_TEST

static const struct float_case {
        const char *text;
        bool is_float;
} float_cases[] = {
        {"1.10", true}, {"1e3", true},    {".5", true}, {"1.", true},    {".inf", true},
        {".nan", true}, {"-.inf", true},  {"1", false}, {"0x1f", false}, {"014", false},
        {"abc", false}, {"1.2.3", false}, {"", false},  {"yes", false},
};

START_TEST(knows_a_float)
{
        ck_assert_msg(yaml_scalar_is_float(float_cases[_i].text) == float_cases[_i].is_float, "%s",
                      float_cases[_i].text);
}
END_TEST

START_TEST(text_with_a_nul_is_a_string)
{
        json_auto_t *value = NULL;

        ck_assert_int_eq(yaml_scalar(&value, "1\0002", 3, NULL, true, NULL), 0);
        ck_assert(json_is_string(value));
        ck_assert_uint_eq(json_string_length(value), 3);
}
END_TEST

START_TEST(a_merge_key_needs_quotes)
{
        ck_assert(yaml_scalar_needs_quotes("<<"));
        ck_assert(!yaml_scalar_needs_quotes("<"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, resolves_plain_words, 0, ARRAY_SIZE(plain_cases));
        tcase_add_test(tests, what_is_quoted_is_a_string);
        tcase_add_test(tests, words_that_read_as_something_else_need_quotes);
        tcase_add_loop_test(tests, obeys_tags, 0, ARRAY_SIZE(tag_cases));
        tcase_add_loop_test(tests, knows_a_float, 0, ARRAY_SIZE(float_cases));
        tcase_add_test(tests, text_with_a_nul_is_a_string);
        tcase_add_test(tests, a_merge_key_needs_quotes);
}

int main(void)
{
        return unit_main("yaml_scalar", add);
}
