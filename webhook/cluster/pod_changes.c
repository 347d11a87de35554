/*
 * A replica tells now and then which resourceVersion it has seen. To hold that against the pods as they are now would
 * call every replica late that has not told since; so it is held against those that had been changed by then. The API
 * server notes the time of a change with whoever made it, in whole seconds.
 */
#include "cluster/pod_changes.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "kube/reflector.h"

void pod_changes_clear(struct pod_changes *changes)
{
        free(changes->items);
        *changes = POD_CHANGES_INIT;
}

/* 0 where it is none. */
static int64_t parse_time(const json_t *value)
{
        const char *text = json_string_value(value);
        struct tm tm = {0};

        return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;
}

/* When any of its fields was changed last; 0: it does not say. */
static int64_t changed_at(const json_t *pod)
{
        const json_t *managers = json_object_get(json_object_get(pod, "metadata"), "managedFields"), *manager;
        int64_t last = 0;
        size_t i;

        json_array_foreach (managers, i, manager) {
                int64_t at = parse_time(json_object_get(manager, "time"));

                if (at > last)
                        last = at;
        }
        return last;
}

static int make_room(struct pod_changes *changes)
{
        size_t capacity = changes->capacity ? 2 * changes->capacity : 64;
        struct pod_change *items;

        if (changes->count < changes->capacity)
                return 0;
        items = reallocarray(changes->items, capacity, sizeof(*items));
        if (!items)
                return -ENOMEM;
        changes->items = items;
        changes->capacity = capacity;
        return 0;
}

int pod_changes_add(struct pod_changes *changes, const json_t *pod)
{
        const struct pod_change change = {.at = changed_at(pod), .version = object_version(pod)};

        if (!change.at)
                return 0;
        if (make_room(changes) < 0)
                return -ENOMEM;
        changes->items[changes->count++] = change;
        return 0;
}

uint64_t pod_changes_newest(const struct pod_changes *changes, int64_t before)
{
        uint64_t newest = 0;

        for (size_t i = 0; i < changes->count; i++)
                if (changes->items[i].at + 1 < before && changes->items[i].version > newest)
                        newest = changes->items[i].version;
        return newest;
}
