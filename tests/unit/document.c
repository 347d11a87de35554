/*
 * Recorded reviews, whole, cut short at every byte, and mutated with a fixed seed, read beside jansson
 * (tests/differential.h). `./dev fuzz` searches further.
 */
#include "manifest/document.h"

#include <errno.h>

#include "differential.h"
#include "recorded.h"

#define MUTATIONS 20000

START_TEST(a_recorded_review_reads_as_with_jansson)
{
        size_t size;
        _cleanup_(freep) char *text = recorded_read(recorded_names[_i], &size);

        differential(text, size);
}
END_TEST

/* A line feed is what the files end with. */
START_TEST(a_review_that_is_cut_short_anywhere_is_refused)
{
        size_t size;
        _cleanup_(freep) char *text = recorded_read(recorded_names[_i], &size);

        while (size && text[size - 1] != '}')
                size--;
        for (size_t cut = 0; cut < size; cut++) {
                _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
                _cleanup_error_ struct error error = ERROR_INIT;
                _cleanup_(freep) char *part = malloc(cut ? cut : 1);
                struct review review;

                memcpy(part, text, cut);
                ck_assert_msg(review_parse(&review, part, cut, &arena, &error) == -EINVAL, "cut at %zu", cut);
                ck_assert_msg(strstr(error_message(&error), "not JSON: line 1, column "), "cut at %zu: %s", cut,
                              error_message(&error));
        }
}
END_TEST

/* Marsaglia's xorshift: the same everywhere. */
static uint64_t random_next(uint64_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static const char *const tokens[] = {
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\\"",
        "\\u0041",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud800",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e400",
        "\"x\":1,",
        "{}",
        "[]",
        "\"cpu\":\"1\",",
        " ",
        "\n",
        "\xc3\xa9",
        "\xff",
        "\x01",
        "\"labels\":{},",
        "\"kind\":\"x\",",
        "9223372036854775808",
        "\"spec\":null,",
        "\"requests\":{\"cpu\":1.5},",
};

/* Puts `n` bytes in the place of `old` ones. */
static void replace_part(char *text, size_t *size, size_t room, size_t at, size_t old, const char *bytes, size_t n)
{
        char copy[64];

        if (n > sizeof(copy) || at + old > *size || *size - old + n > room)
                return;
        memcpy(copy, bytes, n);
        memmove(text + at + n, text + at + old, *size - at - old);
        memcpy(text + at, copy, n);
        *size += n - old;
}

static void mutate(char *text, size_t *size, size_t room, uint64_t *state)
{
        size_t at = random_next(state) % (*size + 1), n = random_next(state) % 40;
        const char *token = tokens[random_next(state) % ARRAY_SIZE(tokens)];

        switch (random_next(state) % 6) {
        case 0:
                if (at < *size)
                        text[at] = (char)random_next(state);
                break;
        case 1:
                if (at < *size)
                        text[at] ^= (char)(1 << random_next(state) % 8);
                break;
        case 2:
                replace_part(text, size, room, at, 0, token, strlen(token));
                break;
        case 3:
                replace_part(text, size, room, at, n, "", 0);
                break;
        case 4:
                if (n <= *size)
                        replace_part(text, size, room, at, 0, text + random_next(state) % (*size - n + 1), n);
                break;
        default:
                replace_part(text, size, room, at, strlen(token), token, strlen(token));
        }
}

START_TEST(a_mutated_review_reads_as_with_jansson)
{
        uint64_t state = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
        size_t size;
        _cleanup_(freep) char *seed = recorded_read(recorded_names[_i], &size);

        for (unsigned i = 0; i < MUTATIONS / ARRAY_SIZE(recorded_names); i++) {
                size_t room = size + 512, mutated = size;
                _cleanup_(freep) char *text = malloc(room);

                memcpy(text, seed, size);
                for (uint64_t n = 1 + random_next(&state) % 3; n; n--)
                        mutate(text, &mutated, room, &state);
                differential(text, mutated);
        }
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, a_recorded_review_reads_as_with_jansson, 0, ARRAY_SIZE(recorded_names));
        tcase_add_loop_test(tests, a_review_that_is_cut_short_anywhere_is_refused, 0, ARRAY_SIZE(recorded_names));
        tcase_add_loop_test(tests, a_mutated_review_reads_as_with_jansson, 0, ARRAY_SIZE(recorded_names));
}

int main(void)
{
        return unit_main("document", add);
}
