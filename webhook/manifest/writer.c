/*
 * An answer is small and its form is known, so it is written straight down: a tree of values that is then turned into
 * text costs many times what the text does.
 *
 * Only what RFC 8259 (section 7) asks for is escaped, as jansson does: the quote, the backslash, control characters.
 */
#include "manifest/writer.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/scan_block.h"
#include "util/cleanup.h"

#define CAPACITY_MIN 512

void writer_init(struct writer *writer, void *block, size_t size)
{
        *writer = (struct writer){.bytes = block, .capacity = block ? size : 0};
}

void writer_clear(struct writer *writer)
{
        free(writer->heap);
        *writer = (struct writer){0};
}

/* Makes room for this much more; false where memory ran out. */
static bool grow(struct writer *writer, size_t more)
{
        size_t capacity = 2 * writer->capacity + more + CAPACITY_MIN;
        char *heap = writer->failed ? NULL : realloc(writer->heap, capacity);

        if (!heap) {
                writer->failed = true;
                return false;
        }
        if (!writer->heap && writer->size)
                memcpy(heap, writer->bytes, writer->size);
        writer->bytes = writer->heap = heap;
        writer->capacity = capacity;
        return true;
}

static inline bool has_room(struct writer *writer, size_t more)
{
        return writer->capacity - writer->size > more || grow(writer, more);
}

void writer_grow(struct writer *writer, const char *bytes, size_t size)
{
        if (grow(writer, size))
                writer_bytes(writer, bytes, size);
}

static void write_escape(struct writer *writer, char c)
{
        static const char letters[] = "\"\\bfnrt", meanings[] = "\"\\\b\f\n\r\t";
        const char *found = strchr(meanings, c);
        char escape[8];

        if (found && *found)
                snprintf(escape, sizeof(escape), "\\%c", letters[found - meanings]);
        else
                snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)c);
        writer_bytes(writer, escape, strlen(escape));
}

/* What is written with a backslash: the quote, the backslash, control characters. */
static inline bool needs_escape(char c)
{
        return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

/* Copies a block; false where one of its bytes needs an escape, or is beyond ASCII. */
static inline bool copy_block(char *to, const char *text)
{
        memcpy(to, text, BLOCK);
        return !odd_bytes(text);
}

/*
 * Copies a text that needs no escape, as nearly every one, a block at a time; the last block is that at its end,
 * which may have been copied before. False where a byte may need an escape: then it is to be written otherwise.
 */
static inline bool copy_plain(char *to, const char *text, size_t size)
{
        size_t i = 0;

        if (size < BLOCK) {
                for (; i < size && !needs_escape(text[i]); i++)
                        to[i] = text[i];
                return i == size;
        }
        for (; i + BLOCK < size; i += BLOCK)
                if (!copy_block(to + i, text + i))
                        return false;
        i = size - BLOCK;
        return copy_block(to + i, text + i);
}

static void write_escaped(struct writer *writer, const char *text, size_t size)
{
        const char *end = text + size;

        while (text < end) {
                const char *plain = text;

                while (text < end && !needs_escape(*text))
                        text++;
                writer_bytes(writer, plain, (size_t)(text - plain));
                if (text < end)
                        write_escape(writer, *text++);
        }
}

void writer_part(struct writer *writer, const char *text, size_t size)
{
        if (has_room(writer, size) && copy_plain(writer->bytes + writer->size, text, size))
                writer->size += size;
        else
                write_escaped(writer, text, size);
}

void writer_string(struct writer *writer, const char *text)
{
        writer_bytes(writer, "\"", 1);
        writer_part(writer, text, strlen(text));
        writer_bytes(writer, "\"", 1);
}

void writer_join(struct writer *writer, const char *const *texts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                writer_bytes(writer, texts[i], strlen(texts[i]));
}

void writer_number(struct writer *writer, uint64_t number)
{
        char digits[20];
        size_t at = sizeof(digits);

        do {
                digits[--at] = (char)('0' + number % 10);
                number /= 10;
        } while (number);
        writer_bytes(writer, digits + at, sizeof(digits) - at);
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The two digits of every twelve bits. */
static char base64_pairs[1 << 12][2];
static pthread_once_t base64_once = PTHREAD_ONCE_INIT;

static void make_pairs(void)
{
        for (size_t i = 0; i < 1 << 12; i++) {
                base64_pairs[i][0] = base64[i >> 6];
                base64_pairs[i][1] = base64[i & 63];
        }
}

/* Four digits for three bytes. */
static inline char *write_group(char *to, uint32_t bits)
{
        memcpy(to, base64_pairs[bits >> 12], 2);
        memcpy(to + 2, base64_pairs[bits & 0xfff], 2);
        return to + 4;
}

/* Eight digits for six bytes, which are the upper ones of `bits`. */
static inline char *write_groups(char *to, uint64_t bits)
{
        memcpy(to, base64_pairs[bits >> 52], 2);
        memcpy(to + 2, base64_pairs[bits >> 40 & 0xfff], 2);
        memcpy(to + 4, base64_pairs[bits >> 28 & 0xfff], 2);
        memcpy(to + 6, base64_pairs[bits >> 16 & 0xfff], 2);
        return to + 8;
}

void writer_base64(struct writer *writer, const char *bytes, size_t size)
{
        const unsigned char *from = (const unsigned char *)bytes, *end = from + size;
        size_t encoded = (size + 2) / 3 * 4;
        char *to;

        if (!size || !has_room(writer, encoded))
                return;
        pthread_once(&base64_once, make_pairs);
        to = writer->bytes + writer->size;
        writer->size += encoded;
        for (; end - from >= (ptrdiff_t)sizeof(uint64_t); from += 6) {
                uint64_t bits;

                memcpy(&bits, from, sizeof(bits));
                to = write_groups(to, be64toh(bits));
        }
        for (; end - from >= 3; from += 3)
                to = write_group(to, (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2]);
        if (end - from == 2) {
                to = write_group(to, (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8);
                to[-1] = '=';
        } else if (end - from == 1) {
                to = write_group(to, (uint32_t)from[0] << 16);
                to[-1] = to[-2] = '=';
        }
}

int writer_finish(struct writer *writer, char **ret, size_t *ret_size)
{
        size_t size = writer->size;

        writer_bytes(writer, "", 1);
        if (!writer->failed && !writer->heap)
                grow(writer, 0);
        if (writer->failed)
                return -ENOMEM;
        *ret = steal_pointer(&writer->heap);
        *ret_size = size;
        writer_init(writer, NULL, 0);
        return 0;
}
