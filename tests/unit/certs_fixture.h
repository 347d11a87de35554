/*
 * A folder of certificates in the scratch folder, and the verbs that prepare it for a test.
 */
#pragma once

#include <dirent.h>

#include "certs/folder.h"
#include "scratch.h"
#include "util/error.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static const char *const names[] = {"a.svc", "10.0.0.1"};
static const struct certs_request usual = {.sans = names, .n_sans = ARRAY_SIZE(names), .now = NOW};
static const struct certs_request later = {.now = NOW + DAY}; /* names are kept */

static struct scratch_path folder; /* "certs" in the scratch folder; not made yet */

/* For tcase_add_checked_fixture(), with scratch_teardown(). */
static inline void setup(void)
{
        scratch_setup();
        folder = scratch_path("certs");
}

static inline size_t count_entries(void)
{
        DIR *dir = opendir(folder.text);
        size_t n = 0;

        ck_assert_ptr_nonnull(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}

static inline void ok(int r, struct error *error)
{
        ck_assert_msg(r == 0, "%s", error_message(error));
        error_clear(error);
}

static inline void create(void)
{
        struct error error = ERROR_INIT;

        ok(certs_folder_create(folder.text, &usual, false, &error), &error);
}

static inline bool rotate(enum certs_rotation step)
{
        struct error error = ERROR_INIT;
        bool changed = false;

        ok(certs_folder_rotate(folder.text, step, &later, &changed, &error), &error);
        return changed;
}

/* A file of its own, where there may have been a link into a generation. */
static inline void put(const char *name, const char *text)
{
        unlink(scratch_path(name).text);
        scratch_write(name, text);
}

/* Turns links into plain files, as `cp -rL` does. */
static inline void flatten(void)
{
        static const char *const files[] = {"certs/ca.crt", "certs/ca.key", "certs/ca-bundle.crt", "certs/tls.crt",
                                            "certs/tls.key"};

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_(freep) char *text = scratch_read(files[i], NULL);

                put(files[i], text);
                ck_assert_int_eq(chmod(scratch_path(files[i]).text, 0600), 0);
        }
        ck_assert_int_eq(unlink(scratch_path("certs/..data").text), 0);
}
