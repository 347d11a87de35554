/*
 * What is JSON and what is not, by RFC 8259 (section numbers with the cases) and, where it leaves a choice, by what
 * jansson does; and that no read goes past the end: every text stands in memory of exactly its size.
 */
#include "manifest/scanner.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"
#include "manifest/document.h"
#include "util/arena.h"
#include "util/error.h"

/* 0 or -errno, for memory of exactly this size. */
static int read_exactly(const char *bytes, size_t size, struct error *error)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        _cleanup_(freep) char *copy = malloc(size ? size : 1);
        struct kept *kept;

        if (size)
                memcpy(copy, bytes, size);
        return document_read(&kept, copy, size, NULL, &arena, error);
}

#define TEXT(text) text, sizeof(text) - 1

static const struct verdict_case {
        const char *name;
        const char *text;
        size_t size;
        bool good;
} verdicts[] = {
        /* 2: values and structural characters. */
        {"an empty object", TEXT("{}"), true},
        {"an empty list", TEXT("[]"), true},
        {"all kinds of white space", TEXT(" \t\r\n{ \t\r\n} \t\r\n"), true},
        {"white space between everything", TEXT("{ \"a\" : [ 1 , true ] , \"b\" : { } }"), true},
        {"a form feed is no white space", TEXT("[\f1]"), false},
        {"a no-break space is none", TEXT("[\xc2\xa0]"), false},
        {"a byte order mark", TEXT("\xef\xbb\xbf{}"), false},
        {"a NUL behind a number", TEXT("{\"a\":1\0}"), false},
        {"a NUL behind the end", TEXT("{}\0"), false},
        {"more behind the end", TEXT("{} {}"), false},
        {"a comma behind the end", TEXT("{},"), false},
        /* 3: literals. */
        {"the three words", TEXT("[true,false,null]"), true},
        {"a word in capitals", TEXT("[True]"), false},
        {"a word that is cut off", TEXT("[tru]"), false},
        {"a word that goes on", TEXT("[nulls]"), false},
        {"another word", TEXT("[NaN]"), false},
        {"words without a comma", TEXT("[true false]"), false},
        /* 4: objects. */
        {"members", TEXT("{\"a\":1,\"b\":2}"), true},
        {"an empty key", TEXT("{\"\":1}"), true},
        {"a comma at the end of an object", TEXT("{\"a\":1,}"), false},
        {"a comma at its begin", TEXT("{,\"a\":1}"), false},
        {"two commas", TEXT("{\"a\":1,,\"b\":2}"), false},
        {"no comma", TEXT("{\"a\":1 \"b\":2}"), false},
        {"no colon", TEXT("{\"a\" 1}"), false},
        {"two colons", TEXT("{\"a\"::1}"), false},
        {"no value", TEXT("{\"a\":}"), false},
        {"a key without quotes", TEXT("{a:1}"), false},
        {"a key that is a number", TEXT("{1:1}"), false},
        {"a key alone", TEXT("{\"a\"}"), false},
        {"an object that is closed as a list", TEXT("{\"a\":1]"), false},
        {"a key that is there twice", TEXT("{\"a\":1,\"b\":2,\"a\":3}"), false},
        {"a key that is there twice, once with an escape", TEXT("{\"ab\":1,\"\\u0061b\":2}"), false},
        {"a key that is there twice, far inside",
         TEXT("[[{\"x\":{\"key-of-some-length\":1,\"key-of-some-length\":2}}]]"), false},
        {"a key that is there twice, with a quote in it", TEXT("{\"a\\\"b\":1,\"a\\\"b\":2}"), false},
        {"a quote in a key, written in two ways", TEXT("{\"a\\\"\":1,\"a\\u0022\":2}"), false},
        {"a backslash in a key, written in two ways", TEXT("{\"\\u005c\":1,\"\\\\\":2}"), false},
        {"a slash in a key, written in two ways", TEXT("{\"a\\/b\":1,\"a/b\":2}"), false},
        {"a line feed in a key, written in two ways", TEXT("{\"\\n\":1,\"\\u000A\":2}"), false},
        {"keys beyond ASCII that are the same", TEXT("{\"\xc3\xa9\":1,\"\\u00e9\":2}"), false},
        {"keys of which one has an escaped backslash before a letter", TEXT("{\"\\\\n\":1,\"\\n\":2}"), true},
        {"a quote and an escaped backslash with a quote", TEXT("{\"\\\"\":1,\"\\\\\\\"\":2}"), true},
        {"an empty key twice", TEXT("{\"\":1,\"\":2}"), false},
        {"one key in two objects", TEXT("[{\"a\":{\"a\":1}},{\"a\":1}]"), true},
        {"keys that differ in the middle alone", TEXT("{\"12345678-a-12345678\":1,\"12345678-b-12345678\":2}"), true},
        {"keys that differ in a byte of their case", TEXT("{\"a\":1,\"A\":2}"), true},
        /* 5: lists. */
        {"nested lists", TEXT("[[],[[]],[1]]"), true},
        {"a comma at the end of a list", TEXT("[1,]"), false},
        {"a comma at its begin", TEXT("[,1]"), false},
        {"a list without a comma", TEXT("[1 2]"), false},
        {"a list that is closed as an object", TEXT("[1}"), false},
        {"a list that is closed twice", TEXT("[]]"), false},
        {"a colon in a list", TEXT("[1:2]"), false},
        /* 6: numbers. */
        {"zero", TEXT("[0]"), true},
        {"minus zero", TEXT("[-0]"), true},
        {"a fraction", TEXT("[0.5]"), true},
        {"exponents", TEXT("[1e5,1E5,1e+5,1e-5,1.5e5,0e0]"), true},
        {"a zero at the begin", TEXT("[01]"), false},
        {"a minus and a zero at the begin", TEXT("[-01]"), false},
        {"a plus", TEXT("[+1]"), false},
        {"a minus alone", TEXT("[-]"), false},
        {"two minuses", TEXT("[--1]"), false},
        {"a point at the begin", TEXT("[.5]"), false},
        {"a point at the end", TEXT("[1.]"), false},
        {"a point before an exponent", TEXT("[1.e5]"), false},
        {"an exponent without digits", TEXT("[1e]"), false},
        {"an exponent with a sign alone", TEXT("[1e+]"), false},
        {"hexadecimal digits", TEXT("[0x1]"), false},
        {"infinity", TEXT("[Infinity]"), false},
        {"a number with letters behind it", TEXT("[1a]"), false},
        {"the largest integer", TEXT("[9223372036854775807,-9223372036854775808]"), true},
        {"one that is larger", TEXT("[9223372036854775808]"), false},
        {"one that is smaller", TEXT("[-9223372036854775809]"), false},
        {"one of many zeros", TEXT("[10000000000000000000000]"), false},
        {"a large real number", TEXT("[1e308,-1e308]"), true},
        {"one that no double holds", TEXT("[1e309]"), false},
        {"one that is too small to tell from zero", TEXT("[1e-400]"), true},
        /* 7: strings. */
        {"every short escape", TEXT("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), true},
        {"escapes of four digits", TEXT("[\"\\u0041\\uABCD\\uabcd\\u0001\"]"), true},
        {"a surrogate pair", TEXT("[\"\\ud83d\\ude00\"]"), true},
        {"a high surrogate alone", TEXT("[\"\\ud83d\"]"), false},
        {"a high surrogate before another character", TEXT("[\"\\ud83d\\u0041\"]"), false},
        {"two high surrogates", TEXT("[\"\\ud83d\\ud83d\"]"), false},
        {"a low surrogate alone", TEXT("[\"\\ude00\"]"), false},
        {"an escape that is none", TEXT("[\"\\a\"]"), false},
        {"an escaped quote of the other kind", TEXT("[\"\\'\"]"), false},
        {"three hexadecimal digits", TEXT("[\"\\u004\"]"), false},
        {"four digits with a letter among them", TEXT("[\"\\u00g1\"]"), false},
        {"a capital U", TEXT("[\"\\U0041\"]"), false},
        {"an escaped NUL", TEXT("[\"\\u0000\"]"), false},
        {"a NUL", TEXT("[\"\0\"]"), false},
        {"a line feed in a string", TEXT("[\"a\nb\"]"), false},
        {"a tabulator in a string", TEXT("[\"a\tb\"]"), false},
        {"the last control character", TEXT("[\"\x1f\"]"), false},
        {"delete is none", TEXT("[\"\x7f\"]"), true},
        {"a string without an end", TEXT("[\"a]"), false},
        {"a backslash before the end", TEXT("[\"a\\\"]"), false},
        {"single quotes", TEXT("['a']"), false},
        /* 8.1 and RFC 3629, section 4: UTF-8. */
        {"two, three and four bytes", TEXT("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"), true},
        {"the largest code point", TEXT("[\"\xf4\x8f\xbf\xbf\"]"), true},
        {"one beyond it", TEXT("[\"\xf4\x90\x80\x80\"]"), false},
        {"a byte that goes on with nothing", TEXT("[\"\x80\"]"), false},
        {"two bytes of which the second is missing", TEXT("[\"\xc3\"]"), false},
        {"three bytes of which the third is missing", TEXT("[\"\xe2\x82\"]"), false},
        {"four bytes of which the fourth is missing", TEXT("[\"\xf0\x9f\x98\"]"), false},
        {"two bytes for what one would do", TEXT("[\"\xc1\xbf\"]"), false},
        {"three bytes for what two would do", TEXT("[\"\xe0\x9f\xbf\"]"), false},
        {"four bytes for what three would do", TEXT("[\"\xf0\x8f\xbf\xbf\"]"), false},
        {"a surrogate", TEXT("[\"\xed\xa0\x80\"]"), false},
        {"the bytes just before the surrogates", TEXT("[\"\xed\x9f\xbf\"]"), true},
        {"five bytes", TEXT("[\"\xf8\x88\x80\x80\x80\"]"), false},
        {"a byte that is never there", TEXT("[\"\xff\"]"), false},
        {"characters beyond ASCII outside of a string", TEXT("[\xc3\xa9]"), false},
        {"a long string with an odd byte at each place", TEXT("[\"0123456789abcdef0123456789abcdef\xc3\xa9\"]"),
         true},
};

/* A scalar at the top would be JSON; an object or a list is what is asked for. */
static const char *const no_tops[] = {"", "  ", "1", "-1.5", "\"a\"", "true", "null", "hello", ",", "}", "]", ":"};

START_TEST(takes_objects_and_lists_alone)
{
        ck_assert_msg(read_exactly(no_tops[_i], strlen(no_tops[_i]), NULL) == -EINVAL, "%s", no_tops[_i]);
}
END_TEST

START_TEST(takes_what_is_json)
{
        const struct verdict_case *test = &verdicts[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        int r = read_exactly(test->text, test->size, &error);

        ck_assert_msg(r == (test->good ? 0 : -EINVAL), "%s: %d %s", test->name, r, error_message(&error));
}
END_TEST

static const struct string_case {
        const char *name, *json, *bytes;
} strings[] = {
        {"nothing", "", ""},
        {"ASCII", "abc", "abc"},
        {"short escapes", "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"one byte", "\\u0041\\u007f", "A\x7f"},
        {"two bytes", "\\u0080\\u00e9\\u07FF", "\xc2\x80\xc3\xa9\xdf\xbf"},
        {"three bytes", "\\u0800\\u20ac\\uffff", "\xe0\xa0\x80\xe2\x82\xac\xef\xbf\xbf"},
        {"four bytes", "\\ud800\\udc00\\uD83D\\uDE00\\udbff\\udfff",
         "\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"},
        {"escapes among other text", "a\\nb \\u00e9 c\\\\", "a\nb \xc3\xa9 c\\"},
        {"beyond ASCII", "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80"},
};

START_TEST(reads_strings)
{
        const struct string_case *test = &strings[_i];
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        _cleanup_(freep) char *text = NULL;
        struct kept *kept;

        ck_assert_int_ge(asprintf(&text, "{\"%s\":[\"%s\"]}", test->json, test->json), 0);
        ck_assert_msg(document_read(&kept, text, strlen(text), NULL, &arena, NULL) == 0, "%s", test->name);
        ck_assert_msg(!strcmp(kept->first->key, test->bytes), "%s: as a key", test->name);
        ck_assert_msg(!strcmp(kept->first->first->text, test->bytes), "%s", test->name);
}
END_TEST

static const struct place_case {
        const char *name, *text, *sentence;
} places[] = {
        {"the end", "{\"a\":1", "not JSON: line 1, column 6 (byte 6 of 6): it ends too early"},
        {"a later line", "{\n \"a\": x}",
         "not JSON: line 2, column 7 (byte 9 of 10): a value must stand here, near 'x'"},
        {"a word that is none", "{\"a\":nil}",
         "not JSON: line 1, column 8 (byte 8 of 9): a value must stand here, near 'nil'"},
        {"a word that is too long to be shown", "[aaaaaaaaaaaaaaaaaaaaaaaa]",
         "not JSON: line 1, column 25 (byte 25 of 26): a value must stand here, near 'aaaaaaaaaaaaaaaa'"},
        {"characters, not bytes", "[\"\xc3\xa9\" 1]",
         "not JSON: line 1, column 5 (byte 6 of 8): \",\" or \"]\" must stand here, near '1'"},
        {"a mark in the place of another", "{\"a\";1}",
         "not JSON: line 1, column 4 (byte 4 of 7): \":\" must stand here, near ';'"},
        {"behind the second of two keys", "{\"a\":1,\"a\":2}",
         "not JSON: line 1, column 10 (byte 10 of 13): an object has the key \"a\" twice"},
        {"a byte that is not UTF-8", "[\"a\xff\"]",
         "not JSON: line 1, column 3 (byte 3 of 6): a string is not valid UTF-8, near byte 0xff"},
        {"a control character", "[\"a\tb\"]",
         "not JSON: line 1, column 3 (byte 3 of 7): a control character stands in a string, near byte 0x09"},
        {"half of a pair", "[\"\\ud83d\"]",
         "not JSON: line 1, column 2 (byte 2 of 10): a string has a bad escape, near '\\ud83d'"},
        {"a number without a digit", "[1.]",
         "not JSON: line 1, column 3 (byte 3 of 4): a number lacks a digit, near '1.'"},
};

START_TEST(says_where)
{
        const struct place_case *test = &places[_i];
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(read_exactly(test->text, strlen(test->text), &error), -EINVAL);
        ck_assert_msg(!strcmp(error_message(&error), test->sentence), "%s: %s", test->name, error_message(&error));
}
END_TEST

/* `depth` lists in each other, around what is in the innermost. */
static char *nest(size_t depth, const char *innermost, size_t *ret_size)
{
        size_t length = strlen(innermost);
        char *text = malloc(2 * depth + length + 1);

        memset(text, '[', depth);
        memcpy(text + depth, innermost, length);
        memset(text + depth + length, ']', depth);
        *ret_size = 2 * depth + length;
        return text;
}

static const struct depth_case {
        const char *name;
        size_t depth;
        const char *innermost;
        bool good;
} depths[] = {
        {"the innermost is empty", SCANNER_DEPTH_MAX, "", true},
        {"a value at the last level", SCANNER_DEPTH_MAX - 1, "1", true},
        {"a value below it", SCANNER_DEPTH_MAX, "1", false},
        {"a list below it", SCANNER_DEPTH_MAX + 1, "", false},
        {"far below it", 1000000, "", false},
};

START_TEST(nests_up_to_a_bound)
{
        const struct depth_case *test = &depths[_i];
        size_t size;
        _cleanup_(freep) char *text = nest(test->depth, test->innermost, &size);

        ck_assert_msg(read_exactly(text, size, NULL) == (test->good ? 0 : -EINVAL), "%s", test->name);
}
END_TEST

/* An object of `n` keys, and the first of them once more. */
static char *wide(size_t n, bool twice, size_t *ret_size)
{
        char *text;
        FILE *stream = open_memstream(&text, ret_size);

        fputs("[{\"first\":0", stream);
        for (size_t i = 1; i < n; i++)
                fprintf(stream, ",\"key number %zu of them\":{}", i * 7919 % n);
        fputs(twice ? ",\"first\":1}]" : "}]", stream);
        fclose(stream);
        return text;
}

START_TEST(finds_a_key_that_is_there_twice_among_many)
{
        static const size_t counts[] = {1, 2, 31, 32, 33, 100, 5000};
        size_t size;
        _cleanup_(freep) char *once = wide(counts[_i], false, &size);
        _cleanup_(freep) char *twice = NULL;

        ck_assert_msg(read_exactly(once, size, NULL) == 0, "%zu", counts[_i]);
        twice = wide(counts[_i], true, &size);
        ck_assert_msg(read_exactly(twice, size, NULL) == -EINVAL, "%zu", counts[_i]);
}
END_TEST

START_TEST(what_is_skipped_is_checked_too)
{
        static const struct shape shape[] = {SHAPE("kept", NULL), SHAPE_END};
        static const char before[] = "{\"skipped\":[", after[] = "],\"kept\":1}";
        const struct verdict_case *test = &verdicts[_i];
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        size_t size = strlen(before) + test->size + strlen(after);
        _cleanup_(freep) char *text = malloc(size);
        struct kept *kept;
        int r;

        memcpy(text, before, strlen(before));
        memcpy(text + strlen(before), test->text, test->size);
        memcpy(text + size - strlen(after), after, strlen(after));
        r = document_read(&kept, text, size, shape, &arena, NULL);
        ck_assert_msg(r == (test->good ? 0 : -EINVAL), "%s", test->name);
        ck_assert_msg(!test->good || kept->members[0]->kind == KEPT_INTEGER, "%s", test->name);
}
END_TEST

/* Keys that go down, so that each is before all others, with one of them twice. */
START_TEST(finds_a_key_that_is_there_twice_out_of_order)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        fputs("{\"z\":0", stream);
        for (int i = 1000; i > 0; i--)
                fprintf(stream, ",\"%04d\":{}", i == 500 && _i ? 900 : i);
        fputs("}", stream);
        fclose(stream);
        ck_assert_int_eq(read_exactly(text, size, NULL), _i ? -EINVAL : 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, takes_objects_and_lists_alone, 0, ARRAY_SIZE(no_tops));
        tcase_add_loop_test(tests, takes_what_is_json, 0, ARRAY_SIZE(verdicts));
        tcase_add_loop_test(tests, reads_strings, 0, ARRAY_SIZE(strings));
        tcase_add_loop_test(tests, says_where, 0, ARRAY_SIZE(places));
        tcase_add_loop_test(tests, nests_up_to_a_bound, 0, ARRAY_SIZE(depths));
        tcase_add_loop_test(tests, finds_a_key_that_is_there_twice_among_many, 0, 7);
        tcase_add_loop_test(tests, finds_a_key_that_is_there_twice_out_of_order, 0, 2);
        tcase_add_loop_test(tests, what_is_skipped_is_checked_too, 0, ARRAY_SIZE(verdicts));
}

int main(void)
{
        return unit_main("scanner", add);
}
