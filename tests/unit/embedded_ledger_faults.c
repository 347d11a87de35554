/*
 * The ledger when its file cannot be written, and when the process is killed.
 *
 * This program defines the system calls that the file is written with itself; they stand in front of the C library's
 * and can be told to fail.
 */
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "json.h"
#include "reservations.h"
#include "scratch.h"
#include "util/error.h"
#include "util/log.h"

#define ROUNDS 20

static atomic_bool no_space, no_sync;
static atomic_bool held; /* a write waits */

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
        while (atomic_load(&held))
                usleep(100);
        if (atomic_load(&no_space)) {
                errno = ENOSPC;
                return -1;
        }
        return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fdatasync(int fd)
{
        if (atomic_load(&no_sync)) {
                errno = EIO;
                return -1;
        }
        return (int)syscall(SYS_fdatasync, fd);
}

static struct ledger *ledger;

static void open_ledger(void)
{
        struct classifier classifier = BY_REGION(1);

        ck_assert_int_eq(embedded_ledger_new(&ledger, scratch_path("state").text, NULL), 0);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
}

static void reopen(void)
{
        ledger = ledger_free(ledger);
        open_ledger();
}

static void setup(void)
{
        scratch_setup();
        log_setup(LOG_ERROR + 1, LOG_LOGFMT);
        open_ledger();
}

static void teardown(void)
{
        ledger = ledger_free(ledger);
        scratch_teardown();
}

static void assert_gpus(const char *name, int64_t gpus, int64_t terminating)
{
        struct counter counter;

        ck_assert_int_eq(ledger_counter(ledger, "r", &counter), 0);
        ck_assert_msg(quantity_value(counter.gpus) == gpus, "%s: %lld GPUs", name,
                      (long long)quantity_value(counter.gpus));
        ck_assert_msg(counter.terminating_pods == terminating, "%s: %lld terminating", name,
                      (long long)counter.terminating_pods);
        counter_clear(&counter);
}

/* Returns the commit. */
static uint64_t reserve(int64_t gpus, char id[static RESERVATION_ID_SIZE])
{
        struct reservation *reservation = new_reservation("ns", "r", "", gpus);
        struct refusal refusal;
        uint64_t commit;

        memcpy(id, reservation->id, RESERVATION_ID_SIZE);
        ck_assert_int_eq(try_reserve(ledger, &reservation, 1, NULL, 0, &refusal, &commit), LEDGER_RESERVED);
        return commit;
}

static struct reservation_key key_of(const char *id)
{
        return (struct reservation_key){id, "ns", "r", ""};
}

static uint64_t release(const char *id)
{
        struct reservation_key key = key_of(id);
        uint64_t commit;

        ck_assert_int_eq(ledger_release(ledger, &key, &commit, NULL), 1);
        return commit;
}

static uint64_t terminate(const char *id)
{
        struct reservation_key key = key_of(id);
        uint64_t commit;

        ck_assert_int_eq(ledger_terminate(ledger, &key, &commit, NULL), 1);
        return commit;
}

/* What is asked for while nothing can be written. Each begins with a reservation of 4 GPUs that is durable. */
static const struct failure_case {
        const char *name;
        const char *changes; /* R: reserve 1 GPU, r: release it, F: release the 4, T: mark them as terminating */
} failure_cases[] = {
        {"a reservation is taken back", "R"},
        {"several reservations are taken back", "RRR"},
        {"a release is taken back", "F"},
        {"a mark is taken back", "T"},
        {"a mark and the release after it are taken back", "TF"},
        {"a reservation that was given back is not there", "Rr"},
        {"what took the place of a release is taken back with it", "FRR"},
};

static uint64_t make_change(char change, const char *first, char last[static RESERVATION_ID_SIZE])
{
        switch (change) {
        case 'R':
                return reserve(1, last);
        case 'r':
                return release(last);
        case 'F':
                return release(first);
        default:
                return terminate(first);
        }
}

