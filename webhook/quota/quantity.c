/*
 * Follows apimachinery's ParseQuantity, its odd corners included ("." and "+" are zero, "5." is five), because a
 * pod's requests have passed that parser before they get here, and because policies mean what it makes of them.
 *
 * There is no floating point and no big-number library: a number is its digits, and a suffix says where the point
 * goes (powers of ten) or what to multiply with (powers of two). 128 bits hold every value up to the documented
 * maximum in units of 1e-9; whatever is larger stops there.
 */
#include "quota/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/field.h"
#include "util/cleanup.h"

#define WHITE_SPACE " \t\n\v\f\r"
#define NANO_DIGITS 9
#define EXPONENT_MAX 1000000 /* beyond this, every number is zero or the maximum */

static const struct suffix {
        const char *name;
        int base, exponent;
        int64_t nano; /* what one of it is, in 1e-9 units; 0: more than that */
} suffixes[] = {
        {"n", 10, -9, 1},
        {"u", 10, -6, 1000},
        {"m", 10, -3, 1000000},
        {"", 10, 0, QUANTITY_NANO_PER_UNIT},
        {"k", 10, 3, 1000 * QUANTITY_NANO_PER_UNIT},
        {"M", 10, 6, 1000000 * QUANTITY_NANO_PER_UNIT},
        {"G", 10, 9, 1000000000 * QUANTITY_NANO_PER_UNIT},
        {"T", 10, 12, 0},
        {"P", 10, 15, 0},
        {"E", 10, 18, 0},
        {"Ki", 2, 10, (INT64_C(1) << 10) * QUANTITY_NANO_PER_UNIT},
        {"Mi", 2, 20, (INT64_C(1) << 20) * QUANTITY_NANO_PER_UNIT},
        {"Gi", 2, 30, (INT64_C(1) << 30) * QUANTITY_NANO_PER_UNIT},
        {"Ti", 2, 40, 0},
        {"Pi", 2, 50, 0},
        {"Ei", 2, 60, 0},
};

/* Numbers of so few digits, in one of the suffixes with a known size, are within the maximum and need no rounding. */
#define FEW_DIGITS 9

/* A quantity taken apart. */
struct text {
        bool negative;
        const char *whole; /* digits before the point */
        size_t n_whole;
        const char *fraction; /* digits behind it */
        size_t n_fraction;
        int base;
        long exponent;
};

static quantity_nano power(int base, unsigned exponent)
{
        quantity_nano result = 1;

        while (exponent--)
                result *= base;
        return result;
}

static quantity_nano maximum(void)
{
        return (quantity_nano)10000000000000000000U * QUANTITY_NANO_PER_UNIT;
}

static quantity_nano clamp(quantity_nano nano)
{
        return nano > maximum() ? maximum() : nano < -maximum() ? -maximum() : nano;
}

/* None is longer than two characters. */
static const struct suffix *find_suffix(const char *name)
{
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
                const char *suffix = suffixes[i].name;

                if (suffix[0] == name[0] && (!name[0] || (suffix[1] == name[1] && (!name[1] || !name[2]))))
                        return &suffixes[i];
        }
        return NULL;
}

static bool parse_suffix(struct text *text, const char *name)
{
        const struct suffix *suffix = find_suffix(name);
        char *end;

        if (suffix) {
                text->base = suffix->base;
                text->exponent = suffix->exponent;
                return true;
        }
        if ((*name != 'e' && *name != 'E') || !strchr("+-0123456789", name[1]) || !name[1])
                return false;
        text->base = 10;
        errno = 0;
        text->exponent = strtol(name + 1, &end, 10);
        if (text->exponent > EXPONENT_MAX)
                text->exponent = EXPONENT_MAX;
        if (text->exponent < -EXPONENT_MAX)
                text->exponent = -EXPONENT_MAX;
        return !errno && !*end && end[-1] >= '0';
}

