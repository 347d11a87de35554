/*
 * New keys are 0600 from their first byte; this file is about what others did to the folder since: a copy with a
 * lax umask, a volume whose files Kubernetes makes readable for a group (fsGroup). Rights are tightened silently
 * where the folder is ours to tighten, never on a folder that has other things in it: `certs create /tmp` must
 * not make /tmp private. What remains is refused (a folder that others may write to) or shown (`certs show`).
 */
#include "certs/permissions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/files.h"
#include "util/cleanup.h"
#include "util/error.h"

#define RIGHTS_OF_OTHERS 077
#define MAY_BE_WRITTEN_BY_OTHERS 022

static bool is_empty(int folder)
{
        int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        int entries = 0;

        while (dir && readdir(dir))
                entries++;
        if (dir)
                closedir(dir);
        return dir && entries == 2; /* . and .. */
}

static bool has_certificates(int folder)
{
        return faccessat(folder, certs_file_kinds[CERTS_CA_CRT].name, F_OK, 0) == 0;
}

int permissions_protect_folder(int folder, struct error *error)
{
        struct stat status;
        bool ours;

        if (fstat(folder, &status) < 0)
                return error_set_errno(error, errno, "cannot look at the folder");
        if (!(status.st_mode & RIGHTS_OF_OTHERS))
                return 0;

        ours = !(status.st_mode & S_ISVTX) && (is_empty(folder) || has_certificates(folder));
        if (ours && fchmod(folder, 0700) == 0)
                return 0;
        if (status.st_mode & MAY_BE_WRITTEN_BY_OTHERS)
                return error_set(error, EPERM,
                                 "others may write to this folder (mode %04o), so it is no place for keys; "
                                 "name a folder of its own",
                                 status.st_mode & 07777);
        return 0;
}

void permissions_protect_keys(int folder)
{
        for (size_t i = 0; i < CERTS_N_FILES; i++) {
                _cleanup_(closep) int fd = -1;
                struct stat status;

                if (!certs_file_kinds[i].secret)
                        continue;
                fd = openat(folder, certs_file_kinds[i].name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
                if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                    (status.st_mode & RIGHTS_OF_OTHERS) && fchmod(fd, 0600) < 0)
                        continue; /* not ours: permissions_check() tells */
        }
}

static int add_sentence(char **sentences, const char *name, const char *what, mode_t mode, struct error *error)
{
        char *longer;

        if (asprintf(&longer, "%s%s%s may be %s by others (mode %04o)", *sentences ? *sentences : "",
                     *sentences ? "; " : "", name, what, mode & 07777) < 0)
                return error_oom(error);
        free(*sentences);
        *sentences = longer;
        return 0;
}

int permissions_check(char **ret, int folder, struct error *error)
{
        _cleanup_(freep) char *sentences = NULL;
        struct stat status;
        int r = 0;

        if (fstat(folder, &status) < 0)
                return error_set_errno(error, errno, "cannot look at the folder");
        if (status.st_mode & MAY_BE_WRITTEN_BY_OTHERS)
                r = add_sentence(&sentences, "the folder", "written", status.st_mode, error);

        for (size_t i = 0; i < CERTS_N_FILES && r == 0; i++) {
                const struct certs_file_kind *kind = &certs_file_kinds[i];

                if (kind->secret && fstatat(folder, kind->name, &status, 0) == 0 &&
                    (status.st_mode & RIGHTS_OF_OTHERS))
                        r = add_sentence(&sentences, kind->name, "read", status.st_mode, error);
        }
        if (r < 0)
                return r;
        *ret = steal_pointer(&sentences);
        return 0;
}
