/*
 * A folder of certificates: what each verb does to it, who may read it, and what happens to it when the process dies.
 *
 * For the latter this program defines the system calls that change a folder itself (they stand in front of the C
 * library's): a child is killed at its first call, its second, and so on, until it gets through. After each death
 * the folder must be what it was before the verb or what the verb makes of it, and the verb must be repeatable.
 */
#include "certs/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "certs/report.h"
#include "check.h"
#include "util/error.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define DIED 99

static const char *const names[] = {"a.svc", "10.0.0.1"};
static const struct certs_request usual = {.sans = names, .n_sans = ARRAY_SIZE(names), .now = NOW};
static const struct certs_request later = {.now = NOW + DAY}; /* names are kept */

static int calls_until_death = -1; /* -1: live */

static void maybe_die(void)
{
        if (calls_until_death >= 0 && calls_until_death-- == 0)
                _exit(DIED);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
        maybe_die();
        return (int)syscall(SYS_mkdirat, folder, name, mode);
}

int symlinkat(const char *target, int folder, const char *name)
{
        maybe_die();
        return (int)syscall(SYS_symlinkat, target, folder, name);
}

int renameat(int from, const char *old, int to, const char *new)
{
        maybe_die();
        return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
        maybe_die();
        return (int)syscall(SYS_unlinkat, folder, name, flags);
}

int fsync(int fd)
{
        maybe_die();
        return (int)syscall(SYS_fsync, fd);
}

/* Half of the bytes are on disk when death comes. */
ssize_t write(int fd, const void *bytes, size_t size)
{
        if (calls_until_death == 0)
                syscall(SYS_write, fd, bytes, size / 2);
        maybe_die();
        return syscall(SYS_write, fd, bytes, size);
}

static char base[PATH_MAX], folder[PATH_MAX + 16];

static void setup(void)
{
        const char *tmp = getenv("TMPDIR");

        snprintf(base, sizeof(base), "%s/regionfit-certs-XXXXXX", tmp ? tmp : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(base));
        snprintf(folder, sizeof(folder), "%s/certs", base);
}

static void remove_tree(int parent, const char *name)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir) {
                unlinkat(parent, name, 0);
                return;
        }
        while ((entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                        remove_tree(dirfd(dir), entry->d_name);
        closedir(dir);
        unlinkat(parent, name, AT_REMOVEDIR);
}

static void teardown(void)
{
        remove_tree(AT_FDCWD, base);
}

static struct name {
        char text[PATH_MAX + 64];
} path_of(const char *name)
{
        struct name path;

        snprintf(path.text, sizeof(path.text), "%s/%s", folder, name);
        return path;
}

static mode_t mode_of(const char *name)
{
        struct stat status;

        ck_assert_int_eq(stat(path_of(name).text, &status), 0);
        return status.st_mode & 07777;
}

static bool is_there(const char *name)
{
        return access(path_of(name).text, F_OK) == 0;
}

static void put(const char *name, const char *text)
{
        FILE *file;

        unlinkat(AT_FDCWD, path_of(name).text, 0);
        file = fopen(path_of(name).text, "w");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
}

static char *get(const char *name)
{
        FILE *file = fopen(path_of(name).text, "r");
        char *text = calloc(1, 65536);

        ck_assert_ptr_nonnull(text);
        if (file) {
                ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
                fclose(file);
        }
        return text;
}

static size_t count_entries(void)
{
        DIR *dir = opendir(folder);
        size_t n = 0;

        ck_assert_ptr_nonnull(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}

static void ok(int r, struct error *error)
{
        ck_assert_msg(r == 0, "%s", error_message(error));
        error_clear(error);
}

static void create(void)
{
        struct error error = ERROR_INIT;

        ok(certs_folder_create(folder, &usual, false, &error), &error);
}

static bool rotate(enum certs_rotation step)
{
        struct error error = ERROR_INIT;
        bool changed = false;

        ok(certs_folder_rotate(folder, step, &later, &changed, &error), &error);
        return changed;
}

/* Turns links into plain files, as `cp -rL` does. */
static void flatten(void)
{
        static const char *const files[] = {"ca.crt", "ca.key", "ca-bundle.crt", "tls.crt", "tls.key"};

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_(freep) char *text = get(files[i]);

                put(files[i], text);
                ck_assert_int_eq(chmod(path_of(files[i]).text, 0600), 0);
        }
        remove_tree(AT_FDCWD, path_of("..data").text);
}

START_TEST(makes_a_private_folder)
{
        create();
        ck_assert_int_eq(mode_of("."), 0700);
        ck_assert_int_eq(mode_of("ca.key"), 0600);
        ck_assert_int_eq(mode_of("tls.key"), 0600);
        ck_assert(is_there("ca.crt") && is_there("tls.crt") && is_there("ca-bundle.crt"));
        ck_assert(!is_there("ca-next.crt") && !is_there("ca-next.key"));
}
END_TEST

START_TEST(makes_an_empty_folder_private)
{
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        create();
        ck_assert_int_eq(mode_of("."), 0700);
}
END_TEST

START_TEST(creates_once_unless_forced)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *before = NULL, *same = NULL, *after = NULL;

        create();
        before = get("ca.crt");
        ck_assert_int_eq(certs_folder_create(folder, &usual, false, &error), -EEXIST);
        same = get("ca.crt");
        ck_assert_str_eq(before, same);
        ok(certs_folder_create(folder, &usual, true, &error), &error);
        after = get("ca.crt");
        ck_assert_str_ne(before, after);
}
END_TEST

