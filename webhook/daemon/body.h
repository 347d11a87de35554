/*
 * The body of one request, as it comes in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Zero is empty. */
struct body {
        char *bytes; /* owned */
        size_t size, capacity;
};

/* Appends a part; `expected` is what the whole body will be long, or 0. False where memory ran out. */
bool body_append(struct body *body, const char *part, size_t size, size_t expected);

void body_clear(struct body *body);
