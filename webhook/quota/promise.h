/*
 * Promises: what admitted pods were promised that have not been seen yet.
 *
 * A promise is an entry of the ledger, made for all pods of one group commit that go to one pool and count toward the
 * same counters; the pods carry its id. What is counted of it is what its pods, ever ADDED in the view, have not yet
 * asked for: its pods themselves are counted where they are seen.
 *
 * Not thread-safe: the ledger guards them.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/counter.h"
#include "quota/reservation.h"
#include "util/map.h"

struct classifier;
struct error;

enum promise_state {
        PROMISE_SEEN,    /* not in the ledger, as far as we know: pods carry its id, or may yet */
        PROMISE_FORMING, /* reservations still join it */
        PROMISE_WRITING, /* on its way to the ledger: written once, or again; nobody joins it any more */
        PROMISE_ENTERED, /* in the ledger */
};

/* Pods that share all of this share a promise. */
struct promise_terms {
        const char *namespace, *region, *series; /* of the pods; "": none; borrowed, as are the following */
        const char *placement;                   /* "namespace/policy#unit", or "" */
        const struct counter_keys *counts;       /* beside the pool's */
};

bool promise_terms_equal(const struct promise_terms *a, const struct promise_terms *b);

struct promise {
        char id[RESERVATION_ID_SIZE];
        enum promise_state state;
        char *namespace, *region, *series, *placement; /* owned */
        struct counter_keys counts;                    /* owned; the counters beside the pool's */
        json_t *json;                                  /* owned; the entry as it is stored, where it is; else NULL */
        struct amount promised;
        struct amount seen;              /* what its pods, ever ADDED, asked for */
        struct amount unmatched;         /* what is counted */
        struct counter_links links;      /* where it counts */
        uint64_t newest;                 /* the largest version at which one of its pods was ADDED; 0: none was */
        int64_t since;                   /* monotonic; when this state was first observed */
        bool known;                      /* it is, or has been, in the ledger */
        bool credit;                     /* a replica may still promise more of it (quota/credit.h) */
        bool listing;                    /* rule 4: its time to live is over, and a list is being made */
        bool expired;                    /* rule 4: that list has ended */
        int64_t removable_since;         /* monotonic; 0: it was not, when anybody last looked */
        bool mark, fresh;                /* for whoever compares the table with another */
        struct promise *previous, *next; /* among those that are forming */
        UT_hash_handle hh;
};

/* The table. Zero is not valid: see promises_init(). */
struct promises {
        struct promise *by_id;               /* owned */
        struct promise *forming;             /* borrowed */
        struct counters *counters;           /* owned */
        const struct classifier *classifier; /* borrowed; NULL: nothing counts anywhere yet */
};

int promises_init(struct promises *promises); /* 0 or -ENOMEM */
void promises_clear(struct promises *promises);

/* NULL where the id is not known. */
struct promise *promises_find(const struct promises *promises, const char *id);

/* Adds a promise of nothing, in the state PROMISE_SEEN; `id` NULL: a new random one. 0, -ENOMEM, or what getrandom(2)
 * and the classifier say. */
int promises_add(struct promises *promises, struct promise **ret, const char *id, const struct promise_terms *terms);
void promises_drop(struct promises *promises, struct promise *promise);
void promise_become(struct promises *promises, struct promise *promise, enum promise_state state);

/* The counters, beside the pool's, that a reservation counts toward; *ret is empty before. *ret_charged: it takes
 * something from any of them all. */
int promises_counts(const struct promises *promises, const struct reservation *reservation, struct counter_keys *ret,
                    bool *ret_charged);

/* A promise that reservations of these terms may join, or NULL. */
struct promise *promises_forming(const struct promises *promises, const struct promise_terms *terms);

/* Adds one pod's share, which may fail, or takes it away again, which cannot. */
int promise_join(struct promises *promises, struct promise *promise, const struct reservation *reservation);
void promise_leave(struct promise *promise, const struct reservation *reservation);

/* A pod that carries the id was ADDED at this version. Returns 1, or 0 where it is not of the promise's pool and
 * namespace: then it matches nothing. -ENOMEM. */
int promise_see(struct promise *promise, const struct reservation *pod, uint64_t version);

/* Forgets what its pods have asked for. */
void promise_unsee(struct promise *promise);

/* Rule 3: everything that it promises has been seen. */
bool promise_is_fulfilled(const struct promise *promise);

/* What is promised from now on, and on which terms. Takes over the amount's resources. What pods of other terms than
 * these have asked for no longer matches. -ENOMEM: nothing has changed. */
int promise_set(struct promises *promises, struct promise *promise, const struct promise_terms *terms,
                struct amount *amount);

/*
 * Takes in an entry of the ledger (borrowed; it is kept): the promise of its id, which is added where it is not
 * known, has these terms and this amount. *ret_entered: it was not in the ledger before. -EINVAL: `error` names the
 * field that is wrong; -ENOMEM.
 */
int promises_enter(struct promises *promises, struct promise **ret, bool *ret_entered, json_t *json,
                   struct error *error);

/* The promise is no longer in the ledger: nothing is promised by it any more. */
void promise_remove(struct promise *promise, int64_t now);

/* The entry as it is stored, but with this amount, and no credit any more; new. NULL: out of memory. */
json_t *promise_json_with(const json_t *json, const struct amount *amount, bool resources);

/* The entry to write; borrowed from the promise. NULL: out of memory. */
json_t *promise_to_json(struct promise *promise);

/* Counts every promise anew, in one step. The classifier is borrowed until the next one. On failure nothing has
 * changed. */
int promises_classify(struct promises *promises, const struct classifier *classifier);
