/*
 * That no object has a key twice, looked at while objects are read that stand in each other.
 */
#pragma once

#include <stdbool.h>

#include "manifest/scan_block.h"
#include "manifest/scan_text.h"

struct arena;

struct scan_key {
        const char *bytes; /* borrowed, or in the arena: see scan_keys_respell() */
        uint32_t size;
        uint32_t end; /* where it ends in what is read */
};

/* The keys of all objects that are open, the outer ones first. */
struct scan_keys {
        struct arena *arena;                 /* borrowed */
        struct scan_key *first, *next, *end; /* borrowed, or in the arena; behind the latest one; behind all room */
};

/* Enough for most of what is read. */
#define SCAN_KEYS_FIRST 64

/* Objects with more keys than this are looked at when they close. */
#define SCAN_KEYS_FEW 32

/* Begins with room of the caller's, which must outlive it. */
void scan_keys_init(struct scan_keys *keys, struct scan_key *first, size_t n, struct arena *arena);

/* Makes room for more; false where memory ran out. */
bool scan_keys_grow(struct scan_keys *keys);

/* Keys are compared as they were sent, so there must be one way to write each: this writes a key that has other
 * escapes with none that it could do without. False where memory ran out. */
bool scan_keys_respell(const struct scan_keys *keys, struct scan_text *key);

/* A number below 64, mostly another one for another key: made of the length and of the first and last bytes. */
static always_inline unsigned scan_keys_residue(const char *bytes, size_t size)
{
        uint64_t first = 0, last = 0;

        if (size >= 8) {
                memcpy(&first, bytes, 8);
                memcpy(&last, bytes + size - 8, 8);
        } else if (size >= 4) {
                memcpy(&first, bytes, 4);
                memcpy(&last, bytes + size - 4, 4);
        } else if (size) {
                first = (unsigned char)bytes[0] << 8 | (unsigned char)bytes[size / 2];
                last = (unsigned char)bytes[size - 1];
        }
        return (unsigned)(((first ^ size) + 3 * last) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/* The latest of an object's `n` keys, if it was there before; or NULL. */
const struct scan_key *scan_keys_check_latest(const struct scan_keys *keys, size_t n);

/* The second of two that are the same, among the keys of one object; or NULL. Their order changes. */
const struct scan_key *scan_keys_check_all(struct scan_key *keys, size_t n);
