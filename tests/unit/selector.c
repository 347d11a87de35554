/*
 * Selectors: meta/v1 LabelSelector semantics (apimachinery labels.Requirement.Matches), and ACK's plain map.
 */
#include "policy/selector.h"

#include "json.h"
#include "manifest/field.h"
#include "util/labels.h"

static bool read_selector(struct selector **ret, const char *text, struct diagnostics *diagnostics)
{
        json_auto_t *value = json_text(text);
        struct field root = field_root(value, NULL, diagnostics), selector = field_member(&root, "selector");
        struct field expressions = field_member(&root, "matchExpressions");

        return selector_read(ret, &selector, &expressions);
}

static const struct match_case {
        const char *name;
        const char *object;
        struct label labels[4];
        bool matches;
} match_cases[] = {
        {"an absent selector matches every pod", "{}", {{"app", "a"}}, true},
        {"an empty selector matches every pod", "{'selector': {}}", {{0}}, true},
        {"a plain map matches when every label is equal",
         "{'selector': {'app': 'a', 'tier': 'b'}}",
         {{"app", "a"}, {"tier", "b"}, {"x", "y"}},
         true},
        {"a plain map does not match when one label differs",
         "{'selector': {'app': 'a', 'tier': 'b'}}",
         {{"app", "a"}, {"tier", "c"}},
         false},
        {"a plain map does not match when one label is missing",
         "{'selector': {'app': 'a'}}",
         {{"tier", "b"}},
         false},
        {"matchLabels inside the selector are read",
         "{'selector': {'matchLabels': {'app': 'a'}}}",
         {{"app", "a"}},
         true},
        {"plain labels and matchLabels must both hold",
         "{'selector': {'x': 'y', 'matchLabels': {'app': 'a'}}}",
         {{"app", "a"}},
         false},
        {"a plain label may be called matchLabels",
         "{'selector': {'matchLabels': 'a'}}",
         {{"matchLabels", "a"}},
         true},
        {"In holds for one of its values",
         "{'selector': {'matchExpressions': [{'key': 'app', 'operator': 'In', 'values': ['b', 'a']}]}}",
         {{"app", "a"}},
         true},
        {"In does not hold for a missing key",
         "{'selector': {'matchExpressions': [{'key': 'app', 'operator': 'In', 'values': ['a']}]}}",
         {{0}},
         false},
        {"NotIn holds for another value",
         "{'matchExpressions': [{'key': 'app', 'operator': 'NotIn', 'values': ['a']}]}",
         {{"app", "b"}},
         true},
        {"NotIn does not hold for one of its values",
         "{'matchExpressions': [{'key': 'app', 'operator': 'NotIn', 'values': ['a', 'b']}]}",
         {{"app", "b"}},
         false},
        {"NotIn holds for a missing key",
         "{'matchExpressions': [{'key': 'app', 'operator': 'NotIn', 'values': ['a']}]}",
         {{0}},
         true},
        {"Exists holds for any value, the empty one too",
         "{'matchExpressions': [{'key': 'app', 'operator': 'Exists'}]}",
         {{"app", ""}},
         true},
        {"Exists does not hold for a missing key",
         "{'matchExpressions': [{'key': 'app', 'operator': 'Exists'}]}",
         {{"x", "y"}},
         false},
        {"DoesNotExist holds for a missing key",
         "{'matchExpressions': [{'key': 'app', 'operator': 'DoesNotExist'}]}",
         {{"x", "y"}},
         true},
        {"DoesNotExist does not hold for a present key",
         "{'matchExpressions': [{'key': 'app', 'operator': 'DoesNotExist', 'values': []}]}",
         {{"app", "a"}},
         false},
        {"expressions beside the selector are joined with those inside it",
         "{'selector': {'app': 'a'}, 'matchExpressions': [{'key': 'tier', 'operator': 'Exists'}]}",
         {{"app", "a"}},
         false},
};

