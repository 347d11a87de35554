/*
 * Labels by which controllers tell the pods of one template from each other, such as the pod's own name.
 *
 * Almost no policy looks at them. Kept apart from the others, they cost a few bytes and leave the pods alike.
 */
#pragma once

struct classifier;
struct labels;

/* A set of such labels; each bit is one of them. */
#define OWN_LABELS_NONE 0U

/* Those that a classifier looks at. */
unsigned own_labels_read(const struct classifier *classifier);

/*
 * Takes out those that are not in the set `read`. *ret_own is a new text that stands for them, and *ret_shared a new
 * map of the others; both are NULL where there is nothing to take out. -ENOMEM.
 */
int own_labels_split(const struct labels *labels, unsigned read, struct labels **ret_shared, char **ret_own);

/* Puts them together again, in a new map. `own` NULL: there are none. -ENOMEM. */
int own_labels_join(struct labels **ret, const struct labels *shared, const char *own);
