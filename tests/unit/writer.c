/*
 * JSON that is written: strings read back by jansson, numbers, and the base64 of RFC 4648, section 10.
 */
#include "manifest/writer.h"

#include <jansson.h>

#include "check.h"

static const char *const texts[] = {
        "",
        "plain",
        "\"quoted\"",
        "back\\slash",
        "\b\f\n\r\t",
        "\x01\x1f\x7f",
        "caf\xc3\xa9 \xf0\x9f\x98\x80",
        "a/b~c",
        "ends with a quote\"",
        "\n",
};

START_TEST(strings_read_back_as_they_were)
{
        struct writer writer;
        json_t *value;
        char block[8];

        writer_init(&writer, _i % 2 ? block : NULL, sizeof(block));
        writer_raw(&writer, "[");
        writer_string(&writer, texts[_i]);
        writer_raw(&writer, "]");
        ck_assert(!writer.failed);
        value = json_loadb(writer.bytes, writer.size, 0, NULL);
        ck_assert_msg(value != NULL, "%.*s", (int)writer.size, writer.bytes);
        ck_assert_str_eq(json_string_value(json_array_get(value, 0)), texts[_i]);
        json_decref(value);
        writer_clear(&writer);
}
END_TEST

/* Text is looked at several characters at a time. */
START_TEST(an_escape_is_found_at_every_place)
{
        char expected[32], block[128];
        struct writer writer;
        json_t *value;

        for (int c = 1; c < 0x80; c++) {
                for (size_t at = 0; at < 20; at++) {
                        memset(expected, 'x', 20);
                        expected[20] = '\0';
                        expected[at] = (char)c;
                        writer_init(&writer, block, sizeof(block));
                        writer_raw(&writer, "[");
                        writer_string(&writer, expected);
                        writer_raw(&writer, "]");
                        value = json_loadb(writer.bytes, writer.size, 0, NULL);
                        ck_assert_msg(value != NULL, "%.*s", (int)writer.size, writer.bytes);
                        ck_assert_str_eq(json_string_value(json_array_get(value, 0)), expected);
                        json_decref(value);
                        writer_clear(&writer);
                }
        }
}
END_TEST

static const struct {
        const char *bytes, *base64;
} vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xef\xfe", "/+/+"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff", "//////////8="},
        {"light w", "bGlnaHQgdw=="},
        {"light wo", "bGlnaHQgd28="},
        {"light wor", "bGlnaHQgd29y"},
        {"light work.", "bGlnaHQgd29yay4="},
        {"Many hands make light work.", "TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu"},
};

START_TEST(base64_is_that_of_the_rfc)
{
        struct writer writer;
        char *text;
        size_t size;

        writer_init(&writer, NULL, 0);
        writer_base64(&writer, vectors[_i].bytes, strlen(vectors[_i].bytes));
        ck_assert_int_eq(writer_finish(&writer, &text, &size), 0);
        ck_assert_str_eq(text, vectors[_i].base64);
        ck_assert_uint_eq(size, strlen(vectors[_i].base64));
        free(text);
        writer_clear(&writer);
}
END_TEST

START_TEST(numbers_are_decimal)
{
        struct writer writer;
        char *text;
        size_t size;

        writer_init(&writer, NULL, 0);
        writer_number(&writer, 0);
        writer_raw(&writer, " ");
        writer_number(&writer, 403);
        writer_raw(&writer, " ");
        writer_number(&writer, UINT64_MAX);
        ck_assert_int_eq(writer_finish(&writer, &text, &size), 0);
        ck_assert_str_eq(text, "0 403 18446744073709551615");
        free(text);
        writer_clear(&writer);
}
END_TEST

START_TEST(a_block_that_is_too_small_is_left_for_the_heap)
{
        struct writer writer;
        char block[16], *text;
        size_t size;

        writer_init(&writer, block, sizeof(block));
        for (int i = 0; i < 1000; i++)
                writer_raw(&writer, "0123456789");
        ck_assert_int_eq(writer_finish(&writer, &text, &size), 0);
        ck_assert_uint_eq(size, 10000);
        for (size_t i = 0; i < size; i++)
                ck_assert_int_eq(text[i], (char)('0' + i % 10));
        free(text);
        writer_clear(&writer);
}
END_TEST

START_TEST(nothing_is_an_empty_string)
{
        struct writer writer;
        char *text;
        size_t size;

        writer_init(&writer, NULL, 0);
        writer_texts(&writer, "", "");
        writer_part(&writer, "", 0);
        ck_assert_int_eq(writer_finish(&writer, &text, &size), 0);
        ck_assert_str_eq(text, "");
        ck_assert_uint_eq(size, 0);
        free(text);
        writer_clear(&writer);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, strings_read_back_as_they_were, 0, ARRAY_SIZE(texts));
        tcase_add_test(tests, an_escape_is_found_at_every_place);
        tcase_add_loop_test(tests, base64_is_that_of_the_rfc, 0, ARRAY_SIZE(vectors));
        tcase_add_test(tests, numbers_are_decimal);
        tcase_add_test(tests, nothing_is_an_empty_string);
        tcase_add_test(tests, a_block_that_is_too_small_is_left_for_the_heap);
}

int main(void)
{
        return unit_main("writer", add);
}
