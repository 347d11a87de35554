/*
 * The reviews of tests/data/reviews, as a kube-apiserver sent them.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static const char *const recorded_names[] = {
        "bare-two-gpus",  "delete-final",           "delete", "deployment-policy", "deployment-static-region",
        "server-dry-run", "statefulset-eight-gpus",
};

/* A new string, in memory of exactly its size: without a NUL. */
static inline char *recorded_read(const char *name, size_t *ret_size)
{
        char path[512], *text;
        FILE *file;

        snprintf(path, sizeof(path), TEST_DATA "/reviews/%s.json", name);
        file = fopen(path, "re");
        ck_assert_msg(file != NULL, "%s", path);
        fseek(file, 0, SEEK_END);
        *ret_size = (size_t)ftell(file);
        rewind(file);
        text = malloc(*ret_size);
        ck_assert_uint_eq(fread(text, 1, *ret_size, file), *ret_size);
        fclose(file);
        return text;
}
