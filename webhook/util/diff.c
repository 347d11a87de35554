/*
 * The longest common subsequence by the table of the textbook: texts are objects of a few hundred lines, for which
 * anything cleverer would be harder to read and no faster. Hunks have three lines of context, as those of diff -u.
 */
#include "util/diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define CONTEXT 3

struct line {
        const char *text;
        size_t size;
};

struct lines {
        struct line *items; /* owned; the text is borrowed */
        size_t count;
};

/* One line of the result: kept (both indices), removed or added. */
struct edit {
        char sign;
        size_t old_line, new_line;
};

static void lines_clear(struct lines *lines)
{
        free(lines->items);
}

static int split(struct lines *ret, const char *text)
{
        size_t n = 1;

        for (const char *c = text; *c; c++)
                n += *c == '\n';
        ret->items = calloc(n, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        while (*text) {
                size_t size = strcspn(text, "\n");

                ret->items[ret->count++] = (struct line){text, size};
                text += size + (text[size] == '\n');
        }
        return 0;
}

static bool equal(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
        return a->items[i].size == b->items[j].size && !memcmp(a->items[i].text, b->items[j].text, a->items[i].size);
}

/* lengths[i][j] of the longest common subsequence of what follows line i of the old and line j of the new text. */
static uint32_t *measure(const struct lines *old, const struct lines *new)
{
        size_t columns = new->count + 1;
        uint32_t *lengths = calloc((old->count + 1) * columns, sizeof(*lengths));

        for (size_t i = old->count; lengths && i > 0; i--) {
                for (size_t j = new->count; j > 0; j--) {
                        uint32_t down = lengths[i * columns + j - 1], right = lengths[(i - 1) * columns + j];

                        if (equal(old, i - 1, new, j - 1))
                                lengths[(i - 1) * columns + j - 1] = lengths[i * columns + j] + 1;
                        else
                                lengths[(i - 1) * columns + j - 1] = down > right ? down : right;
                }
        }
        return lengths;
}

/* The edits that lead from the old to the new text; returns how many. */
static size_t make_edits(const struct lines *old, const struct lines *new, const uint32_t *lengths,
                         struct edit *edits)
{
        size_t columns = new->count + 1, i = 0, j = 0, n = 0;

        while (i < old->count || j < new->count) {
                if (i < old->count && j < new->count &&equal(old, i, new, j)) {
                        edits[n++] = (struct edit){' ', i++, j++};
                } else if (i < old->count &&
                           (j == new->count || lengths[(i + 1) * columns + j] >= lengths[i * columns + j + 1])) {
                        edits[n++] = (struct edit){'-', i++, j};
                } else {
                        edits[n++] = (struct edit){'+', i, j++};
                }
        }
        return n;
}

/* Where the hunk ends that begins at `start`: a gap of more than twice the context parts it from the next. */
static size_t end_of_hunk(const struct edit *edits, size_t n, size_t start)
{
        size_t last_change = start;

        for (size_t i = start; i < n && i <= last_change + 2 * CONTEXT + 1; i++)
                if (edits[i].sign != ' ')
                        last_change = i;
        return last_change + CONTEXT + 1 < n ? last_change + CONTEXT + 1 : n;
}

static void print_hunk(FILE *stream, const struct edit *edits, size_t start, size_t end, const struct lines *old,
                       const struct lines *new)
{
        size_t n_old = 0, n_new = 0;

        for (size_t i = start; i < end; i++) {
                n_old += edits[i].sign != '+';
                n_new += edits[i].sign != '-';
        }
        fprintf(stream, "@@ -%zu,%zu +%zu,%zu @@\n", edits[start].old_line + (n_old > 0), n_old,
                edits[start].new_line + (n_new > 0), n_new);
        for (size_t i = start; i < end; i++) {
                const struct line *line =
                        edits[i].sign == '+' ? &new->items[edits[i].new_line] : &old->items[edits[i].old_line];

                fprintf(stream, "%c%.*s\n", edits[i].sign, (int)line->size, line->text);
        }
}

static void print_hunks(FILE *stream, const struct edit *edits, size_t n, const struct lines *old,
                        const struct lines *new)
{
        for (size_t i = 0, end = 0; i < n; i++) {
                size_t start;

                if (edits[i].sign == ' ')
                        continue;
                start = i > end + CONTEXT ? i - CONTEXT : end;
                end = end_of_hunk(edits, n, i);
                print_hunk(stream, edits, start, end, old, new);
                i = end - 1;
        }
}

int diff_print(FILE *stream, const char *old_name, const char *old_text, const char *new_name, const char *new_text)
{
        _cleanup_(lines_clear) struct lines old = {0}, new = {0};
        _cleanup_(freep) uint32_t *lengths = NULL;
        _cleanup_(freep) struct edit *edits = NULL;

        if (!strcmp(old_text, new_text))
                return 0;
        if (split(&old, old_text) < 0 || split(&new, new_text) < 0)
                return -ENOMEM;
        lengths = measure(&old, &new);
        edits = calloc(old.count + new.count + 1, sizeof(*edits));
        if (!lengths || !edits)
                return -ENOMEM;
        fprintf(stream, "--- %s\n+++ %s\n", old_name, new_name);
        print_hunks(stream, edits, make_edits(&old, &new, lengths, edits), &old, &new);
        return 0;
}
