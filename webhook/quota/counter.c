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

int counter_keys_add(struct counter_keys *keys, const char *name, int64_t since)
{
        struct counter_key *items = reallocarray(keys->items, keys->count + 1, sizeof(*items));
        char *copy;

        if (!items)
                return -ENOMEM;
        keys->items = items;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        keys->items[keys->count++] = (struct counter_key){.name = copy, .since = since};
        return 0;
}

int counter_keys_copy(struct counter_keys *to, const struct counter_keys *from)
{
        int r = 0;

        for (size_t i = 0; i < from->count && r >= 0; i++)
                r = counter_keys_add(to, from->items[i].name, from->items[i].since);
        return r;
}

void counter_keys_clear(struct counter_keys *keys)
{
        for (size_t i = 0; i < keys->count; i++)
                free(keys->items[i].name);
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

int counters_visit(const struct counters *counters,
                   int (*visit)(void *userdata, const char *key, const struct counter *counter), void *userdata)
{
        int r = 0;

        for (const struct counter_entry *entry = counters->entries; entry && r >= 0; entry = entry->hh.next)
                r = visit(userdata, entry->key, &entry->counter);
        return r < 0 ? r : 0;
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

static int link_one(struct counters *counters, const struct counter_key *key, const struct resources *resources,
                    struct counter_links *links)
{
        struct counter_entry *entry = get_entry(counters, key->name);

        if (!entry)
                return -ENOMEM;
        entry->links++;
        links->items[links->count++] = (struct counter_link){.entry = entry, .since = key->since};
        if (make_room(&entry->counter.resources, resources) < 0 ||
            make_room(&entry->counter.terminating_resources, resources) < 0)
                return -ENOMEM;
        return 0;
}

int counters_link(struct counters *counters, const struct counter_keys *keys, const struct resources *resources,
                  struct counter_links *ret)
{
        struct counter_links links = {.items = calloc(keys->count + 1, sizeof(*links.items))};
        int r = links.items ? 0 : -ENOMEM;

        for (size_t i = 0; i < keys->count && r >= 0; i++)
                r = link_one(counters, &keys->items[i], resources, &links);
        if (r < 0)
                counters_unlink(counters, &links);
        else
                *ret = links;
        return r;
}

bool counter_links_have(const struct counter_links *links, const char *key)
{
        for (size_t i = 0; i < links->count; i++)
                if (!strcmp(links->items[i].entry->key, key))
                        return true;
        return false;
}

void counters_unlink(struct counters *counters, struct counter_links *links)
{
        for (size_t i = 0; i < links->count; i++)
                if (--links->items[i].entry->links == 0)
                        entry_free(counters, links->items[i].entry);
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

static void change_counter(struct counter *counter, const struct amount *by, bool terminating, bool add)
{
        int64_t pods = add ? by->pods : -by->pods;

        change_sum(&counter->gpus, by->gpus, add);
        counter->pods += pods;
        change_resources(&counter->resources, &by->resources, add);
        if (terminating) {
                counter->terminating_pods += pods;
                change_resources(&counter->terminating_resources, &by->resources, add);
        }
}

static void change(const struct counter_links *links, const struct reservation *reservation, bool terminating,
                   bool add)
{
        struct amount by = {quantity_whole(reservation->gpus), 1, reservation->resources};

        for (size_t i = 0; i < links->count; i++)
                if (reservation->created_at >= links->items[i].since)
                        change_counter(&links->items[i].entry->counter, &by, terminating, add);
}

void counters_add(const struct counter_links *links, const struct reservation *reservation, bool terminating)
{
        change(links, reservation, terminating, true);
}

void counters_subtract(const struct counter_links *links, const struct reservation *reservation, bool terminating)
{
        change(links, reservation, terminating, false);
}

void counters_add_amount(const struct counter_links *links, const struct amount *amount)
{
        for (size_t i = 0; i < links->count; i++)
                change_counter(&links->items[i].entry->counter, amount, false, true);
}

void counters_subtract_amount(const struct counter_links *links, const struct amount *amount)
{
        for (size_t i = 0; i < links->count; i++)
                change_counter(&links->items[i].entry->counter, amount, false, false);
}
