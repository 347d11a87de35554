/*
 * YAML and JSON text as kubectl reads it, and what is refused, with its line.
 */
#include <errno.h>

#include "json.h"
#include "manifest/yaml.h"
#include "util/cleanup.h"
#include "util/error.h"

static const struct value_case {
        const char *name;
        const char *text;
        const char *json; /* one value for each document */
} value_cases[] = {
        {"nothing is no document", "", "[]"},
        {"white space is no document", " \n\n", "[]"},
        {"a comment is no document", "# nothing\n", "[]"},
        {"a mapping", "a: 1\nb: [x, yes]\nc:\n- d: null\n", "[{'a': 1, 'b': ['x', true], 'c': [{'d': null}]}]"},
        {"several documents", "a: 1\n---\nb: 2\n---\n- c\n", "[{'a': 1}, {'b': 2}, ['c']]"},
        {"a document of a comment is null", "---\n# nothing\n---\na: 1\n", "[null, {'a': 1}]"},
        {"a document may end explicitly", "a: 1\n...\n---\nb: 2\n", "[{'a': 1}, {'b': 2}]"},
        {"a directive", "%YAML 1.1\n---\na: 1\n", "[{'a': 1}]"},
        {"a byte order mark",
         "\xef\xbb\xbf"
         "a: 1\n",
         "[{'a': 1}]"},
        {"lines may end as on Windows", "a: 1\r\nb: x\r\n", "[{'a': 1, 'b': 'x'}]"},
        {"JSON", "{'a': [1, 2.5, 'x', true, null]}", "[{'a': [1, 2.5, 'x', true, null]}]"},
        {"JSON with tabs", "\t{\n\t'a':\t1\n\t}\n", "[{'a': 1}]"},
        {"one JSON value after the other", "{'a': 1}\n{'b': 2} {'c': 3}", "[{'a': 1}, {'b': 2}, {'c': 3}]"},
        {"flow style that is no JSON", "{a: 1, b: yes}", "[{'a': 1, 'b': true}]"},
        {"JSON documents parted as in YAML", "{'a': 1}\n---\n{'b': 2}\n", "[{'a': 1}, {'b': 2}]"},
        {"quoted words stay words", "a: 'yes'\nb: '1'\n", "[{'a': 'yes', 'b': '1'}]"},
        {"a block keeps its lines", "a: |\n  x\n  y\nb: >\n  x\n  y\nc: |-\n  1\n",
         "[{'a': 'x\\ny\\n', 'b': 'x y\\n', 'c': '1'}]"},
        {"keys are strings", "1: a\nyes: b\n0x10: c\n", "[{'1': 'a', 'true': 'b', '16': 'c'}]"},
        {"a quoted fraction may be a key", "'1.10': a\n", "[{'1.10': 'a'}]"},
        {"text beyond ASCII", "\xc3\xa9: \xf0\x9f\x98\x80\n", "[{'\\u00e9': '\\ud83d\\ude00'}]"},
        {"an alias is what it names", "a: &x {b: 1}\nc: *x\nd: [*x]\n",
         "[{'a': {'b': 1}, 'c': {'b': 1}, 'd': [{'b': 1}]}]"},
        {"an alias of a word", "a: &x yes\nb: *x\n", "[{'a': true, 'b': true}]"},
        {"a later anchor takes the name over", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n",
         "[{'a': 1, 'b': 1, 'c': 2, 'd': 2}]"},
        {"a merged mapping gives what is missing", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n",
         "[{'a': {'b': 1, 'c': 2}, 'd': {'b': 1, 'c': 3}}]"},
        {"of several merged mappings the first wins", "- &x {a: 1}\n- &y {a: 2, b: 2}\n- {<<: [*x, *y]}\n",
         "[[{'a': 1}, {'a': 2, 'b': 2}, {'a': 1, 'b': 2}]]"},
        {"a quoted merge key is a key", "a:\n  '<<': {b: 1}\n", "[{'a': {'<<': {'b': 1}}}]"},
        {"the same key in another mapping", "a: {x: 1}\nb: {x: 1}\n", "[{'a': {'x': 1}, 'b': {'x': 1}}]"},
        {"an explicit string", "a: !!str 1\nb: ! 2\n", "[{'a': '1', 'b': '2'}]"},
};

/* "'" in the text stands for a double quote, as in the JSON. */
static char *quote(const char *text)
{
        char *copy = strdup(text);

        ck_assert_ptr_nonnull(copy);
        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        return copy;
}

START_TEST(reads_what_kubectl_reads)
{
        const struct value_case *test = &value_cases[_i];
        _cleanup_(freep) char *text = quote(test->text), *is = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *expected = json_text(test->json), *documents = NULL;

        if (yaml_parse(&documents, text, strlen(text), &error) < 0)
                ck_abort_msg("%s: %s", test->name, error_message(&error));
        is = json_dumps(documents, JSON_COMPACT);
        ck_assert_msg(json_equal(documents, expected), "%s: %s", test->name, is);
}
END_TEST

