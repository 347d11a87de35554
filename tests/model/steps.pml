/*
 * The steps, named like the functions of the code. Each is part of one indivisible step of ledger.pml.
 */

/* What never becomes a pod. */
inline forget(p) {
        STATE(p) = GONE;
        requests[p].dead = false;
        requests[p].replica = 0;
        requests[p].id = 0
}

inline decide_again(p) {
        STATE(p) = WAITING;
#ifndef MUTANT_REUSED_ID
        requests[p].id = 0
#endif
}

/* A member of a write that was refused, or that nobody knows the outcome of. */
inline fail(p) {
        if
        :: requests[p].dead -> forget(p)
        :: else -> decide_again(p)
        fi
}

inline clear(w) {
        w.state = IDLE;
        w.id = 0;
        w.pods = 0;
        w.removed = 0;
        w.fence = 0;
        w.open = false;
        w.quotas = false
}

/* If it is still on its way, it may land later. */
inline abandon(w) {
        WHEN(w.state == SENT, orphan.state = SENT; orphan.id = w.id; orphan.pods = w.pods; orphan.removed = w.removed;
             orphan.fence = w.fence; orphan.open = w.open; orphan.quotas = w.quotas);
        clear(w)
}

/* Rule 1: the ledger has a new version. What was sent for another is refused; what was decided on another is decided
 * again, with all that READY() asks. */
inline overtake() {
        for (i : 0 .. REQUESTS - 1) {
                WHEN(STATE(i) == COMMITTING && PUT(i).state == SENT, fail(i));
#if !defined(MUTANT_OTHER_VERSION) && !defined(MUTANT_CHECKED_AGAIN_WITHOUT_FENCE)
                WHEN(STATE(i) == PENDING, decide_again(i))
#endif
        }
        for (i : 0 .. 1) {
                WHEN(replicas[i].put.state == SENT, clear(replicas[i].put))
        }
        clear(orphan)
}

/* The API server finds the ledger at the version that the write was computed from. Rule 7: once a write has carried the
 * lowered quotas, their status may show it, and nothing more is promised above it. */
inline apply(w) {
        w.state = APPLIED;
        for (i : 1 .. IDS) {
                WHEN(HAS(w.removed, i), ledger.entries[i] = 0)
        }
        ledger.fence = w.fence;
        ledger.open = w.open;
        ledger.quotas = w.quotas;
        WHEN(w.id, ledger.entries[w.id] = ledger.entries[w.id] + w.pods; committed = WITH(committed, w.id));
        if
        :: w.id && shown -> never_above(LOWERED)
        :: else -> never_above(LIMIT)
        fi;
        shown = shown || ledger.quotas;
        overtake()
}

#define CARRIES(e, _, p) (requests[p].id == (e))

/* An id that no write has had; one that never came to the ledger is as good. */
inline new_id(r) {
        n = 1;
        do
        :: HAS(committed, n) || orphan.id == n || EACH_POD(CARRIES, n, 0) -> n++
        :: else -> break
        od
#ifdef MUTANT_REUSED_ID
        for (i : 0 .. REQUESTS - 1) {
                WHEN(IS_PENDING(r, 0, i) && requests[i].id, n = requests[i].id)
        }
#endif
}

inline prepare(r) {
        replicas[r].put.fence = ledger.fence;
        replicas[r].put.open = ledger.open;
        replicas[r].put.quotas = ledger.quotas
}

/* Rule 2: all that is pending goes with the write, under one new id. */
inline commit(r) {
        new_id(r);
        for (i : 0 .. REQUESTS - 1) {
                WHEN(IS_PENDING(r, 0, i), assert(n <= IDS); STATE(i) = COMMITTING; requests[i].id = n;
                     replicas[r].put.id = n; replicas[r].put.pods++)
        }
        replicas[r].put.state = SENT;
        if
        :: replicas[r].put.id -> printf("%d commits id %d for %d pods, fence %d\n", r, n, replicas[r].put.pods,
                                        replicas[r].put.fence)
        :: else -> printf("%d commits, fence %d\n", r, replicas[r].put.fence)
        fi
}

/* Rule 3: the fence is the largest version at which a pod of the id was ADDED, live or not. A pod that was first seen
 * in a list counts as ADDED when it was last modified: nobody can tell the one from the other. */
inline remove_shown(r) {
        largest = 0;
        for (j : 1 .. IDS) {
                WHEN(SHOWN(r, j),
                        replicas[r].put.removed = WITH(replicas[r].put.removed, j);
                        printf("%d has seen all of id %d, removes it\n", r, j);
                        for (i : 0 .. REQUESTS - 1) {
                                WHEN(MATCHED(r, j, i), largest = MAX(largest, requests[i].added));
                                WHEN(MATCHED(r, j, i) && HAS(replicas[r].modified, i),
                                     largest = MAX(largest, requests[i].modified))
                        })
        }
#ifdef MUTANT_FENCE_IS_VIEW
        largest = replicas[r].view;
#endif
#ifndef MUTANT_NO_FENCE
        replicas[r].put.fence = RAISED(largest)
#endif
}

