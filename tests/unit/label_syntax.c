/*
 * Label syntax, with the examples of the Kubernetes documentation (Labels and Selectors, Syntax and character set).
 */
#include "policy/label_syntax.h"

#include <stdbool.h>

#include "check.h"

#define X63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static const struct text_case {
        const char *name;
        const char *text;
        bool legal;
} keys[] = {
        {"a plain name", "app", true},
        {"a name with a prefix", "app.kubernetes.io/name", true},
        {"a name in upper case", "App_1.x-Y", true},
        {"63 characters", X63, true},
        {"64 characters", X63 "a", false},
        {"the empty key", "", false},
        {"an empty name behind a prefix", "example.com/", false},
        {"an empty prefix", "/name", false},
        {"two slashes", "a/b/c", false},
        {"a prefix in upper case", "Example.com/name", false},
        {"a prefix with an empty label", "a..b/name", false},
        {"a prefix that ends in a hyphen", "a-/name", false},
        {"a name that begins with a hyphen", "-a", false},
        {"a name that ends in a dot", "a.", false},
        {"a space", "a b", false},
        {"letters outside of ASCII", "gr\xc3\xbcn", false},
};

static const struct text_case values[] = {
        {"the empty value", "", true},
        {"a word", "GU8TF", true},
        {"63 characters", X63, true},
        {"64 characters", X63 "a", false},
        {"dots, underscores and hyphens inside", "a.b_c-d", true},
        {"one that begins with an underscore", "_a", false},
        {"one that ends in a hyphen", "a-", false},
        {"a slash", "a/b", false},
        {"a space", "a b", false},
};

START_TEST(judges_keys)
{
        ck_assert_msg(!label_key_fault(keys[_i].text) == keys[_i].legal, "%s", keys[_i].name);
}
END_TEST

START_TEST(judges_values)
{
        ck_assert_msg(!label_value_fault(values[_i].text) == values[_i].legal, "%s", values[_i].name);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, judges_keys, 0, ARRAY_SIZE(keys));
        tcase_add_loop_test(tests, judges_values, 0, ARRAY_SIZE(values));
}

int main(void)
{
        return unit_main("label_syntax", add);
}
