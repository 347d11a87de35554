/*
 * A shape is found by all that makes it, written out as bytes: two reservations have one shape if they are alike in
 * every field, whatever a later classifier may look at. So nothing that only some pods of a template have may be part
 * of it, or each pod has a shape of its own: the time at which a pod was made is left to the counters' `since`.
 */
#include "quota/shapes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "quota/reservation.h"
#include "util/labels.h"

static void write_text(FILE *stream, const char *text)
{
        fwrite(text, 1, strlen(text) + 1, stream);
}

/* The count goes first, so that what follows cannot be taken for a part of the map. */
static void write_labels(FILE *stream, const struct labels *labels)
{
        fprintf(stream, "%zu,", labels_count(labels));
        for (size_t i = 0; i < labels_count(labels); i++) {
                write_text(stream, labels_at(labels, i).key);
                write_text(stream, labels_at(labels, i).value);
        }
}

static void write_resources(FILE *stream, const struct resources *resources)
{
        for (size_t i = 0; i < resources->count; i++) {
                const struct resource *resource = &resources->items[i];

                write_text(stream, resource->name);
                fwrite(&resource->quantity.nano, sizeof(resource->quantity.nano), 1, stream);
        }
}

/* A new buffer, or NULL. */
static char *key_of(const struct reservation *reservation, size_t *ret_size)
{
        char *key = NULL;
        FILE *stream = open_memstream(&key, ret_size);
        bool failed;

        if (!stream)
                return NULL;
        write_text(stream, reservation->namespace);
        write_text(stream, reservation->region);
        write_text(stream, reservation->series);
        write_text(stream, reservation->placement);
        write_text(stream, reservation->node ? reservation->node : "");
        fprintf(stream, "%" PRId64 ",", reservation->gpus);
        write_labels(stream, reservation->labels);
        write_labels(stream, reservation->node_selector);
        write_resources(stream, &reservation->resources);
        failed = ferror(stream);
        if (fclose(stream) < 0 || failed) {
                free(key);
                return NULL;
        }
        return key;
}

int shapes_init(struct shapes *shapes)
{
        *shapes = (struct shapes){0};
        return counters_new(&shapes->counters);
}

static void shape_free(struct shape *shape)
{
        reservation_free(shape->reservation);
        free(shape->links.items);
        free(shape->new_links.items);
        free(shape->key);
        free(shape);
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

/* Asks the classifier and links the shape into these counters. */
static int link_shape(struct counters *counters, const struct classifier *classifier, const struct shape *shape,
                      struct counter_links *ret)
{
        _cleanup_(counter_keys_clear) struct counter_keys keys = {0};
        int r = 0;

        if (classifier->classify)
                r = classifier->classify(classifier->userdata, shape->reservation, &keys);
        return r < 0 ? r : counters_link(counters, &keys, &shape->reservation->resources, ret);
}

/* A shape that is in no table yet, without a key. */
static int make_shape(struct shapes *shapes, struct shape **ret, const struct reservation *reservation)
{
        struct shape *shape = calloc(1, sizeof(*shape));
        int r;

        if (!shape)
                return -ENOMEM;
        r = reservation_copy(&shape->reservation, reservation);
        if (r >= 0)
                r = link_shape(shapes->counters, &shapes->classifier, shape, &shape->links);
        if (r < 0)
                shape_free(shape);
        else
                *ret = shape;
        return r;
}

static int add_shape(struct shapes *shapes, struct shape **ret, const struct reservation *reservation, char **key,
                     size_t size)
{
        struct shape *shape;
        int r;

        r = make_shape(shapes, &shape, reservation);
        if (r < 0)
                return r;
        shape->key = steal_pointer(key);
        HASH_ADD_KEYPTR(hh, shapes->items, shape->key, size, shape);
        if (!shape->hh.tbl) {
                counters_unlink(shapes->counters, &shape->links);
                shape_free(shape);
                return -ENOMEM;
        }
        *ret = shape;
        return 0;
}

int shapes_take(struct shapes *shapes, struct shape **ret, const struct reservation *reservation)
{
        size_t size = 0;
        _cleanup_(freep) char *key = key_of(reservation, &size);
        struct shape *shape;
        int r = 0;

        if (!key)
                return -ENOMEM;
        HASH_FIND(hh, shapes->items, key, size, shape);
        if (!shape)
                r = add_shape(shapes, &shape, reservation, &key, size);
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
