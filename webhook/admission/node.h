/*
 * What a decision needs of a Node (Kubernetes core/v1).
 *
 * Immutable once read; counted references.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "quota/resources.h"
#include "util/cleanup.h"

struct field;
struct labels;

#define LABEL_NODE_TYPE "type"
#define NODE_TYPE_VIRTUAL "virtual-kubelet"

struct node {
        unsigned references;   /* atomic */
        char *name;            /* owned */
        struct labels *labels; /* owned */
        bool is_virtual;       /* its label `type`, or its taint, says so */
        bool schedulable;      /* Ready, and not unschedulable (cordoned) */
        const char *region;    /* borrowed from its labels, as is the series; "": it names none */
        const char *series;
        struct resources allocatable; /* of the resources that count as GPUs, those that it has any of */
        int64_t gpus;                 /* all of them together */
};

/* NULL after an error has gone to the field's diagnostics, or where memory ran out (then without one).
 * `gpu_resources` are names, NULL-terminated. */
struct node *node_read(const struct field *field, const char *const *gpu_resources);
struct node *node_ref(struct node *node);
struct node *node_unref(struct node *node);
DEFINE_CLEANUP(struct node *, node_unref);

/* True if no decision can tell them apart. */
bool node_equal(const struct node *a, const struct node *b);
