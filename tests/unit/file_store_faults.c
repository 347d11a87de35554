/*
 * The ledger's file when writing fails, and when the process dies while it writes.
 *
 * This program defines the system calls that the store writes with itself; they stand in front of the C library's.
 * One of them can be made to fail, to write less than it was asked to, or to be the last thing that the process does.
 */
#include "quota/file_store.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "json.h"
#include "record_list.h"
#include "scratch.h"
#include "util/error.h"
#include "util/log.h"

#define DIED 99

enum call { CALL_NONE, CALL_PWRITE, CALL_FDATASYNC, CALL_FSYNC, CALL_RENAME };

/* What the calls do from now on. */
static struct {
        enum call fails;
        int after, errnum;   /* how many calls of that kind succeed before one fails, and how; 0: it returns 0 */
        size_t most;         /* bytes for one pwrite(); 0: all */
        int interrupted;     /* how many pwrite() are interrupted */
        int lives_for;       /* calls of any kind until death, which half writes; negative: for ever */
        int calls, n_pwrite; /* made so far */
} faults = {.lives_for = -1};

static bool fails(enum call call)
{
        faults.calls++;
        if (faults.lives_for >= 0 && faults.lives_for-- == 0)
                _exit(DIED);
        if (faults.fails != call || faults.after-- > 0)
                return false;
        faults.fails = CALL_NONE;
        errno = faults.errnum;
        return true;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
        faults.n_pwrite++;
        if (faults.lives_for == 0)
                syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
        if (fails(CALL_PWRITE))
                return errno ? -1 : 0;
        if (faults.interrupted > 0) {
                faults.interrupted--;
                errno = EINTR;
                return -1;
        }
        if (faults.most && size > faults.most)
                size = faults.most;
        return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fdatasync(int fd)
{
        return fails(CALL_FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
        return fails(CALL_FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
        return fails(CALL_RENAME) ? -1 : (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

static int collect(void *userdata, const json_t *record, struct error *error)
{
        (void)error;
        return json_array_append(userdata, (json_t *)record);
}

/* A new text: what a process that opens the folder finds in it. */
static char *reopen(void)
{
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        json_auto_t *records = json_array();

        ck_assert_int_eq(file_store_open(&store, scratch_path("state").text, collect, records, NULL), 0);
        return json_dumps(records, JSON_COMPACT);
}

static void assert_records(const char *name, const char *expected)
{
        _cleanup_(freep) char *records = reopen();

        ck_assert_msg(!strcmp(records, expected), "%s: %s", name, records);
}

static int append(struct file_store *store, const char *text, struct error *error)
{
        json_auto_t *records = json_text(text);

        return file_store_append(store, RECORDS(records), error);
}

static int rewrite(struct file_store *store, const char *text, struct error *error)
{
        json_auto_t *records = json_text(text);

        return file_store_rewrite(store, RECORDS(records), error);
}

/* A store that holds 1. */
static struct file_store *make_store(void)
{
        struct file_store *store = NULL;
        json_auto_t *none = json_array();

        ck_assert_int_eq(file_store_open(&store, scratch_path("state").text, collect, none, NULL), 0);
        ck_assert_int_eq(append(store, "[1]", NULL), 0);
        faults.n_pwrite = 0;
        return store;
}

static const struct append_case {
        const char *name;
        enum call fails;
        int after, errnum;
        size_t most;
        int result;
} append_cases[] = {
        {"no room for the first byte", CALL_PWRITE, 0, ENOSPC, 0, -ENOSPC},
        {"no room for the last bytes", CALL_PWRITE, 2, ENOSPC, 4, -ENOSPC},
        {"a write that makes no progress", CALL_PWRITE, 0, 0, 0, -EIO},
        {"a write that stops making progress", CALL_PWRITE, 1, 0, 4, -EIO},
        {"a sync that fails", CALL_FDATASYNC, 0, EIO, 0, -EIO},
};

static void fail_append(struct file_store *store, const struct append_case *test)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        faults.fails = test->fails;
        faults.after = test->after;
        faults.errnum = test->errnum;
        faults.most = test->most;
        r = append(store, "[2]", &error);
        faults.most = 0;
        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_msg(strstr(error_message(&error), "/ledger.log: ") != NULL, "%s: %s", test->name,
                      error_message(&error));
        ck_assert_msg(strstr(error_message(&error), strerror(-test->result)) != NULL, "%s: %s", test->name,
                      error_message(&error));
}

START_TEST(nothing_is_appended_behind_a_failed_write)
{
        const struct append_case *test = &append_cases[_i];
        struct file_store *store = make_store();
        int before;

        fail_append(store, test);
        before = faults.n_pwrite;
        ck_assert_msg(append(store, "[3]", NULL) == -EIO, "%s", test->name);
        ck_assert_msg(append(store, "[4]", NULL) == -EIO, "%s", test->name);
        ck_assert_msg(faults.n_pwrite == before, "%s: written all the same", test->name);
        ck_assert_msg(file_store_needs_rewrite(store, 1), "%s", test->name);
        file_store_free(store);
        /* What a process finds that opens the folder without a rewrite. */
        assert_records(test->name, "[1]");
}
END_TEST

START_TEST(a_rewrite_brings_the_store_back)
{
        const struct append_case *test = &append_cases[_i];
        struct file_store *store = make_store();

        fail_append(store, test);
        ck_assert_msg(rewrite(store, "[1, 3]", NULL) == 0, "%s", test->name);
        ck_assert_msg(!file_store_needs_rewrite(store, 2), "%s", test->name);
        ck_assert_msg(append(store, "[4]", NULL) == 0, "%s", test->name);
        file_store_free(store);
        assert_records(test->name, "[1,3,4]");
}
END_TEST

static const struct rewrite_case {
        const char *name;
        enum call fails;
        int after, errnum;
        const char *left; /* what a process finds that opens the folder without another rewrite */
} rewrite_cases[] = {
        {"no room for the header", CALL_PWRITE, 0, ENOSPC, "[1]"},
        {"no room for the records", CALL_PWRITE, 1, ENOSPC, "[1]"},
        {"the new file is not synced", CALL_FSYNC, 0, EIO, "[1]"},
        {"the new file is not renamed", CALL_RENAME, 0, EPERM, "[1]"},
        {"the folder is not synced", CALL_FSYNC, 1, EIO, "[5,6]"},
};

static void fail_rewrite(struct file_store *store, const struct rewrite_case *test)
{
        faults.fails = test->fails;
        faults.after = test->after;
        faults.errnum = test->errnum;
        ck_assert_msg(rewrite(store, "[5, 6]", NULL) == -test->errnum, "%s", test->name);
        ck_assert_msg(file_store_needs_rewrite(store, 2), "%s", test->name);
        ck_assert_msg(append(store, "[7]", NULL) == -EIO, "%s", test->name);
}

START_TEST(a_rewrite_that_fails_leaves_one_of_both_files_whole)
{
        const struct rewrite_case *test = &rewrite_cases[_i];
        struct file_store *store = make_store();

        fail_rewrite(store, test);
        file_store_free(store);
        assert_records(test->name, test->left);
        ck_assert_msg(!scratch_exists("state/ledger.log.new"), "%s", test->name);
}
END_TEST

START_TEST(a_rewrite_that_fails_may_be_repeated)
{
        const struct rewrite_case *test = &rewrite_cases[_i];
        struct file_store *store = make_store();

        fail_rewrite(store, test);
        ck_assert_msg(rewrite(store, "[8]", NULL) == 0, "%s", test->name);
        ck_assert_msg(append(store, "[9]", NULL) == 0, "%s", test->name);
        file_store_free(store);
        assert_records(test->name, "[8,9]");
}
END_TEST

START_TEST(short_and_interrupted_writes_are_continued)
{
        struct file_store *store = make_store();

        faults.most = 1;
        faults.interrupted = 3;
        ck_assert_int_eq(append(store, "['two', 'three']", NULL), 0);
        /* 8 digits, a space, [\"two\",\"three\"] and a newline, one byte each; and those that were interrupted. */
        ck_assert_int_eq(faults.n_pwrite, 8 + 1 + 15 + 1 + 3);
        ck_assert_int_eq(rewrite(store, "[1, 'two']", NULL), 0);
        ck_assert_int_eq(append(store, "[3]", NULL), 0);
        file_store_free(store);
        assert_records("one byte at a time", "[1,\"two\",3]");
}
END_TEST

/* Opens the folder, appends to it and rewrites it; how far it got is told through the pipe. */
static void live(int told)
{
        struct file_store *store;

        faults.calls = 0;
        if (file_store_open(&store, scratch_path("state").text, collect, json_array(), NULL) < 0 ||
            append(store, "[1, 2]", NULL) < 0 || write(told, "", 1) != 1 || append(store, "[3, 4]", NULL) < 0 ||
            write(told, "", 1) != 1 || rewrite(store, "[4, 5]", NULL) < 0 || write(told, "", 1) != 1 ||
            append(store, "[6]", NULL) < 0 || write(told, "", 1) != 1)
                _exit(1);
        _exit(0);
}

/* Lets a child live for so many calls. Returns how far it got; *ret_died says whether it had to die. */
static size_t live_for(int calls, bool *ret_died)
{
        int told[2], status;
        char bytes[8];
        ssize_t n;
        pid_t child;

        ck_assert_int_eq(pipe(told), 0);
        child = fork();
        if (!child) {
                faults.lives_for = calls;
                live(told[1]);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED));
        *ret_died = WEXITSTATUS(status) == DIED;
        close(told[1]);
        n = read(told[0], bytes, sizeof(bytes));
        close(told[0]);
        return (size_t)n;
}

START_TEST(death_at_any_call_loses_nothing_that_was_told)
{
        static const char *const states[] = {"[]", "[1,2]", "[1,2,3,4]", "[4,5]", "[4,5,6]"};
        bool died = true;
        int calls = 0;

        for (; died; calls++) {
                _cleanup_(freep) char *records = NULL;
                size_t told = live_for(calls, &died);

                records = reopen();
                ck_assert_msg(!strcmp(records, states[told]) || (told < 4 && !strcmp(records, states[told + 1])),
                              "after %d calls and %zu answers: %s", calls, told, records);
                unlink(scratch_path("state/ledger.log").text);
        }
        ck_assert_int_gt(calls, 14); /* a write and a sync for each append, and five calls for each rewrite */
}
END_TEST

static void setup(void)
{
        scratch_setup();
        log_setup(LOG_ERROR, LOG_LOGFMT);
}

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, scratch_teardown);
        tcase_add_loop_test(tests, nothing_is_appended_behind_a_failed_write, 0, ARRAY_SIZE(append_cases));
        tcase_add_loop_test(tests, a_rewrite_brings_the_store_back, 0, ARRAY_SIZE(append_cases));
        tcase_add_loop_test(tests, a_rewrite_that_fails_leaves_one_of_both_files_whole, 0, ARRAY_SIZE(rewrite_cases));
        tcase_add_loop_test(tests, a_rewrite_that_fails_may_be_repeated, 0, ARRAY_SIZE(rewrite_cases));
        tcase_add_test(tests, short_and_interrupted_writes_are_continued);
        tcase_add_test(tests, death_at_any_call_loses_nothing_that_was_told);
}

int main(void)
{
        return unit_main("file_store_faults", add);
}