START_TEST(matches)
{
        const struct match_case *test = &match_cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(selector_freep) struct selector *selector = NULL;
        _cleanup_(labels_freep) struct labels *labels = NULL;
        size_t n = 0;

        while (n < ARRAY_SIZE(test->labels) && test->labels[n].key)
                n++;
        ck_assert_int_eq(labels_new(&labels, test->labels, n), 0);
        ck_assert_msg(read_selector(&selector, test->object, &diagnostics), "%s", test->name);
        ck_assert_msg(selector_match(selector, labels) == test->matches, "%s", test->name);
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *object;
        const char *path;
        const char *message;
} fault_cases[] = {
        {"a number as a label's value", "{'selector': {'app': 1}}", "selector.app", "must be a string, not 1"},
        {"In without values", "{'matchExpressions': [{'key': 'a', 'operator': 'In'}]}", "matchExpressions[0].values",
         "must name at least one value for operator In"},
        {"NotIn with an empty list", "{'matchExpressions': [{'key': 'a', 'operator': 'NotIn', 'values': []}]}",
         "matchExpressions[0].values", "must name at least one value for operator NotIn"},
        {"Exists with values", "{'matchExpressions': [{'key': 'a', 'operator': 'Exists', 'values': ['b']}]}",
         "matchExpressions[0].values", "must be empty for operator Exists"},
        {"DoesNotExist with values",
         "{'matchExpressions': [{'key': 'a', 'operator': 'DoesNotExist', 'values': ['b']}]}",
         "matchExpressions[0].values", "must be empty for operator DoesNotExist"},
        {"an unknown operator", "{'matchExpressions': [{'key': 'a', 'operator': 'Gt', 'values': ['1']}]}",
         "matchExpressions[0].operator", NULL},
        {"a missing key", "{'matchExpressions': [{'operator': 'Exists'}]}", "matchExpressions[0].key", NULL},
        {"a missing operator", "{'matchExpressions': [{'key': 'a'}]}", "matchExpressions[0].operator", NULL},
        {"a key that is no label key", "{'selector': {'-a': 'b'}}", "selector.-a", NULL},
        {"a value that is no label value", "{'selector': {'a': 'b c'}}", "selector.a", NULL},
        {"a selector that is a list", "{'selector': ['a']}", "selector", NULL},
        {"expressions that are a map", "{'matchExpressions': {'a': 'b'}}", "matchExpressions", NULL},
        {"values that are a string", "{'matchExpressions': [{'key': 'a', 'operator': 'In', 'values': 'b'}]}",
         "matchExpressions[0].values", NULL},
};

START_TEST(refuses)
{
        const struct fault_case *test = &fault_cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct selector *selector = NULL;

        ck_assert_msg(!read_selector(&selector, test->object, &diagnostics), "%s", test->name);
        ck_assert_msg(!selector, "%s", test->name);
        ck_assert_msg(diagnostics.n_errors > 0, "%s", test->name);
        ck_assert_str_eq(diagnostics.items[0].path, test->path);
        if (test->message)
                ck_assert_str_eq(diagnostics.items[0].message, test->message);
}
END_TEST

START_TEST(counts_every_term)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(selector_freep) struct selector *selector = NULL;

        ck_assert(read_selector(&selector,
                                "{'selector': {'a': 'b', 'matchLabels': {'c': 'd'}, 'matchExpressions': "
                                "[{'key': 'e', 'operator': 'Exists'}]}, "
                                "'matchExpressions': [{'key': 'f', 'operator': 'Exists'}]}",
                                &diagnostics));
        ck_assert_uint_eq(selector_count(selector), 4);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, matches, 0, ARRAY_SIZE(match_cases));
        tcase_add_loop_test(tests, refuses, 0, ARRAY_SIZE(fault_cases));
        tcase_add_test(tests, counts_every_term);
}

int main(void)
{
        return unit_main("selector", add);
}
