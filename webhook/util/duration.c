/*
 * A sequence of decimal numbers, each with a unit, added up; "0" needs none. Digits behind the point are taken
 * one by one at falling weight, so that there is no floating point and nothing finer than a nanosecond counts.
 */
#include "util/duration.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const struct {
        const char *name;
        int64_t ns;
} units[] = {
        {"ns", 1},
        {"us", 1000},
        {"\u00b5s", 1000}, /* micro sign */
        {"\u03bcs", 1000}, /* Greek mu */
        {"ms", 1000000},
        {"s", 1000000000},
        {"m", 60 * INT64_C(1000000000)},
        {"h", 3600 * INT64_C(1000000000)},
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* The unit whose name is exactly what stands before the next digit, point or the end. */
static int64_t parse_unit(const char **text)
{
        size_t length = strcspn(*text, ".0123456789");

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strlen(units[i].name) == length && !strncmp(*text, units[i].name, length)) {
                        *text += length;
                        return units[i].ns;
                }
        }
        return 0;
}

/* Adds `number` (digits, perhaps with a point) times `unit`. */
static int add_term(int64_t *total, const char *number, const char *end, int64_t unit)
{
        int64_t whole = 0, scaled;

        for (; number < end && is_digit(*number); number++)
                if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *number - '0', &whole))
                        return -ERANGE;
        if (__builtin_mul_overflow(whole, unit, &scaled) || __builtin_add_overflow(*total, scaled, total))
                return -ERANGE;
        for (number++; number < end && unit; number++) {
                int64_t digit = *number - '0';

                if (__builtin_add_overflow(*total, digit * unit / 10, total))
                        return -ERANGE;
                unit /= 10;
        }
        return 0;
}

int duration_parse(int64_t *ret, const char *text)
{
        int64_t total = 0;
        int r;

        if (*text == '+')
                text++;
        if (!strcmp(text, "0")) {
                *ret = 0;
                return 0;
        }
        do {
                const char *number = text;
                int64_t unit;

                text += strspn(text, "0123456789");
                if (*text == '.')
                        text += 1 + strspn(text + 1, "0123456789");
                if (text - number < 1 || (text - number == 1 && *number == '.'))
                        return -EINVAL;
                const char *end = text;
                unit = parse_unit(&text);
                if (!unit)
                        return -EINVAL;
                r = add_term(&total, number, end, unit);
                if (r < 0)
                        return r;
        } while (*text);
        *ret = total;
        return 0;
}
