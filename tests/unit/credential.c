/*
 * Credentials as they rotate. This program defines clock_gettime() itself, which stands in front of the C library's,
 * so that a test can make minutes pass.
 */
#include "kube/credential.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "kube/exec_plugin.h"
#include "kube/patience.h"
#include "scratch.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

static int64_t passed; /* seconds that a test made pass */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
        int r = (int)syscall(SYS_clock_gettime, clock, ret);

        ret->tv_sec += passed;
        return r;
}

/* time(3) does not ask clock_gettime(). */
time_t time(time_t *ret)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}

static char *path_of(const char *name)
{
        return strdup(scratch_path(name).text);
}

static struct credential *make(struct credential_source *source)
{
        struct credential *credential = NULL;

        log_setup(LOG_ERROR, LOG_LOGFMT);
        ck_assert_int_eq(credential_new(&credential, source, NULL), 0);
        return credential;
}

static int get(struct credential *credential, struct identity *ret, struct error *error)
{
        const struct patience patience = {.deadline = clock_monotonic() + 20 * NS_PER_SECOND};

        identity_clear(ret);
        return credential_get(credential, ret, &patience, error);
}

static void assert_authorization(struct credential *credential, const char *expected)
{
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_msg(get(credential, &identity, &error) == 0, "%s", error_message(&error));
        ck_assert_str_eq(identity.authorization, expected);
}

START_TEST(a_token_file_is_read_again_within_a_minute)
{
        struct credential_source source = {.token_file = path_of("token")};
        _cleanup_(credential_freep) struct credential *credential = make(&source);

        scratch_write("token", "old");
        assert_authorization(credential, "Bearer old");
        scratch_write("token", "new");
        assert_authorization(credential, "Bearer old");
        passed += 60;
        assert_authorization(credential, "Bearer new");
}
END_TEST

START_TEST(so_is_everything_in_a_file)
{
        struct credential_source source = {
                .certificate_file = path_of("crt"), .key_file = path_of("key"), .ca_file = path_of("ca")};
        _cleanup_(credential_freep) struct credential *credential = make(&source);
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        uint64_t version;

        scratch_write("crt", "certificate 1");
        scratch_write("key", "key 1");
        scratch_write("ca", "CA 1");
        ck_assert_int_eq(get(credential, &identity, NULL), 0);
        version = identity.version;
        passed += 60;
        ck_assert_int_eq(get(credential, &identity, NULL), 0);
        ck_assert_uint_eq(identity.version, version);
        scratch_write("crt", "certificate 2");
        scratch_write("key", "key 2");
        scratch_write("ca", "CA 2");
        passed += 60;
        ck_assert_int_eq(get(credential, &identity, NULL), 0);
        ck_assert_uint_ne(identity.version, version);
        ck_assert_str_eq(identity.certificate, "certificate 2");
        ck_assert_str_eq(identity.key, "key 2");
        ck_assert_str_eq(identity.ca, "CA 2");
}
END_TEST

START_TEST(what_was_refused_is_read_again_at_once)
{
        struct credential_source source = {.token_file = path_of("token")};
        _cleanup_(credential_freep) struct credential *credential = make(&source);
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        uint64_t version;

        scratch_write("token", "old");
        ck_assert_int_eq(get(credential, &identity, NULL), 0);
        version = identity.version;
        scratch_write("token", "new");
        credential_refuse(credential, version);
        assert_authorization(credential, "Bearer new");
        /* Another thread's refusal of the old one comes late. */
        scratch_write("token", "newer");
        credential_refuse(credential, version);
        assert_authorization(credential, "Bearer new");
}
END_TEST

START_TEST(a_file_that_goes_away_does_no_harm_at_first)
{
        struct credential_source source = {.token_file = path_of("token")};
        _cleanup_(credential_freep) struct credential *credential = make(&source);
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        scratch_write("token", "old");
        assert_authorization(credential, "Bearer old");
        ck_assert_int_eq(unlink(scratch_path("token").text), 0);
        passed += 60;
        ck_assert_int_eq(get(credential, &identity, NULL), 0);
        ck_assert_str_eq(identity.authorization, "Bearer old");
        credential_refuse(credential, identity.version);
        ck_assert_int_eq(get(credential, &identity, &error), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "cannot open "));
        scratch_write("token", "new");
        assert_authorization(credential, "Bearer new");
}
END_TEST

static const struct token_case {
        const char *name, *text;
        int result;
        const char *authorization;
} token_cases[] = {
        {"a line end is no part of it", "abc\r\n", 0, "Bearer abc"},
        {"nor are blanks around it", "  abc ", 0, "Bearer abc"},
        {"there must be something", " \n", -EINVAL, NULL},
        {"two words are none: a header could be made of them", "abc\r\nX-Other: 1", -EINVAL, NULL},
};

START_TEST(tokens)
{
        const struct token_case *test = &token_cases[_i];
        struct credential_source source = {.token_file = path_of("token")};
        _cleanup_(credential_freep) struct credential *credential = make(&source);
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        scratch_write("token", test->text);
        r = get(credential, &identity, &error);
        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_ptr_null(strstr(error_message(&error), "abc"));
        if (test->authorization)
                ck_assert_str_eq(identity.authorization, test->authorization);
}
END_TEST

