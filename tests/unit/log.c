/*
 * Log lines: their form in logfmt and in JSON (RFC 8259), whatever is in the values, and which are written at all.
 */
#include "util/log.h"

#include <errno.h>
#include <pthread.h>

#include "json.h"
#include "scratch.h"
#include "util/cleanup.h"

/* Standard error goes to a file. */
static void setup(void)
{
        scratch_setup();
        ck_assert_ptr_nonnull(freopen(scratch_path("log").text, "we", stderr));
}

/* What was logged, without the time, which is at the start of each line. A new string. */
static char *logged(void)
{
        char *text = scratch_read("log", NULL), *time = strstr(text, "time");

        ck_assert_ptr_nonnull(time);
        return text;
}

static const struct value_case {
        const char *name;
        const char *value;
        const char *logfmt; /* as it stands there */
        const char *json;   /* likewise */
} value_cases[] = {
        {"a word is bare in logfmt", "word", "word", "\"word\""},
        {"so are names and addresses", "a.b/c-d_e:8443", "a.b/c-d_e:8443", "\"a.b/c-d_e:8443\""},
        {"nothing is quoted", "", "\"\"", "\"\""},
        {"a null pointer is nothing", NULL, "\"\"", "\"\""},
        {"blanks are quoted", "a b", "\"a b\"", "\"a b\""},
        {"an equals sign is quoted", "a=b", "\"a=b\"", "\"a=b\""},
        {"a quote is escaped", "a\"b", "\"a\\\"b\"", "\"a\\\"b\""},
        {"a backslash is escaped", "a\\b", "\"a\\\\b\"", "\"a\\\\b\""},
        {"a newline is escaped", "a\nb", "\"a\\nb\"", "\"a\\nb\""},
        {"a forged line stays within its own", "x\ntime=0 level=info msg=forged",
         "\"x\\ntime=0 level=info msg=forged\"", "\"x\\ntime=0 level=info msg=forged\""},
        {"control characters are escaped", "\x01\t\r\x1b[0m\x7f", "\"\\u0001\\u0009\\u000d\\u001b[0m\\u007f\"",
         "\"\\u0001\\u0009\\u000d\\u001b[0m\\u007f\""},
        {"letters beyond ASCII are kept", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a byte that is no UTF-8 is replaced",
         "a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\"",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"so is a sequence that ends too soon", "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"",
         "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"an overlong sequence", "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"a surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"the last code point, and what would follow it", "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80",
         "\"\xf4\x8f\xbf\xbf\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
         "\"\xf4\x8f\xbf\xbf\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(values_are_escaped)
{
        const struct value_case *test = &value_cases[_i / 2];
        bool json = _i % 2;
        _cleanup_(freep) char *text = NULL, *expected = NULL;

        log_setup(LOG_INFO, json ? LOG_JSON : LOG_LOGFMT);
        log_info("m", log_string("k", test->value), log_integer("n", -5));
        text = logged();
        ck_assert_int_gt(
                json ? asprintf(&expected, "Z\",\"level\":\"info\",\"msg\":\"m\",\"k\":%s,\"n\":-5}\n", test->json)
                     : asprintf(&expected, "Z level=info msg=m k=%s n=-5\n", test->logfmt),
                0);
        ck_assert_msg(!strcmp(strchr(text, 'Z'), expected), "%s: %s", test->name, text);
}
END_TEST

START_TEST(json_lines_are_json)
{
        const char *value = value_cases[_i].value;
        _cleanup_(freep) char *text = NULL;
        json_auto_t *line = NULL;

        log_setup(LOG_INFO, LOG_JSON);
        log_error(value ? value : "", log_string("k", value));
        text = logged();
        line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(line != NULL, "%s: %s", value_cases[_i].name, text);
        ck_assert_uint_eq(json_object_size(line), 4);
        ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "error");
        ck_assert_str_eq(json_string_value(json_object_get(line, "msg")),
                         json_string_value(json_object_get(line, "k")));
}
END_TEST

START_TEST(the_time_is_rfc_3339_in_utc)
{
        _cleanup_(freep) char *text = NULL;
        time_t before = time(NULL), written;
        unsigned milliseconds;
        struct tm tm = {0};
        char rest;

        setenv("TZ", "America/New_York", 1);
        tzset();
        log_setup(LOG_INFO, LOG_LOGFMT);
        log_info("m");
        text = logged();
        ck_assert_int_eq(sscanf(text, "time=%4d-%2d-%2dT%2d:%2d:%2d.%3uZ%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                                &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &milliseconds, &rest),
                         8);
        ck_assert_int_eq(rest, ' ');
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        written = timegm(&tm);
        ck_assert(written >= before && written <= time(NULL));
}
END_TEST

static bool evaluated;

static const char *evaluate(void)
{
        evaluated = true;
        return "x";
}

START_TEST(levels_below_the_threshold_are_left_out)
{
        enum log_level threshold = (enum log_level)_i;
        _cleanup_(freep) char *text = NULL;
        size_t lines = 0;

        log_setup(threshold, LOG_LOGFMT);
        log_debug("m", log_string("k", evaluate()));
        log_info("m");
        log_warn("m");
        log_error("m");
        ck_assert(evaluated == (threshold == LOG_DEBUG));
        text = logged();
        for (const char *c = text; *c; c++)
                lines += *c == '\n';
        ck_assert_uint_eq(lines, 4 - (size_t)threshold);
        ck_assert(log_enabled(LOG_ERROR));
        ck_assert(log_enabled(LOG_DEBUG) == (threshold == LOG_DEBUG));
}
END_TEST

START_TEST(names_are_parsed)
{
        static const char *const levels[] = {"debug", "info", "warn", "error"}, *const formats[] = {"logfmt", "json"};
        enum log_format format;
        enum log_level level;

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
                ck_assert_int_eq(log_level_parse(&level, levels[i]), 0);
                ck_assert_uint_eq(level, i);
        }
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                ck_assert_int_eq(log_format_parse(&format, formats[i]), 0);
                ck_assert_uint_eq(format, i);
        }
        ck_assert_int_eq(log_level_parse(&level, "INFO"), -EINVAL);
        ck_assert_int_eq(log_level_parse(&level, ""), -EINVAL);
        ck_assert_int_eq(log_format_parse(&format, "text"), -EINVAL);
}
END_TEST

