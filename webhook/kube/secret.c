/*
 * Copies of secrets in freed memory outlive their use and end in core dumps; so whoever holds one frees it here. What
 * libcurl and OpenSSL copy is theirs.
 */
#include "kube/secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "util/error.h"

#define FIRST_SIZE ((size_t)8 * 1024)
#define FILE_SIZE_MAX ((size_t)1024 * 1024)

char *secret_wipe(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return NULL;
}

/* Makes room for as much again, without leaving a copy behind. */
static int grow(char **text, size_t *capacity)
{
        size_t larger = *capacity ? 2 * *capacity : FIRST_SIZE;
        char *moved = calloc(1, larger + 1);

        if (!moved)
                return -ENOMEM;
        if (*text)
                memcpy(moved, *text, *capacity);
        secret_wipe(*text);
        *text = moved;
        *capacity = larger;
        return 0;
}

int secret_read(char **ret, const char *path, struct error *error)
{
        _cleanup_(fclosep) FILE *stream = fopen(path, "re");
        _cleanup_(secret_wipep) char *text = NULL;
        size_t size = 0, capacity = 0;

        if (!stream)
                return error_set_errno(error, errno, "cannot open %s", path);
        setbuf(stream, NULL);
        while (size == capacity) {
                if (size >= FILE_SIZE_MAX)
                        return error_set(error, EINVAL, "%s is larger than a file of its kind can be", path);
                if (grow(&text, &capacity) < 0)
                        return error_oom(error);
                size += fread(text + size, 1, capacity - size, stream);
                if (ferror(stream))
                        return error_set_errno(error, errno ? errno : EIO, "cannot read %s", path);
        }
        if (memchr(text, '\0', size))
                return error_set(error, EINVAL, "%s is no text: it has a NUL in it", path);
        *ret = steal_pointer(&text);
        return 0;
}

int secret_from_base64(char **ret, const char *text)
{
        size_t size = strlen(text), n = 0;
        _cleanup_(secret_wipep) char *packed = calloc(1, size + 1);
        _cleanup_(secret_wipep) char *decoded = calloc(1, size + 4);
        int length;

        if (!packed || !decoded)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++)
                if (text[i] != '\n' && text[i] != '\r')
                        packed[n++] = text[i];
        if (n % 4 || strpbrk(packed, " \t\v\f"))
                return -EINVAL;
        length = n ? EVP_DecodeBlock((unsigned char *)decoded, (const unsigned char *)packed, (int)n) : 0;
        for (size_t i = n; length > 0 && i > 0 && i + 2 > n && packed[i - 1] == '='; i--)
                length--;
        if (length < 0 || strlen(decoded) != (size_t)length)
                return -EINVAL;
        *ret = steal_pointer(&decoded);
        return 0;
}

char *secret_to_base64(const char *text)
{
        size_t size = strlen(text);
        char *encoded = calloc(1, (size + 2) / 3 * 4 + 1);

        if (encoded)
                EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)size);
        return encoded;
}

bool secret_is_pem(const char *text, const char *kind)
{
        for (const char *begin = strstr(text, "-----BEGIN "); begin; begin = strstr(begin + 1, "-----BEGIN ")) {
                const char *end = strstr(begin + 11, "-----"), *found = strstr(begin, kind);

                if (end && found && found < end)
                        return true;
        }
        return false;
}
