/*
 * Counters exist for as long as a reservation is linked to them, so there are never more of them than reservations
 * make necessary. Linking reserves the space that counting needs: once a request has been told that it fits, nothing
 * that can fail is left to do.
 */
#include "quota/counter.h"

#include <errno.h>
#include <string.h>

#include "quota/reservation.h"
#include "util/map.h"

struct counter_entry {
        char *key; /* owned */
        struct counter counter;
        size_t links;
        UT_hash_handle hh;
};

struct counters {
        struct counter_entry *entries; /* owned */
};

int counter_keys_add(struct counter_keys *keys, const char *key)
{
        char **items = reallocarray(keys->items, keys->count + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        keys->items = items;
        keys->items[keys->count] = strdup(key);
        if (!keys->items[keys->count])
                return -ENOMEM;
        keys->count++;
        return 0;
}

void counter_keys_clear(struct counter_keys *keys)
{
        for (size_t i = 0; i < keys->count; i++)
                free(keys->items[i]);
        free(keys->items);
        *keys = (struct counter_keys){0};
}

void counter_clear(struct counter *counter)
{
        resources_clear(&counter->resources);
        resources_clear(&counter->terminating_resources);
        *counter = (struct counter){0};
}

int counters_new(struct counters **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

static void entry_free(struct counters *counters, struct counter_entry *entry)
{
        HASH_DEL(counters->entries, entry);
        counter_clear(&entry->counter);
        free(entry->key);
        free(entry);
}

struct counters *counters_free(struct counters *counters)
{
        struct counter_entry *entry, *next;

        if (!counters)
                return NULL;
        HASH_ITER (hh, counters->entries, entry, next)
                entry_free(counters, entry);
        free(counters);
        return NULL;
}

static struct counter_entry *find_entry(const struct counters *counters, const char *key)
{
        struct counter_entry *entry;

        HASH_FIND_STR(counters->entries, key, entry);
        return entry;
}

const struct counter *counters_find(const struct counters *counters, const char *key)
{
        const struct counter_entry *entry = find_entry(counters, key);

        return entry ? &entry->counter : NULL;
}

static struct counter_entry *get_entry(struct counters *counters, const char *key)
{
        struct counter_entry *entry = find_entry(counters, key);

        if (entry)
                return entry;
        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return NULL;
        entry->key = strdup(key);
        if (entry->key)
                HASH_ADD_KEYPTR(hh, counters->entries, entry->key, strlen(entry->key), entry);
        if (!entry->hh.tbl) {
                free(entry->key);
                free(entry);
                return NULL;
        }
        return entry;
}

/* Gives each of the names a place, so that adding and subtracting need no memory. */
static int make_room(struct resources *sums, const struct resources *names)
{
        int r = 0;

        for (size_t i = 0; i < names->count && r >= 0; i++)
                if (!resources_find(sums, names->items[i].name))
                        r = resources_set(sums, names->items[i].name, quantity_whole(0));
        return r;
}

static int link_one(struct counters *counters, const char *key, const struct reservation *reservation,
                    struct counter_links *links)
{
        struct counter_entry *entry = get_entry(counters, key);

        if (!entry)
                return -ENOMEM;
        entry->links++;
        links->items[links->count++] = entry;
        if (make_room(&entry->counter.resources, &reservation->resources) < 0 ||
            make_room(&entry->counter.terminating_resources, &reservation->resources) < 0)
                return -ENOMEM;
        return 0;
}

int counters_link(struct counters *counters, const struct counter_keys *keys, const struct reservation *reservation,
                  struct counter_links *ret)
{
        struct counter_links links = {.items = calloc(keys->count + 1, sizeof(struct counter_entry *))};
        int r = links.items ? 0 : -ENOMEM;

        for (size_t i = 0; i < keys->count && r >= 0; i++)
                r = link_one(counters, keys->items[i], reservation, &links);
        if (r < 0)
                counters_unlink(counters, &links);
        else
                *ret = links;
        return r;
}

void counters_unlink(struct counters *counters, struct counter_links *links)
{
        for (size_t i = 0; i < links->count; i++)
                if (--links->items[i]->links == 0)
                        entry_free(counters, links->items[i]);
        free(links->items);
        *links = (struct counter_links){0};
}

static void change_sum(struct quantity *sum, struct quantity by, bool add)
{
        *sum = add ? quantity_add(*sum, by) : quantity_subtract(*sum, by);
}

static void change_resources(struct resources *sums, const struct resources *by, bool add)
{
        for (size_t i = 0; i < by->count; i++)
                change_sum(resources_find(sums, by->items[i].name), by->items[i].quantity, add);
}

static void change(const struct counter_links *links, const struct reservation *reservation, bool terminating,
                   bool add)
{
        int64_t sign = add ? 1 : -1;

        for (size_t i = 0; i < links->count; i++) {
                struct counter *counter = &links->items[i]->counter;

                change_sum(&counter->gpus, quantity_whole(reservation->gpus), add);
                counter->pods += sign;
                change_resources(&counter->resources, &reservation->resources, add);
                if (!terminating)
                        continue;
                counter->terminating_pods += sign;
                change_resources(&counter->terminating_resources, &reservation->resources, add);
        }
}

void counters_add(const struct counter_links *links, const struct reservation *reservation, bool terminating)
{
        change(links, reservation, terminating, true);
}

void counters_subtract(const struct counter_links *links, const struct reservation *reservation, bool terminating)
{
        change(links, reservation, terminating, false);
}