START_TEST(what_cannot_be_written_is_taken_back)
{
        const struct failure_case *test = &failure_cases[_i / 2];
        atomic_bool *fault = _i % 2 ? &no_sync : &no_space;
        char first[RESERVATION_ID_SIZE], last[RESERVATION_ID_SIZE] = "";
        uint64_t commits[8];
        size_t n = 0;

        ck_assert_int_eq(wait_for_commit(ledger, reserve(4, first)), 0);
        atomic_store(fault, true);
        atomic_store(&held, true); /* so that some are queued behind the write that fails */
        for (const char *change = test->changes; *change; change++)
                commits[n++] = make_change(*change, first, last);
        atomic_store(&held, false);
        for (size_t i = 0; i < n; i++)
                ck_assert_msg(wait_for_commit(ledger, commits[i]) < 0, "%s", test->name);
        assert_gpus(test->name, 4, 0);
        ck_assert_uint_eq(ledger_count(ledger), 1);

        atomic_store(fault, false);
        ck_assert_msg(wait_for_commit(ledger, reserve(2, last)) == 0, "%s, then written again", test->name);
        assert_gpus(test->name, 6, 0);
        reopen();
        assert_gpus(test->name, 6, 0);
}
END_TEST

START_TEST(a_failed_rewrite_takes_back_and_is_repeated)
{
        char id[RESERVATION_ID_SIZE];

        ck_assert_int_eq(wait_for_commit(ledger, reserve(4, id)), 0);
        atomic_store(&no_space, true);
        for (int i = 0; i < 5; i++) {
                ck_assert_int_lt(wait_for_commit(ledger, reserve(1, id)), 0);
                assert_gpus("while nothing can be written", 4, 0);
        }
        atomic_store(&no_space, false);
        ck_assert_int_eq(wait_for_commit(ledger, reserve(1, id)), 0);
        ck_assert_int_eq(wait_for_commit(ledger, terminate(id)), 0);
        reopen();
        assert_gpus("after it could", 5, 1);
}
END_TEST

static void tell_reason(struct commit_waiter *waiter, int result, const char *reason)
{
        struct told *told = (struct told *)waiter;

        told->result = result < 0 && strstr(reason, "/ledger.log: No space left on device") ? 1 : 0;
        sem_post(&told->done);
}

START_TEST(who_waits_is_told_what_is_wrong_with_the_file)
{
        struct told told = {.waiter.done = tell_reason};
        char id[RESERVATION_ID_SIZE];

        sem_init(&told.done, 0, 0);
        atomic_store(&no_space, true);
        atomic_store(&held, true);
        ck_assert_int_eq(ledger_wait(ledger, &told.waiter, reserve(1, id)), 0);
        atomic_store(&held, false);
        sem_wait(&told.done);
        ck_assert_int_eq(told.result, 1);
        ck_assert(!ledger_cancel(ledger, &told.waiter));
}
END_TEST

START_TEST(dead_records_are_left_behind)
{
        struct stat before, after;
        char id[RESERVATION_ID_SIZE], kept[RESERVATION_ID_SIZE];
        uint64_t commit = 0;

        /* Two groups: what the writing thread has in its hands, and all the rest. */
        atomic_store(&held, true);
        reserve(1, kept);
        terminate(kept);
        for (int i = 0; i < 2600; i++) {
                reserve(1, id);
                commit = release(id);
        }
        atomic_store(&held, false);
        ck_assert_int_eq(wait_for_commit(ledger, commit), 0);
        ck_assert_int_eq(stat(scratch_path("state/ledger.log").text, &before), 0);
        ck_assert_int_eq(wait_for_commit(ledger, reserve(7, id)), 0);
        ck_assert_int_eq(stat(scratch_path("state/ledger.log").text, &after), 0);
        ck_assert_int_lt(after.st_size, 2000); /* a header and two reservations */
        ck_assert_int_gt(before.st_size, 100 * after.st_size);
        reopen();
        ck_assert_uint_eq(ledger_count(ledger), 2);
        assert_gpus("rewritten", 8, 1);
}
END_TEST