/* Values of which each character needs room of its own kind. */
static const char *const fillers[] = {"x", "\"", "\x01", "\xe6\x97\xa5", "\xff"};

static char *fill(const char *filler)
{
        char *value = calloc(1, 20001);

        for (size_t i = 0; i + strlen(filler) <= 20000; i += strlen(filler))
                memcpy(value + i, filler, strlen(filler));
        return value;
}

START_TEST(a_line_that_is_too_long_is_cut_and_stays_well_formed)
{
        _cleanup_(freep) char *text = NULL, *value = fill(fillers[_i]);
        json_auto_t *json = NULL;
        size_t length;

        log_setup(LOG_INFO, LOG_JSON);
        log_info("m", log_string("k", value), log_integer("l", 7));
        log_info("next");
        text = logged();
        length = (size_t)(strchr(text, '\n') - text);
        ck_assert_uint_le(length, 8191);
        ck_assert_uint_ge(length, 8191 - 8);
        json = json_loadb(text, length, 0, NULL);
        ck_assert_ptr_nonnull(json_object_get(json, "k"));
        ck_assert_ptr_null(json_object_get(json, "l"));
        ck_assert_ptr_nonnull(strstr(text + length, "\"msg\":\"next\""));
}
END_TEST

START_TEST(a_long_word_of_logfmt_is_cut_in_quotes)
{
        _cleanup_(freep) char *text = NULL, *value = fill("x");

        log_setup(LOG_INFO, LOG_LOGFMT);
        log_info("m", log_string("k", value), log_string("l", value));
        text = logged();
        ck_assert_ptr_nonnull(strstr(text, "k=\"xxx"));
        ck_assert_str_eq(text + strlen(text) - 3, "x\"\n");
}
END_TEST

static void *log_many(void *userdata)
{
        for (int i = 0; i < 200; i++)
                log_info(userdata, log_string("k", "a value of some length"), log_integer("i", i));
        return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix)
{
        static char message[] = "a message";
        _cleanup_(freep) char *text = NULL;
        pthread_t threads[4];
        size_t lines = 0;

        log_setup(LOG_INFO, LOG_JSON);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, log_many, message), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
        text = logged();
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
                json_auto_t *json = json_loads(line, 0, NULL);

                ck_assert_msg(json != NULL, "%s", line);
        }
        ck_assert_uint_eq(lines, 800);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, scratch_teardown);
        tcase_add_loop_test(tests, values_are_escaped, 0, 2 * ARRAY_SIZE(value_cases));
        tcase_add_loop_test(tests, json_lines_are_json, 0, ARRAY_SIZE(value_cases));
        tcase_add_test(tests, the_time_is_rfc_3339_in_utc);
        tcase_add_loop_test(tests, levels_below_the_threshold_are_left_out, LOG_DEBUG, LOG_ERROR + 1);
        tcase_add_test(tests, names_are_parsed);
        tcase_add_loop_test(tests, a_line_that_is_too_long_is_cut_and_stays_well_formed, 0, ARRAY_SIZE(fillers));
        tcase_add_test(tests, a_long_word_of_logfmt_is_cut_in_quotes);
        tcase_add_test(tests, lines_of_several_threads_do_not_mix);
}

int main(void)
{
        return unit_main("log", add);
}
