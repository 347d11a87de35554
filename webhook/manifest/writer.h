/*
 * Writes JSON text from front to back, into one buffer that grows.
 *
 * Nothing is checked between the calls: where memory runs out, what follows is dropped, and `failed` says so at the
 * end. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
        char *bytes;
        size_t size, capacity;
        char *heap; /* owned: the buffer, where it is not the caller's block */
        bool failed;
};

/* Begins in a block of the caller's (NULL: none), and goes on on the heap where that is too small. */
void writer_init(struct writer *writer, void *block, size_t size);
void writer_clear(struct writer *writer);

/* writer_bytes() where there is no room. */
void writer_grow(struct writer *writer, const char *bytes, size_t size);

/* The text as it is. */
static inline void writer_bytes(struct writer *writer, const char *bytes, size_t size)
{
        if (writer->capacity - writer->size <= size) { /* so that even no text at all has a place */
                writer_grow(writer, bytes, size);
                return;
        }
        memcpy(writer->bytes + writer->size, bytes, size);
        writer->size += size;
}

/* The same for a constant, whose length the compiler knows. */
static inline __attribute__((always_inline)) void writer_raw(struct writer *writer, const char *text)
{
        writer_bytes(writer, text, strlen(text));
}

/* A string in quotes; its parts may come one by one, between quotes that are written as they are. */
void writer_string(struct writer *writer, const char *text);
void writer_part(struct writer *writer, const char *text, size_t size);

/* Texts one behind the other, as they are: for a sentence, which becomes a string later. */
#define writer_texts(writer, ...)                               \
        writer_join(writer, (const char *const[]){__VA_ARGS__}, \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
void writer_join(struct writer *writer, const char *const *texts, size_t n);

void writer_number(struct writer *writer, uint64_t number);

/* Base64 of the bytes (RFC 4648, section 4). */
void writer_base64(struct writer *writer, const char *bytes, size_t size);

/* Hands the text over, NUL-terminated on the heap, with its size without the NUL. -ENOMEM. */
int writer_finish(struct writer *writer, char **ret, size_t *ret_size);
