/*
 * A folder for one test, and the files in it.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

/* By value, so that a path can be made where it is wanted. */
struct scratch_path {
        char text[PATH_MAX];
};

static char scratch[PATH_MAX];

/* For tcase_add_checked_fixture(). */
static inline void scratch_setup(void)
{
        const char *tmp = getenv("TMPDIR");

        snprintf(scratch, sizeof(scratch), "%s/regionfit-unit-XXXXXX", tmp ? tmp : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
        (void)status;
        (void)type;
        (void)where;
        return remove(path);
}

static inline void scratch_teardown(void)
{
        ck_assert_int_eq(nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline struct scratch_path scratch_path(const char *name)
{
        struct scratch_path path;

        ck_assert_int_lt(snprintf(path.text, sizeof(path.text), "%s/%s", scratch, name), (int)sizeof(path.text));
        return path;
}

static inline void scratch_write_bytes(const char *name, const void *bytes, size_t size)
{
        FILE *stream = fopen(scratch_path(name).text, "we");

        ck_assert_ptr_nonnull(stream);
        ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
        ck_assert_int_eq(fclose(stream), 0);
}

static inline void scratch_write(const char *name, const char *text)
{
        scratch_write_bytes(name, text, strlen(text));
}

/* The whole file, with a NUL behind it; the caller frees it. */
static inline char *scratch_read(const char *name, size_t *ret_size)
{
        FILE *stream = fopen(scratch_path(name).text, "re");
        struct stat status;
        char *bytes;

        ck_assert_ptr_nonnull(stream);
        ck_assert_int_eq(fstat(fileno(stream), &status), 0);
        bytes = calloc(1, (size_t)status.st_size + 1);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_uint_eq(fread(bytes, 1, (size_t)status.st_size, stream), (size_t)status.st_size);
        fclose(stream);
        if (ret_size)
                *ret_size = (size_t)status.st_size;
        return bytes;
}

static inline bool scratch_exists(const char *name)
{
        return access(scratch_path(name).text, F_OK) == 0;
}
