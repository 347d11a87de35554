/*
 * The only file that knows the bytes of JSON, but for what stands in strings (manifest/scan_text.c).
 *
 * A value is taken by its first byte, and nearly all of the time goes into strings: those are passed over sixteen
 * bytes at a time, up to the first that is a quote, a backslash, a control character or not ASCII. Each step first
 * makes sure that it stays before `end`; there is no sentinel, because the bytes belong to the caller.
 *
 * Keys are to be unique in what is skipped, too. Each object leaves a signature of its keys on a stack that all open
 * objects share. In small ones a key is held against the others only if one of the same residue came before it; large
 * ones are sorted when they close, so that a hostile object costs n log n. Only keys with one signature are compared
 * byte by byte.
 *
 * What is open is kept on a stack of a fixed size, so that skipping needs no recursion. Lines and columns are counted
 * once something is wrong.
 */
#include "manifest/scanner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "manifest/scan_text.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

/* Objects with more keys than this are sorted. */
#define FEW_KEYS 32

#define KEYS_MIN 64

/* Longer keys are left out of what is said. */
#define SHOWN_MAX 64

/* Bytes before a fault, and behind it, that are shown. */
#define NEAR_MAX 16

/* Spreads the low bits of what is multiplied with it over the high ones (the golden ratio, in 64 bits). */
#define MIX UINT64_C(0x9e3779b97f4a7c15)

struct scan_key {
        uint64_t signature;
        const char *bytes;
        uint32_t size;
        uint32_t end; /* where it ends in what is read, to tell where the fault is */
};

void scanner_init(struct scanner *scanner, const char *bytes, size_t size, struct arena *arena)
{
        scanner->start = scanner->next = bytes;
        scanner->end = bytes + size;
        scanner->arena = arena;
        scanner->keys = NULL;
        scanner->n_keys = scanner->keys_capacity = 0;
        scanner->fault = scanner->fault_at = NULL;
        scanner->twice = (struct scan_text){0};
        scanner->out_of_memory = false;
        scanner->depth = 0;
}

static __attribute__((noinline)) bool fail(struct scanner *scanner, const char *at, const char *fault)
{
        if (!scanner->fault) {
                scanner->fault = at == scanner->end ? "it ends too early" : fault;
                scanner->fault_at = at;
        }
        return false;
}

static bool fail_memory(struct scanner *scanner)
{
        scanner->out_of_memory = true;
        return fail(scanner, scanner->start, "out of memory");
}

static inline bool is_space(char byte)
{
        return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static __attribute__((noinline)) char skip_space(struct scanner *scanner)
{
        const char *at = scanner->next, *end = scanner->end;

        while (at < end && is_space(*at))
                at++;
        scanner->next = at;
        return at < end ? *at : '\0';
}

/* The next byte that is not white space; '\0' at the end, which is no byte of JSON either. */
static inline char next_byte(struct scanner *scanner)
{
        const char *at = scanner->next;

        return at < scanner->end && (unsigned char)*at > ' ' ? *at : skip_space(scanner);
}

/* The first byte that a string cannot simply go on with: a quote, a backslash, a control character, part of a
 * character beyond ASCII. Or `end`. */
static inline __attribute__((always_inline)) const char *plain_end(const char *at, const char *end)
{
#ifdef __SSE2__
        for (; end - at >= 16; at += 16) {
                __m128i bytes = _mm_loadu_si128((const __m128i_u *)at);
                __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
                __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
                __m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')); /* as signed: beyond ASCII, too */
                int mask = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));

                if (mask)
                        return at + __builtin_ctz((unsigned)mask);
        }
#endif
        while (at < end && (signed char)*at >= ' ' && *at != '"' && *at != '\\')
                at++;
        return at;
}

/* What keeps the string from going on here: an escape or a character beyond ASCII, if it is a good one. */
static size_t odd_length(struct scanner *scanner, const char *at, struct scan_text *text)
{
        size_t length;

        if (at == scanner->end || (unsigned char)*at < ' ') {
                fail(scanner, at, "a control character stands in a string");
                return 0;
        }
        if (*at == '\\') {
                text->escaped = true;
                length = scan_escape_length(at, scanner->end);
                if (!length)
                        fail(scanner, at, "a string has a bad escape");
                return length;
        }
        length = scan_utf8_length(at, scanner->end);
        if (!length)
                fail(scanner, at, "a string is not valid UTF-8");
        return length;
}

