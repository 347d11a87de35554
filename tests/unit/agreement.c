/*
 * Whether all have served the same for long enough, with the clock and the answers given.
 */
#include "trust/agreement.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#define S NS_PER_SECOND
#define BEGIN (1000 * S)
#define NO_ANSWER (-EIO)

struct replicas {
        int answer;
        unsigned asked;
};

static int ask(void *userdata, const char *fingerprint, struct error *error)
{
        struct replicas *replicas = userdata;

        ck_assert_ptr_nonnull(fingerprint);
        replicas->asked++;
        return replicas->answer < 0 ? error_set(error, -replicas->answer, "nobody answers") : replicas->answer;
}

static const struct agreement_case {
        const char *name;
        int64_t duration;
        struct {
                int64_t at; /* after BEGIN */
                const char *fingerprint;
                int answer, holds;
        } looks[5];
        unsigned asked;
} cases[] = {
        {"not at once", 60 * S, {{0, "A", 1, 0}}, 1},
        {"after the duration", 60 * S, {{0, "A", 1, 0}, {59 * S, "A", 1, 0}, {60 * S, "A", 1, 1}}, 2},
        {"one that differs begins it anew",
         60 * S,
         {{0, "A", 1, 0}, {30 * S, "A", 0, 0}, {60 * S, "A", 1, 0}, {119 * S, "A", 1, 0}, {120 * S, "A", 1, 1}},
         4},
        {"so does an answer that is not to be had",
         60 * S,
         {{0, "A", 1, 0}, {60 * S, "A", NO_ANSWER, NO_ANSWER}, {61 * S, "A", 1, 0}, {70 * S, "A", 1, 0}},
         3},
        {"so does another certificate", 60 * S, {{0, "A", 1, 0}, {60 * S, "B", 1, 0}, {120 * S, "B", 1, 1}}, 3},
        {"it is asked again after a tenth of the duration",
         20 * S,
         {{0, "A", 0, 0}, {1 * S, "A", 1, 0}, {2 * S, "A", 1, 0}, {22 * S, "A", 1, 1}},
         3},
        {"but not later than after ten seconds",
         3600 * S,
         {{0, "A", 1, 0}, {9 * S, "A", 1, 0}, {10 * S, "A", 1, 0}, {20 * S, "A", 1, 0}},
         3},
};

START_TEST(holds)
{
        const struct agreement_case *c = &cases[_i];
        struct agreement agreement = {0};
        struct replicas replicas = {0};

        for (size_t i = 0; i < ARRAY_SIZE(c->looks) && c->looks[i].fingerprint; i++) {
                _cleanup_error_ struct error error = ERROR_INIT;
                int r;

                replicas.answer = c->looks[i].answer;
                r = agreement_holds(&agreement, c->looks[i].fingerprint, c->duration, BEGIN + c->looks[i].at, ask,
                                    &replicas, &error);
                ck_assert_msg(r == c->looks[i].holds, "%s, look %zu: %d", c->name, i, r);
        }
        ck_assert_msg(replicas.asked == c->asked, "%s: asked %u times", c->name, replicas.asked);
        agreement_clear(&agreement);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, holds, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("agreement", add);
}