static bool take_apart(struct text *ret, const char *text)
{
        if (!*text)
                return false;
        ret->negative = *text == '-';
        text += *text == '-' || *text == '+';
        ret->whole = text;
        ret->n_whole = strspn(text, "0123456789");
        text += ret->n_whole;
        ret->fraction = text + (*text == '.');
        ret->n_fraction = *text == '.' ? strspn(text + 1, "0123456789") : 0;
        return parse_suffix(ret, ret->fraction + ret->n_fraction);
}

/* The i-th digit of both parts together; zeros follow the last one. */
static int digit_at(const struct text *text, size_t i)
{
        if (i < text->n_whole)
                return text->whole[i] - '0';
        i -= text->n_whole;
        return i < text->n_fraction ? text->fraction[i] - '0' : 0;
}

/* value * 10 + digit, no further than the maximum. */
static quantity_nano append_digit(quantity_nano value, int digit)
{
        return value > maximum() / 10 ? maximum() : value * 10 + digit;
}

/* The exponent moves the point: what is left of it then is the value, and anything right of it rounds it up. */
static quantity_nano scale_by_ten(const struct text *text)
{
        size_t digits = text->n_whole + text->n_fraction;
        long point = (long)text->n_whole + text->exponent + NANO_DIGITS;
        quantity_nano value = 0;
        size_t i = 0;

        for (; (long)i < point && (i < digits || (value && value < maximum())); i++)
                value = append_digit(value, digit_at(text, i));
        for (i = point > 0 ? (size_t)point : 0; i < digits; i++)
                if (digit_at(text, i))
                        return value + 1;
        return value;
}

/* Long multiplication of the digits behind the point, from the last one on; a remainder rounds up. */
static quantity_nano scale_fraction(const struct text *text, quantity_nano factor)
{
        quantity_nano carry = 0;
        bool rest = false;

        for (size_t i = text->n_fraction; i > 0; i--) {
                carry += (text->fraction[i - 1] - '0') * factor;
                rest |= carry % 10 != 0;
                carry /= 10;
        }
        return carry + rest;
}

/* Powers of two end at 2^63-1 units, as in Kubernetes. */
static quantity_nano scale_by_two(const struct text *text)
{
        const quantity_nano limit = (quantity_nano)INT64_MAX * QUANTITY_NANO_PER_UNIT;
        quantity_nano factor = power(2, (unsigned)text->exponent) * QUANTITY_NANO_PER_UNIT, whole = 0;

        for (size_t i = 0; i < text->n_whole; i++)
                whole = append_digit(whole, text->whole[i] - '0');
        if (whole > limit / factor)
                return limit;
        whole = whole * factor + scale_fraction(text, factor);
        return whole > limit ? limit : whole;
}

/* Without any digit, Kubernetes takes a suffix for zero only where its short way of parsing is enough. */
static bool has_value(const struct text *text)
{
        if (text->n_whole || text->n_fraction)
                return true;
        return text->base == 2 ? text->exponent <= 40 : text->exponent >= -NANO_DIGITS;
}

/* A few digits and a suffix, as nearly every quantity is written. */
static bool parse_simple(struct quantity *ret, const char *text)
{
        const struct suffix *suffix;
        int64_t number = 0;
        int digits = 0;

        for (; *text >= '0' && *text <= '9' && digits <= FEW_DIGITS; digits++)
                number = number * 10 + (*text++ - '0');
        if (!digits || digits > FEW_DIGITS)
                return false;
        suffix = find_suffix(text);
        if (!suffix || !suffix->nano)
                return false;
        ret->nano = (quantity_nano)number * suffix->nano;
        return true;
}

int quantity_parse(struct quantity *ret, const char *text)
{
        struct text parts = {0};
        quantity_nano nano;

        if (parse_simple(ret, text))
                return 0;
        if (!take_apart(&parts, text) || !has_value(&parts))
                return -EINVAL;
        nano = clamp(parts.base == 10 ? scale_by_ten(&parts) : scale_by_two(&parts));
        ret->nano = parts.negative ? -nano : nano;
        return 0;
}

/* The shortest decimal that reads as the same double, which is what kubectl sends for a YAML number. */
static void format_real(double value, char *buffer, size_t size)
{
        for (int precision = 15; precision <= 17; precision++) {
                snprintf(buffer, size, "%.*g", precision, value);
                if (strtod(buffer, NULL) == value)
                        return;
        }
}