static inline bool end_string(struct scanner *scanner, struct scan_text *text, const char *quote)
{
        text->size = (size_t)(quote - text->bytes);
        scanner->next = quote + 1;
        return true;
}

/* A string with something odd in it, from the first such byte on. */
static __attribute__((noinline)) bool take_odd_string(struct scanner *scanner, struct scan_text *ret, const char *at)
{
        while (at == scanner->end || *at != '"') {
                size_t length = odd_length(scanner, at, ret);

                if (!length)
                        return false;
                at = plain_end(at + length, scanner->end);
        }
        return end_string(scanner, ret, at);
}

/* The string whose opening quote is the next byte. */
static inline __attribute__((always_inline)) bool take_string(struct scanner *scanner, struct scan_text *ret)
{
        const char *at = plain_end(scanner->next + 1, scanner->end);

        ret->bytes = scanner->next + 1;
        ret->escaped = false;
        return at < scanner->end && *at == '"' ? end_string(scanner, ret, at) : take_odd_string(scanner, ret, at);
}

static enum scan_kind take_number(struct scanner *scanner, struct scan_text *ret)
{
        struct scan_number number = scan_number(scanner->next, scanner->end);

        if (number.fault) {
                fail(scanner, number.end, number.fault);
                return SCAN_FAULT;
        }
        *ret = (struct scan_text){.bytes = scanner->next, .size = (size_t)(number.end - scanner->next)};
        scanner->next = number.end;
        return number.is_real ? SCAN_REAL : SCAN_INTEGER;
}

static enum scan_kind take_word(struct scanner *scanner)
{
        const char *at = scanner->next, *after = at;
        size_t size;

        while (after < scanner->end && ((*after >= 'a' && *after <= 'z') || (*after >= 'A' && *after <= 'Z')))
                after++;
        size = (size_t)(after - at);
        scanner->next = after;
        if (!scanner->depth)
                fail(scanner, after, "an object must stand at the top");
        else if (size == 4 && !memcmp(at, "true", 4))
                return SCAN_TRUE;
        else if (size == 5 && !memcmp(at, "false", 5))
                return SCAN_FALSE;
        else if (size == 4 && !memcmp(at, "null", 4))
                return SCAN_NULL;
        fail(scanner, after, "a value must stand here");
        return SCAN_FAULT;
}

static inline __attribute__((always_inline)) enum scan_kind take(struct scanner *scanner, struct scan_text *ret)
{
        char byte = next_byte(scanner);

        if (byte == '{' || byte == '[') {
                scanner->next++;
                scanner->levels[scanner->depth++] = (struct scan_level){.is_object = byte == '{'};
                return byte == '{' ? SCAN_OBJECT : SCAN_LIST;
        }
        if (scanner->depth && byte == '"')
                return take_string(scanner, ret) ? SCAN_STRING : SCAN_FAULT;
        if (scanner->depth && (byte == '-' || (byte >= '0' && byte <= '9')))
                return take_number(scanner, ret);
        return take_word(scanner);
}

enum scan_kind scanner_take(struct scanner *scanner, struct scan_text *ret)
{
        return take(scanner, ret);
}

/* Differs for most keys that differ: made of the length and of the first and last bytes. */
static inline uint64_t signature(const char *bytes, size_t size)
{
        size_t n = size >= 8 ? 8 : size >= 4 ? 4 : 0;
        uint64_t first = 0, last = 0;

        if (n == 8) {
                memcpy(&first, bytes, 8);
                memcpy(&last, bytes + size - 8, 8);
        } else if (n == 4) {
                memcpy(&first, bytes, 4);
                memcpy(&last, bytes + size - 4, 4);
        }
        for (size_t i = 0; !n && i < size; i++)
                last = last << 8 | (unsigned char)bytes[i];
        return (first * MIX) ^ last ^ size << 56;
}

