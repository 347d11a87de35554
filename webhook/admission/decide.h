/*
 * The decision: which unit of which policy a pod gets, and why.
 *
 * Pure but for one call: the ledger is asked to reserve. The webhook, `dry-run` and `dry-run -o explain` all
 * decide here, so that they cannot disagree.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admission/verdict.h"
#include "policy/resource_policy.h"
#include "quota/ledger.h"

struct catalog;
struct error;
struct pod;

enum outcome {
        OUTCOME_UNTOUCHED, /* none of our business: no policy, opted out, mirror pod */
        OUTCOME_PLACED,    /* on a unit */
        OUTCOME_CHARGED,   /* left as it is; it names its own region and is charged to its pool */
        OUTCOME_UNPLACED,  /* nothing fits; allowed as it is, with a warning */
        OUTCOME_DENIED,
};

/* What it borrows is the catalog's and the pod's, which must outlive it. */
struct decision {
        enum outcome outcome;
        const char *reason;                   /* one word for logs and audit: "placed", "no-policy", "ignored", ... */
        const struct resource_policy *policy; /* that decided, or NULL */
        size_t unit;                          /* PLACED: the index of its unit */
        struct verdict *verdicts;             /* owned; one for each unit of the policy */
        size_t n_verdicts;
        const char *region, *series; /* PLACED, CHARGED: the pool that is charged; "": none */
        char *message;               /* owned; DENIED, UNPLACED: the sentence with every verdict */
        char **warnings;             /* owned, each of them too */
        size_t n_warnings;
        char reservation[RESERVATION_ID_SIZE]; /* "": nothing was reserved */
        uint64_t commit;                       /* what to wait for before anybody is told; 0: nothing */
};

#define DECISION_INIT ((struct decision){0})
void decision_clear(struct decision *decision);

/* How the operator wants it. */
struct decide_options {
        bool enforce_static;                      /* deny a pod that names its own region where its pool is full */
        bool capacity_from_nodes;                 /* what a region's virtual nodes have caps its pools as well */
        bool rewrite_scheduler;                   /* ack-co-scheduler -> default-scheduler */
        bool explain;                             /* a verdict that a unit fits has its numbers, too */
        enum when_nothing_fits when_nothing_fits; /* for strategy prefer; UNSET: allow */
};

/*
 * Decides on a pod that is being created. `reserve` false (dry runs): asks what would be answered and reserves
 * nothing. 0; -ESTALE: the catalog is no longer the ledger's: decide again with the current one; -EINPROGRESS: too
 * little is known of the cluster at the moment: decide again after ledger_wait_current(); -EIO and others with
 * `error`. After a failure nothing was decided and nothing is reserved.
 */
int decide(struct decision *ret, const struct catalog *catalog, struct ledger *ledger,
           const struct decide_options *options, const struct pod *pod, bool reserve, struct error *error);

extern const char *const outcome_names[]; /* by enum outcome */
