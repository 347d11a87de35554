/*
 * One rename(2) replaces one name, but a key and its certificate are two files, and a rotation touches six. So the
 * files are written to a new folder, and what is renamed is the link that leads there: the way in which the kubelet
 * swaps the files of a mounted Secret, known to every program that runs in a cluster.
 *
 * The alternative, one rename per file in a clever order, has states in between that somebody must repair: a key
 * without its certificate, a CA that is half the next. Here there are only two states, and a crash at any point
 * leaves one of them, beside rubbish that the next writer sweeps out: a link that leads nowhere yet counts as a
 * missing file, a generation that ..data does not name is deleted.
 *
 * The order in publish(): the generation's files and folder are synced, links for new names are made (they lead
 * nowhere), ..data is swapped and the folder synced, then old links and generations go. A reader that does not take
 * the lock, and opens tls.crt before the swap and tls.key after it, sees two generations: it must check the pair
 * (certs_inspect()) and read again, as it must with a mounted Secret.
 */
#include "certs/generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "certs/openssl.h"
#include "util/cleanup.h"
#include "util/error.h"

#define DATA "..data"
#define LINK_NEW "..link-new" /* a link that waits to be renamed into place */
#define PREFIX "..generation-"
#define MAX_FILE (1024 * 1024)

struct name {
        char text[64];
};

static void dir_closep(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

static int lock(int folder, int operation)
{
        int r;

        do
                r = flock(folder, operation);
        while (r < 0 && errno == EINTR);
        return r;
}

int generation_open(int *ret_folder, const char *path, bool writer, struct error *error)
{
        _cleanup_(closep) int folder = -1;

        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
                return error_set_errno(error, errno, "cannot open the folder");
        if (lock(folder, writer ? LOCK_EX : LOCK_SH) < 0)
                return error_set_errno(error, errno, "cannot lock the folder");
        *ret_folder = steal_fd(&folder);
        return 0;
}

int generation_create(int *ret_folder, const char *path, struct error *error)
{
        _cleanup_(closep) int folder = -1, parent = -1;
        bool made = mkdir(path, 0700) == 0;
        int r;

        if (!made && errno != EEXIST)
                return error_set_errno(error, errno, "cannot make the folder");
        r = generation_open(&folder, path, true, error);
        if (r < 0)
                return r;
        if (made) {
                parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (parent < 0 || fsync(parent) < 0)
                        return error_set_errno(error, errno, "cannot sync the folder's parent");
        }
        *ret_folder = steal_fd(&folder);
        return 0;
}

/* Reads all of a regular file. The text may be a key: it is wiped on the way out if something fails. */
static int read_text(char **ret, int fd, const char *name, struct error *error)
{
        _cleanup_(secret_freep) char *text = NULL;
        struct stat status;
        size_t size = 0;
        ssize_t n;

        if (fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "%s", name);
        if (!S_ISREG(status.st_mode) || status.st_size > MAX_FILE)
                return error_set(error, EINVAL, "%s is no file, or larger than %d bytes", name, MAX_FILE);
        text = calloc(1, (size_t)status.st_size + 1);
        if (!text)
                return error_oom(error);
        while (size < (size_t)status.st_size) {
                n = read(fd, text + size, (size_t)status.st_size - size);
                if (n < 0 && errno != EINTR)
                        return error_set_errno(error, errno, "%s", name);
                if (n == 0)
                        break;
                size += n > 0 ? (size_t)n : 0;
        }
        if (strlen(text) != size)
                return error_set(error, EINVAL, "%s is not a text", name);
        *ret = steal_pointer(&text);
        return 0;
}

/* *ret stays NULL if there is no such file. */
static int read_file(char **ret, int folder, const char *name, struct error *error)
{
        _cleanup_(closep) int fd = -1;

        /* O_NONBLOCK: a FIFO must not hang us before read_text() refuses it. */
        fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0)
                return error_set_errno(error, errno, "%s", name);
        return read_text(ret, fd, name, error);
}

int generation_read(struct certs_files *ret, int folder, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};

        for (size_t i = 0; i < CERTS_N_FILES; i++) {
                int r = read_file(&files.texts[i], folder, certs_file_kinds[i].name, error);

                if (r < 0)
                        return r;
        }
        *ret = files;
        files = (struct certs_files){0};
        return 0;
}

static int write_all(int fd, const char *text)
{
        size_t size = strlen(text);

        while (size > 0) {
                ssize_t n = write(fd, text, size);

                if (n < 0 && errno != EINTR)
                        return -1;
                if (n > 0) {
                        text += n;
                        size -= (size_t)n;
                }
        }
        return fsync(fd);
}

static int write_file(int generation, const struct certs_file_kind *kind, const char *text, struct error *error)
{
        _cleanup_(closep) int fd = -1;

        fd = openat(generation, kind->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kind->secret ? 0600 : 0644);
        if (fd < 0 || write_all(fd, text) < 0)
                return error_set_errno(error, errno, "cannot write %s", kind->name);
        return 0;
}

