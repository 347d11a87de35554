/*
 * Counting has two halves: linking an entry to its counters may fail, adding it to them cannot. When policies and
 * quotas change, everything is linked into a second set of counters, which then takes the place of the first.
 */
#include "quota/entries.h"

#include <errno.h>
#include <string.h>

#include "quota/reservation.h"

#include <utlist.h>

struct entry *entry_free(struct entry *entry)
{
        if (!entry)
                return NULL;
        reservation_free(entry->reservation);
        free(entry->links.items);
        free(entry->new_links.items);
        free(entry);
        return NULL;
}

struct entry *entry_new(struct reservation **reservation, bool terminating)
{
        struct entry *entry = calloc(1, sizeof(*entry));

        if (!entry)
                return NULL;
        entry->reservation = steal_pointer(reservation);
        entry->terminating = terminating;
        return entry;
}

int entries_init(struct entries *entries)
{
        *entries = (struct entries){0};
        return counters_new(&entries->counters);
}

void entries_clear(struct entries *entries)
{
        struct entry *entry, *next;

        HASH_ITER (hh, entries->live, entry, next) {
                HASH_DEL(entries->live, entry);
                entry_free(entry);
        }
        DL_FOREACH_SAFE2 (entries->parked, entry, next, next) {
                DL_DELETE2(entries->parked, entry, previous, next);
                entry_free(entry);
        }
        counters_free(entries->counters);
        if (entries->classifier.release)
                entries->classifier.release(entries->classifier.userdata);
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

/* Asks the classifier and links the entry into these counters. Without a classifier it counts nowhere. */
static int link_entry(struct counters *counters, const struct classifier *classifier, const struct entry *entry,
                      struct counter_links *ret)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        int r = 0;

        if (classifier->classify)
                r = classifier->classify(classifier->userdata, entry->reservation, &keys);
        return r < 0 ? r : counters_link(counters, &keys, &entry->reservation->resources, ret);
}

static int make_live(struct entries *entries, struct entry *entry)
{
        memset(&entry->hh, 0, sizeof(entry->hh));
        HASH_ADD_KEYPTR(hh, entries->live, entry->reservation->id, strlen(entry->reservation->id), entry);
        if (!entry->hh.tbl)
                return -ENOMEM;
        entry->live = true;
        counters_add(&entry->links, entry->reservation, entry->terminating);
        return 0;
}

int entries_add(struct entries *entries, struct entry **entry, const struct counter_keys *keys)
{
        int r = counters_link(entries->counters, keys, &(*entry)->reservation->resources, &(*entry)->links);

        if (r < 0)
                return r;
        r = make_live(entries, *entry);
        if (r < 0) {
                counters_unlink(entries->counters, &(*entry)->links);
                return r;
        }
        *entry = NULL;
        return 0;
}

int entries_insert(struct entries *entries, struct entry **ret, struct reservation **reservation, bool terminating)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        struct entry *entry = entry_new(reservation, terminating), *added = entry;
        const struct classifier *classifier = &entries->classifier;
        int r = entry ? 0 : -ENOMEM;

        if (r >= 0 && classifier->classify)
                r = classifier->classify(classifier->userdata, entry->reservation, &keys);
        if (r >= 0)
                r = entries_add(entries, &entry, &keys);
        if (r >= 0) {
                *ret = added;
                return 0;
        }
        if (entry)
                *reservation = steal_pointer(&entry->reservation);
        entry_free(entry);
        return r;
}

static void end_live(struct entries *entries, struct entry *entry)
{
        HASH_DEL(entries->live, entry);
        entry->live = false;
        counters_subtract(&entry->links, entry->reservation, entry->terminating);
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
        counters_unlink(entries->counters, &entry->links);
        entry_free(entry);
}

void entry_set_terminating(struct entry *entry, bool terminating)
{
        counters_subtract(&entry->links, entry->reservation, entry->terminating);
        entry->terminating = terminating;
        counters_add(&entry->links, entry->reservation, entry->terminating);
}

static int link_all(struct entries *entries, struct counters *counters, const struct classifier *classifier)
{
        struct entry *entry, *next;
        int r = 0;

        HASH_ITER (hh, entries->live, entry, next)
                if (r >= 0)
                        r = link_entry(counters, classifier, entry, &entry->new_links);
        DL_FOREACH2 (entries->parked, entry, next)
                if (r >= 0)
                        r = link_entry(counters, classifier, entry, &entry->new_links);
        return r;
}

/* Makes the new links those that hold, or drops them. */
static void finish_links(struct entry *entry, bool use)
{
        if (use) {
                free(entry->links.items);
                entry->links = entry->new_links;
                if (entry->live)
                        counters_add(&entry->links, entry->reservation, entry->terminating);
        } else {
                free(entry->new_links.items);
        }
        entry->new_links = (struct counter_links){0};
}

int entries_classify(struct entries *entries, const struct classifier *classifier, struct classifier *ret_former)
{
        _cleanup_(counters_freep) struct counters *counters = NULL;
        struct entry *entry, *next;
        int r = counters_new(&counters);

        if (r < 0)
                return r;
        r = link_all(entries, counters, classifier);
        HASH_ITER (hh, entries->live, entry, next)
                finish_links(entry, r >= 0);
        DL_FOREACH2 (entries->parked, entry, next)
                finish_links(entry, r >= 0);
        if (r >= 0) {
                struct counters *former = entries->counters;

                entries->counters = counters;
                counters = former;
                *ret_former = entries->classifier;
                entries->classifier = *classifier;
        }
        return r;
}
