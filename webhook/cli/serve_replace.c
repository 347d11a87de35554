/*
 * What speaks to a cluster, and makes certificates, takes libcurl and OpenSSL, and these take twenty more libraries:
 * half of the memory of a process that never calls any of them. Unloading them is not possible, and loading them late
 * would want a table of a hundred functions; starting the smaller program, before anything is set up, is one call,
 * and leaves a process that has less in it for anybody to misuse.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/serve.h"
#include "util/cleanup.h"
#include "util/log.h"

#define NAME "regionfit-alone"

/* The path of a program beside this one, new; NULL where that cannot be told. */
static char *find_beside(const char *name)
{
        char self[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", self, sizeof(self));
        char *end = length > 0 ? memrchr(self, '/', (size_t)length) : NULL, *path;

        if (!end || asprintf(&path, "%.*s/%s", (int)(end - self), self, name) < 0)
                return NULL;
        return path;
}

void serve_replace(int argc, char **argv)
{
        _cleanup_(freep) char **arguments = calloc((size_t)argc + 2, sizeof(*arguments));
        _cleanup_(freep) char *path = find_beside(NAME);
        char program[] = "regionfit";

        if (!arguments || !path)
                return;
        arguments[0] = program;
        memcpy(&arguments[1], argv, (size_t)argc * sizeof(*arguments));
        execv(path, arguments);
        log_debug("cannot go on as the smaller program", log_string("program", path),
                  log_string("error", strerror(errno)));
}
