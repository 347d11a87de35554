/*
 * Half of a review is bookkeeping that no decision looks at. A shape says which members do matter, level by level;
 * what it does not name is skipped at the speed of the scanner, and what it names becomes a small record in the
 * arena. The order of members does not matter, then, and a reader may look at them in its own.
 *
 * A shaped object has a place for each member of its shape, so that a reader finds it by its number, and asking for a
 * member that can never be there is caught as the mistake that it is.
 */
#include "manifest/document.h"

#include <errno.h>
#include <string.h>

#include "manifest/scanner.h"
#include "util/arena.h"
#include "util/error.h"

static const enum kept_kind kept_kinds[] = {
        [SCAN_OBJECT] = KEPT_OBJECT,   [SCAN_LIST] = KEPT_LIST, [SCAN_STRING] = KEPT_STRING,
        [SCAN_INTEGER] = KEPT_INTEGER, [SCAN_REAL] = KEPT_REAL, [SCAN_TRUE] = KEPT_TRUE,
        [SCAN_FALSE] = KEPT_FALSE,     [SCAN_NULL] = KEPT_NULL,
};

/* What is read, and whether memory ran out on the way. */
struct reader {
        struct scanner scanner;
        struct arena *arena;
        bool out_of_memory;
};

/* A NUL-terminated copy without escapes, or NULL. */
static const char *copy_text(struct reader *reader, const struct scan_text *text)
{
        char *copy = arena_text(reader->arena, text->size + 1), *end;

        if (!copy) {
                reader->out_of_memory = true;
                return NULL;
        }
        end = text->escapes ? scan_unescape(copy, text) : (char *)memcpy(copy, text->bytes, text->size) + text->size;
        *end = '\0';
        return copy;
}

static struct kept *read_value(struct reader *reader, const struct shape *shape);

/* Appends the value that comes next. False where something is wrong. */
static bool append(struct reader *reader, struct kept *parent, struct kept ***tail, const char *key,
                   const struct shape *shape)
{
        struct kept *kept = read_value(reader, shape);

        if (!kept)
                return false;
        kept->key = key;
        **tail = kept;
        *tail = &kept->next;
        parent->count++;
        return true;
}

static bool read_items(struct reader *reader, struct kept *list, const struct shape *shape)
{
        struct kept **tail = &list->first;
        bool good = true;

        while (good && scanner_item(&reader->scanner))
                good = append(reader, list, &tail, NULL, shape);
        return good && !reader->scanner.fault;
}

static bool read_whole(struct reader *reader, struct kept *object)
{
        struct kept **tail = &object->first;
        struct scan_text key;
        bool good = true;

        while (good && scanner_member(&reader->scanner, &key)) {
                const char *name = copy_text(reader, &key);

                good = name && append(reader, object, &tail, name, NULL);
        }
        return good && !reader->scanner.fault;
}

/* The place of a key in the shape, or behind its last. */
static size_t find_key(const struct shape *shape, const struct scan_text *key)
{
        size_t i = 0, size = key->size;
        char first = size ? *key->bytes : '\0';

        while (shape[i].key &&
               (shape[i].size != size || *shape[i].key != first || memcmp(shape[i].key, key->bytes, size) != 0))
                i++;
        return i;
}

static bool read_members(struct reader *reader, struct kept *object, const struct shape *shape)
{
        struct scan_text key;
        bool good = true;

        while (good && scanner_member(&reader->scanner, &key)) {
                size_t i = find_key(shape, &key);

                if (shape[i].key) {
                        object->members[i] = read_value(reader, shape[i].members);
                        good = object->members[i];
                } else {
                        good = scanner_skip(&reader->scanner);
                }
        }
        return good && !reader->scanner.fault;
}

static bool read_object(struct reader *reader, struct kept *object, const struct shape *shape)
{
        size_t n = 0;

        if (!shape)
                return read_whole(reader, object);
        while (shape[n].key)
                n++;
        object->shape = shape;
        object->members = arena_array(reader->arena, n, sizeof(struct kept *));
        if (!object->members) {
                reader->out_of_memory = true;
                return false;
        }
        memset(object->members, 0, n * sizeof(struct kept *));
        return read_members(reader, object, shape);
}

/* NULL where something is wrong. */
static struct kept *read_value(struct reader *reader, const struct shape *shape)
{
        struct kept *kept = arena_allocate(reader->arena, sizeof(*kept));
        struct scan_text text = {0};
        enum scan_kind kind;

        if (!kept) {
                reader->out_of_memory = true;
                return NULL;
        }
        kind = scanner_take(&reader->scanner, &text);
        if (kind == SCAN_FAULT)
                return NULL;
        *kept = (struct kept){.kind = kept_kinds[kind]};
        if (kind == SCAN_OBJECT)
                return read_object(reader, kept, shape) ? kept : NULL;
        if (kind == SCAN_LIST)
                return read_items(reader, kept, shape) ? kept : NULL;
        if (text.bytes)
                kept->text = copy_text(reader, &text);
        return text.bytes && !kept->text ? NULL : kept;
}

int document_read(struct kept **ret, const char *bytes, size_t size, const struct shape *shape, struct arena *arena,
                  struct error *error)
{
        struct reader reader;
        struct kept *root;

        reader.arena = arena;
        reader.out_of_memory = false;
        scanner_init(&reader.scanner, bytes, size, arena);
        root = read_value(&reader, shape);
        if (reader.out_of_memory)
                return error_oom(error);
        if (!root || !scanner_finish(&reader.scanner))
                return scanner_error(&reader.scanner, error);
        *ret = root;
        return 0;
}
