/*
 * From a path inside a value to the line that it was written on.
 */
#include "check.h"
#include "manifest/yaml.h"

#include <string.h>

static const char policies[] = /* 1 */ "# policies\n"
                                       /* 2 */ "apiVersion: v1\n"
                                       /* 3 */ "metadata:\n"
                                       /* 4 */ "  name: p\n"
                                       /* 5 */ "  annotations: {a.b/c: x,\n"
                                       /* 6 */ "    d: y}\n"
                                       /* 7 */ "spec:\n"
                                       /* 8 */ "  units:\n"
                                       /* 9 */ "  - max: 1\n"
                                       /* 10 */ "  - max: 2\n"
                                       /* 11 */ "    labels:\n"
                                       /* 12 */ "      'units': |\n"
                                       /* 13 */ "        spec: 1\n"
                                       /* 14 */ "  shared: &s\n"
                                       /* 15 */ "    k: v\n"
                                       /* 16 */ "  again: *s\n"
                                       /* 17 */ "  matrix: [[1, 2],\n"
                                       /* 18 */ "    [3, 4]]\n"
                                       /* 19 */ "---\n"
                                       /* 20 */ "spec:\n"
                                       /* 21 */ "  units: []\n"
                                       /* 22 */ "---\n"
                                       /* 23 */ "- a\n"
                                       /* 24 */ "- b: c\n";

static const struct place_case {
        const char *name;
        size_t document;
        const char *path;
        unsigned line;
} place_cases[] = {
        {"the document itself", 0, "", 2},
        {"a member", 0, "apiVersion", 2},
        {"a mapping begins with its first key", 0, "metadata", 4},
        {"a member's member", 0, "metadata.name", 4},
        {"a key with points in it", 0, "metadata.annotations[a.b/c]", 5},
        {"a key on the next line of a flow", 0, "metadata.annotations.d", 6},
        {"a list begins with its first item", 0, "spec.units", 9},
        {"an item", 0, "spec.units[0]", 9},
        {"an item's member", 0, "spec.units[1].max", 10},
        {"a member of a member of an item", 0, "spec.units[1].labels.units", 12},
        {"a list in a list", 0, "spec.matrix[1][0]", 18},
        {"a member that is missing: its parent", 0, "spec.units[0].min", 9},
        {"an item that is missing: its list", 0, "spec.units[7].max", 9},
        {"a member of a word: the word", 0, "metadata.name.first", 4},
        {"an item of a word: the word", 0, "metadata.name[0]", 4},
        {"a path that begins wrong: the document", 0, "status.phase", 2},
        {"an anchored value", 0, "spec.shared.k", 15},
        {"below an alias: the alias", 0, "spec.again.k", 16},
        {"another document", 1, "spec.units", 21},
        {"a document that is a list", 2, "[1].b", 24},
        {"a document that is not there", 3, "spec", 0},
};

START_TEST(finds_the_line)
{
        const struct place_case *test = &place_cases[_i];
        unsigned line = yaml_locate(policies, sizeof(policies) - 1, test->document, test->path);

        ck_assert_msg(line == test->line, "%s: %u", test->name, line);
}
END_TEST

static const struct text_case {
        const char *name;
        const char *text, *path;
        unsigned line;
} text_cases[] = {
        {"JSON", "{\n\"spec\": {\n\"a\":\n1}}", "spec.a", 4},
        {"nothing", "", "spec", 0},
        {"a value in front of what is no YAML", "a: 1\nb: 2\nc: [", "b", 2},
        {"what is no YAML", "[", "a", 1},
        {"a key of several words", "a b: 1\nc d:\n  e: 2\n", "[c d].e", 3},
        {"a key that is longer than what is asked for", "ab: 1\na: 2\n", "a", 2},
};

START_TEST(finds_the_line_in_odd_texts)
{
        const struct text_case *test = &text_cases[_i];
        unsigned line = yaml_locate(test->text, strlen(test->text), 0, test->path);

        ck_assert_msg(line == test->line, "%s: %u", test->name, line);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, finds_the_line, 0, ARRAY_SIZE(place_cases));
        tcase_add_loop_test(tests, finds_the_line_in_odd_texts, 0, ARRAY_SIZE(text_cases));
}

int main(void)
{
        return unit_main("yaml_locate", add);
}
