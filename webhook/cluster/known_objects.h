/*
 * All objects of one kind, as a reflector shows them: what is known of each, by key.
 *
 * Not thread-safe: the catalog source guards it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/known_object.h"
#include "kube/reflector.h"
#include "util/cleanup.h"

struct known_objects;

int known_objects_new(struct known_objects **ret, const struct known_kind *kind); /* 0 or -ENOMEM */
struct known_objects *known_objects_free(struct known_objects *objects);
DEFINE_CLEANUP(struct known_objects *, known_objects_free);

/*
 * A list (see struct reflector_ops): it takes the place of what is known when it ends, and not before. The end and an
 * event return 1 where a value has changed, come or gone; 0 where it was something else. Negative errno: nothing has
 * changed.
 */
int known_objects_begin(struct known_objects *objects);
int known_objects_item(struct known_objects *objects, const json_t *object);
int known_objects_end(struct known_objects *objects, uint64_t version);
int known_objects_event(struct known_objects *objects, enum reflector_event event, const json_t *object,
                        uint64_t version);
void known_objects_bookmark(struct known_objects *objects, uint64_t version);

bool known_objects_listed(const struct known_objects *objects);      /* a list has ended */
uint64_t known_objects_version(const struct known_objects *objects); /* that the view has reached */

/* Of the newest change of a spec; a deletion is one. */
uint64_t known_objects_spec_version(const struct known_objects *objects);

/* How many have a version that is malformed. */
size_t known_objects_faults(const struct known_objects *objects);

/* *ret: an array of references, by key; the caller drops them and frees it. -ENOMEM. */
int known_objects_all(const struct known_objects *objects, struct known_object ***ret, size_t *ret_n);
