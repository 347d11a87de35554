/*
 * Memory that is taken in small pieces and given back all at once: what one request, or one object, needs while it is
 * being looked at.
 *
 * Not thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

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

/* A piece of a new chunk: what the functions below do where the current one has no room. */
void *arena_grow(struct arena *arena, size_t size);

/* Aligned for everything, not initialized; NULL where memory ran out. */
static inline void *arena_allocate(struct arena *arena, size_t size)
{
        size_t padding = -(uintptr_t)arena->next & (_Alignof(max_align_t) - 1);
        size_t left = (size_t)(arena->end - arena->next);
        char *piece;

        size += !size;
        if (left < padding || left - padding < size)
                return arena_grow(arena, size);
        piece = arena->next + padding;
        arena->next = piece + size;
        return piece;
}

/* An array, not initialized; likewise. */
static inline void *arena_array(struct arena *arena, size_t n, size_t size)
{
        size_t total;

        return __builtin_mul_overflow(n, size, &total) ? NULL : arena_allocate(arena, total);
}

/* For characters, which need no alignment; likewise. */
static inline char *arena_text(struct arena *arena, size_t size)
{
        char *piece = arena->next;

        size += !size;
        if ((size_t)(arena->end - piece) < size)
                return arena_grow(arena, size);
        arena->next += size;
        return piece;
}
