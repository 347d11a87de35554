/*
 * A review from its bytes to its answer: what the webhook does with a request, whoever carried it here.
 *
 * Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "admission/decide.h"
#include "util/cleanup.h"

struct admission;
struct catalog;
struct error;
struct ledger;
struct pod;

struct admission_options {
        struct decide_options decide;
        const char *const *gpu_resources; /* NULL-terminated, borrowed */

        /* Borrowed. Where decisions are printed, a JSON object a line, instead of being carried out: everything is
         * allowed as it is, nothing reserved. NULL: they are carried out. */
        FILE *audit;

        /* Told of each decision on a pod that is being created, but not of dry runs, nor with `audit`; a request that
         * is decided again is told again. Everything is borrowed. Called from any thread; must not block. NULL:
         * nobody is told. */
        void (*decided)(void *userdata, const struct pod *pod, const struct decision *decision);
        void *userdata; /* of `decided`; borrowed */
};

/* Borrows the ledger. */
int admission_new(struct admission **ret, struct ledger *ledger, const struct admission_options *options,
                  struct error *error);
struct admission *admission_free(struct admission *admission);
DEFINE_CLEANUP(struct admission *, admission_free);

/* Puts a snapshot in force, in one step, for the ledger as well. Takes a reference. Requests that are being
 * decided go on with it. Until the first one, admission_handle() answers -EAGAIN. */
int admission_use(struct admission *admission, struct catalog *catalog, struct error *error);
bool admission_ready(struct admission *admission);

/* An answer. The body may be sent once `commit` is durable (ledger_wait()). */
struct admission_answer {
        char *body; /* owned; an AdmissionReview in JSON */
        size_t size;
        uint64_t commit;                       /* 0: send at once */
        bool decided, dry_run;                 /* a pod that is created was decided on; that was only tried */
        enum outcome outcome;                  /* `decided`: what became of it */
        char reservation[RESERVATION_ID_SIZE]; /* what to give back if it is never sent; "": nothing */
        const char *reservation_namespace, *reservation_region, *reservation_series; /* in `texts` */
        char *texts;                                                                 /* owned */
};
#define ADMISSION_ANSWER_INIT ((struct admission_answer){0})
void admission_answer_clear(struct admission_answer *answer);

/*
 * Reads the review, decides, and writes the answer. A DELETE review of a pod that is gone for good gives back its
 * reservation, as does an UPDATE review that shows it finished. Logs one line per decision at debug level.
 * -EINVAL: the body is no review (HTTP 400); -EAGAIN: no snapshot yet (503); -EINPROGRESS: to be handled again after
 * ledger_wait_current(); others: 500. Each with `error`.
 */
int admission_handle(struct admission *admission, const char *body, size_t size, struct admission_answer *ret,
                     struct error *error);

/* Gives back what an answer promised that cannot be sent any more (its deadline has passed). */
void admission_abandon(struct admission *admission, const struct admission_answer *answer);
