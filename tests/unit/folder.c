/*
 * A folder of manifests that is read again when it changes: what comes, goes, changes, and what is malformed.
 *
 * This program defines stat(2) itself (it stands in front of the C library's) and tells times as a file system would
 * whose clock ticks every 30 ms.
 */
#include "manifest/folder.h"

#include <poll.h>

#include "manifest/diagnostics.h"
#include "scratch.h"
#include "util/error.h"

#define POD(name) "apiVersion: v1\nkind: " name "\n"

/* Longer than the folder distrusts the times of a file. */
#define SETTLE_US 100000

#define TICK_NS 30000000

int stat(const char *path, struct stat *ret)
{
        int r = fstatat(AT_FDCWD, path, ret, 0);

        if (r == 0) {
                ret->st_mtim.tv_nsec -= ret->st_mtim.tv_nsec % TICK_NS;
                ret->st_ctim.tv_nsec -= ret->st_ctim.tv_nsec % TICK_NS;
        }
        return r;
}

static struct folder *folder;
static int n_loads, n_alive; /* how often load() was called; what it returned and was not unloaded */

/* The kinds in the file; nothing for the kind Other, an error for the kind Wrong. */
static void *load(void *userdata, const struct manifests *file, struct diagnostics *diagnostics)
{
        char *kinds = calloc(1, 256);

        ck_assert_ptr_eq(userdata, &n_loads);
        n_loads++;
        for (size_t i = 0; i < file->count; i++) {
                if (!strcmp(file->items[i].kind, "Wrong"))
                        diagnostics_add(diagnostics, SEVERITY_ERROR, &file->items[i], "kind", "is wrong");
                if (!strcmp(file->items[i].kind, "Doubtful"))
                        diagnostics_add(diagnostics, SEVERITY_WARNING, &file->items[i], "kind", "is doubtful");
                if (strcmp(file->items[i].kind, "Other"))
                        strcat(strcat(kinds, file->items[i].kind), " ");
        }
        if (!*kinds) {
                free(kinds);
                return NULL;
        }
        n_alive++;
        return kinds;
}

static void unload(void *loaded)
{
        n_alive--;
        free(loaded);
}

static void setup(void)
{
        scratch_setup();
        ck_assert_int_eq(mkdir(scratch_path("d").text, 0700), 0);
        ck_assert_int_eq(folder_new(&folder, scratch_path("d").text, load, unload, &n_loads, NULL), 0);
}

static void teardown(void)
{
        folder = folder_free(folder);
        ck_assert_int_eq(n_alive, 0);
        scratch_teardown();
}

/* Reads; what is wrong is expected to be so many faults. */
static int read_with_faults(size_t faults)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        int r = folder_read(folder, &diagnostics, &error);

        if (diagnostics.count != faults)
                ck_abort_msg("%zu faults: %s", diagnostics.count,
                             diagnostics.count ? diagnostics.items[0].message : "");
        return r;
}

static int append_text(void *userdata, void *loaded)
{
        strcat(userdata, loaded);
        return 0;
}

static void assert_holds(const char *expected)
{
        char text[1024] = "";

        ck_assert_int_eq(folder_visit(folder, append_text, text), 0);
        ck_assert_str_eq(text, expected);
}

static bool is_readable(void)
{
        struct pollfd fd = {.fd = folder_fd(folder), .events = POLLIN};

        return poll(&fd, 1, 0) == 1;
}

static void settle(void)
{
        usleep(SETTLE_US);
}

START_TEST(files_come_in_the_order_of_their_names)
{
        scratch_write("d/b.yaml", POD("B"));
        scratch_write("d/a.yaml", POD("A") "---\n" POD("AA"));
        scratch_write("d/c.json", "{\"apiVersion\": \"v1\", \"kind\": \"C\"}");
        scratch_write("d/.hidden.yaml", POD("Hidden"));
        scratch_write("d/notes.txt", POD("Notes"));
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("A AA B C ");
        ck_assert_int_eq(n_loads, 3);
}
END_TEST

START_TEST(what_did_not_change_is_not_loaded_again)
{
        scratch_write("d/a.yaml", POD("A"));
        settle();
        ck_assert_int_eq(read_with_faults(0), 1);
        ck_assert_int_eq(read_with_faults(0), 0);
        scratch_write("d/b.yaml", POD("B"));
        settle();
        ck_assert_int_eq(read_with_faults(0), 1);
        ck_assert_int_eq(n_loads, 2);
        assert_holds("A B ");
}
END_TEST

START_TEST(changed_and_removed_files_are_noticed)
{
        scratch_write("d/a.yaml", POD("A"));
        scratch_write("d/b.yaml", POD("B"));
        ck_assert_int_eq(read_with_faults(0), 1);
        scratch_write("d/a.yaml", POD("Changed"));
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("Changed B ");
        ck_assert_int_eq(unlink(scratch_path("d/a.yaml").text), 0);
        settle();
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("B ");
        ck_assert_int_eq(read_with_faults(0), 0);
}
END_TEST

