/*
 * Group commit: what is written together, in which order, and what those who wait are told.
 *
 * The test's own operations write a story instead of a file: "write 2 3" is one group, "+2" a change that became
 * durable, and "-3" one that was undone.
 */
#include "quota/committer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "util/error.h"

#define CHANGES_MAX 128

static struct {
        struct lock lock; /* the committer's and its owner's */
        struct committer *committer;
        pthread_mutex_t mutex; /* of what follows */
        pthread_cond_t changed;
        bool hold, writing;     /* a write waits; a write has begun */
        int prepare_r, write_r; /* what the operations answer */
        char story[16384];
} world;

static void tell_story(const char *word)
{
        size_t size = strlen(world.story);

        snprintf(world.story + size, sizeof(world.story) - size, "%s", word);
}

static void tell_number(const char *sign, const struct change *change)
{
        char number[32];

        snprintf(number, sizeof(number), "%s%llu ", sign, (unsigned long long)change->commit);
        tell_story(number);
}

static int prepare(void *userdata, struct error *error)
{
        int r;

        ck_assert_ptr_eq(userdata, &world);
        pthread_mutex_lock(&world.mutex);
        r = world.prepare_r;
        pthread_mutex_unlock(&world.mutex);
        return r < 0 ? error_set(error, -r, "cannot prepare") : 0;
}

static int write_group(void *userdata, const struct change *first, struct error *error)
{
        int r;

        (void)userdata;
        pthread_mutex_lock(&world.mutex);
        tell_story("write ");
        for (const struct change *change = first; change; change = change->next)
                tell_number("", change);
        world.writing = true;
        pthread_cond_broadcast(&world.changed);
        while (world.hold)
                pthread_cond_wait(&world.changed, &world.mutex);
        world.writing = false;
        r = world.write_r;
        pthread_mutex_unlock(&world.mutex);
        return r < 0 ? error_set(error, -r, "cannot write") : 0;
}

static void settle(void *userdata, struct change *change, bool durable)
{
        (void)userdata;
        pthread_mutex_lock(&world.mutex);
        tell_number(durable ? "+" : "-", change);
        pthread_mutex_unlock(&world.mutex);
        free(change);
}

static const struct committer_ops ops = {.prepare = prepare, .write = write_group, .settle = settle};

static void setup(void)
{
        memset(&world, 0, sizeof(world));
        ck_assert_int_eq(lock_init(&world.lock), 0);
        pthread_mutex_init(&world.mutex, NULL);
        pthread_cond_init(&world.changed, NULL);
        ck_assert_int_eq(committer_new(&world.committer, &world.lock, &ops, &world, NULL), 0);
}

static void teardown(void)
{
        committer_free(world.committer);
        lock_destroy(&world.lock);
}

static uint64_t queue(void)
{
        struct change *change = calloc(1, sizeof(*change));
        uint64_t commit;

        ck_assert_ptr_nonnull(change);
        lock_acquire(&world.lock);
        commit = committer_queue(world.committer, change);
        lock_release(&world.lock);
        return commit;
}

static void queue_many(int n)
{
        while (n--)
                queue();
}

static void answer(int prepare_r, int write_r)
{
        pthread_mutex_lock(&world.mutex);
        world.prepare_r = prepare_r;
        world.write_r = write_r;
        pthread_mutex_unlock(&world.mutex);
}

static void hold(void)
{
        pthread_mutex_lock(&world.mutex);
        world.hold = true;
        pthread_mutex_unlock(&world.mutex);
}

/* Queues one change and returns when it is being written. */
static void queue_held(void)
{
        hold();
        queue();
        pthread_mutex_lock(&world.mutex);
        while (!world.writing)
                pthread_cond_wait(&world.changed, &world.mutex);
        pthread_mutex_unlock(&world.mutex);
}

static void let_go(void)
{
        pthread_mutex_lock(&world.mutex);
        world.hold = false;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mutex);
}

struct told {
        struct commit_waiter waiter; /* the first member: what done() gets */
        sem_t done;
        int result;
        char reason[64];
};

static void tell(struct commit_waiter *waiter, int result, const char *reason)
{
        struct told *told = (struct told *)waiter;

        told->result = result;
        snprintf(told->reason, sizeof(told->reason), "%s", reason);
        sem_post(&told->done);
}

