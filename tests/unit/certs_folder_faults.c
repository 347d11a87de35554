/*
 * A folder of certificates when the process dies, and when a call fails.
 *
 * This program defines the system calls that change a folder itself (they stand in front of the C library's): a child
 * is killed at its first call, its second, and so on, until it gets through. After each death the folder must be what
 * it was before the verb or what the verb makes of it, and the verb must be repeatable.
 */
#include "certs/folder.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "certs/report.h"
#include "certs_fixture.h"

#define DIED 99

static int calls_until_death = -1; /* -1: live */

static void maybe_die(void)
{
        if (calls_until_death >= 0 && calls_until_death-- == 0)
                _exit(DIED);
}

int mkdirat(int parent, const char *name, mode_t mode)
{
        maybe_die();
        return (int)syscall(SYS_mkdirat, parent, name, mode);
}

int symlinkat(const char *target, int parent, const char *name)
{
        maybe_die();
        return (int)syscall(SYS_symlinkat, target, parent, name);
}

int renameat(int from, const char *old, int to, const char *new)
{
        maybe_die();
        return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int unlinkat(int parent, const char *name, int flags)
{
        maybe_die();
        return (int)syscall(SYS_unlinkat, parent, name, flags);
}

/* Waits for no disk: what a process has written outlives it. */
int fsync(int fd)
{
        maybe_die();
        return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* Half of the bytes are on disk when death comes. */
ssize_t write(int fd, const void *bytes, size_t size)
{
        if (calls_until_death == 0)
                syscall(SYS_write, fd, bytes, size / 2);
        maybe_die();
        return syscall(SYS_write, fd, bytes, size);
}

static struct scratch_path prepared; /* the folder as it was before the verb */

static int run_create(void)
{
        return certs_folder_create(folder.text, &usual, false, NULL);
}

static int run_force(void)
{
        return certs_folder_create(folder.text, &usual, true, NULL);
}

static int run_ensure(void)
{
        return certs_folder_ensure(folder.text, &usual, NULL, NULL);
}

static int run_renew(void)
{
        _cleanup_(freep) char *reason = NULL;

        return certs_folder_renew(folder.text, &later, true, &reason, NULL);
}

static int run_stage(void)
{
        return certs_folder_rotate(folder.text, CERTS_ROTATION_STAGE, &later, &(bool){0}, NULL);
}

static int run_finish(void)
{
        return certs_folder_rotate(folder.text, CERTS_ROTATION_FINISH, &later, &(bool){0}, NULL);
}

static int run_drop_old(void)
{
        return certs_folder_rotate(folder.text, CERTS_ROTATION_DROP_OLD, &later, &(bool){0}, NULL);
}

static void prepare_nothing(void)
{
}

static void prepare_plain(void)
{
        create();
        flatten();
}

static void prepare_staged(void)
{
        create();
        rotate(CERTS_ROTATION_STAGE);
}

static void prepare_finished(void)
{
        prepare_staged();
        rotate(CERTS_ROTATION_FINISH);
}

static const struct crash_case {
        const char *name;
        void (*prepare)(void);
        int (*run)(void);
        int again;            /* what the verb answers when it had been done, but nobody knew */
        size_t before, after; /* certificates in the report (0: no CA) */
        bool new_server;
} crash_cases[] = {
        {"create", prepare_nothing, run_create, -EEXIST, 0, 2, true},
        {"create --force", create, run_force, 0, 2, 2, true},
        {"ensure", prepare_nothing, run_ensure, 0, 0, 2, true},
        {"renew", create, run_renew, 0, 2, 2, true},
        {"renew of plain files", prepare_plain, run_renew, 0, 2, 2, true},
        {"rotate-ca", create, run_stage, 0, 2, 3, false},
        {"rotate-ca of plain files", prepare_plain, run_stage, 0, 2, 3, false},
        {"rotate-ca --finish", prepare_staged, run_finish, 0, 3, 3, true},
        {"rotate-ca --drop-old", prepare_finished, run_drop_old, 0, 3, 2, false},
};

/* Everything that readers look at, as one text: empty before there is a CA. */
static char *snapshot(size_t *ret_certificates)
{
        _cleanup_certs_report_ struct certs_report report = {0};
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        struct certs_validity validity;
        struct error error = ERROR_INIT;
        char *text;
        int r;

        *ret_certificates = 0;
        r = certs_folder_describe(&report, folder.text, NOW + DAY, &error);
        if (r == -ENOENT) {
                error_clear(&error);
                return strdup("");
        }
        ok(r, &error);
        ck_assert_msg(report.n_problems == 0, "%s", report.n_problems ? report.problems[0] : "");
        ok(certs_folder_read(&pem, folder.text, &error), &error);
        ok(certs_inspect(&validity, pem.chain, pem.key, &error), &error);
        ck_assert_str_eq(pem.ca_bundle, report.ca_bundle);
        ck_assert_int_ge(asprintf(&text, "%s%s%s", pem.chain, pem.key, pem.ca_bundle), 0);
        *ret_certificates = report.n_certificates;
        return text;
}

/* Returns false once the verb got through alive. */
static bool die_at_call(const struct crash_case *c, int call)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                calls_until_death = call;
                _exit(c->run() < 0 ? 1 : 0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status));
        ck_assert_msg(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED, "%s fails", c->name);
        return WEXITSTATUS(status) == DIED;
}

