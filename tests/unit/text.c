/*
 * Formatted text that the caller owns.
 */
#include "util/text.h"

#include <string.h>
#include <wchar.h>

#include "check.h"
#include "util/arena.h"
#include "util/cleanup.h"

static char *format_list(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *format_list(const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        text = text_format_list(format, arguments);
        va_end(arguments);
        return text;
}

START_TEST(is_formatted)
{
        _cleanup_(freep) char *text = text_format("%s-%03d%%", "a", 7), *list = format_list("%s-%03d%%", "b", 8);

        ck_assert_str_eq(text, "a-007%");
        ck_assert_str_eq(list, "b-008%");
}
END_TEST

START_TEST(is_as_long_as_it_has_to_be)
{
        _cleanup_(freep) char *empty = text_format("%s", ""), *wide = text_format("%*s", 100000, "x");

        ck_assert_str_eq(empty, "");
        ck_assert_uint_eq(strlen(wide), 100000);
}
END_TEST

START_TEST(what_cannot_be_formatted_is_null)
{
        /* No character of the C locale. */
        ck_assert_ptr_null(text_format("%lc", (wint_t)0x20ac));
}
END_TEST

START_TEST(texts_are_joined_in_an_arena_or_on_the_heap)
{
        static const char *const texts[] = {"a", "", "bcd", "/"};
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        _cleanup_(freep) char *joined = text_join(NULL, texts, 4), *none = text_join(NULL, texts, 0);

        ck_assert_str_eq(joined, "abcd/");
        ck_assert_str_eq(none, "");
        ck_assert_str_eq(text_join(&arena, texts, 3), "abcd");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, is_formatted);
        tcase_add_test(tests, is_as_long_as_it_has_to_be);
        tcase_add_test(tests, what_cannot_be_formatted_is_null);
        tcase_add_test(tests, texts_are_joined_in_an_arena_or_on_the_heap);
}

int main(void)
{
        return unit_main("text", add);
}
