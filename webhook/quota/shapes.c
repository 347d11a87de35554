/*
 * A shape is found by all that makes it, written out as bytes: two reservations have one shape if they are alike in
 * every field, whatever a later classifier may look at. So nothing that only some pods of a template have may be part
 * of it, or each pod has a shape of its own: the time at which a pod was made is left to the counters' `since`.
 */
#include "quota/shapes.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "manifest/writer.h"
#include "quota/reservation.h"
#include "util/labels.h"

static void write_text(struct writer *to, const char *text)
{
        writer_bytes(to, text, strlen(text) + 1);
}

static void write_count(struct writer *to, uint64_t count)
{
        writer_bytes(to, (const char *)&count, sizeof(count));
}

/* The count goes first, so that what follows cannot be taken for a part of the map. */
static void write_labels(struct writer *to, const struct labels *labels)
{
        size_t n = labels_count(labels);

        write_count(to, n);
        for (size_t i = 0; i < n; i++) {
                struct label label = labels_at(labels, i);

                write_text(to, label.key);
                write_text(to, label.value);
        }
}

static void write_resources(struct writer *to, const struct resources *resources)
{
        for (size_t i = 0; i < resources->count; i++) {
                const struct resource *resource = &resources->items[i];

                write_text(to, resource->name);
                writer_bytes(to, (const char *)&resource->quantity.nano, sizeof(resource->quantity.nano));
        }
}

void shape_write_key(struct writer *to, const struct reservation *reservation)
{
        write_text(to, reservation->namespace);
        write_text(to, reservation->region);
        write_text(to, reservation->series);
        write_text(to, reservation->placement);
        write_text(to, reservation->node ? reservation->node : "");
        write_count(to, (uint64_t)reservation->gpus);
        write_labels(to, reservation->labels);
        write_labels(to, reservation->node_selector);
        write_resources(to, &reservation->resources);
}

int shapes_init(struct shapes *shapes)
{
        *shapes = (struct shapes){0};
        return counters_new(&shapes->counters);
}

struct shape *shape_free(struct shape *shape)
{
        if (!shape)
                return NULL;
        reservation_free(shape->reservation);
        free(shape->links.items);
        free(shape->new_links.items);
        free(shape);
        return NULL;
}

void shapes_clear(struct shapes *shapes)
{
        struct shape *shape, *next;

        HASH_ITER (hh, shapes->items, shape, next) {
                HASH_DEL(shapes->items, shape);
                shape_free(shape);
        }
        counters_free(shapes->counters);
        *shapes = (struct shapes){0};
}

/* Asks the classifier; without one it counts nowhere. */
static int classify(const struct classifier *classifier, const struct shape *shape, struct counter_keys *ret)
{
        return classifier->classify ? classifier->classify(classifier->userdata, shape->reservation, ret) : 0;
}

struct shape *shapes_find(const struct shapes *shapes, const struct writer *key)
{
        struct shape *shape;

        HASH_FIND(hh, shapes->items, key->bytes, key->size, shape);
        return shape;
}

int shape_new(struct shape **ret, const struct reservation *reservation, const struct writer *key)
{
        struct shape *shape = key->failed ? NULL : calloc(1, sizeof(*shape) + key->size);

        if (!shape)
                return -ENOMEM;
        if (reservation_copy(&shape->reservation, reservation) < 0) {
                shape_free(shape);
                return -ENOMEM;
        }
        memcpy(shape->key, key->bytes, key->size);
        shape->key_size = key->size;
        *ret = shape;
        return 0;
}

int shapes_add(struct shapes *shapes, struct shape **shape, const struct counter_keys *keys)
{
        struct shape *added = *shape;

        if (counters_link(shapes->counters, keys, &added->reservation->resources, &added->links) < 0)
                return -ENOMEM;
        HASH_ADD_KEYPTR(hh, shapes->items, added->key, added->key_size, added);
        if (!added->hh.tbl) {
                counters_unlink(shapes->counters, &added->links);
                return -ENOMEM;
        }
        *shape = NULL;
        return 0;
}

/* Makes the shape that has this key, and is in no table yet. */
static int make_shape(struct shapes *shapes, struct shape **ret, const struct reservation *reservation,
                      const struct writer *key)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        struct shape *shape = NULL;
        int r;

        r = shape_new(&shape, reservation, key);
        *ret = shape;
        if (r >= 0)
                r = classify(&shapes->classifier, shape, &keys);
        if (r >= 0)
                r = shapes_add(shapes, &shape, &keys);
        shape_free(shape);
        return r;
}

int shapes_take(struct shapes *shapes, struct shape **ret, const struct reservation *reservation)
{
        char block[SHAPE_KEY_BLOCK];
        _cleanup_(writer_clear) struct writer key;
        struct shape *shape;
        int r = 0;

        writer_init(&key, block, sizeof(block));
        shape_write_key(&key, reservation);
        shape = key.failed ? NULL : shapes_find(shapes, &key);
        if (!shape)
                r = make_shape(shapes, &shape, reservation, &key);
        if (r < 0)
                return r;
        shape->uses++;
        *ret = shape;
        return 0;
}

void shapes_drop(struct shapes *shapes, struct shape *shape)
{
        if (--shape->uses)
                return;
        HASH_DEL(shapes->items, shape);
        counters_unlink(shapes->counters, &shape->links);
        shape_free(shape);
}

/* Makes the new links those that hold, or drops them. */
static void finish_links(struct shapes *shapes, bool use)
{
        struct shape *shape, *next;

        HASH_ITER (hh, shapes->items, shape, next) {
                struct counter_links *old = use ? &shape->links : &shape->new_links;

                free(old->items);
                if (use)
                        shape->links = shape->new_links;
                shape->new_links = (struct counter_links){0};
        }
}

/* Asks the classifier and links the shape into these counters. */
static int link_shape(struct counters *counters, const struct classifier *classifier, const struct shape *shape,
                      struct counter_links *ret)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        int r = classify(classifier, shape, &keys);

        return r < 0 ? r : counters_link(counters, &keys, &shape->reservation->resources, ret);
}

int shapes_classify(struct shapes *shapes, const struct classifier *classifier)
{
        _cleanup_(counters_freep) struct counters *counters = NULL;
        struct counters *former = shapes->counters;
        struct shape *shape, *next;
        int r = counters_new(&counters);

        if (r < 0)
                return r;
        HASH_ITER (hh, shapes->items, shape, next)
                if (r >= 0)
                        r = link_shape(counters, classifier, shape, &shape->new_links);
        finish_links(shapes, r >= 0);
        if (r < 0)
                return r;
        shapes->classifier = *classifier;
        shapes->counters = counters;
        counters = former;
        return 0;
}
