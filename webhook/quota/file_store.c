/*
 * Durable means: written, and synced by the file system. A group is one line, so that a crash in the middle of
 * writing leaves a line that its checksum gives away, and only the last line can be such a one: nothing is appended
 * behind a write that failed. That is also how a torn tail is told from damage: damage has something behind it.
 * The header is never torn, as the file comes into being by a rename: a first line that is whole but not good is no
 * ledger's, and a file that is not ours is not emptied.
 *
 * After a failed sync the kernel may have dropped the dirty pages, and a second sync that succeeds says nothing of
 * them. So after any failure the file as it stands is not trusted for another append; only a new file, written from
 * memory and renamed over it, brings the store back.
 */
#include "quota/file_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <zlib.h>

#include "manifest/writer.h"
#include "util/error.h"
#include "util/log.h"

#define LEDGER "ledger.log"
#define LEDGER_NEW "ledger.log.new"
#define VERSION 1
#define CHECKSUM_DIGITS 8
#define NO_CHECKSUM "00000000" /* until the rest of the line is known */

/* A rewritten file has several lines, so that reading it back needs memory for a part of it at a time. */
#define RECORDS_PER_LINE 1000

/* The file may hold this many dead records beside each live one before it is worth a rewrite. */
#define DEAD_PER_LIVE 3
#define DEAD_ALWAYS 5000

struct file_store {
        char *folder; /* owned; for sentences */
        int folder_fd;
        int file_fd;
        off_t size;       /* of what is durable */
        size_t n_records; /* in the file, live and dead */
        bool failed;      /* needs a rewrite */
};

struct file_store *file_store_free(struct file_store *store)
{
        if (!store)
                return NULL;
        closep(&store->file_fd);
        closep(&store->folder_fd);
        free(store->folder);
        free(store);
        return NULL;
}

static int fail(const struct file_store *store, struct error *error, int errnum, const char *what, const char *name)
{
        return error_set_errno(error, errnum ? errnum : EIO, "cannot %s %s/%s", what, store->folder, name);
}