START_TEST(reads_no_further_than_the_size)
{
        json_auto_t *documents = NULL, *expected = json_text("[{'a': 1}]");
        char text[] = {'a', ':', ' ', '1', '2'};

        ck_assert_int_eq(yaml_parse(&documents, text, 4, NULL), 0);
        ck_assert(json_equal(documents, expected));
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *text;
        const char *error; /* how the sentence begins */
} fault_cases[] = {
        {"a key given twice", "a: 1\nb: 2\na: 3\n", "line 3: key \"a\" is given twice"},
        {"a key given twice in another spelling", "yes: 1\ntrue: 2\n", "line 2: key \"true\" is given twice"},
        {"a key given twice below", "a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4: key \"b\" is given twice"},
        {"a key given twice in JSON", "{'a': 1,\n'a': 2}", "line 2: "},
        {"a key given twice in the second document", "a: 1\n---\na: 1\na: 2\n", "line 4: key \"a\" is given twice"},
        {"a list that is not closed", "a: [1,\n  2\n", "line "},
        {"a string that is not closed", "a: 'x\n", "line "},
        {"a tab for a blank", "a:\n\tb: 1\n", "line 2: "},
        {"a mapping within a line", "a: b: c\n", "line 1: "},
        {"a list among a mapping's keys", "a: 1\n- b\n", "line 2: "},
        {"JSON that is not finished", "{'a': 1,\n'b': ", "line 2: "},
        {"JSON with something behind it", "{'a': 1}\nx", "line 2: "},
        {"an alias that names nothing", "a: 1\nb: *x\n", "line 2: the alias *x names no anchor"},
        {"an alias of another document", "a: &x 1\n---\nb: *x\n", "line 3: the alias *x names no anchor"},
        {"an alias of what it stands in", "a: &x\n  b: *x\n", "line 2: the alias *x names no anchor"},
        {"infinity", "a: 1\nb: .inf\n", "line 2: infinity and not-a-number have no form in JSON"},
        {"not a number", "a: .nan\n", "line 1: infinity and not-a-number have no form in JSON"},
        {"a word that is called an integer", "a:\n- !!int x\n", "line 2: `x` is not a !!int"},
        {"a fraction for a key", "1.10: a\n", "line 1: a key must be a string: \"1.10\" needs its quotes"},
        {"null for a key", "a: 1\n~: b\n", "line 2: a key must be a string, not null"},
        {"a list for a key", "[a]: b\n", "line 1: a key must be a string, not a list or a mapping"},
        {"a word to merge", "a:\n  <<: x\n", "line 2: << must be a mapping or a list of them"},
        {"words to merge", "a:\n  <<: [x]\n", "line 2: << must be a mapping or a list of them"},
        {"a byte that is no UTF-8", "a: 1\nb: \xff\n", "line "},
        {"an overlong sequence", "a: \xc0\x80\n", "line "},
        {"half a surrogate pair", "a: \xed\xa0\x80\n", "line "},
        {"a control character", "a: \x01\n", "line "},
        {"a byte that is no UTF-8, in JSON", "{'a': '\xff'}", "line 1: "},
};

START_TEST(refuses_with_the_line)
{
        const struct fault_case *test = &fault_cases[_i];
        _cleanup_(freep) char *text = quote(test->text);
        _cleanup_error_ struct error error = ERROR_INIT;
        json_t *documents = NULL;

        ck_assert_msg(yaml_parse(&documents, text, strlen(text), &error) == -EINVAL, "%s", test->name);
        ck_assert_ptr_null(documents);
        ck_assert_msg(!strncmp(error_message(&error), test->error, strlen(test->error)), "%s: %s", test->name,
                      error_message(&error));
}
END_TEST

/* `depth` lists, one in the other. */
static int parse_nested(size_t depth, struct error *error)
{
        _cleanup_(freep) char *text = calloc(1, 2 * depth + 1);
        json_auto_t *documents = NULL;

        ck_assert_ptr_nonnull(text);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        return yaml_parse(&documents, text, 2 * depth, error);
}

START_TEST(nesting_has_an_end)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(parse_nested(YAML_MAX_DEPTH, NULL), 0);
        ck_assert_int_eq(parse_nested(YAML_MAX_DEPTH + 1, &error), -EINVAL);
        ck_assert_str_eq(error_message(&error), "line 1: nested deeper than 100 levels");
        ck_assert_int_eq(parse_nested(100000, NULL), -EINVAL);
}
END_TEST

/* Each of `levels` lines is a list of ten aliases of the line before: 10^levels words, written out. */
static char *laugh(int levels)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        fprintf(stream, "a0: &a0 ha\n");
        for (int i = 1; i <= levels; i++) {
                fprintf(stream, "a%d: &a%d [", i, i);
                for (int j = 0; j < 10; j++)
                        fprintf(stream, "%s*a%d", j ? "," : "", i - 1);
                fprintf(stream, "]\n");
        }
        fclose(stream);
        return text;
}

START_TEST(a_billion_laughs_are_too_many)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *few = laugh(6), *many = laugh(9);
        json_auto_t *documents = NULL;
        json_t *none = NULL;

        ck_assert_int_eq(yaml_parse(&documents, few, strlen(few), NULL), 0);
        ck_assert_int_eq(yaml_parse(&none, many, strlen(many), &error), -EINVAL);
        ck_assert_ptr_null(none);
        /* Up to the sixth level there are 1.2 million nodes, in the seventh 11 million: it is on line 8. */
        ck_assert_str_eq(error_message(&error), "line 8: aliases make this more than 4000000 nodes");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, reads_what_kubectl_reads, 0, ARRAY_SIZE(value_cases));
        tcase_add_test(tests, reads_no_further_than_the_size);
        tcase_add_loop_test(tests, refuses_with_the_line, 0, ARRAY_SIZE(fault_cases));
        tcase_add_test(tests, nesting_has_an_end);
        tcase_add_test(tests, a_billion_laughs_are_too_many);
}

int main(void)
{
        return unit_main("yaml_parse", add);
}