START_TEST(a_request_that_cannot_be_met_leaves_nothing_behind)
{
        const struct certs_request bad = {.sans = (const char *const[]){"10.0.0.300"}, .n_sans = 1};

        ck_assert_int_eq(certs_folder_create(folder, &bad, false, NULL), -EINVAL);
        ck_assert_int_ne(access(folder, F_OK), 0);
}
END_TEST

START_TEST(force_makes_a_new_start_over_garbage)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_certs_report_ struct certs_report report = {0};

        create();
        put("ca.crt", "garbage");
        put("ca-next.crt", "garbage");
        put("tls.key", "");
        ck_assert_int_eq(certs_folder_renew(folder, &later, true, &(char *){NULL}, &error), -EINVAL);
        ok(certs_folder_create(folder, &usual, true, &error), &error);
        ok(certs_folder_describe(&report, folder, NOW, &error), &error);
        ck_assert_uint_eq(report.n_problems, 0);
        ck_assert_uint_eq(report.n_certificates, 2);
}
END_TEST

START_TEST(ensure_makes_and_then_rests)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *before = NULL, *after = NULL;
        bool changed = false;

        ok(certs_folder_ensure(folder, &usual, &changed, &error), &error);
        ck_assert(changed);
        before = get("tls.crt");
        ok(certs_folder_ensure(folder, &usual, &changed, &error), &error);
        ck_assert(!changed);
        after = get("tls.crt");
        ck_assert_str_eq(before, after);
        ok(certs_folder_ensure(folder, &usual, NULL, &error), &error);
}
END_TEST

START_TEST(ensure_renews_in_the_last_third)
{
        const struct certs_request request = {.sans = names, .n_sans = ARRAY_SIZE(names), .now = NOW + 61 * DAY};
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        struct certs_validity validity;
        bool changed = false;

        create();
        ok(certs_folder_ensure(folder, &request, &changed, &error), &error);
        ck_assert(changed);
        ok(certs_folder_read(&pem, folder, &error), &error);
        ok(certs_inspect(&validity, pem.chain, pem.key, &error), &error);
        ck_assert_int_eq(validity.not_after, request.now + 90 * DAY);
}
END_TEST

