/*
 * Two maps whose order is that of the last use: what is used moves to the end, and what is at the beginning goes
 * first. Those that are too many are counted all the same, so that the next one that is written tells how many there
 * were.
 */
#include "kube/event_correlator.h"

#include <errno.h>
#include <string.h>

#include "kube/event.h"
#include "util/map.h"
#include "util/text.h"
#include "util/token_bucket.h"

struct entry {
        char *key;                  /* owned */
        char *name;                 /* owned; of the Event; NULL for an object */
        struct event_series series; /* of an Event; borrows the name */
        int64_t seen;               /* monotonic ns */
        struct token_bucket bucket; /* of an object */
        UT_hash_handle hh;
};

struct event_correlator {
        struct entry *events;  /* owned; by object, type, reason and message */
        struct entry *objects; /* owned; by object */
};

struct event_correlator *event_correlator_new(void)
{
        return calloc(1, sizeof(struct event_correlator));
}

static struct entry *entry_free(struct entry *entry)
{
        if (!entry)
                return NULL;
        free(entry->key);
        free(entry->name);
        free(entry);
        return NULL;
}
DEFINE_CLEANUP(struct entry *, entry_free);

static void drop(struct entry **map, struct entry *entry)
{
        HASH_DEL(*map, entry);
        entry_free(entry);
}

static void drop_all(struct entry **map)
{
        struct entry *entry, *next;

        HASH_ITER (hh, *map, entry, next)
                drop(map, entry);
}

struct event_correlator *event_correlator_free(struct event_correlator *correlator)
{
        if (!correlator)
                return NULL;
        drop_all(&correlator->events);
        drop_all(&correlator->objects);
        free(correlator);
        return NULL;
}

/* Puts it at the end of the map, and makes room for it. */
static int put(struct entry **map, struct entry *entry)
{
        if (HASH_COUNT(*map) >= EVENT_CORRELATOR_MOST)
                drop(map, *map);
        HASH_ADD_KEYPTR(hh, *map, entry->key, strlen(entry->key), entry);
        return entry->hh.tbl ? 0 : -ENOMEM;
}

/* Finds the key, which it takes over, or makes an entry of it, and moves it to the end. */
static int use(struct entry **map, char *key, struct entry **ret)
{
        _cleanup_(freep) char *owned = key;
        _cleanup_(entry_freep) struct entry *entry = NULL;
        int r;

        if (!key)
                return -ENOMEM;
        HASH_FIND_STR(*map, key, entry);
        if (entry)
                HASH_DEL(*map, entry);
        else
                entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;
        if (!entry->key)
                entry->key = steal_pointer(&owned);
        r = put(map, entry);
        if (r < 0)
                return r;
        *ret = steal_pointer(&entry);
        return 0;
}

/* None of the parts has a line feed, but the message, which is the last. */
static char *object_key(const struct event_object *object)
{
        return text_format("%s\n%s\n%s\n%s\n%s", object->api_version, object->kind, object->namespace, object->name,
                           object->uid);
}

static char *event_key(const struct event *event)
{
        _cleanup_(freep) char *object = object_key(&event->object);

        return object ? text_format("%s\n%d\n%s\n%s", object, event->type, event->reason, event->message) : NULL;
}

static int begin_series(struct entry *entry, const struct event *event)
{
        char *name = event_make_name(event);

        if (!name)
                return -ENOMEM;
        free(entry->name);
        entry->name = name;
        entry->series = (struct event_series){.name = name, .first = event->at};
        return 0;
}

static int count(struct event_correlator *correlator, const struct event *event, int64_t now, struct entry **ret)
{
        struct entry *entry;
        int r;

        r = use(&correlator->events, event_key(event), &entry);
        if (r < 0)
                return r;
        if (!entry->name || now - entry->seen > EVENT_CORRELATOR_WINDOW) {
                r = begin_series(entry, event);
                if (r < 0) {
                        drop(&correlator->events, entry);
                        return r;
                }
        }
        entry->series.count++;
        entry->seen = now;
        *ret = entry;
        return 0;
}

int event_correlator_add(struct event_correlator *correlator, const struct event *event, int64_t now,
                         struct event_series **ret)
{
        struct entry *counted, *object;
        int r;

        r = count(correlator, event, now, &counted);
        if (r >= 0)
                r = use(&correlator->objects, object_key(&event->object), &object);
        if (r < 0)
                return r;
        if (!object->bucket.burst)
                object->bucket = TOKEN_BUCKET(EVENT_CORRELATOR_INTERVAL, EVENT_CORRELATOR_BURST);
        *ret = &counted->series;
        return token_bucket_take(&object->bucket, now) ? 0 : 1;
}
