/*
 * The order of the attempts is go-yaml's: the fixed words, then integers (decimal, 0x, 0o, 0b, a leading 0 for
 * octal, underscores anywhere), then floats, else a string. Dates stay strings. A float without a fraction becomes
 * an integer, because that is how it leaves kubectl as JSON.
 */
#include "manifest/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/error.h"

#define TAG "tag:yaml.org,2002:"

enum kind { KIND_STRING, KIND_BOOL, KIND_NULL, KIND_INTEGER, KIND_FLOAT };

static const char *const kind_names[] = {
        [KIND_STRING] = "!!str",  [KIND_BOOL] = "!!bool",   [KIND_NULL] = "!!null",
        [KIND_INTEGER] = "!!int", [KIND_FLOAT] = "!!float",
};

/* A resolved scalar that is no string. */
struct resolved {
        enum kind kind;
        bool boolean;
        int64_t integer;
        double real;
};

static const struct {
        struct resolved resolved;
        const char *const words[12]; /* ends in NULL */
} fixed[] = {
        {{.kind = KIND_BOOL, .boolean = true},
         {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL}},
        {{.kind = KIND_BOOL}, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL}},
        {{.kind = KIND_NULL}, {"", "~", "null", "Null", "NULL", NULL}},
        {{.kind = KIND_FLOAT, .real = NAN}, {".nan", ".NaN", ".NAN", NULL}},
        {{.kind = KIND_FLOAT, .real = INFINITY}, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL}},
        {{.kind = KIND_FLOAT, .real = -INFINITY}, {"-.inf", "-.Inf", "-.INF", NULL}},
};

/* A copy without underscores, which go-yaml allows between digits. */
static char *strip_underscores(const char *text)
{
        char *copy = malloc(strlen(text) + 1), *write = copy;

        if (!copy)
                return NULL;
        for (; *text; text++)
                if (*text != '_')
                        *write++ = *text;
        *write = '\0';
        return copy;
}

/* Go's strconv.ParseInt with base 0; beyond int64 but within uint64, a float stands for the integer. */
static bool parse_integer(struct resolved *ret, const char *text)
{
        bool negative = *text == '-';
        const char *digits = text + (*text == '-' || *text == '+');
        unsigned long long value;
        char *end;
        int base = 10;

        if (digits[0] == '0' && digits[1]) {
                const char *prefix = strchr("xXoObB", digits[1]);

                base = !prefix ? 8 : strchr("xX", *prefix) ? 16 : strchr("oO", *prefix) ? 8 : 2;
                digits += prefix ? 2 : 1;
        }
        if (!strchr("0123456789abcdefABCDEF", *digits) || !*digits)
                return false;
        if (base == 16 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
                return false; /* strtoull() takes a second prefix */
        errno = 0;
        value = strtoull(digits, &end, base);
        if (errno || *end)
                return false;
        if (value > (unsigned long long)INT64_MAX + negative) {
                *ret = (struct resolved){.kind = KIND_FLOAT, .real = (double)value};
                return !negative;
        }
        *ret = (struct resolved){.kind = KIND_INTEGER, .integer = negative ? (int64_t)(0 - value) : (int64_t)value};
        return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *text)
{
        size_t whole, fraction = 0;

        text += *text == '-' || *text == '+';
        whole = strspn(text, "0123456789");
        text += whole;
        if (*text == '.') {
                fraction = strspn(++text, "0123456789");
                text += fraction;
        }
        if (!whole && !fraction)
                return false;
        if (*text == 'e' || *text == 'E') {
                text++;
                text += *text == '-' || *text == '+';
                if (!strspn(text, "0123456789"))
                        return false;
                text += strspn(text, "0123456789");
        }
        return !*text;
}

/* What begins with a point is read by Go's strconv, which takes underscores only where Go itself does. */
static bool underscores_separate_digits(const char *text)
{
        for (const char *c = text; *c; c++)
                if (*c == '_' && (c == text || !isdigit((unsigned char)c[-1]) || !isdigit((unsigned char)c[1])))
                        return false;
        return true;
}

static bool parse_float(struct resolved *ret, const char *text)
{
        double value;

        if (!is_float(text))
                return false;
        value = strtod(text, NULL);
        if (!isfinite(value))
                return false;
        *ret = (struct resolved){.kind = KIND_FLOAT, .real = value};
        return true;
}

/* 1 where the text is something else than a string, 0 where it is one, -ENOMEM. */
static int resolve(struct resolved *ret, const char *text)
{
        _cleanup_(freep) char *plain = NULL;

        for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
                for (const char *const *word = fixed[i].words; *word; word++) {
                        if (!strcmp(*word, text)) {
                                *ret = fixed[i].resolved;
                                return 1;
                        }
                }
        }
        if (!strchr("+-.0123456789", *text) || (*text == '.' && !underscores_separate_digits(text)))
                return 0;
        plain = strip_underscores(text);
        if (!plain)
                return -ENOMEM;
        return (*text != '.' && parse_integer(ret, plain)) || parse_float(ret, plain);
}

