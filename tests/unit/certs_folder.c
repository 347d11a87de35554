/*
 * A folder of certificates: what each verb does to it, who may read it, and who has to wait for whom.
 */
#include "certs/folder.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "certs/report.h"
#include "certs_fixture.h"

static mode_t mode_of(const char *name)
{
        struct stat status;

        ck_assert_int_eq(stat(scratch_path(name).text, &status), 0);
        return status.st_mode & 07777;
}

START_TEST(makes_a_private_folder)
{
        create();
        ck_assert_int_eq(mode_of("certs"), 0700);
        ck_assert_int_eq(mode_of("certs/ca.key"), 0600);
        ck_assert_int_eq(mode_of("certs/tls.key"), 0600);
        ck_assert(scratch_exists("certs/ca.crt") && scratch_exists("certs/tls.crt") &&
                  scratch_exists("certs/ca-bundle.crt"));
        ck_assert(!scratch_exists("certs/ca-next.crt") && !scratch_exists("certs/ca-next.key"));
}
END_TEST

START_TEST(makes_an_empty_folder_private)
{
        ck_assert_int_eq(mkdir(folder.text, 0755), 0);
        create();
        ck_assert_int_eq(mode_of("certs"), 0700);
}
END_TEST

START_TEST(creates_once_unless_forced)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *before = NULL, *same = NULL, *after = NULL;

        create();
        before = scratch_read("certs/ca.crt", NULL);
        ck_assert_int_eq(certs_folder_create(folder.text, &usual, false, &error), -EEXIST);
        same = scratch_read("certs/ca.crt", NULL);
        ck_assert_str_eq(before, same);
        ok(certs_folder_create(folder.text, &usual, true, &error), &error);
        after = scratch_read("certs/ca.crt", NULL);
        ck_assert_str_ne(before, after);
}
END_TEST

START_TEST(a_request_that_cannot_be_met_leaves_nothing_behind)
{
        const struct certs_request bad = {.sans = (const char *const[]){"10.0.0.300"}, .n_sans = 1};

        ck_assert_int_eq(certs_folder_create(folder.text, &bad, false, NULL), -EINVAL);
        ck_assert_int_ne(access(folder.text, F_OK), 0);
}
END_TEST

START_TEST(force_makes_a_new_start_over_garbage)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_certs_report_ struct certs_report report = {0};

        create();
        put("certs/ca.crt", "garbage");
        put("certs/ca-next.crt", "garbage");
        put("certs/tls.key", "");
        ck_assert_int_eq(certs_folder_renew(folder.text, &later, true, &(char *){NULL}, &error), -EINVAL);
        ok(certs_folder_create(folder.text, &usual, true, &error), &error);
        ok(certs_folder_describe(&report, folder.text, NOW, &error), &error);
        ck_assert_uint_eq(report.n_problems, 0);
        ck_assert_uint_eq(report.n_certificates, 2);
}
END_TEST

START_TEST(ensure_makes_and_then_rests)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *before = NULL, *after = NULL;
        bool changed = false;

        ok(certs_folder_ensure(folder.text, &usual, &changed, &error), &error);
        ck_assert(changed);
        before = scratch_read("certs/tls.crt", NULL);
        ok(certs_folder_ensure(folder.text, &usual, &changed, &error), &error);
        ck_assert(!changed);
        after = scratch_read("certs/tls.crt", NULL);
        ck_assert_str_eq(before, after);
        ok(certs_folder_ensure(folder.text, &usual, NULL, &error), &error);
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
        ok(certs_folder_ensure(folder.text, &request, &changed, &error), &error);
        ck_assert(changed);
        ok(certs_folder_read(&pem, folder.text, &error), &error);
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
        ok(certs_folder_renew(folder.text, &later, false, &none, &error), &error);
        ck_assert_ptr_null(none);
        ok(certs_folder_renew(folder.text, &later, true, &forced, &error), &error);
        ck_assert_ptr_nonnull(forced);
        ok(certs_folder_renew(folder.text, &renamed, false, &why, &error), &error);
        ck_assert_ptr_nonnull(strstr(why, "b.svc"));
}
END_TEST

START_TEST(every_step_of_a_rotation_may_be_repeated)
{
        create();
        ck_assert_int_eq(certs_folder_rotate(folder.text, CERTS_ROTATION_FINISH, &later, &(bool){0}, NULL), -ENOENT);
        ck_assert(!rotate(CERTS_ROTATION_DROP_OLD));
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        ck_assert(scratch_exists("certs/ca-next.crt"));
        ck_assert_int_eq(mode_of("certs/ca-next.key"), 0600);
        ck_assert(!rotate(CERTS_ROTATION_STAGE));
        ck_assert(rotate(CERTS_ROTATION_FINISH));
        ck_assert(!scratch_exists("certs/ca-next.crt") && !scratch_exists("certs/ca-next.key"));
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
        put("certs/ledger.log", "mine");
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        text = scratch_read("certs/ledger.log", NULL);
        ck_assert_str_eq(text, "mine");
}
END_TEST