static int open_folder(struct file_store *store, struct error *error)
{
        if (mkdir(store->folder, 0700) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "cannot make the folder %s", store->folder);
        store->folder_fd = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->folder_fd < 0)
                return error_set_errno(error, errno, "cannot open the folder %s", store->folder);
        if (flock(store->folder_fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        if (errno == EWOULDBLOCK)
                return error_set(error, EBUSY, "another process is using the folder %s", store->folder);
        return error_set_errno(error, errno, "cannot lock the folder %s", store->folder);
}

static int open_file(struct file_store *store, struct error *error)
{
        if (unlinkat(store->folder_fd, LEDGER_NEW, 0) < 0 && errno != ENOENT)
                return fail(store, error, errno, "remove", LEDGER_NEW);
        store->file_fd = openat(store->folder_fd, LEDGER, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        return store->file_fd < 0 ? fail(store, error, errno, "open", LEDGER) : 0;
}

static uint32_t checksum(const char *text, size_t size)
{
        return (uint32_t)crc32_z(0, (const unsigned char *)text, size);
}

/* A line in the file; the text is borrowed. */
struct line {
        const char *json;
        size_t size;
};

/* Takes the line at `offset` apart; false where it is incomplete or its checksum does not fit. */
static bool read_line(const char *text, size_t size, size_t offset, struct line *ret, size_t *ret_next)
{
        const char *start = text + offset, *end = memchr(start, '\n', size - offset);
        unsigned long expected;
        char digits[CHECKSUM_DIGITS + 1], *digits_end;

        *ret_next = end ? (size_t)(end - text) + 1 : size;
        if (!end || end - start < CHECKSUM_DIGITS + 1 || start[CHECKSUM_DIGITS] != ' ')
                return false;
        memcpy(digits, start, CHECKSUM_DIGITS);
        digits[CHECKSUM_DIGITS] = '\0';
        if (strspn(digits, "0123456789abcdef") != CHECKSUM_DIGITS)
                return false;
        expected = strtoul(digits, &digits_end, 16);
        ret->json = start + CHECKSUM_DIGITS + 1;
        ret->size = (size_t)(end - ret->json);
        return checksum(ret->json, ret->size) == expected;
}

static int damaged(const struct file_store *store, struct error *error, size_t line, const char *what)
{
        return error_set(error, EBADMSG,
                         "%s/" LEDGER ":%zu: %s; move the file away to start with an empty ledger, or restore it",
                         store->folder, line, what);
}

static int check_header(const struct file_store *store, const json_t *records, struct error *error)
{
        const json_t *header = json_array_get(records, 0);
        const char *what = json_string_value(json_object_get(header, "regionfit"));

        if (!what || strcmp(what, "ledger"))
                return damaged(store, error, 1, "is not the header of a regionfit ledger");
        if (json_integer_value(json_object_get(header, "version")) != VERSION)
                return damaged(store, error, 1, "is of a version of the ledger that this regionfit does not know");
        return 0;
}

static int replay_line(struct file_store *store, const struct line *line, size_t number, file_store_replay_fn replay,
                       void *userdata, struct error *error)
{
        json_auto_t *records = json_loadb(line->json, line->size, 0, NULL);
        const json_t *record;
        size_t i;
        int r;

        if (!json_is_array(records))
                return damaged(store, error, number, "is not a JSON array");
        if (number == 1)
                return check_header(store, records, error);
        json_array_foreach (records, i, record) {
                r = replay(userdata, record, error);
                if (r < 0) {
                        error_prefix(error, "%s/" LEDGER ":%zu: record %zu", store->folder, number, i);
                        return r == -EINVAL ? -EBADMSG : r;
                }
                store->n_records++;
        }
        return 0;
}

/* Goes through the text; sets store->size to what was good. A group is one line, written after the one before it was
 * synced: only the last one can be torn. */
static int replay_text(struct file_store *store, const char *text, size_t size, file_store_replay_fn replay,
                       void *userdata, struct error *error)
{
        size_t offset = 0, next, number = 0;
        struct line line;
        int r;

        for (; offset < size; offset = next) {
                number++;
                if (!read_line(text, size, offset, &line, &next)) {
                        if (number == 1 && text[next - 1] == '\n')
                                return damaged(store, error, number, "is not the header of a regionfit ledger");
                        if (next < size)
                                return damaged(store, error, number, "is damaged, and is not the last one");
                        break;
                }
                r = replay_line(store, &line, number, replay, userdata, error);
                if (r < 0)
                        return r;
        }
        store->size = (off_t)offset;
        return 0;
}

static int read_text(struct file_store *store, char **ret, size_t *ret_size, struct error *error)
{
        struct stat status;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        ssize_t n;

        if (fstat(store->file_fd, &status) < 0)
                return fail(store, error, errno, "read", LEDGER);
        text = malloc((size_t)status.st_size + 1);
        if (!text)
                return error_oom(error);
        while (size < (size_t)status.st_size) {
                n = pread(store->file_fd, text + size, (size_t)status.st_size - size, (off_t)size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return fail(store, error, n < 0 ? errno : EIO, "read", LEDGER);
                size += (size_t)n;
        }
        *ret = steal_pointer(&text);
        *ret_size = size;
        return 0;
}

static int cut_tail(struct file_store *store, size_t size, struct error *error)
{
        if ((size_t)store->size == size)
                return 0;
        log_warn("the ledger's last write was not completed and is dropped; nobody was told of it",
                 log_string("folder", store->folder), log_integer("bytes", (int64_t)size - store->size));
        if (ftruncate(store->file_fd, store->size) < 0 || fsync(store->file_fd) < 0)
                return fail(store, error, errno, "cut the torn tail of", LEDGER);
        return 0;
}

int file_store_open(struct file_store **ret, const char *folder, file_store_replay_fn replay, void *userdata,
                    struct error *error)
{
        _cleanup_(file_store_freep) struct file_store *store = calloc(1, sizeof(*store));
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r;

        if (!store)
                return error_oom(error);
        *store = (struct file_store){.folder = strdup(folder), .folder_fd = -1, .file_fd = -1};
        if (!store->folder)
                return error_oom(error);
        r = open_folder(store, error);
        if (r >= 0)
                r = open_file(store, error);
        if (r >= 0)
                r = read_text(store, &text, &size, error);
        if (r >= 0)
                r = replay_text(store, text, size, replay, userdata, error);
        if (r >= 0)
                r = cut_tail(store, size, error);
        if (r >= 0 && !store->size)
                r = file_store_rewrite(store, &(struct file_store_records){0}, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&store);
        return 0;
}

/* Checksum, space, an array of records from `first` to `end`, and newline. */
static int format_line(struct writer *line, const struct file_store_records *records, size_t first, size_t end)
{
        char digits[CHECKSUM_DIGITS + 1];

        writer_raw(line, NO_CHECKSUM " [");
        for (size_t i = first; i < end; i++) {
                if (i > first)
                        writer_raw(line, ",");
                records->write(records->userdata, i, line);
        }
        writer_raw(line, "]");
        if (line->failed)
                return -ENOMEM;
        snprintf(digits, sizeof(digits), "%08x",
                 checksum(line->bytes + CHECKSUM_DIGITS + 1, line->size - CHECKSUM_DIGITS - 1));
        memcpy(line->bytes, digits, CHECKSUM_DIGITS);
        writer_raw(line, "\n");
        return line->failed ? -ENOMEM : 0;
}

static int write_all(int fd, const char *bytes, size_t size, off_t offset)
{
        while (size) {
                ssize_t n = pwrite(fd, bytes, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                bytes += n;
                size -= (size_t)n;
                offset += n;
        }
        return 0;
}

/* Writes one line at *offset and moves it on. */
static int write_line(int fd, const struct file_store_records *records, size_t first, size_t end, off_t *offset)
{
        _cleanup_(writer_clear) struct writer line;
        int r;

        writer_init(&line, NULL, 0);
        r = format_line(&line, records, first, end);
        if (r < 0)
                return r;
        r = write_all(fd, line.bytes, line.size, *offset);
        *offset += (off_t)line.size;
        return r;
}

/* What could not be synced is taken back in memory: should the process die before the rewrite, it must not be found.
 * Best effort; the disk is in trouble already. */
static void discard_tail(const struct file_store *store)
{
        if (ftruncate(store->file_fd, store->size) < 0 || fdatasync(store->file_fd) < 0)
                log_warn("the end of the ledger, which could not be written, could not be cut off either",
                         log_string("folder", store->folder));
}

int file_store_append(struct file_store *store, const struct file_store_records *records, struct error *error)
{
        off_t size = store->size;
        int r;

        if (store->failed)
                return error_set(error, EIO, "%s/" LEDGER " has to be rewritten after a failed write", store->folder);
        r = write_line(store->file_fd, records, 0, records->count, &size);
        if (r >= 0 && fdatasync(store->file_fd) < 0)
                r = -errno;
        if (r < 0) {
                store->failed = true;
                discard_tail(store);
                return fail(store, error, -r, "write", LEDGER);
        }
        store->size = size;
        store->n_records += records->count;
        return 0;
}

static void write_header_record(void *userdata, size_t i, struct writer *to)
{
        (void)userdata, (void)i;
        writer_raw(to, "{\"regionfit\":\"ledger\",\"version\":");
        writer_number(to, VERSION);
        writer_raw(to, "}");
}

/* The header, and the records in lines of bounded length. */
static int write_records(int fd, const struct file_store_records *records, off_t *offset)
{
        const struct file_store_records header = {.count = 1, .write = write_header_record};
        int r = write_line(fd, &header, 0, header.count, offset);

        for (size_t i = 0; i < records->count && r >= 0; i += RECORDS_PER_LINE) {
                size_t left = records->count - i;

                r = write_line(fd, records, i, i + (left < RECORDS_PER_LINE ? left : RECORDS_PER_LINE), offset);
        }
        return r;
}

int file_store_rewrite(struct file_store *store, const struct file_store_records *records, struct error *error)
{
        _cleanup_(closep) int fd = -1;
        off_t size = 0;
        int r;

        store->failed = true;
        fd = openat(store->folder_fd, LEDGER_NEW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return fail(store, error, errno, "write", LEDGER_NEW);
        r = write_records(fd, records, &size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                return fail(store, error, -r, "write", LEDGER_NEW);
        if (renameat(store->folder_fd, LEDGER_NEW, store->folder_fd, LEDGER) < 0)
                return fail(store, error, errno, "replace", LEDGER);

        closep(&store->file_fd);
        store->file_fd = steal_fd(&fd);
        store->size = size;
        store->n_records = records->count;
        if (fsync(store->folder_fd) < 0)
                return fail(store, error, errno, "sync the folder of", LEDGER);
        store->failed = false;
        return 0;
}

bool file_store_needs_rewrite(const struct file_store *store, size_t live_records)
{
        return store->failed || store->n_records > live_records * (1 + DEAD_PER_LIVE) + DEAD_ALWAYS;
}
