/*
 * Where a string cannot simply go on, found for a block of bytes at once: with SSE2, or with 64-bit arithmetic where
 * there is none (or SCANNER_PORTABLE is defined, as the tests do).
 */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(SCANNER_PORTABLE)
#include <emmintrin.h>
#endif

/* For what is called for each byte or key, or nearly so. */
#define always_inline inline __attribute__((always_inline))
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* The odd ones among the BLOCK bytes at `at`: quotes, backslashes, control characters, parts of characters beyond
 * ASCII. BITS bits for each byte, the first byte's the lowest. */
#if defined(__SSE2__) && !defined(SCANNER_PORTABLE)
#define BLOCK 16
#define BITS 1
static always_inline uint64_t odd_bytes(const char *at)
{
        __m128i bytes = _mm_loadu_si128((const __m128i_u *)at);
        __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        /* Two changes places with a quote, which then borders on the control characters, all below 0x21; as a signed
         * number, so is what is beyond ASCII. */
        __m128i plain = _mm_cmpgt_epi8(_mm_xor_si128(bytes, _mm_set1_epi8('"' ^ ' ')), _mm_set1_epi8(' '));

        return 0xffff ^ (unsigned)_mm_movemask_epi8(_mm_andnot_si128(backslashes, plain));
}
#else
#define BLOCK 8
#define BITS 8
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
/* The highest bit of each byte that is not zero. */
static always_inline uint64_t not_zero(uint64_t bytes)
{
        return ((bytes & EACH(0x7f)) + EACH(0x7f)) | bytes;
}

static always_inline uint64_t odd_bytes(const char *at)
{
        uint64_t bytes, plain;

        memcpy(&bytes, at, sizeof(bytes));
        bytes = le64toh(bytes);
        plain = not_zero(bytes ^ EACH('"')) & not_zero(bytes ^ EACH('\\')) & not_zero(bytes & EACH(0xe0)) & ~bytes;
        return ~plain & EACH(0x80);
}
#endif

static always_inline size_t first_odd(uint64_t odd)
{
        return (unsigned)__builtin_ctzll(odd) / BITS;
}

/* The first odd byte of the less than BLOCK that are left, or `end`. */
static __attribute__((noinline, unused)) const char *rest_end(const char *at, const char *end)
{
        char rest[BLOCK] = {0};

        memcpy(rest, at, (size_t)(end - at));
        return at + first_odd(odd_bytes(rest));
}

/* Likewise, however many are left. */
static always_inline const char *plain_end(const char *at, const char *end)
{
        for (; end - at >= BLOCK; at += BLOCK) {
                uint64_t odd = odd_bytes(at);

                if (odd)
                        return at + first_odd(odd);
        }
        return rest_end(at, end);
}
