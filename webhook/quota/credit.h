/*
 * Credits: promises made in advance. While pods of one kind keep coming, a replica has more promised in one write
 * than anybody waits for, and admits the next pods against that at once, with no write of their own.
 *
 *  - A credit may be spent until some time after its compare-and-swap was *sent*, by a clock that runs on while the
 *    machine sleeps, read after the request came in. It is never renewed or grown; another one, with an id of its
 * own, takes over.
 *  - To close it, the replica stops spending, and then sets the entry to what was spent; nothing at all removes it.
 *    Whatever the answer, that id is never spent again.
 *  - That of a replica that died ends by rule 4: the time to live is longer than its life and that of a request.
 *  - Nobody is refused for want of what lies in credits: he waits for them to be closed, and near its end a pool
 * gives no credit. Hence what is refused, and which unit a pod gets, is the same as without.
 *
 * Part of the cluster ledger, whose lock guards all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota/counter.h"
#include "quota/limit.h"
#include "quota/reservation.h"
#include "util/thread_safety.h"

struct cluster_ledger;
struct promise_terms;

enum credit_state {
        CREDIT_WANTED,  /* to be asked for with the next write */
        CREDIT_WRITING, /* in the one that is under way */
        CREDIT_OPEN,    /* may be spent */
        CREDIT_CLOSED,  /* may not; the ledger does not have what is left of it yet, as far as we know */
};

struct credit {
        enum credit_state state;
        char id[RESERVATION_ID_SIZE]; /* of its promise; "" while it is wanted */
        struct reservation *share;    /* owned; a pod as it was when the credit was wanted */
        struct counter_keys counts;   /* owned; what such pods count toward, beside the pool */
        struct limit *limits;         /* owned (limits_copy()); to be kept by all of it */
        size_t n_limits;
        uint64_t generation; /* of the policies and quotas behind the limits */
        int64_t wanted;      /* pods */
        int64_t until;       /* clock_boot(); OPEN, WRITING: no longer than that */
        struct amount spent; /* by pods that were admitted against it */
        struct credit *previous, *next;
};

/* Admits a pod against a credit: 1, and its id; 0: there is none for it; -ENOMEM. */
int credit_spend(struct cluster_ledger *ledger, const struct reservation *reservation,
                 const struct counter_keys *counts, uint64_t generation, const struct limit *limits, size_t n_limits,
                 char ret_id[static RESERVATION_ID_SIZE]);

/* A pod of this kind has to wait for a write, together with so many. Asks for a credit if that is worth it. */
void credit_want(struct cluster_ledger *ledger, const struct reservation *reservation,
                 const struct counter_keys *counts, const struct limit *limits, size_t n_limits, int64_t together);

/* True where what was refused for this limit may fit once credits have come to an end: then those of this replica are
 * closed on the way. */
bool credit_may_return(struct cluster_ledger *ledger, const struct limit *limit, const struct refusal *refusal);

/* Before a write: makes promises of what is wanted, as far as there is plenty, and closes what is over. */
void credits_collect(struct cluster_ledger *ledger);

/* The entry that is to be written for the promise instead of its own: *ret is new, or NULL where it is to go. False:
 * its own. */
bool credit_entry(struct cluster_ledger *ledger, const char *id, json_t *json, json_t **ret);

/* After a write, and whenever the object has changed. */
void credits_settle(struct cluster_ledger *ledger);

/* When a write is due for them although nobody waits (monotonic); 0: none is. */
int64_t credits_due(const struct cluster_ledger *ledger, int64_t now);

void credits_close(struct cluster_ledger *ledger); /* all of them */
void credits_clear(struct cluster_ledger *ledger);
