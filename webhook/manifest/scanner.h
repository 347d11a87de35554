/*
 * Reads JSON (RFC 8259) in place, from its first byte to its last.
 *
 * Strict: what is taken is what jansson takes with JSON_REJECT_DUPLICATES, so that a body that is read here and one
 * that is read there mean the same; but for a NUL behind a number, which jansson drops. Beyond the RFC's grammar that
 * is: an object or a list at the top, no key twice in an object, UTF-8 without faults, no NUL in a string, integers
 * within 64 bits, reals within a double, at most SCANNER_DEPTH_MAX levels. Nothing behind the last byte is ever read.
 *
 * The caller pulls: it looks at what comes next, and takes it or skips it. What is passed over has been checked just
 * as well. A function that returns false has met a fault, after which nothing can be read any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/scan_keys.h"
#include "manifest/scan_text.h"

struct arena;
struct error;

#define SCANNER_DEPTH_MAX 2048

enum scan_kind {
        SCAN_FAULT,
        SCAN_OBJECT,
        SCAN_LIST,
        SCAN_STRING,
        SCAN_INTEGER,
        SCAN_REAL,
        SCAN_TRUE,
        SCAN_FALSE,
        SCAN_NULL
};

/* An object or a list that is open. */
struct scan_level {
        uint64_t residues; /* of its keys, a bit for each */
        uint32_t members;  /* how many there were so far */
        bool is_object;
};

struct scanner {
        const char *start, *next, *end; /* borrowed */
        struct scan_keys keys;          /* of the objects that are open */
        struct scan_key first_keys[SCAN_KEYS_FIRST];
        const char *fault; /* what is wrong (a constant), and where; NULL: nothing is */
        const char *fault_at;
        struct scan_text twice; /* the key that is there twice, where it can be shown; its size is 0 otherwise */
        bool out_of_memory;
        enum scan_escapes escapes; /* of the string that was looked at last, if it was a long one */
        struct scan_level *level;  /* the innermost; the first stands for what is around the value at the top */
        struct scan_level levels[1 + SCANNER_DEPTH_MAX];
};

void scanner_init(struct scanner *scanner, const char *bytes, size_t size, struct arena *arena);

/* Takes the scalar, or the opening of the object or list, that comes next. *ret is set for strings and numbers. */
enum scan_kind scanner_take(struct scanner *scanner, struct scan_text *ret);

/*
 * Goes on to the next member of the innermost object, or item of the innermost list, which the caller then takes or
 * skips. False at its end as well, which closes it: `fault` tells. A key comes as it was sent, or with a spelling of
 * ours where it had other escapes than it needs, so that equal keys are equal bytes.
 */
bool scanner_member(struct scanner *scanner, struct scan_text *ret_key);
bool scanner_item(struct scanner *scanner);

/* Skips the value that comes next, whatever it is. */
bool scanner_skip(struct scanner *scanner);

/* True if nothing but white space is left. */
bool scanner_finish(struct scanner *scanner);

/* Where and why; -EINVAL, or -ENOMEM. */
int scanner_error(const struct scanner *scanner, struct error *error);