static int to_json(json_t **ret, const struct resolved *resolved, struct error *error)
{
        switch (resolved->kind) {
        case KIND_BOOL:
                *ret = json_boolean(resolved->boolean);
                break;
        case KIND_NULL:
                *ret = json_null();
                break;
        case KIND_INTEGER:
                *ret = json_integer(resolved->integer);
                break;
        default:
                if (!isfinite(resolved->real))
                        return error_set(error, EINVAL, "infinity and not-a-number have no form in JSON");
                if (resolved->real == trunc(resolved->real) && fabs(resolved->real) < 9e18)
                        *ret = json_integer((json_int_t)resolved->real);
                else
                        *ret = json_real(resolved->real);
        }
        return *ret ? 0 : error_oom(error);
}

static int new_string(json_t **ret, const char *text, size_t size, struct error *error)
{
        *ret = json_stringn(text, size);
        return *ret ? 0 : error_oom(error);
}

static int decode_binary(json_t **ret, const char *text, size_t size, struct error *error)
{
        const gnutls_datum_t encoded = {.data = (unsigned char *)text, .size = (unsigned)size};
        gnutls_datum_t decoded = {0};
        bool empty = strspn(text, " \t\r\n") >= size;

        if (!empty && gnutls_base64_decode2(&encoded, &decoded) == 0)
                *ret = json_stringn((const char *)decoded.data, decoded.size);
        else
                *ret = empty ? json_string("") : NULL;
        gnutls_free(decoded.data);
        return *ret ? 0 : error_set(error, EINVAL, "!!binary must be base64 of text in UTF-8");
}

static bool has_tag(const char *tag, const char *name)
{
        return tag && !strncmp(tag, TAG, strlen(TAG)) && !strcmp(tag + strlen(TAG), name);
}

/* The kind that an explicit tag asks for; -1: any. */
static int wanted_kind(const char *tag)
{
        static const struct {
                const char *name;
                enum kind kind;
        } kinds[] = {{"bool", KIND_BOOL}, {"null", KIND_NULL}, {"int", KIND_INTEGER}, {"float", KIND_FLOAT}};

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (has_tag(tag, kinds[i].name))
                        return (int)kinds[i].kind;
        return -1;
}

int yaml_scalar(json_t **ret, const char *text, size_t size, const char *tag, bool plain, struct error *error)
{
        struct resolved resolved = {.kind = KIND_STRING};
        int wanted = wanted_kind(tag), r;

        if (has_tag(tag, "binary"))
                return decode_binary(ret, text, size, error);
        if ((tag && wanted < 0) || (!tag && !plain) || strlen(text) != size)
                return new_string(ret, text, size, error);

        r = resolve(&resolved, text);
        if (r < 0)
                return error_oom(error);
        if (wanted == KIND_FLOAT && resolved.kind == KIND_INTEGER)
                return to_json(ret, &resolved, error);
        if (wanted >= 0 && (enum kind)wanted != resolved.kind)
                return error_set(error, EINVAL, "`%s` is not a %s", text, kind_names[wanted]);
        return r ? to_json(ret, &resolved, error) : new_string(ret, text, size, error);
}

bool yaml_scalar_is_float(const char *text)
{
        struct resolved resolved;

        return resolve(&resolved, text) > 0 && resolved.kind == KIND_FLOAT;
}

bool yaml_scalar_needs_quotes(const char *text)
{
        struct resolved resolved;

        return resolve(&resolved, text) != 0 || !strcmp(text, "<<");
}
