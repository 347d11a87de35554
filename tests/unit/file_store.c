/*
 * The ledger's file: what was appended comes back, a torn tail is cut, damage is refused, and one process has it at a
 * time. What happens when writing fails is in file_store_faults.c.
 */
#include "quota/file_store.h"

#include <stdint.h>
#include <sys/wait.h>

#include "json.h"
#include "record_list.h"
#include "scratch.h"
#include "util/error.h"
#include "util/log.h"

#define HEADER "[{\"regionfit\":\"ledger\",\"version\":1}]"

static void setup(void)
{
        scratch_setup();
        log_setup(LOG_ERROR, LOG_LOGFMT);
        ck_assert_int_eq(mkdir(scratch_path("state").text, 0700), 0);
}

/* CRC-32 as ISO 3309 defines it, bit by bit. */
static uint32_t crc_of(const char *text)
{
        uint32_t crc = UINT32_MAX;

        for (; *text; text++) {
                crc ^= (unsigned char)*text;
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        return ~crc;
}

static int collect(void *userdata, const json_t *record, struct error *error)
{
        (void)error;
        return json_array_append(userdata, (json_t *)record);
}

static int open_state(struct file_store **ret, json_t *records, struct error *error)
{
        return file_store_open(ret, scratch_path("state").text, collect, records, error);
}

/* What the file gives back, as JSON; "" and the error where it is refused. */
static char *reopen(struct error *error, int *ret_result)
{
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        json_auto_t *records = json_array();

        *ret_result = open_state(&store, records, error);
        return *ret_result < 0 ? strdup("") : json_dumps(records, JSON_COMPACT);
}

static void assert_records(const char *expected)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;
        _cleanup_(freep) char *records = reopen(&error, &r);

        if (r < 0)
                ck_abort_msg("%s", error_message(&error));
        ck_assert_str_eq(records, expected);
}

static void append(struct file_store *store, const char *text)
{
        json_auto_t *records = json_text(text);

        ck_assert_int_eq(file_store_append(store, RECORDS(records), NULL), 0);
}

static void make_groups(void)
{
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        json_auto_t *none = json_array();

        ck_assert_int_eq(open_state(&store, none, NULL), 0);
        append(store, "[1, 2]");
        append(store, "[{'three': 3}]");
        append(store, "['four', 'five']");
}

/* What is left of make_groups() after so many groups. */
static const char *const kept[] = {"[]", "[1,2]", "[1,2,{\"three\":3}]", "[1,2,{\"three\":3},\"four\",\"five\"]"};

START_TEST(groups_come_back_in_order)
{
        make_groups();
        assert_records(kept[3]);
        assert_records(kept[3]);
}
END_TEST

START_TEST(a_group_is_a_line_with_its_checksum)
{
        _cleanup_(freep) char *expected = NULL, *text = NULL;
        const char *const lines[] = {HEADER, "[1,2]", "[{\"three\":3}]", "[\"four\",\"five\"]"};

        ck_assert_uint_eq(crc_of("123456789"), 0xcbf43926); /* the check value of CRC-32 */
        make_groups();
        text = scratch_read("state/ledger.log", NULL);
        ck_assert_int_gt(asprintf(&expected, "%08x %s\n%08x %s\n%08x %s\n%08x %s\n", crc_of(lines[0]), lines[0],
                                  crc_of(lines[1]), lines[1], crc_of(lines[2]), lines[2], crc_of(lines[3]), lines[3]),
                         0);
        ck_assert_str_eq(text, expected);
}
END_TEST

START_TEST(folder_and_file_are_private)
{
        struct stat status;

        ck_assert_int_eq(rmdir(scratch_path("state").text), 0);
        umask(0);
        make_groups();
        ck_assert_int_eq(stat(scratch_path("state").text, &status), 0);
        ck_assert_uint_eq(status.st_mode & 07777, 0700);
        ck_assert_int_eq(stat(scratch_path("state/ledger.log").text, &status), 0);
        ck_assert_uint_eq(status.st_mode & 07777, 0600);
}
END_TEST