/* As Quantity.UnmarshalJSON(): white space around the text does not count. */
static int parse_trimmed(struct quantity *ret, const char *text)
{
        _cleanup_(freep) char *trimmed = NULL;
        size_t length;

        while (*text && strchr(WHITE_SPACE, *text))
                text++;
        length = strlen(text);
        if (!length || !strchr(WHITE_SPACE, text[length - 1]))
                return quantity_parse(ret, text);
        while (strchr(WHITE_SPACE, text[length - 1]))
                length--;
        trimmed = strndup(text, length);
        return trimmed ? quantity_parse(ret, trimmed) : -ENOMEM;
}

int quantity_read(struct quantity *ret, const struct field *field)
{
        enum field_kind kind = field_kind(field);
        char buffer[64];

        if (kind == FIELD_STRING)
                return parse_simple(ret, field_text(field)) ? 0 : parse_trimmed(ret, field_text(field));
        if (kind == FIELD_INTEGER)
                snprintf(buffer, sizeof(buffer), "%" PRId64, field_integer(field));
        else if (kind == FIELD_REAL)
                format_real(field_real(field), buffer, sizeof(buffer));
        else
                return -EINVAL;
        return quantity_parse(ret, buffer);
}

struct quantity quantity_add(struct quantity a, struct quantity b)
{
        return (struct quantity){.nano = a.nano + b.nano};
}

struct quantity quantity_subtract(struct quantity a, struct quantity b)
{
        return (struct quantity){.nano = a.nano - b.nano};
}

int quantity_compare(struct quantity a, struct quantity b)
{
        return (a.nano > b.nano) - (a.nano < b.nano);
}

int64_t quantity_value(struct quantity quantity)
{
        quantity_nano value, rest;

        if (quantity.nano == (int64_t)quantity.nano) {
                value = (int64_t)quantity.nano / QUANTITY_NANO_PER_UNIT; /* much cheaper than with 128 bits */
                rest = (int64_t)quantity.nano % QUANTITY_NANO_PER_UNIT;
        } else {
                value = quantity.nano / QUANTITY_NANO_PER_UNIT;
                rest = quantity.nano % QUANTITY_NANO_PER_UNIT;
        }
        /* Away from zero, as Quantity.Value() rounds. */
        value += rest > 0 ? 1 : rest < 0 ? -1 : 0;
        return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

/* The digits of a whole number, written up to `end`. Returns where they begin. */
static char *write_whole(quantity_nano number, char *end)
{
        uint64_t rest;

        for (; number > INT64_MAX; number /= 10)
                *--end = (char)('0' + (int)(number % 10));
        rest = (uint64_t)number; /* much cheaper than with 128 bits */
        do {
                *--end = (char)('0' + rest % 10);
                rest /= 10;
        } while (rest);
        return end;
}

/* The digits behind the point, and the point; nothing for a whole number. */
static char *write_fraction(uint32_t nano, char *end)
{
        int places = NANO_DIGITS;

        if (!nano)
                return end;
        for (; nano % 10 == 0; nano /= 10)
                places--;
        for (; places > 0; places--, nano /= 10)
                *--end = (char)('0' + nano % 10);
        *--end = '.';
        return end;
}

const char *quantity_format(struct quantity quantity, char buffer[static QUANTITY_TEXT_MAX])
{
        bool negative = quantity.nano < 0;
        quantity_nano nano = negative ? -quantity.nano : quantity.nano, whole;
        char digits[QUANTITY_TEXT_MAX], *end = digits + sizeof(digits), *begin = end - 1;

        *begin = '\0';
        whole = nano <= INT64_MAX ? (int64_t)nano / QUANTITY_NANO_PER_UNIT : nano / QUANTITY_NANO_PER_UNIT;
        begin = write_fraction((uint32_t)(nano - whole * QUANTITY_NANO_PER_UNIT), begin);
        begin = write_whole(whole, begin);
        if (negative)
                *--begin = '-';
        return memcpy(buffer, begin, (size_t)(end - begin));
}
