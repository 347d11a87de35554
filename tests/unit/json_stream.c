/*
 * Framing: which objects come out of which bytes, however these are cut into parts.
 *
 * What comes out is told as text: each object in compact form, keys sorted, one a line; of a list, then its envelope.
 */
#include "kube/json_stream.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "util/error.h"

struct story {
        struct json_stream *stream;
        char text[1024];
        int r; /* what the callback answers */
};

static void tell(struct story *story, const json_t *value)
{
        char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        size_t size = strlen(story->text);

        ck_assert_ptr_nonnull(text);
        snprintf(story->text + size, sizeof(story->text) - size, "%s\n", text);
        free(text);
}

static int take(void *userdata, json_t *object, struct error *error)
{
        struct story *story = userdata;

        tell(story, object);
        return story->r < 0 ? error_set(error, -story->r, "no more") : 0;
}

static void begin(struct story *story, enum json_stream_kind kind)
{
        *story = (struct story){0};
        ck_assert_int_eq(json_stream_new(&story->stream, kind, take, story), 0);
}

/* Feeds text in parts that end at the two places. */
static int feed(struct story *story, const char *text, size_t first, size_t second, struct error *error)
{
        const size_t ends[] = {first, second, strlen(text)};
        size_t from = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(ends); i++) {
                r = json_stream_feed(story->stream, text + from, ends[i] - from, error);
                from = ends[i];
        }
        if (r >= 0)
                r = json_stream_end(story->stream, error);
        if (r >= 0 && json_stream_envelope(story->stream))
                tell(story, json_stream_envelope(story->stream));
        return r;
}

static const struct good_case {
        const char *name;
        enum json_stream_kind kind;
        const char *text;
        const char *story;
} good_cases[] = {
        {"nothing at all is a stream of no objects", JSON_STREAM_OBJECTS, "", ""},
        {"white space is too", JSON_STREAM_OBJECTS, " \t\r\n", ""},
        {"objects come one after another", JSON_STREAM_OBJECTS, "{\"a\":1}\n{\"b\":[{}]}\n",
         "{\"a\":1}\n{\"b\":[{}]}\n"},
        {"nothing need stand between them", JSON_STREAM_OBJECTS, "{}{}{\"a\":{}}", "{}\n{}\n{\"a\":{}}\n"},
        {"braces and quotes in strings are text", JSON_STREAM_OBJECTS, "{\"}\\\"{\\\\\":\"]}\\\\\"} {}",
         "{\"}\\\"{\\\\\":\"]}\\\\\"}\n{}\n"},
        {"NUL in a string or a key is read as U+FFFD", JSON_STREAM_OBJECTS,
         "{\"a\\u0000b\":\"x\\u0000\\u0000y\\\\\\u0000\"}",
         "{\"a\xef\xbf\xbd"
         "b\":\"x\xef\xbf\xbd\xef\xbf\xbdy\\\\\xef\xbf\xbd\"}\n"},
        {"a backslash that is escaped begins no NUL", JSON_STREAM_OBJECTS, "{\"a\":\"\\\\u0000\"}",
         "{\"a\":\"\\\\u0000\"}\n"},
        {"a list without items", JSON_STREAM_ITEMS, "{\"kind\":\"PodList\",\"items\":[]}",
         "{\"items\":[],\"kind\":\"PodList\"}\n"},
        {"items that are null are none, as Go writes them", JSON_STREAM_ITEMS, "{\"items\":null}",
         "{\"items\":null}\n"},
        {"items come one by one, the envelope stays", JSON_STREAM_ITEMS,
         " {\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"x]\"},"
         "\"items\" : [ {\"a\":\"]\"} ,{\"items\":[{}]}\n]}\n",
         "{\"a\":\"]\"}\n{\"items\":[{}]}\n"
         "{\"items\":[],\"kind\":\"PodList\",\"metadata\":{\"continue\":\"x]\",\"resourceVersion\":\"7\"}}\n"},
        {"the envelope may go on behind the items", JSON_STREAM_ITEMS,
         "{\"apiVersion\":\"v1\",\"items\":[{}],\"metadata\":{\"resourceVersion\":\"7\"}}",
         "{}\n{\"apiVersion\":\"v1\",\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}\n"},
        {"items elsewhere are none of the list", JSON_STREAM_ITEMS,
         "{\"a\":\"items\",\"metadata\":{\"items\":[{}]},\"itemsx\":[{}],\"items\":[{\"b\":1}]}",
         "{\"b\":1}\n{\"a\":\"items\",\"items\":[],\"itemsx\":[{}],\"metadata\":{\"items\":[{}]}}\n"},
};

START_TEST(objects_come_out_however_the_bytes_are_cut)
{
        const struct good_case *test = &good_cases[_i];
        size_t size = strlen(test->text);
        struct story story;

        for (size_t first = 0; first <= size; first++) {
                for (size_t second = first; second <= size; second++) {
                        begin(&story, test->kind);
                        ck_assert_int_eq(feed(&story, test->text, first, second, NULL), 0);
                        ck_assert_msg(!strcmp(story.text, test->story), "%s: %s", test->name, story.text);
                        json_stream_free(story.stream);
                }
        }
}
END_TEST