/* Where the n-th line of the text ends, its newline included. */
static size_t end_of_line(const char *text, size_t n)
{
        const char *end = text;

        while (n--)
                end = strchr(end, '\n') + 1;
        return (size_t)(end - text);
}

START_TEST(every_torn_tail_is_cut_behind_the_last_whole_group)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        make_groups();
        text = scratch_read("state/ledger.log", &size);
        for (size_t length = 0; length <= size; length++) {
                size_t lines = 0, left;

                while (lines < 4 && end_of_line(text, lines + 1) <= length)
                        lines++;
                scratch_write_bytes("state/ledger.log", text, length);
                assert_records(kept[lines ? lines - 1 : 0]);
                free(scratch_read("state/ledger.log", &left));
                ck_assert_uint_eq(left, end_of_line(text, lines ? lines : 1));
        }
}
END_TEST

START_TEST(what_is_appended_behind_a_cut_tail_comes_back)
{
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        _cleanup_(freep) char *text = NULL;
        json_auto_t *records = json_array();
        size_t size;

        make_groups();
        text = scratch_read("state/ledger.log", &size);
        scratch_write_bytes("state/ledger.log", text, size - 1);
        ck_assert_int_eq(open_state(&store, records, NULL), 0);
        append(store, "[6]");
        store = file_store_free(store);
        assert_records("[1,2,{\"three\":3},6]");
}
END_TEST

START_TEST(a_changed_byte_before_a_good_group_is_damage)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        make_groups();
        text = scratch_read("state/ledger.log", &size);
        /* Without the last newline before the last group, which would make one bad group of two. */
        for (size_t i = 0; i + 1 < end_of_line(text, 3); i++) {
                _cleanup_error_ struct error error = ERROR_INIT;
                size_t line = i < end_of_line(text, 1) ? 1 : i < end_of_line(text, 2) ? 2 : 3;
                _cleanup_(freep) char *where = NULL, *records = NULL;
                int r;

                text[i] ^= 1;
                scratch_write_bytes("state/ledger.log", text, size);
                text[i] ^= 1;
                records = reopen(&error, &r);
                ck_assert_int_gt(asprintf(&where, "%s/ledger.log:%zu: ", scratch_path("state").text, line), 0);
                ck_assert_int_eq(r, -EBADMSG);
                ck_assert_msg(!strncmp(error_message(&error), where, strlen(where)), "%s", error_message(&error));
        }
}
END_TEST

START_TEST(a_changed_byte_in_the_last_group_drops_that_group)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        make_groups();
        text = scratch_read("state/ledger.log", &size);
        for (size_t i = end_of_line(text, 3); i < size; i++) {
                text[i] ^= 1;
                scratch_write_bytes("state/ledger.log", text, size);
                text[i] ^= 1;
                assert_records(kept[2]);
        }
}
END_TEST

static const struct foreign_case {
        const char *name;
        const char *lines[3]; /* each gets its checksum; NULL: the text as it is */
        const char *text;
        const char *message;
} foreign_cases[] = {
        {"a ledger of another program", {"[{\"other\":\"ledger\"}]"}, NULL, "ledger.log:1: is not the header"},
        {"a header that is no object", {"[1]"}, NULL, "ledger.log:1: is not the header"},
        {"a ledger of a later version",
         {"[{\"regionfit\":\"ledger\",\"version\":2}]"},
         NULL,
         "ledger.log:1: is of a version"},
        {"a group that is no list", {HEADER, "{}"}, NULL, "ledger.log:2: is not a JSON array"},
        {"a group that is no JSON", {HEADER, "[1", "[2]"}, NULL, "ledger.log:2: is not a JSON array"},
        {"a file of something else", {NULL}, "hello\n", "ledger.log:1: is not the header"},
        {"two bad groups, of which only the last could be torn",
         {HEADER, "[1]"},
         "00000000 [2]\n00000000 [3]\n",
         "ledger.log:3: is damaged, and is not the last one"},
        {"a ledger with carriage returns", {NULL}, "00000000 " HEADER "\r\n", "ledger.log:1: is not the header"},
};

