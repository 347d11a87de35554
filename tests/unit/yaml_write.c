/*
 * JSON values as YAML: as kubectl -o yaml writes them, and so that they read as what they were.
 */
#include <errno.h>

#include "json.h"
#include "manifest/yaml.h"
#include "util/cleanup.h"
#include "util/error.h"

/* A new string. */
static char *write_yaml(const json_t *value)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        ck_assert_int_eq(yaml_write(stream, value), 0);
        fclose(stream);
        return text;
}

static const struct text_case {
        const char *name;
        const char *json;
        const char *yaml;
} text_cases[] = {
        {"keys are sorted", "{'b': 1, 'a': 'x', 'C': 2}", "C: 2\na: x\nb: 1\n"},
        {"a list stands below its key", "{'a': ['x', {'b': 1, 'c': 2}]}", "a:\n- x\n- b: 1\n  c: 2\n"},
        {"mappings are indented by two", "{'a': {'b': {'c': 1}}}", "a:\n  b:\n    c: 1\n"},
        {"what is empty is in flow style", "{'a': {}, 'b': []}", "a: {}\nb: []\n"},
        {"booleans and null", "{'a': true, 'b': false, 'c': null}", "a: true\nb: false\nc: null\n"},
        {"numbers", "{'a': -1, 'b': 9223372036854775807, 'c': 1.5}", "a: -1\nb: 9223372036854775807\nc: 1.5\n"},
        {"a fraction is as short as it can be", "{'a': 0.1}", "a: 0.1\n"},
        {"words that would be booleans are quoted", "{'a': 'yes', 'b': 'off', 'c': 'y'}",
         "a: \"yes\"\nb: \"off\"\nc: \"y\"\n"},
        {"words that would be numbers are quoted", "{'a': '1', 'b': '0x1f', 'c': '1e3', 'd': '1_0'}",
         "a: \"1\"\nb: \"0x1f\"\nc: \"1e3\"\nd: \"1_0\"\n"},
        {"words that would be null are quoted", "{'a': '', 'b': '~', 'c': 'null'}",
         "a: \"\"\nb: \"~\"\nc: \"null\"\n"},
        {"words that look like keys are quoted", "{'yes': 1, '1': 2}", "\"1\": 2\n\"yes\": 1\n"},
        {"several lines are a block", "{'a': 'x\\ny\\n', 'b': 'x\\ny'}", "a: |\n  x\n  y\nb: |-\n  x\n  y\n"},
        {"a long line stays one",
         "{'a': 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'}",
         "a: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen\n"},
        {"names with points and slashes are plain", "{'a.b/c': 'd.e/f:1.2'}", "a.b/c: d.e/f:1.2\n"},
        {"letters beyond ASCII are themselves", "{'a': '\\u00e9'}", "a: \xc3\xa9\n"},
};

START_TEST(writes_as_kubectl_does)
{
        const struct text_case *test = &text_cases[_i];
        json_auto_t *value = json_text(test->json);
        _cleanup_(freep) char *text = write_yaml(value);

        ck_assert_msg(!strcmp(text, test->yaml), "%s:\n%s", test->name, text);
}
END_TEST

/* Strings that a careless writer would get wrong; each is tried as a value, a key, an item and a document. */
static const char *const strings[] = {
        "",
        " ",
        "a",
        "yes",
        "no",
        "null",
        "~",
        "1",
        "1.0",
        "1e3",
        "0x1f",
        "014",
        "1_000",
        ".inf",
        ".nan",
        "-",
        "-1",
        "--",
        "---",
        "...",
        "--- a",
        "?",
        "? a",
        ":",
        ": a",
        "a:",
        "a: b",
        "a : b",
        "a #b",
        "#a",
        "a#b",
        "&a",
        "*a",
        "!a",
        "!!str a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "|a",
        "'",
        "''",
        "'a'",
        "\"",
        "\"a\"",
        "\\",
        "\\n",
        "{",
        "{}",
        "{a: b}",
        "[",
        "[]",
        "[a]",
        "]",
        "}",
        ",",
        "a,b",
        "a, b",
        "<<",
        "=",
        " a",
        "a ",
        "\ta",
        "a\t",
        "a\tb",
        "\n",
        "\n\n",
        "a\n",
        "a\n\n",
        "a\n\n\n",
        "\na",
        "\n\na",
        "a\nb",
        "a\nb\n",
        " a\nb",
        "a\n b",
        "a \nb",
        "\ta\nb",
        "a\n\tb",
        "a\n \nb",
        " \n",
        "a\n ",
        "# a\nb",
        "- a\n- b",
        "a: 1\nb: 2\n",
        "---\na",
        "a\n---\nb",
        "a\n...\n",
        "a\rb",
        "a\r\nb",
        "\r",
        "\x01",
        "a\x7f"
        "b",
        "\xc2\x85",
        "a\xc2\x85"
        "b",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf"
        "a",
        "\xc3\xa9",
        "\xf0\x9f\x98\x80",
        "\xef\xbf\xbd",
        "12:30",
        "12:30:45",
        "2001-01-01",
        "2001-01-01T00:00:00Z",
        "0o14",
        "0b1",
        "08",
        "+1",
        "+",
        ".",
        "..",
        "1.",
        ".5",
        "1e",
        "0x",
        "on",
        "Off",
};

static void assert_round_trip(const json_t *value)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *text = write_yaml(value);
        json_auto_t *documents = NULL;

        if (yaml_parse(&documents, text, strlen(text), &error) < 0)
                ck_abort_msg("%s:\n%s", error_message(&error), text);
        ck_assert_msg(json_array_size(documents) == 1 && json_equal(json_array_get(documents, 0), value), "\n%s",
                      text);
}

START_TEST(every_string_reads_as_itself)
{
        for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
                json_auto_t *document = json_string(strings[i]);
                json_auto_t *object = json_pack("{s:s, s:[s, s], s:{s:s, s:{s:i}}}", "value", strings[i], "list",
                                                strings[i], "x", "map", strings[i], strings[i], "key", strings[i], 1);

                ck_assert_ptr_nonnull(object);
                assert_round_trip(object);
                assert_round_trip(document);
        }
}
END_TEST

static const char *const values[] = {
        "null",
        "true",
        "0",
        "-9223372036854775808",
        "1.5",
        "0.1",
        "1e300",
        "123456789.123456789",
        "5e-324",
        "[]",
        "{}",
        "[[], [[]], [{}], {'a': []}]",
        "[[1, 2], [3, [4]]]",
        "{'a': {'b': {'c': [{'d': [null, false]}]}}}",
        "['a', ['b'], {'c': 'd', 'e': ['f']}]",
};

START_TEST(every_value_reads_as_itself)
{
        json_auto_t *value = json_text(values[_i]);

        assert_round_trip(value);
}
END_TEST

START_TEST(a_stream_that_fails_is_an_input_output_error)
{
        json_auto_t *value = json_text("{'a': 1}");
        FILE *full = fopen("/dev/full", "we");

        ck_assert_ptr_nonnull(full);
        setvbuf(full, NULL, _IONBF, 0);
        ck_assert_int_eq(yaml_write(full, value), -EIO);
        fclose(full);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, writes_as_kubectl_does, 0, ARRAY_SIZE(text_cases));
        tcase_add_test(tests, every_string_reads_as_itself);
        tcase_add_loop_test(tests, every_value_reads_as_itself, 0, ARRAY_SIZE(values));
        tcase_add_test(tests, a_stream_that_fails_is_an_input_output_error);
}

int main(void)
{
        return unit_main("yaml_write", add);
}
