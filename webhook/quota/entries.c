/*
 * A hundred thousand pods may be kept here, most of them of a few templates: what they have in common is kept once
 * (quota/shapes.h), together with the counters that each of them counts toward, so a pod is not much more than its
 * id, and what it counts toward is asked once for all that are alike.
 *
 * Counting has two halves: linking a shape to its counters may fail, adding an entry to them cannot. When policies
 * and quotas change, every shape is linked to new counters, and then every entry is added to them.
 */
#include "quota/entries.h"

#include <errno.h>
#include <string.h>

#include "quota/reservation.h"

#include <utlist.h>

struct entry *entry_free(struct entry *entry)
{
        free(entry);
        return NULL;
}

struct entry *entry_new(const struct reservation *reservation, bool terminating)
{
        struct entry *entry = calloc(1, sizeof(*entry));

        if (!entry)
                return NULL;
        memcpy(entry->id, reservation->id, sizeof(entry->id));
        entry->created_at = reservation->created_at;
        entry->terminating = terminating;
        return entry;
}

struct reservation entry_reservation(const struct entry *entry)
{
        struct reservation reservation = *entry->shape->reservation;

        memcpy(reservation.id, entry->id, sizeof(reservation.id));
        reservation.created_at = entry->created_at;
        return reservation;
}

int entries_init(struct entries *entries)
{
        *entries = (struct entries){0};
        return shapes_init(&entries->shapes);
}

void entries_clear(struct entries *entries)
{
        struct classifier classifier = entries->shapes.classifier;
        struct entry *entry, *next;

        HASH_ITER (hh, entries->live, entry, next) {
                HASH_DEL(entries->live, entry);
                entry_free(entry);
        }
        DL_FOREACH_SAFE2 (entries->parked, entry, next, next) {
                DL_DELETE2(entries->parked, entry, previous, next);
                entry_free(entry);
        }
        shapes_clear(&entries->shapes);
        if (classifier.release)
                classifier.release(classifier.userdata);
        *entries = (struct entries){0};
}

struct entry *entries_find(const struct entries *entries, const char *id)
{
        struct entry *entry;

        HASH_FIND_STR(entries->live, id, entry);
        return entry;
}

size_t entries_count(const struct entries *entries)
{
        return HASH_COUNT(entries->live);
}

static void count(const struct entry *entry, bool add)
{
        const struct reservation reservation = entry_reservation(entry);

        if (add)
                counters_add(&entry->shape->links, &reservation, entry->terminating);
        else
                counters_subtract(&entry->shape->links, &reservation, entry->terminating);
}

static int make_live(struct entries *entries, struct entry *entry)
{
        memset(&entry->hh, 0, sizeof(entry->hh));
        HASH_ADD_STR(entries->live, id, entry);
        if (!entry->hh.tbl)
                return -ENOMEM;
        entry->live = true;
        count(entry, true);
        return 0;
}

int entries_add(struct entries *entries, struct entry **entry, struct shape *shape)
{
        int r;

        shape->uses++;
        (*entry)->shape = shape;
        r = make_live(entries, *entry);
        if (r < 0) {
                shapes_drop(&entries->shapes, shape);
                return r;
        }
        *entry = NULL;
        return 0;
}

int entries_insert(struct entries *entries, struct entry **ret, const struct reservation *reservation,
                   bool terminating)
{
        _cleanup_(entry_freep) struct entry *entry = entry_new(reservation, terminating);
        struct shape *shape;
        int r;

        if (!entry)
                return -ENOMEM;
        r = shapes_take(&entries->shapes, &shape, reservation);
        if (r < 0)
                return r;
        *ret = entry;
        r = entries_add(entries, &entry, shape);
        shapes_drop(&entries->shapes, shape); /* the entry has a use of its own */
        return r;
}

static void end_live(struct entries *entries, struct entry *entry)
{
        HASH_DEL(entries->live, entry);
        entry->live = false;
        count(entry, false);
}

void entries_park(struct entries *entries, struct entry *entry)
{
        end_live(entries, entry);
        DL_APPEND2(entries->parked, entry, previous, next);
}

int entries_unpark(struct entries *entries, struct entry *entry)
{
        int r = make_live(entries, entry);

        if (r >= 0)
                DL_DELETE2(entries->parked, entry, previous, next);
        return r;
}

void entries_drop(struct entries *entries, struct entry *entry)
{
        if (entry->live)
                end_live(entries, entry);
        else
                DL_DELETE2(entries->parked, entry, previous, next);
        shapes_drop(&entries->shapes, entry->shape);
        entry_free(entry);
}

void entry_set_terminating(struct entry *entry, bool terminating)
{
        count(entry, false);
        entry->terminating = terminating;
        count(entry, true);
}

int entries_classify(struct entries *entries, const struct classifier *classifier, struct classifier *ret_former)
{
        struct classifier former = entries->shapes.classifier;
        const struct entry *entry, *next;
        int r;

        r = shapes_classify(&entries->shapes, classifier);
        if (r < 0)
                return r;
        HASH_ITER (hh, entries->live, entry, next)
                count(entry, true);
        *ret_former = former;
        return 0;
}
