/*
 * The text of a name decides what it is: what inet_pton(3) takes is an address, all else must be a DNS name. The
 * two must not be confused, as a verifier compares an address with iPAddress entries only and a name with dNSName
 * entries only (RFC 6125 appendix B.2): "10.0.0.300" put into a certificate as a DNS name would be silently useless.
 * So a name whose last label is all digits is refused, and so is everything that DNS could not resolve; the caller
 * hears about it now instead of from a failed handshake.
 */
#include "certs/san.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/error.h"

#define MAX_NAME 253 /* RFC 1035 2.3.4: 255 octets on the wire, of which two are not in the text */
#define MAX_LABEL 63

size_t san_address(const char *san, uint8_t ret[static 16])
{
        if (inet_pton(AF_INET, san, ret) == 1)
                return 4;
        if (inet_pton(AF_INET6, san, ret) == 1)
                return 16;
        return 0;
}

/* Mistakes that are easy to recognize; NULL where the general rules shall speak. */
static const char *find_misunderstanding(const char *text)
{
        if (!*text)
                return "it is empty";
        if (strstr(text, "://"))
                return "write the name alone, without scheme and path";
        if (*text == '[')
                return "write an IPv6 address without brackets";
        if (strchr(text, '%'))
                return "an address with a zone cannot be in a certificate";
        if (strchr(text, '/'))
                return "a single address or name is meant, not a range or path";
        if (strchr(text, ':'))
                return "it is no IPv6 address, and a DNS name has neither port nor prefix";
        if (text[strlen(text) - 1] == '.')
                return "write the DNS name without the dot at its end";
        return NULL;
}

static const char *find_label_fault(const char *label, size_t length)
{
        if (length == 0)
                return "it has an empty label (two dots, or one in front)";
        if (length > MAX_LABEL)
                return "a label between dots is longer than 63 characters";
        if (label[0] == '-' || label[length - 1] == '-')
                return "a label begins or ends with a hyphen";
        for (size_t i = 0; i < length; i++) {
                if ((unsigned char)label[i] >= 0x80)
                        return "international names are written in their ASCII form (xn--...)";
                if (label[i] == '*')
                        return "a wildcard must be the whole first label, with a name behind it";
                if (!isalnum((unsigned char)label[i]) && label[i] != '-')
                        return "a DNS name has letters, digits, hyphens and dots only";
        }
        return NULL;
}

static bool is_number(const char *label)
{
        return label[strspn(label, "0123456789")] == '\0';
}

static const char *find_name_fault(const char *name)
{
        const char *label = name, *fault;
        size_t length;

        if (strlen(name) > MAX_NAME)
                return "it is longer than 253 characters";
        if (!strncmp(label, "*.", 2))
                label += 2;
        for (;;) {
                length = strcspn(label, ".");
                fault = find_label_fault(label, length);
                if (fault)
                        return fault;
                if (!label[length])
                        break;
                label += length + 1;
        }
        return is_number(label) ? "it looks like an IPv4 address, but is none" : NULL;
}

/* Writes the one form of a name that is kept. */
static int normalize(char **ret, const char *text, struct error *error)
{
        char address[INET6_ADDRSTRLEN];
        uint8_t octets[16];
        size_t size = san_address(text, octets);
        const char *fault = NULL;
        char *copy;

        if (size)
                text = inet_ntop(size == 4 ? AF_INET : AF_INET6, octets, address, sizeof(address));
        else
                fault = find_misunderstanding(text);
        if (!size && !fault)
                fault = find_name_fault(text);
        if (fault)
                return error_set(error, EINVAL, "\"%s\" is no DNS name or IP address: %s", text, fault);

        copy = strdup(text);
        if (!copy)
                return error_oom(error);
        for (char *c = copy; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        *ret = copy;
        return 0;
}

static bool contains(const struct sans *sans, const char *name)
{
        for (size_t i = 0; i < sans->count; i++)
                if (!strcmp(sans->names[i], name))
                        return true;
        return false;
}

int sans_add(struct sans *sans, const char *text, struct error *error)
{
        _cleanup_(freep) char *name = NULL;
        char **names;
        int r;

        r = normalize(&name, text, error);
        if (r < 0)
                return r;
        if (contains(sans, name))
                return 0;

        names = reallocarray(sans->names, sans->count + 1, sizeof(*names));
        if (!names)
                return error_oom(error);
        sans->names = names;
        sans->names[sans->count++] = steal_pointer(&name);
        return 0;
}

int sans_add_all(struct sans *sans, const char *const *texts, size_t n_texts, struct error *error)
{
        for (size_t i = 0; i < n_texts; i++) {
                int r = sans_add(sans, texts[i], error);

                if (r < 0)
                        return r;
        }
        return 0;
}

void sans_clear(struct sans *sans)
{
        for (size_t i = 0; i < sans->count; i++)
                free(sans->names[i]);
        free(sans->names);
        *sans = (struct sans){0};
}

const char *sans_find_missing(const struct sans *sans, const struct sans *wanted)
{
        for (size_t i = 0; i < wanted->count; i++)
                if (!contains(sans, wanted->names[i]))
                        return wanted->names[i];
        return NULL;
}
