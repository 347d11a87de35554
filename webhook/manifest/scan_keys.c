/*
 * A stack of keys. What closes takes its keys off, so that there are never more than stand before the place that is
 * read, and nothing has to be made for an object.
 *
 * A key of a small object is held against the others only if one of the same residue came before it: the caller has a
 * bit for each residue. The keys of a large object are put in order when it closes; what Go writes is in order
 * already, and is known to be by one comparison a key, while a hostile object costs n log n.
 */
#include "manifest/scan_keys.h"

#include <stdlib.h>

#include "util/arena.h"

void scan_keys_init(struct scan_keys *keys, struct scan_key *first, size_t n, struct arena *arena)
{
        *keys = (struct scan_keys){.arena = arena, .first = first, .next = first, .end = first + n};
}

bool scan_keys_grow(struct scan_keys *keys)
{
        size_t n = (size_t)(keys->end - keys->first), capacity = 2 * n;
        struct scan_key *first = arena_array(keys->arena, capacity, sizeof(*first));

        if (!first)
                return false;
        memcpy(first, keys->first, n * sizeof(*first));
        keys->first = first;
        keys->next = first + n;
        keys->end = first + capacity;
        return true;
}

bool scan_keys_respell(const struct scan_keys *keys, struct scan_text *key)
{
        char *text = arena_text(keys->arena, key->size);

        if (!text)
                return false;
        *key = (struct scan_text){
                .bytes = text,
                .size = (size_t)(scan_respell(text, key) - text),
                .escapes = ESCAPES_NEEDED,
        };
        return true;
}

/* The order of what Go writes. */
static int compare_keys(const void *a, const void *b)
{
        const struct scan_key *x = a, *y = b;
        int order = memcmp(x->bytes, y->bytes, x->size < y->size ? x->size : y->size);

        return order ? order : (x->size > y->size) - (x->size < y->size);
}

const struct scan_key *scan_keys_check_latest(const struct scan_keys *keys, size_t n)
{
        const struct scan_key *latest = keys->next - 1;

        for (const struct scan_key *other = keys->next - n; other < latest; other++)
                if (latest->size == other->size && !memcmp(latest->bytes, other->bytes, latest->size))
                        return latest;
        return NULL;
}

static void swap_keys(struct scan_key *a, struct scan_key *b)
{
        struct scan_key key = *a;

        *a = *b;
        *b = key;
}

/* Moves those that are beyond all before them to the begin, in their order; returns how many they are. */
static size_t gather_rising(struct scan_key *keys, size_t n)
{
        size_t rising = 0;

        for (size_t i = 0; i < n; i++)
                if (!rising || compare_keys(&keys[rising - 1], &keys[i]) < 0)
                        swap_keys(&keys[rising++], &keys[i]);
        return rising;
}

const struct scan_key *scan_keys_check_all(struct scan_key *keys, size_t n)
{
        size_t rising = gather_rising(keys, n);

        qsort(keys + rising, n - rising, sizeof(*keys), compare_keys);
        for (size_t i = rising; i < n; i++) {
                struct scan_key *twin = bsearch(&keys[i], keys, rising, sizeof(*keys), compare_keys);

                if (!twin && i > rising && !compare_keys(&keys[i - 1], &keys[i]))
                        twin = &keys[i - 1];
                if (twin)
                        return twin->end > keys[i].end ? twin : &keys[i];
        }
        return NULL;
}