static int told_fd;

static void report(char sign, const char *id)
{
        char line[RESERVATION_ID_SIZE + 1];

        line[0] = sign;
        memcpy(line + 1, id, RESERVATION_ID_SIZE - 1);
        line[RESERVATION_ID_SIZE] = '\n';
        if (write(told_fd, line, sizeof(line)) != sizeof(line))
                _exit(1);
}

/* Reserves for ever, and gives every third back. '+': reserved and durable; '?': about to be given back; '-': given
 * back and durable. */
static void *live(void *userdata)
{
        for (int i = 0;; i++) {
                char id[RESERVATION_ID_SIZE];

                if (wait_for_commit(ledger, reserve(1, id)) < 0)
                        _exit(1);
                report('+', id);
                if (i % 3)
                        continue;
                report('?', id);
                if (wait_for_commit(ledger, release(id)) < 0)
                        _exit(1);
                report('-', id);
        }
        return userdata;
}

/* Lets a child live for a moment; returns what it told. */
static FILE *live_and_die(unsigned microseconds)
{
        int told[2], status;
        pthread_t threads[4];
        pid_t child;

        ck_assert_int_eq(pipe(told), 0);
        child = fork();
        if (!child) {
                told_fd = told[1];
                open_ledger();
                for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                        pthread_create(&threads[i], NULL, live, NULL);
                pause();
        }
        close(told[1]);
        usleep(microseconds);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        return fdopen(told[0], "r");
}

/* The last sign of each id that was told. */
static json_t *read_told(FILE *stream)
{
        json_t *signs = json_object();
        char line[RESERVATION_ID_SIZE + 2], sign[2] = "";

        while (fgets(line, sizeof(line), stream)) {
                ck_assert_uint_eq(strlen(line), RESERVATION_ID_SIZE + 1);
                line[RESERVATION_ID_SIZE] = '\0';
                sign[0] = line[0];
                ck_assert_int_eq(json_object_set_new(signs, line + 1, json_string(sign)), 0);
        }
        fclose(stream);
        return signs;
}

START_TEST(what_was_told_survives_kill_9)
{
        size_t total = 0, left = 0;

        ledger = ledger_free(ledger);
        srand((unsigned)getpid());
        for (int round = 0; round < ROUNDS; round++) {
                unsigned delay = 5000 + (unsigned)rand() % 20000;
                json_auto_t *signs = read_told(live_and_die(delay));
                const char *id;
                json_t *sign;

                open_ledger();
                total += json_object_size(signs);
                ck_assert_uint_ge(ledger_count(ledger), left);
                json_object_foreach (signs, id, sign) {
                        struct reservation_key key = key_of(id);
                        char last = *json_string_value(sign);
                        uint64_t commit;
                        int there = ledger_release(ledger, &key, &commit, NULL);

                        ck_assert_msg(last == '?' || there == (last == '+'), "round %d, %u us: %c%s is %s", round,
                                      delay, last, id, there ? "there" : "not there");
                }
                left = ledger_count(ledger); /* those that nobody was told of */
                ck_assert_uint_le(left, 4 * (size_t)(round + 1));
                ledger = ledger_free(ledger);
        }
        ck_assert_uint_gt(total, 0);
        open_ledger();
        assert_gpus("at the end", (int64_t)left, 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, what_cannot_be_written_is_taken_back, 0, 2 * ARRAY_SIZE(failure_cases));
        tcase_add_test(tests, a_failed_rewrite_takes_back_and_is_repeated);
        tcase_add_test(tests, who_waits_is_told_what_is_wrong_with_the_file);
        tcase_add_test(tests, dead_records_are_left_behind);
        tcase_add_test(tests, what_was_told_survives_kill_9);
}

int main(void)
{
        return unit_main("ledger_faults", add);
}
