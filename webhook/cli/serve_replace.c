/*
 * What speaks to a cluster, and makes certificates, takes libcurl and OpenSSL, and these take twenty more libraries:
 * half of the memory of a process that never calls any of them. Unloading them is not possible, and loading them late
 * would want a table of a hundred functions; starting the smaller program, before anything is set up, is one call,
 * and leaves a process that has less in it for anybody to misuse.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/serve.h"
#include "util/cleanup.h"

#define NAME "regionfit-alone"

/* The path of a program beside this one; false where that cannot be told. */
static bool find_beside(char path[static PATH_MAX], const char *name)
{
        ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
        char *end;

        if (length < 0)
                return false;
        path[length] = '\0';
        end = strrchr(path, '/');
        if (!end || (size_t)(end + 1 - path) + strlen(name) >= PATH_MAX)
                return false;
        strcpy(end + 1, name);
        return true;
}

void serve_replace(int argc, char **argv)
{
        _cleanup_(freep) char **arguments = calloc((size_t)argc + 2, sizeof(*arguments));
        char path[PATH_MAX], program[] = "regionfit";

        if (!arguments || !find_beside(path, NAME))
                return;
        arguments[0] = program;
        memcpy(&arguments[1], argv, (size_t)argc * sizeof(*arguments));
        execv(path, arguments);
}
