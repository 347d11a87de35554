/*
 * A buffer is made as large as the whole body is said to be, so that it never has to move. When a request ends, its
 * thread keeps the buffer for the next: a connection stays with the thread that took it on, so a thread that answers
 * one request after the other needs one buffer in all. Only while several bodies come in at once are there more of
 * them.
 *
 * What a thread keeps is bounded: a large body must not cost its memory for ever.
 */
#include "daemon/body.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define CAPACITY_MIN 16384UL
#define KEPT_MAX (256UL * 1024)

static pthread_key_t kept; /* owned by each thread: a struct body without a size */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_kept(void *userdata)
{
        struct body *body = userdata;

        free(body->bytes);
        free(body);
}

static void make_key(void)
{
        pthread_key_create(&kept, free_kept);
}

/* This thread's; NULL where there is no memory for it, and then nothing is kept. */
static struct body *own_kept(void)
{
        struct body *own;

        pthread_once(&once, make_key);
        own = pthread_getspecific(kept);
        if (own)
                return own;
        own = calloc(1, sizeof(*own));
        if (own && pthread_setspecific(kept, own) != 0)
                free(steal_pointer(&own));
        return own;
}

static void take_kept(struct body *body, size_t wanted)
{
        struct body *own = own_kept();

        if (!own || own->capacity < wanted)
                return;
        *body = *own;
        *own = (struct body){0};
}

static bool make_room(struct body *body, size_t wanted, size_t expected)
{
        size_t capacity = 2 * body->capacity;
        char *bytes;

        if (!body->bytes)
                take_kept(body, expected > wanted ? expected : wanted);
        if (body->capacity >= wanted)
                return true;
        if (capacity < expected)
                capacity = expected;
        if (capacity < wanted)
                capacity = wanted;
        if (capacity < CAPACITY_MIN)
                capacity = CAPACITY_MIN;
        bytes = realloc(body->bytes, capacity);
        if (!bytes)
                return false;
        body->bytes = bytes;
        body->capacity = capacity;
        return true;
}

bool body_append(struct body *body, const char *part, size_t size, size_t expected)
{
        if (!make_room(body, body->size + size, expected))
                return false;
        memcpy(body->bytes + body->size, part, size);
        body->size += size;
        return true;
}

void body_clear(struct body *body)
{
        struct body *own = body->bytes && body->capacity <= KEPT_MAX ? own_kept() : NULL;

        if (own && own->capacity < body->capacity) {
                free(own->bytes);
                *own = (struct body){.bytes = body->bytes, .capacity = body->capacity};
        } else {
                free(body->bytes);
        }
        *body = (struct body){0};
}
