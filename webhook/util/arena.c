/*
 * A pointer that moves through a chunk of memory. Nothing is given back by itself, so there is nothing to keep for a
 * piece, and taking one costs an addition and a comparison.
 *
 * The first chunk is usually a block on the caller's stack: the few kilobytes that an ordinary request needs then
 * cost no call of the heap at all, and no memory once it is answered. Those from the heap double in size, up to a
 * bound: a body of a few megabytes can be made to need many times its size, and must not take the whole process with
 * it.
 */
#include "util/arena.h"

#include <stdlib.h>

#define CHUNK_MIN 16384UL

struct arena_chunk {
        struct arena_chunk *former; /* owned */
        _Alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, void *block, size_t size)
{
        *arena = (struct arena){.next = block, .end = (char *)block + size};
}

void arena_clear(struct arena *arena)
{
        struct arena_chunk *chunk = arena->chunks;

        while (chunk) {
                struct arena_chunk *former = chunk->former;

                free(chunk);
                chunk = former;
        }
        *arena = ARENA_INIT;
}

void *arena_grow(struct arena *arena, size_t size)
{
        size_t room = arena->taken < CHUNK_MIN ? CHUNK_MIN : arena->taken;
        struct arena_chunk *chunk;

        if (room < size)
                room = size;
        if (size > ARENA_MAX || room > ARENA_MAX - arena->taken)
                return NULL;
        chunk = malloc(sizeof(*chunk) + room);
        if (!chunk)
                return NULL;
        chunk->former = arena->chunks;
        arena->chunks = chunk;
        arena->taken += room;
        arena->next = chunk->bytes + size;
        arena->end = chunk->bytes + room;
        return chunk->bytes;
}
