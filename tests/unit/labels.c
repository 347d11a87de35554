/*
 * Maps of labels: sorted, unique, merged and compared.
 */
#include "util/labels.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "util/arena.h"

#define PAIRS_MAX 6

/* How many pairs there are before the first without a key. */
static size_t count_pairs(const struct label pairs[PAIRS_MAX])
{
        size_t n = 0;

        while (n < PAIRS_MAX && pairs[n].key)
                n++;
        return n;
}

static struct labels *make(const struct label pairs[PAIRS_MAX])
{
        struct labels *labels = NULL;

        ck_assert_int_eq(labels_new(&labels, pairs, count_pairs(pairs)), 0);
        return labels;
}

/* "a=b c=d" */
static void assert_labels(const char *name, const struct labels *labels, const char *expected)
{
        char text[256] = "";

        for (size_t i = 0; i < labels_count(labels); i++) {
                struct label label = labels_at(labels, i);

                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s", i ? " " : "", label.key,
                         label.value);
        }
        ck_assert_msg(!strcmp(text, expected), "%s: %s", name, text);
}

static const struct map_case {
        const char *name;
        struct label pairs[PAIRS_MAX];
        const char *map;
} map_cases[] = {
        {"nothing", {{0}}, ""},
        {"one pair", {{"a", "b"}}, "a=b"},
        {"pairs are sorted by their keys", {{"c", "1"}, {"a", "2"}, {"b", "3"}}, "a=2 b=3 c=1"},
        {"bytes decide the order, so that capitals come first",
         {{"a", "1"}, {"B", "2"}, {"\xc3\xa9", "3"}},
         "B=2 a=1 \xc3\xa9=3"},
        {"a key comes before a longer one", {{"ab", "1"}, {"a", "2"}, {"a.b", "3"}}, "a=2 a.b=3 ab=1"},
        {"of two with the same key the later one stays", {{"a", "1"}, {"b", "2"}, {"a", "3"}}, "a=3 b=2"},
        {"of many with the same key the last one stays", {{"a", "9"}, {"a", "8"}, {"a", "7"}, {"a", "6"}}, "a=6"},
        {"values and keys may be empty", {{"a", ""}, {"", "b"}}, "=b a="},
};

START_TEST(is_sorted_and_unique)
{
        const struct map_case *test = &map_cases[_i];
        _cleanup_(labels_freep) struct labels *labels = make(test->pairs);

        assert_labels(test->name, labels, test->map);
        for (size_t i = 0; i < labels_count(labels); i++)
                ck_assert_str_eq(labels_get(labels, labels_at(labels, i).key), labels_at(labels, i).value);
        ck_assert_ptr_null(labels_get(labels, "missing"));
        ck_assert_ptr_null(labels_get(labels, "\x01"));
        ck_assert_ptr_null(labels_get(labels, "\xff"));
}
END_TEST

static const struct two_case {
        const char *name;
        struct label base[PAIRS_MAX], over[PAIRS_MAX];
        const char *merged;
        bool included; /* whether `base` has everything of `over` */
} two_cases[] = {
        {"nothing and nothing", {{0}}, {{0}}, "", true},
        {"something and nothing", {{"a", "1"}}, {{0}}, "a=1", true},
        {"nothing and something", {{0}}, {{"a", "1"}}, "a=1", false},
        {"the same", {{"a", "1"}, {"b", "2"}}, {{"b", "2"}, {"a", "1"}}, "a=1 b=2", true},
        {"a part", {{"a", "1"}, {"b", "2"}, {"c", "3"}}, {{"c", "3"}}, "a=1 b=2 c=3", true},
        {"another value", {{"a", "1"}, {"b", "2"}}, {{"b", "3"}}, "a=1 b=3", false},
        {"another key", {{"b", "2"}}, {{"a", "1"}, {"c", "3"}}, "a=1 b=2 c=3", false},
        {"an empty value is not a missing one", {{"b", "2"}}, {{"a", ""}}, "a= b=2", false},
};

