/*
 * uthash, set up so that running out of memory is something to handle: after HASH_ADD the item's hh.tbl is NULL.
 *
 * Its own hash looks at the key byte by byte. Keys here are names of a few dozen bytes that are looked up several
 * times for each request, so they are taken eight bytes at a time, and mixed by a multiplication whose two halves are
 * folded into each other.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t map_mix(uint64_t a, uint64_t b)
{
        __extension__ unsigned __int128 product = (unsigned __int128)a * b;

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline unsigned map_hash(const void *key, size_t size)
{
        const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
        const char *next = key;
        uint64_t hash = size + odd, word = 0;

        for (; size >= sizeof(word); size -= sizeof(word), next += sizeof(word)) {
                memcpy(&word, next, sizeof(word));
                hash = map_mix(hash ^ word, odd);
        }
        for (word = 0; size; size--)
                word = word << 8 | (unsigned char)*next++;
        return (unsigned)map_mix(hash ^ word, odd);
}

#define HASH_FUNCTION(key, size, hash) ((hash) = map_hash(key, size))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