/* Makes a new generation; its name goes to *ret. */
static int write_generation(struct name *ret, int folder, const struct certs_files *files, struct error *error)
{
        _cleanup_(closep) int generation = -1;
        uint64_t number;
        int r;

        if (RAND_bytes((unsigned char *)&number, sizeof(number)) != 1)
                return openssl_error(error, EIO, "no random numbers");
        snprintf(ret->text, sizeof(ret->text), PREFIX "%016" PRIx64, number);

        if (mkdirat(folder, ret->text, 0700) < 0)
                return error_set_errno(error, errno, "cannot write to the folder");
        generation = openat(folder, ret->text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (generation < 0)
                return error_set_errno(error, errno, "cannot open %s", ret->text);
        for (size_t i = 0; i < CERTS_N_FILES; i++) {
                r = files->texts[i] ? write_file(generation, &certs_file_kinds[i], files->texts[i], error) : 0;
                if (r < 0)
                        return r;
        }
        if (fsync(generation) < 0)
                return error_set_errno(error, errno, "cannot sync %s", ret->text);
        return 0;
}

static int make_link(int folder, const char *target, const char *name, struct error *error)
{
        int r;

        if (unlinkat(folder, LINK_NEW, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "cannot remove %s", LINK_NEW);
        if (symlinkat(target, folder, LINK_NEW) < 0)
                return error_set_errno(error, errno, "cannot write to the folder");
        if (renameat(folder, LINK_NEW, folder, name) < 0) {
                r = error_set_errno(error, errno, "cannot put %s in place", name);
                unlinkat(folder, LINK_NEW, 0);
                return r;
        }
        return 0;
}

static struct name link_target(const char *name)
{
        struct name target;

        snprintf(target.text, sizeof(target.text), DATA "/%s", name);
        return target;
}

static bool is_our_link(int folder, const char *name)
{
        struct name target = link_target(name), present = {{0}};
        ssize_t n = readlinkat(folder, name, present.text, sizeof(present.text) - 1);

        return n > 0 && !strcmp(target.text, present.text);
}

static bool exists(int folder, const char *name)
{
        struct stat status;

        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static int make_links(int folder, const struct certs_files *files, struct error *error)
{
        for (size_t i = 0; i < CERTS_N_FILES; i++) {
                const char *name = certs_file_kinds[i].name;
                int r;

                if (!files->texts[i] || is_our_link(folder, name))
                        continue;
                r = make_link(folder, link_target(name).text, name, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int swap(int folder, const struct name *generation, struct error *error)
{
        int r;

        if (fsync(folder) < 0)
                return error_set_errno(error, errno, "cannot sync the folder");
        r = make_link(folder, generation->text, DATA, error);
        if (r < 0)
                return r;
        if (fsync(folder) < 0)
                return error_set_errno(error, errno, "cannot sync the folder");
        return 0;
}

static void remove_generation(int folder, const char *name)
{
        _cleanup_(closep) int generation = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (generation < 0)
                return;
        for (size_t i = 0; i < CERTS_N_FILES; i++)
                unlinkat(generation, certs_file_kinds[i].name, 0);
        unlinkat(folder, name, AT_REMOVEDIR);
}

/* Removes every generation but the present one. What cannot be removed now is left to the next writer. */
static void sweep_generations(int folder)
{
        int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(dir_closep) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct name present = {{0}};
        struct dirent *entry;

        if (readlinkat(folder, DATA, present.text, sizeof(present.text) - 1) < 0 && errno != ENOENT)
                return;
        while (dir && (entry = readdir(dir)))
                if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)) && strcmp(entry->d_name, present.text))
                        remove_generation(folder, entry->d_name);
}

static void sweep_names(int folder, const struct certs_files *files)
{
        for (size_t i = 0; i < CERTS_N_FILES; i++)
                if (!files->texts[i])
                        unlinkat(folder, certs_file_kinds[i].name, 0);
}

/* True where a file stands under its name instead of a link of ours. */
static bool has_plain_files(int folder)
{
        for (size_t i = 0; i < CERTS_N_FILES; i++)
                if (exists(folder, certs_file_kinds[i].name) && !is_our_link(folder, certs_file_kinds[i].name))
                        return true;
        return false;
}

/*
 * Puts plain files behind links: first the generation, then the links, so that no name ever shows anything else.
 * A file that cannot be read is left out: whoever publishes over it has not read it either.
 */
static int take_over(int folder, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        struct name generation;
        int r;

        for (size_t i = 0; i < CERTS_N_FILES; i++)
                read_file(&files.texts[i], folder, certs_file_kinds[i].name, NULL);
        r = write_generation(&generation, folder, &files, error);
        if (r == 0)
                r = swap(folder, &generation, error);
        if (r == 0)
                r = make_links(folder, &files, error);
        return r;
}

int generation_publish(int folder, const struct certs_files *files, struct error *error)
{
        struct name generation;
        int r = 0;

        if (has_plain_files(folder))
                r = take_over(folder, error);
        if (r == 0)
                r = write_generation(&generation, folder, files, error);
        if (r == 0)
                r = make_links(folder, files, error);
        if (r == 0)
                r = swap(folder, &generation, error);
        if (r == 0)
                sweep_names(folder, files);
        sweep_generations(folder);
        return r;
}