START_TEST(objects_come_out_byte_by_byte)
{
        const struct good_case *test = &good_cases[_i];
        struct story story;

        begin(&story, test->kind);
        for (const char *c = test->text; *c; c++)
                ck_assert_int_eq(json_stream_feed(story.stream, c, 1, NULL), 0);
        ck_assert_int_eq(json_stream_end(story.stream, NULL), 0);
        if (json_stream_envelope(story.stream))
                tell(&story, json_stream_envelope(story.stream));
        ck_assert_str_eq(story.text, test->story);
        json_stream_free(story.stream);
}
END_TEST

static const struct bad_case {
        const char *name;
        enum json_stream_kind kind;
        const char *text;
        const char *sentence;
} bad_cases[] = {
        {"a truncated object", JSON_STREAM_OBJECTS, "{\"a\":1}{\"b\":", "it ends in the middle of an object"},
        {"a truncated string", JSON_STREAM_OBJECTS, "{\"a\":\"}", "it ends in the middle of an object"},
        {"no object", JSON_STREAM_OBJECTS, "{} <html>", "an object must come where '<' does"},
        {"a byte that is no text", JSON_STREAM_OBJECTS, "\x1f\x8b", "an object must come where the byte 0x1f does"},
        {"an array", JSON_STREAM_OBJECTS, "[{}]", "an object must come where '[' does"},
        {"a bracket that closes a brace", JSON_STREAM_OBJECTS, "{\"a\":1]", "an object is not JSON: byte "},
        {"words that are none", JSON_STREAM_OBJECTS, "{\"a\":nil}", "an object is not JSON: byte "},
        {"a string that is no UTF-8", JSON_STREAM_OBJECTS, "{\"a\":\"\xff\"}", "an object is not JSON: byte "},
        {"no list", JSON_STREAM_ITEMS, " ", "there is no list"},
        {"a list that breaks off before its items", JSON_STREAM_ITEMS, "{\"kind\":\"PodList\",",
         "it ends in the middle of a list"},
        {"a list that breaks off in an item", JSON_STREAM_ITEMS, "{\"items\":[{\"a\"",
         "it ends in the middle of a list"},
        {"a list that breaks off behind an item", JSON_STREAM_ITEMS, "{\"items\":[{}",
         "it ends in the middle of a list"},
        {"a list that breaks off behind its items", JSON_STREAM_ITEMS, "{\"items\":[{}]",
         "it ends in the middle of a list"},
        {"an object that is no list", JSON_STREAM_ITEMS, "{\"kind\":\"Status\"}",
         "a list must have an array of items"},
        {"items that are no array", JSON_STREAM_ITEMS, "{\"items\":{}}", "a list must have an array of items"},
        {"items twice", JSON_STREAM_ITEMS, "{\"items\":[],\"items\":[]}", "a list has its items twice"},
        {"an item that is no object", JSON_STREAM_ITEMS, "{\"items\":[1]}", "an item must come where '1' does"},
        {"a comma too many", JSON_STREAM_ITEMS, "{\"items\":[{},]}", "an item must come where ']' does"},
        {"a comma too few", JSON_STREAM_ITEMS, "{\"items\":[{}{}]}",
         "a comma or the end of the items must come where '{' does"},
        {"more than a list", JSON_STREAM_ITEMS, "{\"items\":[]} {", "nothing more must come where '{' does"},
        {"an envelope that is no JSON", JSON_STREAM_ITEMS, "{\"kind\" \"items\":[]}",
         "a list without its items is not JSON: byte "},
        {"an envelope that is no JSON behind its items", JSON_STREAM_ITEMS, "{\"items\":[]\"a\":1}",
         "a list without its items is not JSON: byte "},
};

START_TEST(what_is_wrong_is_said_however_the_bytes_are_cut)
{
        const struct bad_case *test = &bad_cases[_i];
        size_t size = strlen(test->text);

        for (size_t first = 0; first <= size; first++) {
                _cleanup_error_ struct error error = ERROR_INIT;
                struct story story;

                begin(&story, test->kind);
                ck_assert_msg(feed(&story, test->text, first, size, &error) == -EBADMSG, "%s", test->name);
                ck_assert_msg(!strncmp(error_message(&error), test->sentence, strlen(test->sentence)), "%s: %s",
                              test->name, error_message(&error));
                json_stream_free(story.stream);
        }
}
END_TEST

static int feed_many(struct json_stream *stream, const char *text, size_t times, struct error *error)
{
        int r = 0;

        while (times-- && r >= 0)
                r = json_stream_feed(stream, text, strlen(text), error);
        return r;
}

static const struct depth_case {
        enum json_stream_kind kind;
        const char *begin;
        size_t levels; /* that may follow */
} depth_cases[] = {
        {JSON_STREAM_OBJECTS, "", JSON_STREAM_MAX_DEPTH},
        {JSON_STREAM_ITEMS, "{\"items\":[", JSON_STREAM_MAX_DEPTH},
        {JSON_STREAM_ITEMS, "{\"metadata\":", JSON_STREAM_MAX_DEPTH - 1},
};