static int compare_keys(const void *a, const void *b)
{
        const struct scan_key *x = a, *y = b;

        if (x->signature != y->signature)
                return x->signature < y->signature ? -1 : 1;
        if (x->size != y->size)
                return x->size < y->size ? -1 : 1;
        return memcmp(x->bytes, y->bytes, x->size);
}

static bool fail_duplicate(struct scanner *scanner, const struct scan_key *a, const struct scan_key *b)
{
        const struct scan_key *later = a->end > b->end ? a : b;
        bool as_sent = later->bytes >= scanner->start && later->bytes < scanner->end;

        if (as_sent && later->size <= SHOWN_MAX)
                scanner->twice = (struct scan_text){.bytes = later->bytes, .size = later->size};
        return fail(scanner, scanner->start + later->end, "an object has a key twice");
}

/* The keys of a large object, which is then forgotten. */
static __attribute__((noinline)) bool check_many(struct scanner *scanner, struct scan_key *keys, size_t n)
{
        qsort(keys, n, sizeof(*keys), compare_keys);
        for (size_t i = 1; i < n; i++)
                if (!compare_keys(&keys[i - 1], &keys[i]))
                        return fail_duplicate(scanner, &keys[i - 1], &keys[i]);
        return true;
}

/* The latest key against the `n` before it. */
static __attribute__((noinline)) bool check_one(struct scanner *scanner, const struct scan_key *key, size_t n)
{
        for (const struct scan_key *other = key - n; other < key; other++)
                if (key->signature == other->signature && !compare_keys(key, other))
                        return fail_duplicate(scanner, key, other);
        return true;
}

static __attribute__((noinline)) bool grow_keys(struct scanner *scanner)
{
        size_t capacity = scanner->keys_capacity ? 2 * scanner->keys_capacity : KEYS_MIN;
        struct scan_key *keys = arena_array(scanner->arena, capacity, sizeof(*keys));

        if (!keys)
                return fail_memory(scanner);
        if (scanner->n_keys)
                memcpy(keys, scanner->keys, scanner->n_keys * sizeof(*keys));
        scanner->keys = keys;
        scanner->keys_capacity = capacity;
        return true;
}

static __attribute__((noinline)) bool unescape_key(struct scanner *scanner, struct scan_text *key)
{
        char *plain = arena_text(scanner->arena, key->size);

        if (!plain)
                return fail_memory(scanner);
        *key = (struct scan_text){.bytes = plain, .size = (size_t)(scan_unescape(plain, key) - plain)};
        return true;
}

static inline __attribute__((always_inline)) bool note_key(struct scanner *scanner, struct scan_text *key)
{
        struct scan_level *level = &scanner->levels[scanner->depth - 1];
        struct scan_key *noted;
        uint64_t residue;

        if (key->escaped && !unescape_key(scanner, key))
                return false;
        if (scanner->n_keys == scanner->keys_capacity && !grow_keys(scanner))
                return false;
        noted = &scanner->keys[scanner->n_keys++];
        noted->signature = signature(key->bytes, key->size);
        noted->bytes = key->bytes;
        noted->size = (uint32_t)key->size;
        noted->end = (uint32_t)(scanner->next - scanner->start);
        residue = UINT64_C(1) << (noted->signature * MIX >> 58);
        if (level->residues & residue && level->members <= FEW_KEYS)
                return check_one(scanner, noted, level->members - 1);
        level->residues |= residue;
        return true;
}

/* Goes on behind the comma, or closes. */
static inline __attribute__((always_inline)) bool go_on(struct scanner *scanner, bool is_object)
{
        struct scan_level *level = &scanner->levels[scanner->depth - 1];
        char byte = next_byte(scanner);

        if (byte == (is_object ? '}' : ']')) {
                scanner->next++;
                scanner->depth--;
                if (is_object)
                        scanner->n_keys -= level->members;
                if (is_object && level->members > FEW_KEYS)
                        check_many(scanner, scanner->keys + scanner->n_keys, level->members);
                return false;
        }
        if (level->members++) {
                if (byte != ',')
                        return fail(scanner, scanner->next,
                                    is_object ? "\",\" or \"}\" must stand here" : "\",\" or \"]\" must stand here");
                scanner->next++;
        }
        if (scanner->depth >= SCANNER_DEPTH_MAX)
                return fail(scanner, scanner->next, "it is nested too deep");
        return true;
}

