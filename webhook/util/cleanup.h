/*
 * Ownership in the type: variables that free what they own when they go out of scope.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines `function`p(), which frees what a variable of `type` points to. `function` returns NULL. */
#define DEFINE_CLEANUP(type, function)          \
        static inline void function##p(type *p) \
        {                                       \
                if (*p)                         \
                        *p = function(*p);      \
        }                                       \
        _Static_assert(1, "takes the semicolon")

/* Hands ownership of *p over to the caller and leaves NULL behind. */
#define steal_pointer(p)                   \
        __extension__({                    \
                __auto_type _p = (p);      \
                __auto_type _stolen = *_p; \
                *_p = NULL;                \
                _stolen;                   \
        })

static inline int steal_fd(int *fd)
{
        int stolen = *fd;

        *fd = -1;
        return stolen;
}

/* For char * and any other pointer that free() takes. */
static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void fclosep(FILE **stream)
{
        if (*stream)
                fclose(*stream);
}

static inline void closep(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