/* The largest version among the pods of the id (0: of any) that a list of version v shows. */
inline largest_listed(e, v) {
        largest = 0;
        for (i : 0 .. INSIDE - 1) {
                WHEN((e == 0 || requests[i].id == e) && LIVE_AT(v, i),
                     largest = MAX(largest, MAX(requests[i].added, requests[i].modified)))
        }
}

/* Rule 4: after a consistent list, made after the time. An older one, but after the time, has the same pods, and some
 * that have died since. */
inline expire(r, e) {
        n = version;
#ifdef MUTANT_EXPIRY_WITHOUT_LIST
        n = replicas[r].view;
#endif
        largest_listed(e, n);
        replicas[r].put.removed = 1 << e;
        replicas[r].put.fence = RAISED(largest)
}

/* Rule 5: after a consistent list of all pods, and of the quotas: the version of rule 7 was lost too. */
inline reopen(r) {
        n = version;
#ifdef MUTANT_OPENS_WITHOUT_LIST
        n = replicas[r].view;
#endif
        largest_listed(0, n);
        replicas[r].put.fence = largest;
        replicas[r].put.open = true;
        replicas[r].put.quotas = lowered;
#ifdef MUTANT_OPENS_WITH_OLDER_QUOTAS
        replicas[r].put.quotas = replicas[r].quotas
#endif
}

/* The write is known to have been applied. */
inline answer(r) {
        for (i : 0 .. REQUESTS - 1) {
                if
                :: STATE(i) == COMMITTING && requests[i].replica == r && requests[i].dead -> forget(i)
                :: STATE(i) == COMMITTING && requests[i].replica == r && !requests[i].dead ->
                        STATE(i) = PROMISED;
                        requests[i].replica = 0
                :: else
                fi
        }
        clear(replicas[r].put)
}

/* Rule 1: an unknown outcome answers nobody. */
inline give_up(r) {
        for (i : 0 .. REQUESTS - 1) {
                WHEN(STATE(i) == COMMITTING && requests[i].replica == r, fail(i))
        }
        abandon(replicas[r].put)
}

inline watch(r) {
        do
        :: replicas[r].view++; if :: EACH_POD(EVENT_AT, replicas[r].view, 0) -> break :: else fi
        od;
        for (i : 0 .. REQUESTS - 1) {
                WHEN(requests[i].added == replicas[r].view, replicas[r].seen = WITH(replicas[r].seen, i))
        }
}

/* A list of version v replaces the view in one step. */
inline list(r, v) {
        replicas[r].view = v;
        for (i : 0 .. REQUESTS - 1) {
                WHEN(LIVE_AT(v, i) && !HAS(replicas[r].seen, i) && requests[i].modified && requests[i].modified <= v,
                     replicas[r].modified = WITH(replicas[r].modified, i));
                WHEN(LIVE_AT(v, i), replicas[r].seen = WITH(replicas[r].seen, i))
        }
}

/* Rule 1: what was seen stays so when a list takes over, unless the list is older: its usage may lack pods that were
 * seen, and then they must not match either. */
inline list_again(r, v) {
#ifndef MUTANT_SEEN_SURVIVES_OLDER_LIST
        WHEN(v < replicas[r].view, replicas[r].seen = 0; replicas[r].modified = 0);
#endif
        list(r, v)
}

/* No state is kept, and its requests fail. */
inline crash(r) {
        for (i : 0 .. REQUESTS - 1) {
                WHEN((STATE(i) == WAITING || STATE(i) == PENDING || STATE(i) == COMMITTING) &&
                     requests[i].replica == r, forget(i))
        }
        abandon(replicas[r].put);
        replicas[r].seen = 0;
        replicas[r].modified = 0;
        replicas[r].quotas = false
}

/* Decides, and counts at once. */
inline reserve(r, p) {
        requests[p].replica = r;
        if
        :: TAKEN(r) < LIMIT_OF(r) -> STATE(p) = PENDING;
                printf("%d finds that request %d fits, view %d, fence %d\n", r, p, replicas[r].view,
                                                       ledger.fence)
        :: else -> forget(p)
        fi
}

/* A lost ledger is created closed. */
inline lose() {
        for (i : 1 .. IDS) {
                ledger.entries[i] = 0
        }
        ledger.fence = 0;
        ledger.quotas = false;
        ledger.open = false;
        overtake()
}