static void repeat(const struct crash_case *c, bool done, const char *rest)
{
        _cleanup_(freep) char *now = NULL;
        size_t n;
        int r;

        r = c->run();
        ck_assert_msg(r == 0 || (done && r == c->again), "%s, repeated after %s, answers %d", c->name, rest, r);
        now = snapshot(&n);
        ck_assert_msg(n == c->after, "%s, repeated after %s: %zu certificates", c->name, rest, n);
}

/* A snapshot begins with the server certificate. */
static bool same_server(const char *a, const char *b)
{
        const char *end = strstr(a, "-----END CERTIFICATE-----");

        return end && !strncmp(a, b, (size_t)(end - a));
}

static void copy_file(const char *from, const char *to, const struct stat *status)
{
        int in = open(from, O_RDONLY | O_CLOEXEC);
        int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status->st_mode & 0777);

        ck_assert(in >= 0 && out >= 0);
        ck_assert_int_eq(copy_file_range(in, NULL, out, NULL, (size_t)status->st_size, 0), status->st_size);
        close(in);
        close(out);
}

/* For nftw(). */
static int copy_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
        char to[PATH_MAX], target[NAME_MAX + 1] = "";

        (void)where;
        ck_assert_int_lt(snprintf(to, sizeof(to), "%s%s", folder.text, path + strlen(prepared.text)), PATH_MAX);
        if (type == FTW_D)
                return mkdir(to, status->st_mode & 0777);
        if (type == FTW_SL)
                return readlink(path, target, NAME_MAX) < 0 ? -1 : symlink(target, to);
        copy_file(path, to, status);
        return 0;
}

static void keep_folder(void)
{
        prepared = scratch_path("prepared");
        if (scratch_exists("certs"))
                ck_assert_int_eq(rename(folder.text, prepared.text), 0);
}

static void restore_folder(void)
{
        if (nftw(folder.text, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
                ck_assert_int_eq(errno, ENOENT);
        if (scratch_exists("prepared"))
                ck_assert_int_eq(nftw(prepared.text, copy_one, 16, FTW_PHYS), 0);
}

static bool crash(const struct crash_case *c, const char *before, int call)
{
        _cleanup_(freep) char *now = NULL;
        char rest[32];
        size_t n;
        bool died, done;

        restore_folder();
        died = die_at_call(c, call);
        snprintf(rest, sizeof(rest), "death at call %d", call);
        now = snapshot(&n);
        done = strcmp(before, now);
        ck_assert_msg(died || done, "%s did nothing", c->name);
        ck_assert_msg(n == (done ? c->after : c->before), "%s, %s: %zu certificates", c->name, rest, n);
        ck_assert_msg(!done || c->new_server == !same_server(before, now), "%s, %s: the server", c->name, rest);
        repeat(c, done, rest);
        return died;
}

START_TEST(a_crash_leaves_the_old_state_or_the_new)
{
        const struct crash_case *c = &crash_cases[_i];
        _cleanup_(freep) char *before = NULL, *restored = NULL;
        size_t n;
        int call = 0;

        c->prepare();
        before = snapshot(&n);
        ck_assert_msg(n == c->before, "%s starts with %zu certificates", c->name, n);
        keep_folder();
        restore_folder();
        restored = snapshot(&n);
        ck_assert_str_eq(restored, before);

        while (crash(c, before, call))
                call++;
        ck_assert_int_gt(call, 10); /* the counting works: no verb gets by with fewer calls */
}
END_TEST

/* A folder stands where a file belongs: nothing can be renamed over it. */
START_TEST(a_failure_leaves_no_generation_behind)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(mkdir(folder.text, 0700), 0);
        ck_assert_int_eq(mkdir(scratch_path("certs/tls.crt").text, 0700), 0);
        for (int i = 0; i < 3; i++)
                ck_assert_int_lt(certs_folder_create(folder.text, &usual, true, &error), 0);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "tls.crt"));
        ck_assert_uint_le(count_entries(), 6); /* tls.crt, ..data, its generation, links made before */
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, scratch_teardown);
        tcase_add_loop_test(tests, a_crash_leaves_the_old_state_or_the_new, 0, ARRAY_SIZE(crash_cases));
        tcase_add_test(tests, a_failure_leaves_no_generation_behind);
}

int main(void)
{
        return unit_main("certs_folder_faults", add);
}
