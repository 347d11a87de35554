/*
 * Pods name a handful of resources, so a list that is searched from its start is both the smallest and the fastest
 * map. Every function that can run out of memory makes room first and changes values after.
 */
#include "quota/resources.h"

#include <errno.h>
#include <string.h>

#include "manifest/field.h"

void resources_clear(struct resources *resources)
{
        for (size_t i = 0; i < resources->count; i++)
                free(resources->items[i].name);
        free(resources->items);
        *resources = RESOURCES_INIT;
}

struct quantity *resources_find(const struct resources *resources, const char *name)
{
        for (size_t i = 0; i < resources->count; i++)
                if (!strcmp(resources->items[i].name, name))
                        return &resources->items[i].quantity;
        return NULL;
}

int resources_set(struct resources *resources, const char *name, struct quantity quantity)
{
        struct quantity *known = resources_find(resources, name);
        struct resource *items;
        char *copy;

        if (known) {
                *known = quantity;
                return 0;
        }
        items = reallocarray(resources->items, resources->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        resources->items = items;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        resources->items[resources->count++] = (struct resource){.name = copy, .quantity = quantity};
        return 0;
}

int resources_copy(struct resources *to, const struct resources *from)
{
        int r = 0;

        for (size_t i = 0; i < from->count && r >= 0; i++)
                r = resources_set(to, from->items[i].name, from->items[i].quantity);
        if (r < 0)
                resources_clear(to);
        return r;
}

/* Drops what was appended behind the first `count`. */
static void truncate_to(struct resources *resources, size_t count)
{
        while (resources->count > count)
                free(resources->items[--resources->count].name);
}

/* Makes sure that every name of `from` is in `to`, with zero where it is new. */
static int make_room(struct resources *to, const struct resources *from)
{
        size_t before = to->count;
        int r = 0;

        for (size_t i = 0; i < from->count && r >= 0; i++)
                if (!resources_find(to, from->items[i].name))
                        r = resources_set(to, from->items[i].name, (struct quantity){0});
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
        const char *name;
        json_t *value;
        bool good = field_object(field);

        if (!good)
                return false;
        json_object_foreach (field->value, name, value) {
                struct field member = field_member(field, name);
                struct quantity quantity;

                if (!member.value)
                        continue;
                if (quantity_from_json(&quantity, value) < 0)
                        good = field_must_be(&member, "a quantity such as \"500m\", \"4\" or \"16Gi\"");
                else if (resources_set(ret, name, quantity) < 0)
                        good = field_error(&member, "out of memory");
        }
        return good;
}
