/*
 * Bodies that come in parts of any size, and the buffer that a thread keeps for the next.
 */
#include "daemon/body.h"

#include <string.h>

#include "check.h"

static const struct parts_case {
        const char *name;
        size_t whole, part, expected;
} cases[] = {
        {"in one part, as announced", 3600, 3600, 3600},
        {"byte by byte, as announced", 1000, 1, 1000},
        {"not announced", 100000, 1000, 0},
        {"longer than announced", 50000, 1000, 10},
        {"shorter than announced", 10, 10, 7000000},
        {"a large one", 7000000, 16384, 7000000},
};

static char byte_at(size_t i)
{
        return (char)(i * 31 % 251);
}

static void fill(struct body *body, const struct parts_case *test)
{
        char part[16384];

        for (size_t at = 0; at < test->whole;) {
                size_t size = test->whole - at < test->part ? test->whole - at : test->part;

                for (size_t i = 0; i < size; i++)
                        part[i] = byte_at(at + i);
                ck_assert(body_append(body, part, size, at ? 0 : test->expected));
                at += size;
        }
}

START_TEST(parts_are_put_together)
{
        const struct parts_case *test = &cases[_i];

        for (int again = 0; again < 3; again++) {
                struct body body = {0};

                fill(&body, test);
                ck_assert_msg(body.size == test->whole, "%s: %zu", test->name, body.size);
                for (size_t i = 0; i < body.size; i++)
                        if (body.bytes[i] != byte_at(i))
                                ck_abort_msg("%s: at %zu", test->name, i);
                body_clear(&body);
        }
}
END_TEST

START_TEST(a_buffer_is_used_again)
{
        struct body body = {0}, other = {0};
        char *bytes;

        ck_assert(body_append(&body, "abc", 3, 3000));
        bytes = body.bytes;
        body_clear(&body);
        ck_assert(body_append(&body, "def", 3, 3000));
        ck_assert_ptr_eq(body.bytes, bytes);
        ck_assert_uint_eq(body.size, 3);

        /* While it is in use, another body has a buffer of its own. */
        ck_assert(body_append(&other, "ghi", 3, 3000));
        ck_assert_ptr_ne(other.bytes, bytes);
        body_clear(&other);
        body_clear(&body);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, parts_are_put_together, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, a_buffer_is_used_again);
}

int main(void)
{
        return unit_main("body", add);
}
