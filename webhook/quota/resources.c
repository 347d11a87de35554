/*
 * Pods name a handful of resources, so a list that is searched from its start is both the smallest and the fastest
 * map. Every function that can run out of memory makes room first and changes values after.
 *
 * Those of a pod that is looked at for a moment live in an arena and are never freed one by one; those that stay, in
 * the ledger and in policies, are on the heap.
 */
#include "quota/resources.h"

#include <errno.h>
#include <string.h>

#include "manifest/field.h"
#include "util/arena.h"

void resources_clear(struct resources *resources)
{
        if (!resources->arena) {
                for (size_t i = 0; i < resources->count; i++)
                        free(resources->items[i].name);
                free(resources->items);
        }
        *resources = RESOURCES_INIT;
}

struct quantity *resources_find(const struct resources *resources, const char *name)
{
        for (size_t i = 0; i < resources->count; i++)
                if (!strcmp(resources->items[i].name, name))
                        return &resources->items[i].quantity;
        return NULL;
}

static int grow(struct resources *resources, size_t more)
{
        size_t capacity = resources->capacity + more;
        struct resource *items;

        if (resources->arena)
                items = arena_array(resources->arena, capacity, sizeof(*items));
        else
                items = reallocarray(resources->items, capacity, sizeof(*items));
        if (!items)
                return -ENOMEM;
        if (resources->arena && resources->count)
                memcpy(items, resources->items, resources->count * sizeof(*items));
        resources->items = items;
        resources->capacity = capacity;
        return 0;
}

/* Appends a name that is not there yet. */
static int append(struct resources *resources, const char *name, struct quantity quantity)
{
        char *copy;

        if (resources->count == resources->capacity &&
            grow(resources, resources->arena ? resources->capacity + 4 : 1) < 0)
                return -ENOMEM;
        copy = resources->arena ? (char *)name : strdup(name);
        if (!copy)
                return -ENOMEM;
        resources->items[resources->count++] = (struct resource){.name = copy, .quantity = quantity};
        return 0;
}

int resources_set(struct resources *resources, const char *name, struct quantity quantity)
{
        struct quantity *known = resources_find(resources, name);

        if (!known)
                return append(resources, name, quantity);
        *known = quantity;
        return 0;
}

int resources_copy(struct resources *to, const struct resources *from)
{
        int r = from->count ? grow(to, from->count) : 0;

        for (size_t i = 0; i < from->count && r >= 0; i++)
                r = append(to, from->items[i].name, from->items[i].quantity);
        if (r < 0)
                resources_clear(to);
        return r;
}

/* Drops what was appended behind the first `count`. */
static void truncate_to(struct resources *resources, size_t count)
{
        while (resources->count > count) {
                resources->count--;
                if (!resources->arena)
                        free(resources->items[resources->count].name);
        }
}

/* Makes sure that every name of `from` is in `to`, with zero where it is new. */
static int make_room(struct resources *to, const struct resources *from)
{
        size_t before = to->count;
        int r = 0;

        for (size_t i = 0; i < from->count && r >= 0; i++)
                if (!resources_find(to, from->items[i].name))
                        r = append(to, from->items[i].name, (struct quantity){0});
        if (r < 0)
                truncate_to(to, before);
        return r;
}

int resources_add(struct resources *to, const struct resources *from)
{
        int r = make_room(to, from);

        for (size_t i = 0; i < from->count && r >= 0; i++) {
                struct quantity *sum = resources_find(to, from->items[i].name);

                *sum = quantity_add(*sum, from->items[i].quantity);
        }
        return r;
}

int resources_max(struct resources *to, const struct resources *from)
{
        size_t before = to->count;
        int r = make_room(to, from);

        for (size_t i = 0; i < from->count && r >= 0; i++) {
                struct quantity *most = resources_find(to, from->items[i].name);
                bool is_new = most >= &to->items[before].quantity;

                if (is_new || quantity_compare(*most, from->items[i].quantity) < 0)
                        *most = from->items[i].quantity;
        }
        return r;
}

void resources_subtract(struct resources *to, const struct resources *from)
{
        for (size_t i = 0; i < from->count; i++) {
                struct quantity *sum = resources_find(to, from->items[i].name);

                if (sum)
                        *sum = quantity_subtract(*sum, from->items[i].quantity);
        }
}

bool resources_read(struct resources *ret, const struct field *field)
{
        struct field_each each = field_each(field);
        bool good = field_object(field);

        if (!good || !field_present(field))
                return good;
        while (field_next(&each)) {
                struct quantity quantity;

                if (!field_present(&each.field))
                        continue;
                if (quantity_read(&quantity, &each.field) < 0)
                        good = field_must_be(&each.field, "a quantity such as \"500m\", \"4\" or \"16Gi\"");
                else if (append(ret, each.field.key, quantity) < 0)
                        good = field_error(&each.field, "out of memory");
        }
        return good;
}
