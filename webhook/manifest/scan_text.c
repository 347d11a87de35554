/*
 * What is special in strings is rare, so this is written to be read. What may stand in a string and what is made of
 * it are two steps: strings that are only passed over are checked and never copied.
 */
#include "manifest/scan_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 sequence here, at least two bytes long; 0: it is none (RFC 3629, section 4). */
size_t scan_utf8_length(const char *at, const char *end)
{
        unsigned char first = (unsigned char)at[0], low = 0x80, high = 0xbf;
        size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

        if (first < 0xc2 || first > 0xf4 || (size_t)(end - at) < length)
                return 0;
        if (first == 0xe0)
                low = 0xa0;
        if (first == 0xed)
                high = 0x9f;
        if (first == 0xf0)
                low = 0x90;
        if (first == 0xf4)
                high = 0x8f;
        for (size_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
                if ((unsigned char)at[i] < low || (unsigned char)at[i] > high)
                        return 0;
        return length;
}

/* The four hexadecimal digits here, or -1. */
static int hexadecimal(const char *at)
{
        int value = 0;

        for (int i = 0; i < 4; i++) {
                char c = at[i];
                int digit = c >= '0' && c <= '9'   ? c - '0'
                            : c >= 'a' && c <= 'f' ? c - 'a' + 10
                            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                   : -1;

                if (digit < 0)
                        return -1;
                value = value * 16 + digit;
        }
        return value;
}

static bool is_high_surrogate(int unit)
{
        return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit)
{
        return unit >= 0xdc00 && unit <= 0xdfff;
}

/* What a backslash and this letter stand for; 0: nothing. */
static const char escapes[256] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
};

/* The length of the escape here; 0: it is none, or stands for what no string may hold. */
size_t scan_escape_length(const char *at, const char *end)
{
        int unit;

        if (end - at < 2)
                return 0;
        if (at[1] != 'u')
                return escapes[(unsigned char)at[1]] ? 2 : 0;
        unit = end - at >= 6 ? hexadecimal(at + 2) : -1;
        if (unit <= 0 || is_low_surrogate(unit))
                return 0;
        if (!is_high_surrogate(unit))
                return 6;
        if (end - at < 12 || at[6] != '\\' || at[7] != 'u' || !is_low_surrogate(hexadecimal(at + 8)))
                return 0;
        return 12;
}

/* RFC 3629, section 3. */
static char *write_utf8(char *to, unsigned code)
{
        if (code < 0x80) {
                *to++ = (char)code;
                return to;
        }
        if (code < 0x800) {
                *to++ = (char)(0xc0 | code >> 6);
        } else {
                if (code < 0x10000) {
                        *to++ = (char)(0xe0 | code >> 12);
                } else {
                        *to++ = (char)(0xf0 | code >> 18);
                        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
                }
                *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        }
        *to++ = (char)(0x80 | (code & 0x3f));
        return to;
}

/* The character of the escape at *at, which is moved behind it. */
static unsigned take_escape(const char **at)
{
        const char *from = *at;
        unsigned code;

        *at += 2;
        if (from[1] != 'u')
                return (unsigned char)escapes[(unsigned char)from[1]];
        *at += 4;
        code = (unsigned)hexadecimal(from + 2);
        if (!is_high_surrogate((int)code))
                return code;
        *at += 6;
        return 0x10000 + ((code - 0xd800) << 10) + ((unsigned)hexadecimal(from + 8) - 0xdc00);
}

/* `kept` are the characters whose escapes remain. */
static char *write_plain(char *to, const struct scan_text *text, const char *kept)
{
        const char *at = text->bytes, *end = at + text->size;

        for (;;) {
                const char *escape = memchr(at, '\\', (size_t)(end - at));
                size_t plain = (size_t)((escape ? escape : end) - at);
                unsigned code;

                to = (char *)memcpy(to, at, plain) + plain;
                if (!escape)
                        return to;
                at = escape;
                code = take_escape(&at);
                if (code < 0x80 && strchr(kept, (int)code))
                        *to++ = '\\';
                to = write_utf8(to, code);
        }
}

char *scan_unescape(char *to, const struct scan_text *text)
{
        return write_plain(to, text, "");
}

char *scan_respell(char *to, const struct scan_text *text)
{
        return write_plain(to, text, "\"\\");
}

static const char *digits_end(const char *at, const char *end)
{
        while (at < end && *at >= '0' && *at <= '9')
                at++;
        return at;
}

/* At least one digit from number->end on. */
static bool take_digits(struct scan_number *number, const char *end)
{
        const char *after = digits_end(number->end, end);

        if (after == number->end)
                number->fault = "a number lacks a digit";
        number->end = after;
        return !number->fault;
}

static bool take_exponent(struct scan_number *number, const char *end)
{
        number->is_real = true;
        number->end++;
        number->end += number->end < end && (*number->end == '+' || *number->end == '-');
        return take_digits(number, end);
}

/* Something stands behind it, so that strtoll() and strtod() stop before `end`. */
static bool is_in_range(const char *at, const struct scan_number *number)
{
        errno = 0;
        if (number->is_real)
                return !isinf(strtod(at, NULL));
        return number->end - at < 19 || (strtoll(at, NULL, 10), !errno);
}

struct scan_number scan_number(const char *at, const char *end)
{
        struct scan_number number = {.end = at + (*at == '-')};

        if (number.end < end && *number.end == '0')
                number.end++;
        else if (!take_digits(&number, end))
                return number;
        if (number.end < end && *number.end == '.') {
                number.is_real = true;
                number.end++;
                if (!take_digits(&number, end))
                        return number;
        }
        if (number.end < end && (*number.end == 'e' || *number.end == 'E') && !take_exponent(&number, end))
                return number;
        if (number.end == end || !is_in_range(at, &number))
                number.fault = "a number is too large";
        return number;
}