START_TEST(what_is_over_wins)
{
        const struct two_case *test = &two_cases[_i];
        _cleanup_(labels_freep) struct labels *base = make(test->base), *over = make(test->over), *merged = NULL;
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        const struct labels *joined;

        ck_assert_int_eq(labels_merge(&merged, base, over), 0);
        assert_labels(test->name, merged, test->merged);
        ck_assert_int_eq(labels_join(&arena, &joined, base, over), 0);
        assert_labels(test->name, joined, test->merged);
        ck_assert(labels_include(merged, over));
}
END_TEST

START_TEST(a_subset_is_included)
{
        const struct two_case *test = &two_cases[_i];
        _cleanup_(labels_freep) struct labels *base = make(test->base), *over = make(test->over);

        ck_assert_msg(labels_include(base, over) == test->included, "%s", test->name);
}
END_TEST

START_TEST(null_is_the_empty_map)
{
        _cleanup_(labels_freep) struct labels *some = NULL, *merged = NULL, *none = NULL;
        const struct labels *joined;

        ck_assert_int_eq(labels_new(&some, &(struct label){"a", "1"}, 1), 0);
        ck_assert_uint_eq(labels_count(NULL), 0);
        ck_assert_ptr_null(labels_get(NULL, "a"));
        ck_assert(labels_include(NULL, NULL));
        ck_assert(labels_include(some, NULL));
        ck_assert(!labels_include(NULL, some));
        ck_assert_int_eq(labels_merge(&merged, NULL, some), 0);
        assert_labels("nothing and something", merged, "a=1");
        ck_assert_int_eq(labels_merge(&none, NULL, NULL), 0);
        ck_assert_int_eq(labels_join(NULL, &joined, NULL, some), 0);
        ck_assert_ptr_eq(joined, some);
        ck_assert_int_eq(labels_join(NULL, &joined, NULL, NULL), 0);
        ck_assert_uint_eq(labels_count(joined), 0);
        assert_labels("nothing and nothing", none, "");
        ck_assert_ptr_null(labels_free(NULL));
}
END_TEST

START_TEST(everything_is_copied)
{
        _cleanup_(labels_freep) struct labels *labels = NULL;
        char key[] = "key", value[] = "value";

        ck_assert_int_eq(labels_new(&labels, &(struct label){key, value}, 1), 0);
        memset(key, 'x', sizeof(key) - 1);
        memset(value, 'x', sizeof(value) - 1);
        assert_labels("what it was", labels, "key=value");
}
END_TEST

START_TEST(each_of_many_is_found)
{
        _cleanup_(labels_freep) struct labels *labels = NULL;
        char keys[100][8];
        struct label pairs[100];

        for (int i = 0; i < 100; i++) {
                snprintf(keys[i], sizeof(keys[i]), "k%d", i * 37 % 100);
                pairs[i] = (struct label){keys[i], keys[i]};
        }
        ck_assert_int_eq(labels_new(&labels, pairs, 100), 0);
        ck_assert_uint_eq(labels_count(labels), 100);
        for (int i = 0; i < 100; i++)
                ck_assert_str_eq(labels_get(labels, keys[i]), keys[i]);
        ck_assert_ptr_null(labels_get(labels, "k100"));
        ck_assert_ptr_null(labels_get(labels, "k"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, is_sorted_and_unique, 0, ARRAY_SIZE(map_cases));
        tcase_add_loop_test(tests, what_is_over_wins, 0, ARRAY_SIZE(two_cases));
        tcase_add_loop_test(tests, a_subset_is_included, 0, ARRAY_SIZE(two_cases));
        tcase_add_test(tests, null_is_the_empty_map);
        tcase_add_test(tests, everything_is_copied);
        tcase_add_test(tests, each_of_many_is_found);
}

int main(void)
{
        return unit_main("labels", add);
}
