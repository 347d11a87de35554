/*
 * One allocation holds the sorted array and, behind it, the bytes of all keys and values: label maps are
 * small, read far more often than made, and compared key by key. A binary search over one cache line or
 * two beats a hash table here, and the order makes output deterministic.
 */
#include "util/labels.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "util/arena.h"

/* So many pairs are merged without asking the heap for anything but the result. */
#define FEW_PAIRS 32

struct labels {
        size_t count;
        struct label pairs[]; /* sorted by key, the bytes follow behind them */
};

struct entry {
        struct label label;
        size_t position; /* where it was given, so that the later of two equal keys wins */
};

static int compare_entries(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        int order = strcmp(x->label.key, y->label.key);

        if (order)
                return order;
        return x->position < y->position ? -1 : x->position > y->position;
}

/* Sorts into `ret`, and drops all but the last of equal keys. Returns how many stay. */
static size_t sort_entries(struct label *ret, struct entry *entries, size_t n)
{
        size_t kept = 0;

        if (n)
                qsort(entries, n, sizeof(*entries), compare_entries);
        for (size_t i = 0; i < n; i++) {
                if (i + 1 < n && !strcmp(entries[i].label.key, entries[i + 1].label.key))
                        continue;
                ret[kept++] = entries[i].label;
        }
        return kept;
}

static const char *copy_string(char **space, const char *string)
{
        size_t size = strlen(string) + 1;
        char *copy = memcpy(*space, string, size);

        *space += size;
        return copy;
}

static struct labels *pack(const struct label *pairs, size_t n)
{
        size_t bytes = 0;
        struct labels *labels;
        char *space;

        for (size_t i = 0; i < n; i++)
                bytes += strlen(pairs[i].key) + strlen(pairs[i].value) + 2;

        labels = malloc(sizeof(*labels) + n * sizeof(*labels->pairs) + bytes);
        if (!labels)
                return NULL;

        labels->count = n;
        space = (char *)&labels->pairs[n];
        for (size_t i = 0; i < n; i++) {
                labels->pairs[i].key = copy_string(&space, pairs[i].key);
                labels->pairs[i].value = copy_string(&space, pairs[i].value);
        }
        return labels;
}

int labels_new(struct labels **ret, const struct label *pairs, size_t n)
{
        _cleanup_(freep) struct entry *entries = calloc(n ? n : 1, sizeof(*entries));
        _cleanup_(freep) struct label *sorted = calloc(n ? n : 1, sizeof(*sorted));
        struct labels *labels;

        if (!entries || !sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                entries[i] = (struct entry){.label = pairs[i], .position = i};

        labels = pack(sorted, sort_entries(sorted, entries, n));
        if (!labels)
                return -ENOMEM;
        *ret = labels;
        return 0;
}

struct labels *labels_place(struct arena *arena, size_t n)
{
        struct labels *labels = arena_allocate(arena, sizeof(*labels) + n * sizeof(*labels->pairs));

        if (labels)
                labels->count = n;
        return labels;
}

struct label *labels_pairs(struct labels *labels)
{
        return labels->pairs;
}

static int compare_labels(const void *a, const void *b)
{
        const struct label *x = a, *y = b;

        return strcmp(x->key, y->key);
}

/* The API server sends maps in the order of their keys. */
void labels_sort(struct labels *labels)
{
        for (size_t i = 1; i < labels->count; i++) {
                if (strcmp(labels->pairs[i - 1].key, labels->pairs[i].key) > 0) {
                        qsort(labels->pairs, labels->count, sizeof(*labels->pairs), compare_labels);
                        return;
                }
        }
}

struct labels *labels_free(struct labels *labels)
{
        free(labels);
        return NULL;
}

/* Both are sorted: they are merged as such. Returns how many pairs there are. */
static size_t merge_pairs(struct label *pairs, const struct labels *base, const struct labels *over)
{
        size_t i = 0, j = 0, n = 0, n_base = labels_count(base), n_over = labels_count(over);

        while (i < n_base || j < n_over) {
                int order = i == n_base ? 1 : j == n_over ? -1 : strcmp(base->pairs[i].key, over->pairs[j].key);

                pairs[n++] = order < 0 ? base->pairs[i] : over->pairs[j];
                i += order <= 0;
                j += order >= 0;
        }
        return n;
}

int labels_merge(struct labels **ret, const struct labels *base, const struct labels *over)
{
        size_t room = labels_count(base) + labels_count(over);
        struct label few[FEW_PAIRS], *pairs = few;
        _cleanup_(freep) struct label *many = NULL;
        struct labels *labels;

        if (room > FEW_PAIRS) {
                pairs = many = calloc(room, sizeof(*many));
                if (!many)
                        return -ENOMEM;
        }
        labels = pack(pairs, merge_pairs(pairs, base, over));
        if (!labels)
                return -ENOMEM;
        *ret = labels;
        return 0;
}

int labels_join(struct arena *arena, const struct labels **ret, const struct labels *base, const struct labels *over)
{
        struct labels *labels;

        if (!labels_count(base) || !labels_count(over)) {
                *ret = labels_count(base) ? base : over;
                return 0;
        }
        labels = labels_place(arena, base->count + over->count);
        if (!labels)
                return -ENOMEM;
        labels->count = merge_pairs(labels->pairs, base, over);
        *ret = labels;
        return 0;
}

size_t labels_count(const struct labels *labels)
{
        return labels ? labels->count : 0;
}

struct label labels_at(const struct labels *labels, size_t i)
{
        return labels->pairs[i];
}

const char *labels_get(const struct labels *labels, const char *key)
{
        size_t low = 0, high = labels_count(labels);

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(key, labels->pairs[middle].key);

                if (!order)
                        return labels->pairs[middle].value;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

bool labels_include(const struct labels *labels, const struct labels *subset)
{
        for (size_t i = 0; i < labels_count(subset); i++) {
                const char *value = labels_get(labels, subset->pairs[i].key);

                if (!value || strcmp(value, subset->pairs[i].value))
                        return false;
        }
        return true;
}
