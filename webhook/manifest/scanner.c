/*
 * The only file that knows the bytes of JSON, but for what stands in strings (manifest/scan_text.c).
 *
 * A value is taken by its first byte. Where it stands is a local variable, `at`, that the small functions here move
 * (they are inlined into the few that others call), and nearly all of the time goes into strings: those are looked at
 * a block at a time, for the first byte that is a quote, a backslash, a control character or not ASCII. Each step
 * first makes sure that it stays before `end`; there is no sentinel, because the bytes belong to the caller.
 *
 * Keys are to be unique in what is skipped, too. Each object leaves its keys on a stack that all open objects share.
 * In small ones a key is held against the others only if one of the same residue came before it; large ones are put
 * in order when they close, which most are already, so that a hostile object costs n log n.
 *
 * What is open is kept on a stack of a fixed size, so that skipping needs no recursion. Lines and columns are counted
 * once something is wrong.
 */
#include "manifest/scanner.h"

#include <errno.h>
#include <string.h>

#include "manifest/scan_block.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/text.h"

/* Longer keys are left out of what is said. */
#define SHOWN_MAX 64

/* Bytes before a fault, and behind it, that are shown. */
#define NEAR_MAX 16

void scanner_init(struct scanner *scanner, const char *bytes, size_t size, struct arena *arena)
{
        scanner->start = scanner->next = bytes;
        scanner->end = bytes + size;
        scan_keys_init(&scanner->keys, scanner->first_keys, SCAN_KEYS_FIRST, arena);
        scanner->fault = scanner->fault_at = NULL;
        scanner->twice = (struct scan_text){0};
        scanner->out_of_memory = false;
        scanner->level = scanner->levels;
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

static __attribute__((noinline)) const char *skip_space(const char *at, const char *end)
{
        while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
                at++;
        return at;
}

/* The next byte that is not white space; '\0' at the end, which is no byte of JSON either. */
static always_inline char next_byte(const struct scanner *scanner, const char **at)
{
        if (unlikely(*at >= scanner->end || (unsigned char)**at <= ' '))
                *at = skip_space(*at, scanner->end);
        return *at < scanner->end ? **at : '\0';
}

/* True if this byte comes next; what comes from an API server has no white space. */
static always_inline bool comes(const struct scanner *scanner, const char **at, char byte)
{
        return (*at < scanner->end && **at == byte) || next_byte(scanner, at) == byte;
}

/* The length of the escape or of the character beyond ASCII here, if it is a good one. */
static __attribute__((noinline)) size_t odd_length(struct scanner *scanner, const char *at)
{
        size_t length;

        if (at == scanner->end || (unsigned char)*at < ' ') {
                fail(scanner, at, "a control character stands in a string");
                return 0;
        }
        if (*at != '\\') {
                length = scan_utf8_length(at, scanner->end);
                if (!length)
                        fail(scanner, at, "a string is not valid UTF-8");
                return length;
        }
        scanner->escapes = ESCAPES_OTHER;
        length = scan_escape_length(at, scanner->end);
        if (!length)
                fail(scanner, at, "a string has a bad escape");
        return length;
}

/* The quote at the end of the string that goes on at `at`; its escapes are noted. NULL after a fault. */
static __attribute__((noinline)) const char *find_quote(struct scanner *scanner, const char *at)
{
        const char *end = scanner->end;

        scanner->escapes = ESCAPES_NONE;
        for (;;) {
                size_t length = 2;

                at = plain_end(at, end);
                if (at < end && *at == '"')
                        return at;
                if (end - at < 2 || *at != '\\' || (at[1] != '"' && at[1] != '\\'))
                        length = odd_length(scanner, at);
                else if (scanner->escapes == ESCAPES_NONE)
                        scanner->escapes = ESCAPES_NEEDED;
                if (!length)
                        return NULL;
                at += length;
        }
}

/* The string whose opening quote is the next byte. Most fit in a block. */
static always_inline bool take_string(struct scanner *scanner, const char **at, struct scan_text *ret)
{
        const char *first = *at + 1, *quote = first;
        uint64_t odd = scanner->end - first >= BLOCK ? odd_bytes(first) : 0;

        ret->escapes = ESCAPES_NONE;
        if (odd)
                quote += first_odd(odd);
        if (unlikely(!odd || *quote != '"')) {
                quote = find_quote(scanner, quote);
                if (!quote)
                        return false;
                ret->escapes = scanner->escapes;
        }
        ret->bytes = first;
        ret->size = (size_t)(quote - first);
        *at = quote + 1;
        return true;
}

static always_inline enum scan_kind take_number(struct scanner *scanner, const char **at, struct scan_text *ret)
{
        struct scan_number number = scan_number(*at, scanner->end);

        if (number.fault) {
                fail(scanner, number.end, number.fault);
                return SCAN_FAULT;
        }
        *ret = (struct scan_text){.bytes = *at, .size = (size_t)(number.end - *at)};
        *at = number.end;
        return number.is_real ? SCAN_REAL : SCAN_INTEGER;
}

/* The word at `at`, which nothing else can be; its end is where a fault is. */
static __attribute__((noinline)) enum scan_kind take_word(struct scanner *scanner, const char *at, size_t *ret_size)
{
        const char *after = at;
        size_t size;

        while (after < scanner->end && ((*after >= 'a' && *after <= 'z') || (*after >= 'A' && *after <= 'Z')))
                after++;
        *ret_size = size = (size_t)(after - at);
        if (scanner->level == scanner->levels)
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

/* The opening of an object or a list. */
static always_inline enum scan_kind open_level(struct scanner *scanner, const char **at)
{
        bool is_object = *(*at)++ == '{';

        *++scanner->level = (struct scan_level){.is_object = is_object};
        return is_object ? SCAN_OBJECT : SCAN_LIST;
}

/* Anything but that, with `byte` as its first. */
static always_inline enum scan_kind take_scalar(struct scanner *scanner, const char **at, char byte,
                                                struct scan_text *ret)
{
        enum scan_kind kind;
        size_t size;

        if (byte == '"')
                return take_string(scanner, at, ret) ? SCAN_STRING : SCAN_FAULT;
        if (byte == '-' || (byte >= '0' && byte <= '9'))
                return take_number(scanner, at, ret);
        kind = take_word(scanner, *at, &size);
        *at += size;
        return kind;
}

static always_inline bool opens(char byte)
{
        return byte == '{' || byte == '[';
}

/* What may stand at the top. */
static always_inline bool check_top(struct scanner *scanner)
{
        size_t size;

        return scanner->level > scanner->levels || opens(next_byte(scanner, &scanner->next)) ||
               take_word(scanner, scanner->next, &size) != SCAN_FAULT;
}

enum scan_kind scanner_take(struct scanner *scanner, struct scan_text *ret)
{
        char byte = next_byte(scanner, &scanner->next);

        if (opens(byte))
                return open_level(scanner, &scanner->next);
        return check_top(scanner) ? take_scalar(scanner, &scanner->next, byte, ret) : SCAN_FAULT;
}

static __attribute__((noinline)) bool fail_duplicate(struct scanner *scanner, const struct scan_key *later)
{
        bool as_sent = later->bytes >= scanner->start && later->bytes < scanner->end;

        if (as_sent && later->size <= SHOWN_MAX)
                scanner->twice = (struct scan_text){.bytes = later->bytes, .size = later->size};
        return fail(scanner, scanner->start + later->end, "an object has a key twice");
}

/* The key that has just been taken. */
static always_inline bool note_key(struct scanner *scanner, const char *at, const struct scan_text *key)
{
        struct scan_level *level = scanner->level;
        unsigned residue = scan_keys_residue(key->bytes, key->size);
        const struct scan_key *later = NULL;

        if (unlikely(scanner->keys.next == scanner->keys.end) && !scan_keys_grow(&scanner->keys))
                return fail_memory(scanner);
        *scanner->keys.next++ = (struct scan_key){
                .bytes = key->bytes,
                .size = (uint32_t)key->size,
                .end = (uint32_t)(at - scanner->start),
        };
        if (unlikely(level->residues >> residue & 1) && level->members <= SCAN_KEYS_FEW)
                later = scan_keys_check_latest(&scanner->keys, level->members);
        level->residues |= UINT64_C(1) << residue;
        return !later || fail_duplicate(scanner, later);
}

/* Forgets the keys of an object that ends. */
static always_inline bool close_object(struct scanner *scanner, size_t n)
{
        const struct scan_key *later;

        scanner->keys.next -= n;
        if (n <= SCAN_KEYS_FEW)
                return true;
        later = scan_keys_check_all(scanner->keys.next, n);
        return !later || fail_duplicate(scanner, later);
}

/* Goes on behind the comma, or closes: what is not simply a comma. */
static always_inline bool begin_or_close(struct scanner *scanner, const char **at, bool is_object)
{
        struct scan_level *level = scanner->level;

        if (comes(scanner, at, is_object ? '}' : ']')) {
                ++*at;
                scanner->level--;
                if (is_object)
                        close_object(scanner, level->members);
                return false;
        }
        if (!level->members++)
                return level < &scanner->levels[SCANNER_DEPTH_MAX] || fail(scanner, *at, "it is nested too deep");
        if (comes(scanner, at, ','))
                return ++*at;
        return fail(scanner, *at, is_object ? "\",\" or \"}\" must stand here" : "\",\" or \"]\" must stand here");
}

static always_inline bool go_on(struct scanner *scanner, const char **at, bool is_object)
{
        struct scan_level *level = scanner->level;

        if (*at == scanner->end || **at != ',' || !level->members)
                return begin_or_close(scanner, at, is_object);
        level->members++;
        ++*at;
        return true;
}

static always_inline bool go_on_member(struct scanner *scanner, const char **at, struct scan_text *ret_key)
{
        if (!go_on(scanner, at, true))
                return false;
        if (unlikely(!comes(scanner, at, '"')))
                return fail(scanner, *at, "a key must stand here");
        if (!take_string(scanner, at, ret_key))
                return false;
        if (unlikely(ret_key->escapes == ESCAPES_OTHER) && !scan_keys_respell(&scanner->keys, ret_key))
                return fail_memory(scanner);
        if (!note_key(scanner, *at, ret_key))
                return false;
        if (unlikely(!comes(scanner, at, ':')))
                return fail(scanner, *at, "\":\" must stand here");
        ++*at;
        return true;
}

bool scanner_item(struct scanner *scanner)
{
        return go_on(scanner, &scanner->next, false);
}

bool scanner_member(struct scanner *scanner, struct scan_text *ret_key)
{
        const char *at = scanner->next;
        bool more = go_on_member(scanner, &at, ret_key);

        scanner->next = at;
        return more;
}

/* The value that comes next, or the opening of one. Managed fields are full of {}. */
static always_inline bool skip_one(struct scanner *scanner, const char **at)
{
        struct scan_text text;
        char byte;

        if (scanner->end - *at >= 2 && !memcmp(*at, "{}", 2)) {
                *at += 2;
                return true;
        }
        byte = next_byte(scanner, at);
        if (!opens(byte))
                return take_scalar(scanner, at, byte, &text) != SCAN_FAULT;
        open_level(scanner, at);
        return true;
}

/* Closes what ends here, out to the level `outer`; true if a value comes next. */
static always_inline bool go_on_within(struct scanner *scanner, const char **at, const struct scan_level *outer)
{
        struct scan_text key;

        do {
                if (scanner->level->is_object ? go_on_member(scanner, at, &key) : go_on(scanner, at, false))
                        return true;
        } while (scanner->level > outer && !scanner->fault);
        return false;
}

bool scanner_skip(struct scanner *scanner)
{
        const struct scan_level *outer = scanner->level;
        const char *at = scanner->next;
        bool good = check_top(scanner) && skip_one(scanner, &at);

        if (scanner->level > outer)
                while (good && go_on_within(scanner, &at, outer))
                        good = skip_one(scanner, &at);
        scanner->next = at;
        return good && !scanner->fault;
}

bool scanner_finish(struct scanner *scanner)
{
        scanner->next = skip_space(scanner->next, scanner->end);
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
