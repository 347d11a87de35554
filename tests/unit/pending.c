/*
 * Pending reservations: each is settled once, and whoever waits is told, before or after.
 */
#include "quota/pending.h"

#include <errno.h>
#include <utlist.h>

#include "reservations.h"

static struct pendings pendings;

static void teardown(void)
{
        pendings_clear(&pendings);
}

static struct pending *add_pending(int64_t gpus)
{
        struct reservation *reservation = new_reservation("ns", "r", "", gpus);
        char key[] = "r";
        struct limit limit = gpu_limit(key, 10);
        struct pending *pending = NULL;

        ck_assert_int_eq(pendings_add(&pendings, &pending, NULL, &reservation, &limit, 1, 7), 0);
        ck_assert_ptr_null(reservation);
        key[0] = 'x'; /* the limits are copied */
        return pending;
}

static size_t count_told(void)
{
        struct commit_waiter *waiter;
        size_t n = 0;

        DL_COUNT2(pendings.told, waiter, n, next);
        return n;
}

START_TEST(numbers_grow_from_one_in_the_order_of_the_queue)
{
        struct pending *first = add_pending(1), *second = add_pending(2);

        ck_assert_uint_eq(first->number, 1);
        ck_assert_uint_eq(second->number, 2);
        ck_assert_ptr_eq(pendings.queue, first);
        ck_assert_ptr_eq(first->next, second);
        ck_assert_ptr_eq(pendings_find(&pendings, 2), second);
        ck_assert_ptr_null(pendings_find(&pendings, 3));
        ck_assert_int_eq(second->reservation->gpus, 2);
        ck_assert_str_eq(second->limits[0].key, "r");
        ck_assert_uint_eq(second->generation, 7);
        pendings_settle(&pendings, first, 0);
        ck_assert_ptr_eq(pendings.queue, second);
}
END_TEST

static const struct wait_case {
        const char *name;
        bool settled_first;
        int result;
        int answer; /* of pendings_wait() */
        int told;   /* what the waiter is told later; 1: nothing */
} wait_cases[] = {
        {"who waits before the write is told of success", false, 0, 0, 0},
        {"who waits before the write is told of failure", false, -ESTALE, 0, -ESTALE},
        {"who asks after the write learns of success at once", true, 0, 1, 1},
        {"who asks after the write learns of failure at once", true, -EACCES, -EACCES, 1},
};

START_TEST(each_learns_once_what_came_of_it)
{
        const struct wait_case *test = &wait_cases[_i];
        struct commit_waiter waiter = {0};
        struct pending *pending = add_pending(1);

        if (test->settled_first)
                pendings_settle(&pendings, pending, test->result);
        ck_assert_msg(pendings_wait(&pendings, &waiter, 1) == test->answer, "%s", test->name);
        if (!test->settled_first)
                pendings_settle(&pendings, pending, test->result);
        ck_assert_msg(count_told() == (test->told == 1 ? 0 : 1), "%s", test->name);
        if (test->told != 1)
                ck_assert_int_eq(pendings.told->result, test->told);
        ck_assert_ptr_null(pendings.queue);
        ck_assert_ptr_null(pendings.by_number);
        ck_assert_int_eq(pendings_wait(&pendings, &waiter, 1), -EINVAL);
}
END_TEST

START_TEST(zero_is_durable_and_an_unknown_number_is_not)
{
        struct commit_waiter waiter = {0};

        ck_assert_int_eq(pendings_wait(&pendings, &waiter, 0), 1);
        ck_assert_int_eq(pendings_wait(&pendings, &waiter, 1), -EINVAL);
}
END_TEST

START_TEST(who_has_cancelled_is_not_told)
{
        struct commit_waiter waiter = {0}, other = {.commit = 1};
        struct pending *pending = add_pending(1);

        ck_assert_int_eq(pendings_wait(&pendings, &waiter, 1), 0);
        ck_assert(!pendings_cancel(&pendings, &other));
        ck_assert(pendings_cancel(&pendings, &waiter));
        ck_assert(!pendings_cancel(&pendings, &waiter));
        pendings_settle(&pendings, pending, 0);
        ck_assert_uint_eq(count_told(), 0);
        ck_assert_int_eq(pendings_wait(&pendings, &waiter, 1), 1);
}
END_TEST

START_TEST(it_is_too_late_to_cancel_for_who_is_being_told)
{
        struct commit_waiter waiter = {0};
        struct pending *pending = add_pending(1);

        ck_assert_int_eq(pendings_wait(&pendings, &waiter, 1), 0);
        pendings_settle(&pendings, pending, 0);
        ck_assert(!pendings_cancel(&pendings, &waiter));
}
END_TEST

START_TEST(what_is_forgotten_goes_when_it_is_settled)
{
        struct pending *first = add_pending(1), *second = add_pending(1);

        pendings_forget(&pendings, first);
        ck_assert_ptr_eq(pendings_find(&pendings, 1), first);
        pendings_settle(&pendings, first, 0);
        ck_assert_ptr_null(pendings_find(&pendings, 1));
        pendings_settle(&pendings, second, -ESTALE);
        pendings_forget(&pendings, second);
        ck_assert_ptr_null(pendings.by_number);
}
END_TEST

START_TEST(what_is_left_goes_with_the_rest)
{
        struct pending *pending = add_pending(1);

        add_pending(2);
        pendings_settle(&pendings, pending, 0);
        pendings_clear(&pendings);
        ck_assert_ptr_null(pendings.by_number);
        ck_assert_ptr_null(pendings.queue);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, NULL, teardown);
        tcase_add_test(tests, numbers_grow_from_one_in_the_order_of_the_queue);
        tcase_add_loop_test(tests, each_learns_once_what_came_of_it, 0, ARRAY_SIZE(wait_cases));
        tcase_add_test(tests, zero_is_durable_and_an_unknown_number_is_not);
        tcase_add_test(tests, who_has_cancelled_is_not_told);
        tcase_add_test(tests, it_is_too_late_to_cancel_for_who_is_being_told);
        tcase_add_test(tests, what_is_forgotten_goes_when_it_is_settled);
        tcase_add_test(tests, what_is_left_goes_with_the_rest);
}

int main(void)
{
        return unit_main("pending", add);
}
