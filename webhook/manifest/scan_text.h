/*
 * What stands in strings of JSON (RFC 8259, section 7): escapes, and characters beyond ASCII. And numbers (section
 * 6).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A string needs \" and \\; it may have other escapes, so that one string is written in many ways. */
enum scan_escapes { ESCAPES_NONE, ESCAPES_NEEDED, ESCAPES_OTHER };

/* A string without its quotes, or a number; borrowed from the bytes that are read. */
struct scan_text {
        const char *bytes;
        size_t size;
        enum scan_escapes escapes; /* that it has: see scan_unescape() */
};

/* The length of the UTF-8 sequence at `at`, which is at least two bytes long; 0: it is none (RFC 3629, section 4).
 * Nothing is read from `end` on. */
size_t scan_utf8_length(const char *at, const char *end);

/* The length of the escape at `at`, a pair of surrogates being one; 0: it is none, or stands for what no string may
 * hold: NUL, or half of a pair. Likewise. */
size_t scan_escape_length(const char *at, const char *end);

/* Writes a string that has been checked, without its escapes, to `to`, which has room for text->size bytes; returns
 * the end of it. */
char *scan_unescape(char *to, const struct scan_text *text);

/* Likewise, but with \" and \\ as they are, which makes it the one string of ESCAPES_NEEDED that means the same. */
char *scan_respell(char *to, const struct scan_text *text);

struct scan_number {
        const char *end;   /* where it ends; or where the fault is */
        const char *fault; /* a constant; NULL: it is a number, within 64 bits or a double */
        bool is_real;
};

/* The number that begins at `at`, before `end`. One that goes on up to `end` is a fault: something must follow it. */
struct scan_number scan_number(const char *at, const char *end);
