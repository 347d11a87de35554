/*
 * Nothing is kept of the files between two looks: whether they have changed is for keypair.c to tell, by what is in
 * them.
 */
#include "daemon/certificate_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

#define FILE_SIZE_MAX (1024 * 1024)

/* *ret is new. */
static int read_file(char **ret, const char *path, struct error *error)
{
        _cleanup_(fclosep) FILE *stream = fopen(path, "re");
        _cleanup_(freep) char *text = malloc(FILE_SIZE_MAX); /* of which nothing is touched that is not read */
        size_t size;

        if (!text)
                return error_oom(error);
        if (!stream)
                return error_set_errno(error, errno, "cannot open %s", path);
        size = fread(text, 1, FILE_SIZE_MAX - 1, stream);
        if (ferror(stream))
                return error_set_errno(error, errno ? errno : EIO, "cannot read %s", path);
        *ret = strndup(text, size);
        explicit_bzero(text, size);
        return *ret ? 0 : error_oom(error);
}

static int read_files(const void *userdata, struct keypair_pem *ret, struct error *error)
{
        const struct certificate_files *files = userdata;
        int r;

        r = read_file(&ret->chain, files->cert, error);
        if (r >= 0)
                r = read_file(&ret->key, files->key, error);
        if (r >= 0 && files->ca)
                r = read_file(&ret->ca_bundle, files->ca, error);
        return r;
}

struct keypair_source certificate_files_source(const struct certificate_files *files)
{
        return (struct keypair_source){
                .read = read_files,
                .userdata = files,
                .files = {files->cert, files->key, files->ca},
        };
}
