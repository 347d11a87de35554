/*
 * Memory that is taken in small pieces and given back all at once: what one request, or one object, needs while it is
 * being looked at.
 *
 * Not thread-safe.
 */
#pragma once

#include <stddef.h>

#include "util/cleanup.h"

/* The most that one arena takes from the heap; what asks for more is told that memory ran out. */
#define ARENA_MAX (64UL * 1024 * 1024)

struct arena_chunk;

struct arena {
        char *next, *end;           /* what is left of the current chunk */
        struct arena_chunk *chunks; /* owned; the latest first */
        size_t taken;               /* from the heap, in bytes */
};

/* Begins with a block of the caller's, which must outlive the arena; the heap is asked only when that is used up. */
void arena_init(struct arena *arena, void *block, size_t size);
void arena_clear(struct arena *arena);

/* One that has no block. */
#define ARENA_INIT ((struct arena){0})

/* Aligned for everything, not initialized; NULL where memory ran out. */
void *arena_allocate(struct arena *arena, size_t size);

/* An array, not initialized; likewise. */
void *arena_array(struct arena *arena, size_t n, size_t size);

/* For characters, which need no alignment; likewise. */
char *arena_text(struct arena *arena, size_t size);
