/*
 * Hand-written rather than regular expressions: POSIX regcomp() depends on the locale, and the two shapes
 * (a name, a DNS subdomain) are three lines each. Lengths are bytes; every legal character is one byte.
 */
#include "policy/label_syntax.h"

#include <stdbool.h>
#include <string.h>

#define NAME_MAX_LENGTH 63
#define SUBDOMAIN_MAX_LENGTH 253

static bool is_lower_alphanumeric(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
        return is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z');
}

/* [A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])? */
static bool is_name(const char *text, size_t length)
{
        if (!length || !is_alphanumeric(text[0]) || !is_alphanumeric(text[length - 1]))
                return false;
        for (size_t i = 0; i < length; i++)
                if (!is_alphanumeric(text[i]) && !strchr("._-", text[i]))
                        return false;
        return true;
}

/* RFC 1123 labels, joined by dots. */
static bool is_subdomain(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                bool starts = i == 0 || text[i - 1] == '.';
                bool ends = i + 1 == length || text[i + 1] == '.';

                if (is_lower_alphanumeric(text[i]))
                        continue;
                if (starts || ends || (text[i] != '-' && text[i] != '.'))
                        return false;
        }
        return length > 0;
}

const char *label_key_fault(const char *key)
{
        const char *slash = strchr(key, '/');
        const char *name = slash ? slash + 1 : key;

        if (slash && (size_t)(slash - key) > SUBDOMAIN_MAX_LENGTH)
                return "must have a prefix of no more than 253 characters";
        if (slash && !is_subdomain(key, (size_t)(slash - key)))
                return "must have a DNS subdomain in lower case before the \"/\", such as \"example.com\"";
        if (strlen(name) > NAME_MAX_LENGTH)
                return "must have a name of no more than 63 characters";
        if (!is_name(name, strlen(name)))
                return "must be letters, digits, \"-\", \"_\" and \".\", beginning and ending with a letter or digit";
        return NULL;
}

const char *label_value_fault(const char *value)
{
        if (strlen(value) > NAME_MAX_LENGTH)
                return "must be no more than 63 characters";
        if (*value && !is_name(value, strlen(value)))
                return "must be empty or letters, digits, \"-\", \"_\" and \".\", beginning and ending with a letter "
                       "or digit";
        return NULL;
}