START_TEST(takes_over_plain_files)
{
        _cleanup_(freep) char *before = NULL, *after = NULL;

        create();
        flatten();
        ck_assert_int_eq(chmod(scratch_path("certs/ca.key").text, 0644), 0);
        before = scratch_read("certs/ca.crt", NULL);
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        after = scratch_read("certs/ca.crt", NULL);
        ck_assert_str_eq(before, after);
        ck_assert_int_eq(mode_of("certs/ca.key"), 0600);
        ck_assert(rotate(CERTS_ROTATION_FINISH));
}
END_TEST

START_TEST(tightens_keys_that_others_may_read)
{
        _cleanup_certs_report_ struct certs_report lax = {0}, tight = {0};
        _cleanup_error_ struct error error = ERROR_INIT;

        create();
        ck_assert_int_eq(chmod(scratch_path("certs/tls.key").text, 0640), 0);
        ck_assert_int_eq(chmod(folder.text, 0770), 0);
        ok(certs_folder_describe(&lax, folder.text, NOW, &error), &error);
        ck_assert_uint_eq(lax.n_problems, 1);
        ck_assert_str_eq(lax.problems[0], "the folder may be written by others (mode 0770); "
                                          "tls.key may be read by others (mode 0640)");

        ok(certs_folder_ensure(folder.text, &usual, NULL, &error), &error);
        ck_assert_int_eq(mode_of("certs/tls.key"), 0600);
        ck_assert(rotate(CERTS_ROTATION_STAGE));
        ck_assert_int_eq(mode_of("certs"), 0700);
        ok(certs_folder_describe(&tight, folder.text, NOW, &error), &error);
        ck_assert_uint_eq(tight.n_problems, 0);
}
END_TEST

START_TEST(refuses_a_folder_of_other_things_that_others_may_write)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_int_eq(mkdir(folder.text, 0700), 0);
        put("certs/something", "else");
        ck_assert_int_eq(chmod(folder.text, 0777), 0);
        ck_assert_int_eq(certs_folder_create(folder.text, &usual, false, &error), -EPERM);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "mode 0777"));
        ck_assert_int_eq(mode_of("certs"), 0777);
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
                ck_assert_int_eq(close(open(folder.text, O_CREAT | O_WRONLY, 0600)), 0);
        if (c->made && !strcmp(c->made, "folder"))
                ck_assert_int_eq(mkdir(folder.text, 0700), 0);
        ck_assert_msg(certs_folder_read(&pem, folder.text, NULL) == c->result, "%s: read", c->name);
        ck_assert_msg(certs_folder_describe(&report, folder.text, NOW, NULL) == c->result, "%s: show", c->name);
        ck_assert_msg(certs_folder_renew(folder.text, &later, true, &reason, NULL) == c->result, "%s: renew",
                      c->name);
        ck_assert_msg(certs_folder_rotate(folder.text, CERTS_ROTATION_STAGE, &later, &changed, NULL) == c->result,
                      "%s: rotate", c->name);
}
END_TEST

START_TEST(refuses_what_is_no_text_file)
{
        const struct scratch_path key = scratch_path("certs/tls.key");
        _cleanup_error_ struct error error = ERROR_INIT;
        struct certs_pem pem = {0};

        create();
        ck_assert_int_eq(unlink(key.text), 0);
        if (_i == 0)
                ck_assert_int_eq(mkfifo(key.text, 0600), 0);
        if (_i == 1)
                ck_assert_int_eq(mkdir(key.text, 0700), 0);
        if (_i >= 2)
                put("certs/tls.key", "");
        if (_i == 2)
                ck_assert_int_eq(truncate(key.text, 100), 0); /* zeros */
        if (_i == 3)
                ck_assert_int_eq(truncate(key.text, 2 << 20), 0);
        ck_assert_int_eq(certs_folder_read(&pem, folder.text, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "tls.key"));
}
END_TEST

START_TEST(waits_for_the_lock)
{
        int fd, status;
        pid_t child;

        create();
        fd = open(folder.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_eq(flock(fd, LOCK_EX), 0);
        child = fork();
        if (child == 0) {
                close(fd);
                _exit(certs_folder_rotate(folder.text, CERTS_ROTATION_STAGE, &later, &(bool){0}, NULL) ? 1 : 0);
        }
        usleep(100000);
        ck_assert_int_eq(waitpid(child, &status, WNOHANG), 0);
        ck_assert(!scratch_exists("certs/ca-next.crt"));
        ck_assert_int_eq(flock(fd, LOCK_UN), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert(scratch_exists("certs/ca-next.crt"));
        close(fd);
}
END_TEST

START_TEST(readers_never_see_a_mixed_pair)
{
        int status = 0, reads = 0;
        pid_t child = fork();

        if (child == 0) {
                certs_folder_create(folder.text, &usual, false, NULL);
                for (int i = 0; i < 20; i++)
                        if (certs_folder_renew(folder.text, &later, true, &(char *){NULL}, NULL) < 0)
                                _exit(1);
                _exit(0);
        }
        while (waitpid(child, &status, WNOHANG) == 0) {
                _cleanup_certs_pem_ struct certs_pem pem = {0};
                struct certs_validity validity;
                int r = certs_folder_read(&pem, folder.text, NULL);

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

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, scratch_teardown);
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
}

int main(void)
{
        return unit_main("certs_folder", add);
}