START_TEST(what_is_no_ledger_is_refused_and_kept)
{
        const struct foreign_case *test = &foreign_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *records = NULL, *after = NULL;
        char text[256] = "";
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(test->lines) && test->lines[i]; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%08x %s\n", crc_of(test->lines[i]),
                         test->lines[i]);
        strcat(text, test->text ? test->text : "");
        scratch_write("state/ledger.log", text);
        records = reopen(&error, &r);
        ck_assert_msg(r == -EBADMSG, "%s: %d", test->name, r);
        ck_assert_msg(strstr(error_message(&error), test->message) != NULL, "%s: %s", test->name,
                      error_message(&error));
        after = scratch_read("state/ledger.log", NULL);
        ck_assert_str_eq(after, text);
}
END_TEST

static int refuse_three(void *userdata, const json_t *record, struct error *error)
{
        return json_is_object(record) ? error_set(error, *(const int *)userdata, "no threes") : 0;
}

START_TEST(a_record_that_is_refused_ends_the_opening)
{
        static const struct {
                int refused, opened;
        } results[] = {{EINVAL, -EBADMSG}, {ENOMEM, -ENOMEM}};
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        int errnum = results[_i].refused;

        make_groups();
        ck_assert_int_eq(file_store_open(&store, scratch_path("state").text, refuse_three, &errnum, &error),
                         results[_i].opened);
        ck_assert_ptr_null(store);
        ck_assert_msg(strstr(error_message(&error), "/ledger.log:3: record 0: no threes") != NULL, "%s",
                      error_message(&error));
}
END_TEST

START_TEST(another_process_is_locked_out)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *records = NULL;
        int ready[2], status, r;
        char byte;
        pid_t child;

        make_groups();
        ck_assert_int_eq(pipe(ready), 0);
        child = fork();
        if (!child) {
                struct file_store *store;

                r = open_state(&store, json_array(), NULL);
                if (write(ready[1], "", 1) == 1)
                        pause();
                _exit(r < 0);
        }
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        records = reopen(&error, &r);
        ck_assert_int_eq(r, -EBUSY);
        ck_assert_msg(strstr(error_message(&error), scratch_path("state").text) != NULL, "%s", error_message(&error));
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        assert_records(kept[3]);
}
END_TEST

static json_t *count_to(int n)
{
        json_t *records = json_array();

        for (int i = 1; i <= n; i++)
                json_array_append_new(records, json_integer(i));
        return records;
}

START_TEST(a_rewrite_replaces_what_was_there)
{
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        json_auto_t *none = json_array(), *records = json_text("['new']");

        make_groups();
        ck_assert_int_eq(open_state(&store, none, NULL), 0);
        ck_assert_int_eq(file_store_rewrite(store, RECORDS(records), NULL), 0);
        append(store, "['after']");
        store = file_store_free(store);
        ck_assert(!scratch_exists("state/ledger.log.new"));
        assert_records("[\"new\",\"after\"]");
}
END_TEST

START_TEST(many_records_are_rewritten_in_lines_of_a_thousand)
{
        static const struct {
                int records;
                size_t lines;
        } sizes[] = {{0, 1}, {1, 2}, {999, 2}, {1000, 2}, {1001, 3}, {2500, 4}};
        _cleanup_(file_store_freep) struct file_store *store = NULL;
        json_auto_t *none = json_array(), *records = count_to(sizes[_i].records);
        _cleanup_(freep) char *expected = json_dumps(records, JSON_COMPACT), *text = NULL;
        size_t lines = 0;

        ck_assert_int_eq(open_state(&store, none, NULL), 0);
        ck_assert_int_eq(file_store_rewrite(store, RECORDS(records), NULL), 0);
        store = file_store_free(store);
        assert_records(expected);
        text = scratch_read("state/ledger.log", NULL);
        for (const char *c = text; *c; c++)
                lines += *c == '\n';
        ck_assert_uint_eq(lines, sizes[_i].lines);
}
END_TEST