/* Same length, and within one tick of the file system's clock. */
START_TEST(a_change_right_after_another_is_noticed)
{
        for (int i = 0; i < 50; i++) {
                scratch_write("d/a.yaml", i % 2 ? POD("A") : POD("B"));
                ck_assert_int_eq(read_with_faults(0), 1);
                assert_holds(i % 2 ? "A " : "B ");
        }
}
END_TEST

START_TEST(a_file_that_is_renamed_into_place_is_noticed)
{
        struct timespec times[2] = {{.tv_sec = 1767225600}, {.tv_sec = 1767225600}};

        scratch_write("d/a.yaml", POD("A"));
        scratch_write("next", POD("B")); /* of the same length, and with the same times */
        ck_assert_int_eq(utimensat(AT_FDCWD, scratch_path("d/a.yaml").text, times, 0), 0);
        ck_assert_int_eq(utimensat(AT_FDCWD, scratch_path("next").text, times, 0), 0);
        settle();
        ck_assert_int_eq(read_with_faults(0), 1);
        ck_assert_int_eq(rename(scratch_path("next").text, scratch_path("d/a.yaml").text), 0);
        ck_assert(is_readable());
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("B ");
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *text;
} fault_cases[] = {
        {"YAML that is none", "a: [\n"},
        {"an object that is none", "hello\n"},
        {"an object that its reader refuses", POD("Wrong")},
        {"a good object beside one that is refused", POD("Fine") "---\n" POD("Wrong")},
};

START_TEST(a_malformed_file_keeps_what_it_held)
{
        scratch_write("d/a.yaml", POD("A"));
        scratch_write("d/b.yaml", POD("B"));
        ck_assert_int_eq(read_with_faults(0), 1);
        settle();
        read_with_faults(0);
        scratch_write("d/a.yaml", fault_cases[_i].text);
        settle();
        ck_assert_int_eq(read_with_faults(1), 0);
        assert_holds("A B ");
        ck_assert_int_eq(read_with_faults(0), 0); /* it was told of once */
        scratch_write("d/a.yaml", POD("Mended"));
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("Mended B ");
}
END_TEST

START_TEST(a_malformed_file_that_is_removed_takes_what_it_held_along)
{
        scratch_write("d/a.yaml", POD("A"));
        ck_assert_int_eq(read_with_faults(0), 1);
        scratch_write("d/a.yaml", "hello");
        ck_assert_int_eq(read_with_faults(1), 0);
        ck_assert_int_eq(unlink(scratch_path("d/a.yaml").text), 0);
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("");
}
END_TEST

START_TEST(a_file_that_was_never_good_holds_nothing)
{
        scratch_write("d/a.yaml", "hello");
        ck_assert_int_eq(read_with_faults(1), 0);
        ck_assert_int_eq(unlink(scratch_path("d/a.yaml").text), 0);
        ck_assert_int_eq(read_with_faults(0), 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_malformed)
{
        ck_assert_int_eq(symlink("missing", scratch_path("d/a.yaml").text), 0);
        scratch_write("d/b.yaml", POD("B"));
        ck_assert_int_eq(read_with_faults(1), 1);
        assert_holds("B ");
}
END_TEST

START_TEST(a_warning_does_not_spoil_a_file)
{
        scratch_write("d/a.yaml", POD("Doubtful"));
        settle();
        ck_assert_int_eq(read_with_faults(1), 1);
        assert_holds("Doubtful ");
        ck_assert_int_eq(read_with_faults(0), 0);
}
END_TEST

START_TEST(a_file_of_no_interest_changes_nothing)
{
        scratch_write("d/a.yaml", POD("Other"));
        ck_assert_int_eq(read_with_faults(0), 0);
        assert_holds("");
        scratch_write("d/a.yaml", POD("A"));
        ck_assert_int_eq(read_with_faults(0), 1);
        scratch_write("d/a.yaml", POD("Other"));
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("");
}
END_TEST

START_TEST(every_kind_of_change_wakes)
{
        scratch_write("outside.yaml", POD("A"));
        ck_assert(!is_readable());
        scratch_write("d/a.yaml", POD("A"));
        ck_assert(is_readable());
        read_with_faults(0);
        ck_assert(!is_readable());
        scratch_write("d/a.yaml", POD("B"));
        ck_assert(is_readable());
        read_with_faults(0);
        ck_assert_int_eq(rename(scratch_path("outside.yaml").text, scratch_path("d/b.yaml").text), 0);
        ck_assert(is_readable());
        read_with_faults(0);
        ck_assert_int_eq(rename(scratch_path("d/b.yaml").text, scratch_path("outside.yaml").text), 0);
        ck_assert(is_readable());
        read_with_faults(0);
        ck_assert_int_eq(unlink(scratch_path("d/a.yaml").text), 0);
        ck_assert(is_readable());
        read_with_faults(0);
        ck_assert(!is_readable());
}
END_TEST

static void remove_folder(void)
{
        ck_assert_int_eq(unlink(scratch_path("d/a.yaml").text), 0);
        ck_assert_int_eq(rmdir(scratch_path("d").text), 0);
}

START_TEST(a_folder_that_is_removed_and_made_again_is_followed)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        scratch_write("d/a.yaml", POD("A"));
        ck_assert_int_eq(read_with_faults(0), 1);
        remove_folder();
        ck_assert(is_readable());
        ck_assert_int_eq(folder_read(folder, &diagnostics, &error), -ENOENT);
        ck_assert_msg(strstr(error_message(&error), scratch_path("d").text) != NULL, "%s", error_message(&error));
        assert_holds("A "); /* all stays as it was */

        ck_assert_int_eq(mkdir(scratch_path("d").text, 0700), 0);
        scratch_write("d/b.yaml", POD("B"));
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("B ");
        scratch_write("d/b.yaml", POD("C"));
        ck_assert(is_readable());
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("C ");
}
END_TEST

