/*
 * Who may do what: the rules as predicates of the state. r is a replica, e an id, p a request or its pod.
 */

/* The truth, which no replica sees: an answer that was given, or will be, to a request that may still become a pod. */
#define IN_FLIGHT(_, __, p) (STATE(p) == PROMISED || (STATE(p) == COMMITTING && !requests[p].dead && \
                                                      PUT(p).state == APPLIED))
#define IS_LIVE(_, __, p) (IN_POOL(p) && STATE(p) == LIVE)

inline never_above(limit) {
        held = EACH_POD(IS_LIVE, 0, 0) + EACH_POD(IN_FLIGHT, 0, 0);
        assert(held <= limit)
}

/* Rule 6: a pod matches an entry only within its pool. */
#ifdef MUTANT_FORGED_ID
#define MATCHES(e, p) (requests[p].id == (e))
#else
#define MATCHES(e, p) (requests[p].id == (e) && IN_POOL(p))
#endif

/* Rule 1: usage and matches are those of one version of the view. */
#ifdef MUTANT_USAGE_BEHIND_MATCHES
#define COUNTED(r) MAX(replicas[r].view - 1, 0)
#else
#define COUNTED(r) replicas[r].view
#endif
#define COUNTS(r, _, p) (IN_POOL(p) && LIVE_AT(COUNTED(r), p))
#define MATCHED(r, e, p) (HAS(replicas[r].seen, p) && MATCHES(e, p))
#define UNMATCHED(r, e) MAX(ledger.entries[e] - EACH_POD(MATCHED, r, e), 0)
#define IS_PENDING(r, _, p) (STATE(p) == PENDING && requests[p].replica == (r))
#ifdef MUTANT_PENDING_UNCOUNTED
#define PENDING_AT(r) 0
#else
#define PENDING_AT(r) EACH_POD(IS_PENDING, r, 0)
#endif
#define TAKEN(r) (EACH_POD(COUNTS, r, 0) + EACH_ID(UNMATCHED, r) + PENDING_AT(r))
#define LIMIT_OF(r) (replicas[r].quotas -> LOWERED : LIMIT)

/* Rules 3 and 9: who decides has seen what removed entries stood for. */
#ifdef MUTANT_DECIDES_BEHIND_FENCE
#define REACHED_FENCE(r) true
#else
#define REACHED_FENCE(r) (replicas[r].view >= ledger.fence)
#endif

/* Rule 7: on quotas at least as new as the ledger's. */
#ifdef MUTANT_OLDER_QUOTAS
#define REACHED_QUOTAS(r) true
#else
#define REACHED_QUOTAS(r) (replicas[r].quotas >= ledger.quotas)
#endif
#define READY(r) (ledger.open && REACHED_FENCE(r) && REACHED_QUOTAS(r) && replicas[r].put.state == IDLE)

/* Rule 3: entries that the view shows all the pods of. */
#ifdef MUTANT_REMOVED_BEFORE_SEEN
#define SHOWN(r, e) (ledger.entries[e] > 0)
#else
#define SHOWN(r, e) (ledger.entries[e] > 0 && UNMATCHED(r, e) == 0)
#endif
#ifdef MUTANT_FENCE_WITHOUT_MAX
#define RAISED(to) (to)
#else
#define RAISED(to) MAX(ledger.fence, to)
#endif

/* Rule 4: nobody who was admitted under the id may still become a pod. */
#define MAY_BECOME_POD(_, e, p) (requests[p].id == (e) && STATE(p) != LIVE && STATE(p) != GONE && !requests[p].dead)
#if defined(MUTANT_NO_EXPIRY)
#define EXPIRED(r, e) false
#elif defined(MUTANT_EXPIRY_TOO_EARLY)
#define EXPIRED(r, e) (ledger.entries[e] > 0)
#else
#define EXPIRED(r, e) (ledger.entries[e] > 0 && EACH_POD(MAY_BECOME_POD, 0, e) == 0)
#endif

/* Rule 5: nobody who was promised something before the ledger was lost may still become a pod. */
#ifdef MUTANT_OPENS_AT_ONCE
#define OPENS(r) (!ledger.open)
#else
#define OPENS(r) (!ledger.open && EACH_POD(IN_FLIGHT, 0, 0) == 0)
#endif

/* Rule 1: before a group is written to a version that it was not decided on, all of it is checked again. */
#ifdef MUTANT_CHECKED_AGAIN_WITHOUT_FENCE
#define CAN_COMMIT(r) (replicas[r].put.state == IDLE && (PENDING_AT(r) == 0 || TAKEN(r) <= LIMIT_OF(r)))
#else
#define CAN_COMMIT(r) (replicas[r].put.state == IDLE)
#endif