START_TEST(depth_is_bounded)
{
        const struct depth_case *test = &depth_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        struct story story;

        begin(&story, test->kind);
        ck_assert_int_eq(feed_many(story.stream, test->begin, 1, NULL), 0);
        ck_assert_int_eq(feed_many(story.stream, "{\"a\":", test->levels, NULL), 0);
        ck_assert_int_eq(feed_many(story.stream, "[", 1, &error), -E2BIG);
        ck_assert_str_eq(error_message(&error), "nested deeper than 512 levels");
        json_stream_free(story.stream);
}
END_TEST

START_TEST(what_is_just_deep_enough_comes_out)
{
        struct story story;

        begin(&story, JSON_STREAM_OBJECTS);
        story.r = -ECANCELED; /* it has come out where this is what feeding answers */
        feed_many(story.stream, "{\"a\":", JSON_STREAM_MAX_DEPTH, NULL);
        feed_many(story.stream, "1", 1, NULL);
        ck_assert_int_eq(feed_many(story.stream, "}", JSON_STREAM_MAX_DEPTH, NULL), -ECANCELED);
        json_stream_free(story.stream);
}
END_TEST

static const struct size_case {
        enum json_stream_kind kind;
        const char *begin;
        size_t size; /* that is allowed, with what stands before */
        const char *sentence;
} size_cases[] = {
        {JSON_STREAM_OBJECTS, "{\"a\":\"", JSON_STREAM_MAX_OBJECT, "an object is larger than 8388608 bytes"},
        {JSON_STREAM_ITEMS, "{\"items\":[{\"a\":\"", JSON_STREAM_MAX_OBJECT + strlen("{\"items\":["),
         "an object is larger than 8388608 bytes"},
        {JSON_STREAM_ITEMS, "{\"a\":\"", JSON_STREAM_MAX_ENVELOPE,
         "a list without its items is larger than 65536 bytes"},
};

START_TEST(size_is_bounded)
{
        const struct size_case *test = &size_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        size_t size = test->size - strlen(test->begin);
        char *filler = malloc(size + 1);
        struct story story;

        ck_assert_ptr_nonnull(filler);
        memset(filler, 'x', size);
        filler[size] = '\0';
        begin(&story, test->kind);
        ck_assert_int_eq(feed_many(story.stream, test->begin, 1, NULL), 0);
        ck_assert_int_eq(feed_many(story.stream, filler, 1, NULL), 0);
        ck_assert_int_eq(feed_many(story.stream, "x", 1, &error), -E2BIG);
        ck_assert_str_eq(error_message(&error), test->sentence);
        json_stream_free(story.stream);
        free(filler);
}
END_TEST

START_TEST(what_the_callback_answers_ends_the_stream)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        struct story story;

        begin(&story, JSON_STREAM_OBJECTS);
        story.r = -EINVAL;
        ck_assert_int_eq(feed_many(story.stream, "{}{\"a\":1}", 1, &error), -EINVAL);
        ck_assert_str_eq(story.text, "{}\n");
        ck_assert_str_eq(error_message(&error), "no more");
        json_stream_free(story.stream);
}
END_TEST

static int look_at_kind(void *userdata, json_t *object, struct error *error)
{
        struct story *story = userdata;

        (void)object;
        (void)error;
        tell(story, json_object_get(json_stream_envelope(story->stream), "kind"));
        return 0;
}

START_TEST(items_know_what_the_list_has_said_before_them)
{
        const char *text = "{\"kind\":\"PodList\",\"items\":[{}]}";
        struct story story = {0};

        ck_assert_int_eq(json_stream_new(&story.stream, JSON_STREAM_ITEMS, look_at_kind, &story), 0);
        ck_assert_ptr_null(json_stream_envelope(story.stream));
        ck_assert_int_eq(json_stream_feed(story.stream, text, strlen(text), NULL), 0);
        ck_assert_str_eq(story.text, "\"PodList\"\n");
        json_stream_free(story.stream);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, objects_come_out_however_the_bytes_are_cut, 0, ARRAY_SIZE(good_cases));
        tcase_add_loop_test(tests, objects_come_out_byte_by_byte, 0, ARRAY_SIZE(good_cases));
        tcase_add_loop_test(tests, what_is_wrong_is_said_however_the_bytes_are_cut, 0, ARRAY_SIZE(bad_cases));
        tcase_add_loop_test(tests, depth_is_bounded, 0, ARRAY_SIZE(depth_cases));
        tcase_add_test(tests, what_is_just_deep_enough_comes_out);
        tcase_add_loop_test(tests, size_is_bounded, 0, ARRAY_SIZE(size_cases));
        tcase_add_test(tests, what_the_callback_answers_ends_the_stream);
        tcase_add_test(tests, items_know_what_the_list_has_said_before_them);
}

int main(void)
{
        return unit_main("json_stream", add);
}
