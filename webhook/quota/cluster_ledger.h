/*
 * A ledger that counts the pods of a cluster and shares its promises with other replicas, in one ReservationLedger
 * object (regionfit.io/v1alpha1).
 *
 * What is held is what live pods ask for, as this replica's view of them shows; what is promised and not yet seen as
 * pods stands in the object. A reservation is made on one snapshot of both and holds once the object has been written
 * at exactly the version that it was made on. The rules, by their numbers in the code:
 *
 *  1. Decide on one snapshot of the view and one version of the ledger, with the view at or past that version's
 *     fence; commit by compare-and-swap on that version. An unknown outcome is decided again under a new id.
 *  2. Group commit: what comes while a write is under way goes into the next one, one entry for each pool and unit.
 *  3. A promise that is fulfilled by pods of the view is removed, and the fence covers the versions at which they
 *     were ADDED.
 *  4. One that this replica has observed for longer than its time to live is removed after a consistent list, whose
 *     pods the fence covers.
 *  5. A ledger that was lost is created closed, and opens after a time to live and a consistent list.
 *  6. What a pod is charged for never changes; a pod matches a promise only within its pool and namespace.
 *  7. The ledger carries the version of the quotas; who decides must have seen it.
 *  8. Dry runs never reserve.
 *  9. Who cannot decide waits within the deadline, and never guesses.
 *
 * Thread-safe.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct cluster_ledger;
struct counter;
struct error;
struct ledger;
struct ledger_store;
struct reservation;
struct usage;

#define RESERVATION_LEDGER_API_VERSION "regionfit.io/v1alpha1"
#define RESERVATION_LEDGER_KIND "ReservationLedger"
#define RESERVATION_LEDGER_NAME "regionfit"

struct cluster_ledger_options {
        int64_t time_to_live; /* ns; longer than an API request can live */
        int64_t pace;         /* ns; writes begin no closer together than this, so that groups are worth it */
};

/* `store` is borrowed; NULL: nothing is written, reservations live in memory, and a ledger that is not there is
 * empty. */
int cluster_ledger_new(struct cluster_ledger **ret, const struct ledger_store *store,
                       const struct cluster_ledger_options *options, struct error *error);
struct cluster_ledger *cluster_ledger_free(struct cluster_ledger *ledger);
DEFINE_CLEANUP(struct cluster_ledger *, cluster_ledger_free);

/* As what admission knows; borrowed. Must not be freed by itself. */
struct ledger *cluster_ledger_base(struct cluster_ledger *ledger);

/*
 * The view of pods. A live pod was ADDED or MODIFIED; one is gone when it was deleted, has succeeded or failed; the
 * view has reached a version without an event; or a list has ended and replaces it (takes over *pods).
 */
int cluster_ledger_pod(struct cluster_ledger *ledger, const char *uid, const struct reservation *pod,
                       uint64_t version, bool terminating);
int cluster_ledger_pod_gone(struct cluster_ledger *ledger, const char *uid, uint64_t version);
int cluster_ledger_view(struct cluster_ledger *ledger, uint64_t version);
int cluster_ledger_use_pods(struct cluster_ledger *ledger, struct usage **pods, uint64_t version);

/* The ledger's object as a watch shows it (borrowed), and that it was deleted. */
int cluster_ledger_observe(struct cluster_ledger *ledger, const json_t *object);
void cluster_ledger_lost(struct cluster_ledger *ledger);

/* Rule 7: the version of the newest change of a quota's spec that is in force here, and the version that the view of
 * quotas has reached. The version that the ledger carries; 0: none. */
void cluster_ledger_quotas(struct cluster_ledger *ledger, uint64_t spec_version, uint64_t view_version);
uint64_t cluster_ledger_quotas_written(struct cluster_ledger *ledger);

/* GPUs that live pods hold and that are promised beyond them, for a pool's key (admission/tally.h). */
void cluster_ledger_pool(struct cluster_ledger *ledger, const char *key, int64_t *ret_used, int64_t *ret_reserved);

/*
 * Calls `visit` with each counter, under the lock: of what live pods hold, then of what is promised beyond them; a
 * key may come twice. Stops at a negative result and returns it.
 */
int cluster_ledger_visit(struct cluster_ledger *ledger,
                         int (*visit)(void *userdata, const char *key, const struct counter *counter),
                         void *userdata);

/* What a person wants to know of it. */
struct cluster_ledger_status {
        bool current;                         /* it decides */
        const char *reason;                   /* why it does not; static; "" */
        uint64_t version;                     /* of the ledger's object; 0: not read yet */
        uint64_t fence, view;                 /* versions of pods */
        size_t pods, entries;                 /* in the view; in the ledger */
        uint64_t commits, conflicts, unknown; /* writes that were stored, refused, or lost */
        uint64_t credited;                    /* pods that were admitted against a credit */
        uint64_t late;                        /* pods first seen that no promise was known of: late, or forged */
};
void cluster_ledger_status(struct cluster_ledger *ledger, struct cluster_ledger_status *ret);