static int start_waiting(struct told *told, uint64_t commit)
{
        *told = (struct told){.waiter.done = tell};
        sem_init(&told->done, 0, 0);
        return committer_wait(world.committer, &told->waiter, commit);
}

/* Blocks until the change is settled: 0 or a negative errno. */
static int wait_for(uint64_t commit)
{
        struct told told;
        int r = start_waiting(&told, commit);

        if (r)
                return r < 0 ? r : 0;
        sem_wait(&told.done);
        return told.result;
}

static void assert_story(const char *name, const char *expected)
{
        pthread_mutex_lock(&world.mutex);
        ck_assert_msg(!strcmp(world.story, expected), "%s: %s", name, world.story);
        pthread_mutex_unlock(&world.mutex);
}

static const struct group_case {
        const char *name;
        int behind;             /* changes that are queued while the first is written */
        int prepare_r, write_r; /* of what comes after the first has begun */
        const char *story;
} group_cases[] = {
        {"one change is a group", 0, 0, 0, "write 1 +1 "},
        {"what comes meanwhile is the next group", 3, 0, 0, "write 1 +1 write 2 3 4 +2 +3 +4 "},
        {"a write that fails undoes its group", 0, 0, -ENOSPC, "write 1 -1 "},
        {"a write that fails undoes the queue behind it first, newest first", 3, 0, -EIO, "write 1 -4 -3 -2 -1 "},
        {"a preparation that fails undoes its group, newest first", 3, -ENOMEM, 0, "write 1 +1 -4 -3 -2 "},
};

START_TEST(groups_are_written_and_settled_in_order)
{
        const struct group_case *test = &group_cases[_i];

        queue_held();
        queue_many(test->behind);
        answer(test->prepare_r, test->write_r);
        let_go();
        wait_for((uint64_t)test->behind + 1);
        assert_story(test->name, test->story);
}
END_TEST

START_TEST(the_first_group_can_fail_to_be_prepared)
{
        answer(-ENOMEM, 0);
        ck_assert_int_lt(wait_for(queue()), 0);
        assert_story("nothing is written", "-1 ");
}
END_TEST

START_TEST(after_a_failure_the_next_change_is_written)
{
        answer(0, -EIO);
        ck_assert_int_lt(wait_for(queue()), 0);
        answer(0, 0);
        ck_assert_int_eq(wait_for(queue()), 0);
        assert_story("the second is written", "write 1 -1 write 2 +2 ");
}
END_TEST

START_TEST(numbers_grow_from_one)
{
        for (uint64_t i = 1; i <= 10; i++)
                ck_assert_uint_eq(queue(), i);
}
END_TEST

START_TEST(who_waits_is_told_of_success)
{
        struct told first, second, behind;

        queue_held();
        queue_many(1);
        ck_assert_int_eq(start_waiting(&first, 1), 0);
        ck_assert_int_eq(start_waiting(&second, 1), 0);
        ck_assert_int_eq(start_waiting(&behind, 2), 0);
        let_go();
        sem_wait(&first.done);
        sem_wait(&second.done);
        sem_wait(&behind.done);
        ck_assert_int_eq(first.result, 0);
        ck_assert_int_eq(second.result, 0);
        ck_assert_int_eq(behind.result, 0);
}
END_TEST

START_TEST(who_waits_is_told_of_failure_and_its_reason)
{
        struct told first, behind;

        queue_held();
        queue_many(1);
        answer(0, -ENOSPC);
        ck_assert_int_eq(start_waiting(&first, 1), 0);
        ck_assert_int_eq(start_waiting(&behind, 2), 0);
        let_go();
        sem_wait(&first.done);
        sem_wait(&behind.done);
        ck_assert_int_eq(first.result, -ENOSPC);
        ck_assert_str_eq(first.reason, "cannot write");
        ck_assert_int_eq(behind.result, -ENOSPC);
        ck_assert_str_eq(behind.reason, "cannot write");
}
END_TEST