START_TEST(renew_says_why_or_does_nothing)
{
        static const char *const other[] = {"b.svc"};
        const struct certs_request renamed = {.sans = other, .n_sans = 1, .now = NOW};
        _cleanup_(freep) char *none = NULL, *forced = NULL, *why = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;

        create();
        ok(certs_folder_renew(folder, &later, false, &none, &error), &error);
        ck_assert_ptr_null(none);
        ok(certs_folder_renew(folder, &later, true, &forced, &error), &error);
        ck_assert_ptr_nonnull(forced);
        ok(certs_folder_renew(folder, &renamed, false, &why, &error), &error);
        ck_assert_ptr_nonnull(strstr(why, "b.svc"));
}
END_TEST

START_TEST(every_step_of_a_rotation_may_be_repeated)
{
        create();
        ck_assert_int_eq(certs_folder_rotate(folder, CERTS_ROTATION_FINISH, &later, &(bool){0}, NULL), -ENOENT);
        ck_assert(!rotate(CERTS_ROTATION_DROP_OLD));
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        ck_assert(is_there("ca-next.crt"));
        ck_assert_int_eq(mode_of("ca-next.key"), 0600);
        ck_assert(!rotate(CERTS_ROTATION_STAGE));
        ck_assert(rotate(CERTS_ROTATION_FINISH));
        ck_assert(!is_there("ca-next.crt") && !is_there("ca-next.key"));
        ck_assert(!rotate(CERTS_ROTATION_FINISH));
        ck_assert(rotate(CERTS_ROTATION_DROP_OLD));
        ck_assert(!rotate(CERTS_ROTATION_DROP_OLD));
}
END_TEST

START_TEST(sweeps_earlier_generations)
{
        size_t n;

        create();
        n = count_entries();
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        ck_assert(rotate(CERTS_ROTATION_FINISH));
        ck_assert_uint_eq(count_entries(), n);
}
END_TEST

START_TEST(leaves_foreign_files_alone)
{
        _cleanup_(freep) char *text = NULL;

        create();
        put("ledger.log", "mine");
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        text = get("ledger.log");
        ck_assert_str_eq(text, "mine");
}
END_TEST

START_TEST(takes_over_plain_files)
{
        _cleanup_(freep) char *before = NULL, *after = NULL;

        create();
        flatten();
        ck_assert_int_eq(chmod(path_of("ca.key").text, 0644), 0);
        before = get("ca.crt");
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        after = get("ca.crt");
        ck_assert_str_eq(before, after);
        ck_assert_int_eq(mode_of("ca.key"), 0600);
        ck_assert(rotate(CERTS_ROTATION_FINISH));
}
END_TEST

START_TEST(tightens_keys_that_others_may_read)
{
        _cleanup_certs_report_ struct certs_report lax = {0}, tight = {0};
        _cleanup_error_ struct error error = ERROR_INIT;

        create();
        ck_assert_int_eq(chmod(path_of("tls.key").text, 0640), 0);
        ck_assert_int_eq(chmod(folder, 0770), 0);
        ok(certs_folder_describe(&lax, folder, NOW, &error), &error);
        ck_assert_uint_eq(lax.n_problems, 1);
        ck_assert_str_eq(lax.problems[0], "the folder may be written by others (mode 0770); "
                                          "tls.key may be read by others (mode 0640)");

        ok(certs_folder_ensure(folder, &usual, NULL, &error), &error);
        ck_assert_int_eq(mode_of("tls.key"), 0600);
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        ck_assert_int_eq(mode_of("."), 0700);
        ok(certs_folder_describe(&tight, folder, NOW, &error), &error);
        ck_assert_uint_eq(tight.n_problems, 0);
}
END_TEST

START_TEST(refuses_a_folder_of_other_things_that_others_may_write)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(mkdir(folder, 0700), 0);
        put("something", "else");
        ck_assert_int_eq(chmod(folder, 0777), 0);
        ck_assert_int_eq(certs_folder_create(folder, &usual, false, &error), -EPERM);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "mode 0777"));
        ck_assert_int_eq(mode_of("."), 0777);
        ck_assert_uint_eq(count_entries(), 1);
}
END_TEST

