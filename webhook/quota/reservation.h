/*
 * What one pod was promised, from its admission until it ends.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "quota/resources.h"
#include "util/cleanup.h"

struct error;
struct labels;
struct writer;

#define RESERVATION_ID_SIZE 33 /* 128 random bits in hexadecimal, and NUL */

/* Plain data; every pointer is owned. Never changed once the ledger has it. */
struct reservation {
        char id[RESERVATION_ID_SIZE];
        char *namespace;
        struct labels *labels;        /* of the pod as admitted, patch included */
        struct labels *node_selector; /* likewise */
        char *region;                 /* "": charged to no pool */
        char *series;                 /* "": the pod and its unit name none */
        char *placement;              /* "namespace/policy#unit", or "" for a pod that named its own region */
        char *node;                   /* that its pod is bound to; NULL: to none, or to one that does not matter */
        int64_t gpus;
        struct resources resources; /* effective requests */
        int64_t created_at;         /* unix seconds */
};

/* With a new random id, and strings "" and maps empty. -ENOMEM, or what getrandom(2) says. */
int reservation_new(struct reservation **ret);
int reservation_copy(struct reservation **ret, const struct reservation *from); /* everything, its id too; -ENOMEM */
struct reservation *reservation_free(struct reservation *reservation);
DEFINE_CLEANUP(struct reservation *, reservation_free);

/* A new random id. What getrandom(2) says. */
int reservation_make_id(char id[static RESERVATION_ID_SIZE]);

/* As the ledger's file has it, without the node: the members of a JSON object, to which the writer may add others.
 * GPUs and the time are not negative. */
void reservation_write(struct writer *to, const struct reservation *reservation, bool terminating);

/* -EINVAL: `error` names the field that is wrong. -ENOMEM. */
int reservation_from_json(struct reservation **ret, bool *ret_terminating, const json_t *value, struct error *error);
