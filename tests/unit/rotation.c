/*
 * The next step for the certificates, for every state that calls for one. What is expected is the order of a
 * rotation: trust the next, wait, let it sign, wait, forget the old.
 */
#include "trust/rotation.h"

#include "check.h"

#define RENEW ROTATION_REQUEST_RENEW
#define ROTATE ROTATION_REQUEST_ROTATE_CA

static const struct next_case {
        const char *name;
        struct rotation_state state;
        enum rotation_step step;
} next_cases[] = {
        {"all is well", {0}, ROTATION_NONE},
        {"all is well, everywhere", {.settled = true, .served = true}, ROTATION_NONE},
        {"the server certificate is due", {.server_due = true}, ROTATION_RENEW},
        {"a renewal is asked for", {.request = RENEW}, ROTATION_RENEW},
        {"the CA is due", {.ca_due = true}, ROTATION_STAGE},
        {"a rotation is asked for", {.request = ROTATE}, ROTATION_STAGE},
        {"a renewal comes before the CA", {.ca_due = true, .server_due = true}, ROTATION_RENEW},
        {"both CAs are not everywhere yet", {.staged = true}, ROTATION_NONE},
        {"both CAs are everywhere", {.staged = true, .settled = true}, ROTATION_FINISH},
        {"the next is there, and the CA still due", {.staged = true, .ca_due = true}, ROTATION_NONE},
        {"what is asked for is under way", {.staged = true, .request = ROTATE}, ROTATION_ANSWER},
        {"a renewal in the middle of a rotation",
         {.staged = true, .settled = true, .request = RENEW},
         ROTATION_RENEW},
        {"the server's is damaged in the middle of a rotation", {.staged = true, .server_due = true}, ROTATION_RENEW},
        {"the old CA is in use", {.has_old = true, .settled = true}, ROTATION_NONE},
        {"the old CA is not in use", {.has_old = true, .settled = true, .served = true}, ROTATION_DROP_OLD},
        {"the old CA is not in use, wherever it is registered", {.has_old = true, .served = true}, ROTATION_DROP_OLD},
        {"a rotation waits for the former one", {.has_old = true, .request = ROTATE}, ROTATION_NONE},
        {"a CA that is due waits for the former rotation", {.has_old = true, .ca_due = true}, ROTATION_NONE},
        {"a renewal does not wait", {.has_old = true, .request = RENEW}, ROTATION_RENEW},
        {"a rotation begun in a rotation ends first",
         {.staged = true, .has_old = true, .settled = true, .served = true},
         ROTATION_FINISH},
        {"the CA has expired", {.ca_expired = true, .ca_due = true, .server_due = true}, ROTATION_CREATE},
        {"the CA has expired, and the next waits", {.ca_expired = true, .staged = true}, ROTATION_FINISH},
};

START_TEST(takes_the_next_step)
{
        const struct next_case *c = &next_cases[_i];

        ck_assert_msg(rotation_next(&c->state) == c->step, "%s: %d", c->name, (int)rotation_next(&c->state));
}
END_TEST

static const struct answer_case {
        const char *name;
        enum rotation_step step;
        enum rotation_request request;
        bool answers;
} answer_cases[] = {
        {"a renewal that was asked for", ROTATION_RENEW, RENEW, true},
        {"a renewal, where a rotation was asked for", ROTATION_RENEW, ROTATE, false},
        {"a rotation that was asked for", ROTATION_STAGE, ROTATE, true},
        {"a rotation, where a renewal was asked for", ROTATION_STAGE, RENEW, false},
        {"a rotation that was under way", ROTATION_ANSWER, ROTATE, true},
        {"the end of an earlier rotation", ROTATION_DROP_OLD, ROTATE, false},
        {"a new CA is both", ROTATION_CREATE, RENEW, true},
};

START_TEST(answers)
{
        const struct answer_case *c = &answer_cases[_i];

        ck_assert_msg(rotation_answers(c->step, c->request) == c->answers, "%s", c->name);
}
END_TEST

/* From any state a rotation ends, if what it waits for comes to pass: no two steps undo each other. */
START_TEST(comes_to_an_end)
{
        struct rotation_state state = {.ca_due = _i & 1, .staged = _i & 2, .has_old = _i & 4, .server_due = _i & 8};
        enum rotation_step step;
        int n = 0;

        state.settled = state.served = true;
        state.request = (_i & 16) ? ROTATE : ROTATION_REQUEST_NONE;
        while ((step = rotation_next(&state)) != ROTATION_NONE) {
                ck_assert_int_lt(n++, 10);
                if (rotation_answers(step, state.request))
                        state.request = ROTATION_REQUEST_NONE;
                if (step == ROTATION_RENEW)
                        state.server_due = false;
                if (step == ROTATION_STAGE)
                        state.staged = true;
                if (step == ROTATION_FINISH) {
                        state.staged = state.ca_due = false;
                        state.has_old = true;
                }
                if (step == ROTATION_DROP_OLD)
                        state.has_old = false;
        }
        ck_assert(!state.staged && !state.has_old && !state.server_due && !state.ca_due);
        ck_assert_int_eq(state.request, ROTATION_REQUEST_NONE);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, takes_the_next_step, 0, ARRAY_SIZE(next_cases));
        tcase_add_loop_test(tests, answers, 0, ARRAY_SIZE(answer_cases));
        tcase_add_loop_test(tests, comes_to_an_end, 0, 32);
}

int main(void)
{
        return unit_main("rotation", add);
}