START_TEST(nobody_waits_for_what_is_settled)
{
        struct told told;

        ck_assert_int_eq(start_waiting(&told, 0), 1);
        ck_assert_int_eq(wait_for(queue()), 0);
        ck_assert_int_eq(start_waiting(&told, 1), 1);
        answer(0, -EIO);
        ck_assert_int_lt(wait_for(queue()), 0);
        ck_assert_int_lt(start_waiting(&told, 2), 0);
        ck_assert_int_eq(start_waiting(&told, 1), 1);
}
END_TEST

/* More spells of failure than the committer first has room for. */
START_TEST(every_spell_of_failure_is_remembered)
{
        struct told told;

        for (int i = 1; i <= CHANGES_MAX; i++) {
                answer(0, i % 3 ? 0 : -EIO);
                wait_for(queue());
        }
        for (int i = 1; i <= CHANGES_MAX; i++) {
                if (i % 3)
                        ck_assert_int_eq(start_waiting(&told, (uint64_t)i), 1);
                else
                        ck_assert_int_lt(start_waiting(&told, (uint64_t)i), 0);
        }
}
END_TEST

START_TEST(who_cancels_in_time_is_not_told)
{
        struct told cancelled, other;

        queue_held();
        ck_assert_int_eq(start_waiting(&cancelled, 1), 0);
        ck_assert_int_eq(start_waiting(&other, 1), 0);
        ck_assert(committer_cancel(world.committer, &cancelled.waiter));
        ck_assert(!committer_cancel(world.committer, &cancelled.waiter));
        let_go();
        sem_wait(&other.done);
        wait_for(queue());
        ck_assert_int_eq(sem_trywait(&cancelled.done), -1);
        ck_assert(!committer_cancel(world.committer, &other.waiter));
}
END_TEST

static void free_waiter(struct commit_waiter *waiter, int result, const char *reason)
{
        (void)result;
        (void)reason;
        free(waiter);
}

START_TEST(who_is_told_may_be_gone_at_once)
{
        queue_held();
        for (int i = 0; i < 8; i++) {
                struct commit_waiter *waiter = calloc(1, sizeof(*waiter));

                ck_assert_ptr_nonnull(waiter);
                waiter->done = free_waiter;
                ck_assert_int_eq(committer_wait(world.committer, waiter, 1), 0);
        }
        let_go();
}
END_TEST

START_TEST(what_is_queued_is_written_before_the_end)
{
        hold();
        queue_many(3);
        let_go();
        world.committer = committer_free(world.committer);
        ck_assert_ptr_nonnull(strstr(world.story, "+1"));
        ck_assert_ptr_nonnull(strstr(world.story, "+2"));
        ck_assert_ptr_nonnull(strstr(world.story, "+3"));
}
END_TEST

static void *queue_and_wait(void *userdata)
{
        int *n_failed = userdata;

        for (int i = 0; i < 250; i++)
                *n_failed += wait_for(queue()) < 0;
        return NULL;
}

START_TEST(many_threads_are_each_told_of_their_own)
{
        pthread_t threads[4];
        int failed[4] = {0};

        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, queue_and_wait, &failed[i]), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
                pthread_join(threads[i], NULL);
                ck_assert_int_eq(failed[i], 0);
        }
        ck_assert_uint_eq(queue(), 4 * 250 + 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, groups_are_written_and_settled_in_order, 0, ARRAY_SIZE(group_cases));
        tcase_add_test(tests, the_first_group_can_fail_to_be_prepared);
        tcase_add_test(tests, after_a_failure_the_next_change_is_written);
        tcase_add_test(tests, numbers_grow_from_one);
        tcase_add_test(tests, who_waits_is_told_of_success);
        tcase_add_test(tests, who_waits_is_told_of_failure_and_its_reason);
        tcase_add_test(tests, nobody_waits_for_what_is_settled);
        tcase_add_test(tests, every_spell_of_failure_is_remembered);
        tcase_add_test(tests, who_cancels_in_time_is_not_told);
        tcase_add_test(tests, who_is_told_may_be_gone_at_once);
        tcase_add_test(tests, what_is_queued_is_written_before_the_end);
        tcase_add_test(tests, many_threads_are_each_told_of_their_own);
}

int main(void)
{
        return unit_main("committer", add);
}