static const char *const plugin_script =
        "n=$(($(cat \"$FOLDER/runs\" 2>/dev/null || echo 0) + 1)); echo $n >\"$FOLDER/runs\"; sleep ${PAUSE:-0};"
        "if [ -e \"$FOLDER/broken\" ]; then echo 'no network' >&2; exit 1; fi;"
        "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":"
        "{\"token\":\"t'$n'\"'\"$EXPIRES\"'}}'";

/* Its n-th run gives the token "tn". */
static struct credential *make_with_plugin(int64_t expires, const char *pause)
{
        struct exec_plugin *plugin = calloc(1, sizeof(*plugin));
        struct credential_source source = {.exec = plugin};
        time_t at = (time_t)expires;
        char stamp[64] = "";
        struct tm tm;

        if (expires)
                strftime(stamp, sizeof(stamp), ",\"expirationTimestamp\":\"%Y-%m-%dT%H:%M:%SZ\"", gmtime_r(&at, &tm));
        ck_assert_int_eq(setenv("EXPIRES", stamp, 1), 0);
        ck_assert_int_eq(setenv("FOLDER", scratch, 1), 0);
        ck_assert_int_eq(setenv("PAUSE", pause, 1), 0);
        plugin->api_version = strdup("client.authentication.k8s.io/v1");
        plugin->arguments = calloc(4, sizeof(*plugin->arguments));
        plugin->arguments[0] = strdup("/bin/sh");
        plugin->arguments[1] = strdup("-c");
        plugin->arguments[2] = strdup(plugin_script);
        return make(&source);
}

START_TEST(a_plugin_is_run_again_once_its_answer_has_expired)
{
        _cleanup_(credential_freep) struct credential *credential = make_with_plugin(clock_unix() + 600, "0");

        assert_authorization(credential, "Bearer t1");
        passed += 500;
        assert_authorization(credential, "Bearer t1");
        passed += 200;
        assert_authorization(credential, "Bearer t2");
}
END_TEST

START_TEST(a_plugin_is_run_again_once_its_answer_was_refused)
{
        _cleanup_(credential_freep) struct credential *credential = make_with_plugin(0, "0");
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;

        ck_assert_int_eq(get(credential, &identity, NULL), 0);
        passed += 1500;
        assert_authorization(credential, "Bearer t1");
        credential_refuse(credential, identity.version);
        assert_authorization(credential, "Bearer t2");
        assert_authorization(credential, "Bearer t2");
}
END_TEST

START_TEST(a_plugin_that_fails_is_run_again)
{
        _cleanup_(credential_freep) struct credential *credential = make_with_plugin(clock_unix() + 600, "0");
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        scratch_write("broken", "");
        ck_assert_int_eq(get(credential, &identity, &error), -EIO);
        ck_assert_str_eq(error_message(&error), "credential plugin /bin/sh: it exited with status 1: no network");
        ck_assert_int_eq(unlink(scratch_path("broken").text), 0);
        assert_authorization(credential, "Bearer t2");
        passed += 700;
        scratch_write("broken", "");
        ck_assert_int_eq(get(credential, &identity, NULL), -EIO);
}
END_TEST

static void *get_in_thread(void *userdata)
{
        assert_authorization(userdata, "Bearer t1");
        return NULL;
}

START_TEST(one_thread_runs_the_plugin_for_all)
{
        _cleanup_(credential_freep) struct credential *credential = make_with_plugin(0, "0.3");
        pthread_t threads[8];

        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, get_in_thread, credential), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(who_waits_for_another_thread_has_his_own_patience)
{
        _cleanup_(credential_freep) struct credential *credential = make_with_plugin(0, "1");
        const struct patience patience = {.deadline = clock_monotonic() + 500 * NS_PER_MS};
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, get_in_thread, credential), 0);
        while (!scratch_exists("runs"))
                usleep(1000);
        ck_assert_int_eq(credential_get(credential, &identity, &patience, &error), -ETIMEDOUT);
        ck_assert_str_eq(error_message(&error), "no credentials in time");
        pthread_join(thread, NULL);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_test(tests, a_token_file_is_read_again_within_a_minute);
        tcase_add_test(tests, so_is_everything_in_a_file);
        tcase_add_test(tests, what_was_refused_is_read_again_at_once);
        tcase_add_test(tests, a_file_that_goes_away_does_no_harm_at_first);
        tcase_add_loop_test(tests, tokens, 0, ARRAY_SIZE(token_cases));
        tcase_add_test(tests, a_plugin_is_run_again_once_its_answer_has_expired);
        tcase_add_test(tests, a_plugin_is_run_again_once_its_answer_was_refused);
        tcase_add_test(tests, a_plugin_that_fails_is_run_again);
        tcase_add_test(tests, one_thread_runs_the_plugin_for_all);
        tcase_add_test(tests, who_waits_for_another_thread_has_his_own_patience);
}

int main(void)
{
        return unit_main("credential", add);
}
