/*
 * Token buckets, by hand: a bucket of three tokens that gains one each ten nanoseconds.
 */
#include "util/token_bucket.h"

#include "check.h"

static const struct take_case {
        int64_t now, wait;
} take_cases[] = {
        {1000, 0}, {1000, 0}, {1000, 0}, {1000, 10}, {1004, 6}, {1009, 1}, {1010, 0}, {1010, 10},
        {1031, 0}, {1031, 0}, {1031, 9}, {1040, 0},  {2000, 0}, {2000, 0}, {2000, 0}, {2000, 10},
};

START_TEST(tokens_are_taken_and_come_back)
{
        struct token_bucket bucket = TOKEN_BUCKET(10, 3);

        for (size_t i = 0; i < ARRAY_SIZE(take_cases); i++)
                ck_assert_msg(token_bucket_take(&bucket, take_cases[i].now) == take_cases[i].wait, "step %zu", i);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, tokens_are_taken_and_come_back);
}

int main(void)
{
        return unit_main("token_bucket", add);
}
