/*
 * The forms in which `dry-run` shows what it decided.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "util/cleanup.h"

struct catalog;
struct decision;
struct ledger;
struct output;
struct review;

/* One pod and what was decided; all borrowed. */
struct placed {
        const char *name;     /* "namespace/name", with "#2" for the second of one generateName */
        const json_t *object; /* the pod */
        const struct decision *decision;
        const json_t *patch;         /* operations */
        const struct review *review; /* what it came in; NULL: a workload */
};

/* A form: how it begins, shows a pod, and ends. Each returns 0 or -ENOMEM. */
struct output_form {
        const char *name;
        int (*begin)(struct output *output);
        int (*show)(struct output *output, const struct placed *placed);
        int (*end)(struct output *output, const struct catalog *catalog, struct ledger *ledger);
};

/* NULL where the name is unknown. */
const struct output_form *output_find(const char *name);

struct output *output_new(const struct output_form *form, FILE *stream);
struct output *output_free(struct output *output);

DEFINE_CLEANUP(struct output *, output_free);

int output_begin(struct output *output);
int output_show(struct output *output, const struct placed *placed);
int output_end(struct output *output, const struct catalog *catalog, struct ledger *ledger);