static const struct path_case {
        const char *name;
        const char *made; /* what stands in the way, under the folder's name */
        int result;
} path_cases[] = {
        {"a folder that is not there", NULL, -ENOENT},
        {"a file", "file", -ENOTDIR},
        {"an empty folder", "folder", -ENOENT},
};

START_TEST(reads_only_what_is_there)
{
        const struct path_case *c = &path_cases[_i];
        struct certs_report report = {0};
        struct certs_pem pem = {0};
        char *reason = NULL;
        bool changed;

        if (c->made && !strcmp(c->made, "file"))
                ck_assert_int_eq(close(open(folder, O_CREAT | O_WRONLY, 0600)), 0);
        if (c->made && !strcmp(c->made, "folder"))
                ck_assert_int_eq(mkdir(folder, 0700), 0);
        ck_assert_msg(certs_folder_read(&pem, folder, NULL) == c->result, "%s: read", c->name);
        ck_assert_msg(certs_folder_describe(&report, folder, NOW, NULL) == c->result, "%s: show", c->name);
        ck_assert_msg(certs_folder_renew(folder, &later, true, &reason, NULL) == c->result, "%s: renew", c->name);
        ck_assert_msg(certs_folder_rotate(folder, CERTS_ROTATION_STAGE, &later, &changed, NULL) == c->result,
                      "%s: rotate", c->name);
}
END_TEST

START_TEST(refuses_what_is_no_text_file)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        struct certs_pem pem = {0};

        create();
        unlinkat(AT_FDCWD, path_of("tls.key").text, 0);
        if (_i == 0)
                ck_assert_int_eq(mkfifo(path_of("tls.key").text, 0600), 0);
        if (_i == 1)
                ck_assert_int_eq(mkdir(path_of("tls.key").text, 0700), 0);
        if (_i == 2)
                ck_assert_int_eq(truncate((put("tls.key", ""), path_of("tls.key").text), 100), 0); /* zeros */
        if (_i == 3)
                ck_assert_int_eq(truncate((put("tls.key", ""), path_of("tls.key").text), 2 << 20), 0);
        ck_assert_int_eq(certs_folder_read(&pem, folder, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "tls.key"));
}
END_TEST