/* As the kubelet mounts a ConfigMap: a.yaml -> ..data/a.yaml, ..data -> ..1. */
START_TEST(a_config_map_that_is_swapped_is_noticed)
{
        ck_assert_int_eq(mkdir(scratch_path("d/..1").text, 0700), 0);
        ck_assert_int_eq(mkdir(scratch_path("d/..2").text, 0700), 0);
        scratch_write("d/..1/a.yaml", POD("A"));
        scratch_write("d/..2/a.yaml", POD("B"));
        ck_assert_int_eq(symlink("..1", scratch_path("d/..data").text), 0);
        ck_assert_int_eq(symlink("..data/a.yaml", scratch_path("d/a.yaml").text), 0);
        settle();
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("A ");

        ck_assert_int_eq(symlink("..2", scratch_path("d/..data_tmp").text), 0);
        ck_assert_int_eq(rename(scratch_path("d/..data_tmp").text, scratch_path("d/..data").text), 0);
        ck_assert(is_readable());
        ck_assert_int_eq(read_with_faults(0), 1);
        assert_holds("B ");
}
END_TEST

static int stop(void *userdata, void *loaded)
{
        (void)loaded;
        return ++*(int *)userdata == 2 ? -ECANCELED : 0;
}

START_TEST(visiting_stops_where_it_is_told_to)
{
        int visited = 0;

        scratch_write("d/a.yaml", POD("A"));
        scratch_write("d/b.yaml", POD("B"));
        scratch_write("d/c.yaml", POD("C"));
        ck_assert_int_eq(read_with_faults(0), 1);
        ck_assert_int_eq(folder_visit(folder, stop, &visited), -ECANCELED);
        ck_assert_int_eq(visited, 2);
}
END_TEST

START_TEST(what_is_no_folder_is_named)
{
        static const struct {
                const char *name;
                int result;
        } paths[] = {{"missing", -ENOENT}, {"file", -ENOTDIR}};
        _cleanup_error_ struct error error = ERROR_INIT;
        struct folder *none = NULL;

        scratch_write("file", "");
        ck_assert_int_eq(folder_new(&none, scratch_path(paths[_i].name).text, load, unload, NULL, &error),
                         paths[_i].result);
        ck_assert_ptr_null(none);
        ck_assert_msg(strstr(error_message(&error), scratch_path(paths[_i].name).text) != NULL, "%s",
                      error_message(&error));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, files_come_in_the_order_of_their_names);
        tcase_add_test(tests, what_did_not_change_is_not_loaded_again);
        tcase_add_test(tests, changed_and_removed_files_are_noticed);
        tcase_add_test(tests, a_change_right_after_another_is_noticed);
        tcase_add_test(tests, a_file_that_is_renamed_into_place_is_noticed);
        tcase_add_loop_test(tests, a_malformed_file_keeps_what_it_held, 0, ARRAY_SIZE(fault_cases));
        tcase_add_test(tests, a_malformed_file_that_is_removed_takes_what_it_held_along);
        tcase_add_test(tests, a_file_that_was_never_good_holds_nothing);
        tcase_add_test(tests, a_file_that_cannot_be_read_is_malformed);
        tcase_add_test(tests, a_warning_does_not_spoil_a_file);
        tcase_add_test(tests, a_file_of_no_interest_changes_nothing);
        tcase_add_test(tests, every_kind_of_change_wakes);
        tcase_add_test(tests, a_folder_that_is_removed_and_made_again_is_followed);
        tcase_add_test(tests, a_config_map_that_is_swapped_is_noticed);
        tcase_add_test(tests, visiting_stops_where_it_is_told_to);
        tcase_add_loop_test(tests, what_is_no_folder_is_named, 0, 2);
}

int main(void)
{
        return unit_main("folder", add);
}