static inline __attribute__((always_inline)) bool go_on_member(struct scanner *scanner, struct scan_text *ret_key)
{
        if (!go_on(scanner, true))
                return false;
        if (next_byte(scanner) != '"')
                return fail(scanner, scanner->next, "a key must stand here");
        if (!take_string(scanner, ret_key) || !note_key(scanner, ret_key))
                return false;
        if (next_byte(scanner) != ':')
                return fail(scanner, scanner->next, "\":\" must stand here");
        scanner->next++;
        return true;
}

bool scanner_item(struct scanner *scanner)
{
        return go_on(scanner, false);
}

bool scanner_member(struct scanner *scanner, struct scan_text *ret_key)
{
        return go_on_member(scanner, ret_key);
}

/* Closes what ends here, out to the depth `outer`; true if a value comes next. */
static inline bool go_on_within(struct scanner *scanner, unsigned outer)
{
        struct scan_text key;

        while (scanner->depth > outer && !scanner->fault) {
                bool is_object = scanner->levels[scanner->depth - 1].is_object;

                if (is_object ? go_on_member(scanner, &key) : go_on(scanner, false))
                        return true;
        }
        return false;
}

bool scanner_skip(struct scanner *scanner)
{
        unsigned outer = scanner->depth;
        struct scan_text text;

        do {
                if (take(scanner, &text) == SCAN_FAULT)
                        return false;
        } while (go_on_within(scanner, outer));
        return !scanner->fault;
}

bool scanner_finish(struct scanner *scanner)
{
        next_byte(scanner);
        if (scanner->next == scanner->end)
                return true;
        scanner->fault_at = scanner->next + 1;
        scanner->fault = "more follows behind the end";
        return false;
}

static bool is_in_word(char byte)
{
        return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
               (byte && strchr("+-._\\", byte));
}

/* What stands where the fault is: the word, or the byte. */
static struct scan_text find_near(const struct scanner *scanner)
{
        const char *start = scanner->fault_at, *end = start;

        while (start > scanner->start && scanner->fault_at - start < NEAR_MAX && is_in_word(start[-1]))
                start--;
        while (end < scanner->end && end - scanner->fault_at < NEAR_MAX && is_in_word(*end))
                end++;
        return (struct scan_text){.bytes = start, .size = (size_t)(end - start) + (end == start)};
}

/* The fault with what is there instead, as far as that can be shown. */
static char *describe_fault(const struct scanner *scanner)
{
        const unsigned char *at = (const unsigned char *)scanner->fault_at;
        struct scan_text near;

        if (scanner->twice.size)
                return text_format("an object has the key \"%.*s\" twice", (int)scanner->twice.size,
                                   scanner->twice.bytes);
        if (scanner->fault_at >= scanner->end)
                return text_format("%s", scanner->fault);
        if (*at < ' ' || *at > '~')
                return text_format("%s, near byte 0x%02x", scanner->fault, *at);
        near = find_near(scanner);
        return text_format("%s, near '%.*s'", scanner->fault, (int)near.size, near.bytes);
}

int scanner_error(const struct scanner *scanner, struct error *error)
{
        _cleanup_(freep) char *fault = describe_fault(scanner);
        const char *line = scanner->start;
        size_t lines = 1, column = 0;

        if (scanner->out_of_memory || !fault)
                return error_oom(error);
        for (const char *at = scanner->start; at < scanner->fault_at; at++) {
                if (*at == '\n') {
                        line = at + 1;
                        lines++;
                }
        }
        for (const char *at = line; at < scanner->fault_at; at++)
                column += ((unsigned char)*at & 0xc0) != 0x80; /* characters, not bytes */
        return error_set(error, EINVAL, "not JSON: line %zu, column %zu (byte %zu of %zu): %s", lines, column,
                         (size_t)(scanner->fault_at - scanner->start), (size_t)(scanner->end - scanner->start),
                         fault);
}