START_TEST(a_rewrite_that_was_never_finished_is_removed)
{
        make_groups();
        scratch_write("state/ledger.log.new", "half");
        assert_records(kept[3]);
        ck_assert(!scratch_exists("state/ledger.log.new"));
}
END_TEST

/* 5000 dead records are always borne, and three more for each live one. */
static const struct growth_case {
        const char *name;
        int records;
        size_t live;
        bool needed;
} growth_cases[] = {
        {"an empty file is left alone", 0, 0, false},
        {"5000 dead records are left alone", 5000, 0, false},
        {"5001 dead records are not", 5001, 0, true},
        {"one live record lets the file have 5004", 5004, 1, false},
        {"one live record does not let it have 5005", 5005, 1, true},
        {"a file of live records is left alone", 9000, 9000, false},
};

START_TEST(a_file_that_has_grown_wants_a_rewrite)
{
        const struct growth_case *test = &growth_cases[_i];
        json_auto_t *none = json_array(), *records = count_to(test->records);
        struct file_store *store = NULL;

        ck_assert_int_eq(open_state(&store, none, NULL), 0);
        ck_assert_int_eq(file_store_append(store, RECORDS(records), NULL), 0);
        ck_assert_msg(file_store_needs_rewrite(store, test->live) == test->needed, "%s", test->name);
        store = file_store_free(store);

        ck_assert_int_eq(open_state(&store, none, NULL), 0);
        ck_assert_msg(file_store_needs_rewrite(store, test->live) == test->needed, "%s, opened again", test->name);
        json_array_clear(none);
        ck_assert_int_eq(file_store_rewrite(store, RECORDS(none), NULL), 0);
        ck_assert_msg(!file_store_needs_rewrite(store, 0), "%s, rewritten", test->name);
        file_store_free(store);
}
END_TEST

static const struct place_case {
        const char *name;
        const char *place;
        int result;
} place_cases[] = {
        {"a folder in a folder that is missing", "missing/state", -ENOENT},
        {"a folder below a file", "file/state", -ENOTDIR},
        {"a file in the folder's place", "file", -ENOTDIR},
};

START_TEST(a_folder_that_cannot_be_had_is_named)
{
        const struct place_case *test = &place_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        struct file_store *store = NULL;
        int r;

        scratch_write("file", "");
        r = file_store_open(&store, scratch_path(test->place).text, collect, NULL, &error);
        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_ptr_null(store);
        ck_assert_msg(strstr(error_message(&error), scratch_path(test->place).text) != NULL, "%s: %s", test->name,
                      error_message(&error));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, scratch_teardown);
        tcase_add_test(tests, groups_come_back_in_order);
        tcase_add_test(tests, a_group_is_a_line_with_its_checksum);
        tcase_add_test(tests, folder_and_file_are_private);
        tcase_add_test(tests, every_torn_tail_is_cut_behind_the_last_whole_group);
        tcase_add_test(tests, what_is_appended_behind_a_cut_tail_comes_back);
        tcase_add_test(tests, a_changed_byte_before_a_good_group_is_damage);
        tcase_add_test(tests, a_changed_byte_in_the_last_group_drops_that_group);
        tcase_add_loop_test(tests, what_is_no_ledger_is_refused_and_kept, 0, ARRAY_SIZE(foreign_cases));
        tcase_add_loop_test(tests, a_record_that_is_refused_ends_the_opening, 0, 2);
        tcase_add_test(tests, another_process_is_locked_out);
        tcase_add_test(tests, a_rewrite_replaces_what_was_there);
        tcase_add_loop_test(tests, many_records_are_rewritten_in_lines_of_a_thousand, 0, 6);
        tcase_add_test(tests, a_rewrite_that_was_never_finished_is_removed);
        tcase_add_loop_test(tests, a_file_that_has_grown_wants_a_rewrite, 0, ARRAY_SIZE(growth_cases));
        tcase_add_loop_test(tests, a_folder_that_cannot_be_had_is_named, 0, ARRAY_SIZE(place_cases));
}

int main(void)
{
        return unit_main("file_store", add);
}