START_TEST(waits_for_the_lock)
{
        int fd, status;
        pid_t child;

        create();
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_eq(flock(fd, LOCK_EX), 0);
        child = fork();
        if (child == 0) {
                close(fd);
                _exit(certs_folder_rotate(folder, CERTS_ROTATION_STAGE, &later, &(bool){0}, NULL) ? 1 : 0);
        }
        usleep(100000);
        ck_assert_int_eq(waitpid(child, &status, WNOHANG), 0);
        ck_assert(!is_there("ca-next.crt"));
        ck_assert_int_eq(flock(fd, LOCK_UN), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert(is_there("ca-next.crt"));
        close(fd);
}
END_TEST

START_TEST(readers_never_see_a_mixed_pair)
{
        int status = 0, reads = 0;
        pid_t child = fork();

        if (child == 0) {
                certs_folder_create(folder, &usual, false, NULL);
                for (int i = 0; i < 20; i++)
                        if (certs_folder_renew(folder, &later, true, &(char *){NULL}, NULL) < 0)
                                _exit(1);
                _exit(0);
        }
        while (waitpid(child, &status, WNOHANG) == 0) {
                _cleanup_certs_pem_ struct certs_pem pem = {0};
                struct certs_validity validity;
                int r = certs_folder_read(&pem, folder, NULL);

                if (r == -ENOENT)
                        continue; /* not yet created */
                ck_assert_int_eq(r, 0);
                ck_assert_int_eq(certs_inspect(&validity, pem.chain, pem.key, NULL), 0);
                reads++;
        }
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert_int_gt(reads, 0);
}
END_TEST

static int run_create(void)
{
        return certs_folder_create(folder, &usual, false, NULL);
}

static int run_force(void)
{
        return certs_folder_create(folder, &usual, true, NULL);
}

static int run_ensure(void)
{
        return certs_folder_ensure(folder, &usual, NULL, NULL);
}

static int run_renew(void)
{
        _cleanup_(freep) char *reason = NULL;

        return certs_folder_renew(folder, &later, true, &reason, NULL);
}

static int run_stage(void)
{
        return certs_folder_rotate(folder, CERTS_ROTATION_STAGE, &later, &(bool){0}, NULL);
}

static int run_finish(void)
{
        return certs_folder_rotate(folder, CERTS_ROTATION_FINISH, &later, &(bool){0}, NULL);
}

static int run_drop_old(void)
{
        return certs_folder_rotate(folder, CERTS_ROTATION_DROP_OLD, &later, &(bool){0}, NULL);
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
        r = certs_folder_describe(&report, folder, NOW + DAY, &error);
        if (r == -ENOENT) {
                error_clear(&error);
                return strdup("");
        }
        ok(r, &error);
        ck_assert_msg(report.n_problems == 0, "%s", report.n_problems ? report.problems[0] : "");
        ok(certs_folder_read(&pem, folder, &error), &error);
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

static bool crash(const struct crash_case *c, int call)
{
        _cleanup_(freep) char *before = NULL, *now = NULL;
        char rest[32];
        size_t n;
        bool died, done;

        remove_tree(AT_FDCWD, folder);
        c->prepare();
        before = snapshot(&n);
        ck_assert_msg(n == c->before, "%s starts with %zu certificates", c->name, n);

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
        int call = 0;

        while (crash(&crash_cases[_i], call))
                call++;
        ck_assert_int_gt(call, 10); /* the counting works: no verb gets by with fewer calls */
}
END_TEST

/* A folder stands where a file belongs: nothing can be renamed over it. */
START_TEST(a_failure_leaves_no_generation_behind)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(mkdir(folder, 0700), 0);
        ck_assert_int_eq(mkdir(path_of("tls.crt").text, 0700), 0);
        for (int i = 0; i < 3; i++)
                ck_assert_int_lt(certs_folder_create(folder, &usual, true, &error), 0);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "tls.crt"));
        ck_assert_uint_le(count_entries(), 6); /* tls.crt, ..data, its generation, links made before */
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, makes_a_private_folder);
        tcase_add_test(tests, makes_an_empty_folder_private);
        tcase_add_test(tests, creates_once_unless_forced);
        tcase_add_test(tests, a_request_that_cannot_be_met_leaves_nothing_behind);
        tcase_add_test(tests, force_makes_a_new_start_over_garbage);
        tcase_add_test(tests, ensure_makes_and_then_rests);
        tcase_add_test(tests, ensure_renews_in_the_last_third);
        tcase_add_test(tests, renew_says_why_or_does_nothing);
        tcase_add_test(tests, every_step_of_a_rotation_may_be_repeated);
        tcase_add_test(tests, sweeps_earlier_generations);
        tcase_add_test(tests, leaves_foreign_files_alone);
        tcase_add_test(tests, takes_over_plain_files);
        tcase_add_test(tests, tightens_keys_that_others_may_read);
        tcase_add_test(tests, refuses_a_folder_of_other_things_that_others_may_write);
        tcase_add_loop_test(tests, reads_only_what_is_there, 0, ARRAY_SIZE(path_cases));
        tcase_add_loop_test(tests, refuses_what_is_no_text_file, 0, 4);
        tcase_add_test(tests, waits_for_the_lock);
        tcase_add_test(tests, readers_never_see_a_mixed_pair);
        tcase_add_loop_test(tests, a_crash_leaves_the_old_state_or_the_new, 0, ARRAY_SIZE(crash_cases));
        tcase_add_test(tests, a_failure_leaves_no_generation_behind);
}

int main(void)
{
        return unit_main("certs_folder", add);
}
