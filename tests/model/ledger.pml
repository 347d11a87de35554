/*
 * The ledger's protocol (rules 1 to 9 of its design): two replicas promise the GPUs of one pool to pods of one GPU.
 *
 * Proven, for every interleaving within the bounds below:
 * - Never above the limit: live pods, together with the promises that may still become pods, at every step.
 * - Capacity comes back: every run ends (there is no cycle), and where nothing can happen any more, the ledger is open
 *   and empty, and both replicas find that remaining = limit - live pods.
 *
 * The API server: a request for a pod comes to a replica, is answered, and may die at any time; a pod is ADDED,
 * MODIFIED and DELETED, each at the next resourceVersion. A replica: its view of the pods lags as it likes; it follows
 * a watch, lists again, or crashes and begins with a list, both at any version that ever was (a cache that is behind).
 * It decides, counts what it decided as pending, and commits all that is pending as one group, with the removals. The
 * write is sent, then applied or refused, then heard of; or its outcome stays unknown: it was applied, or lands when
 * its replica has given it up or has crashed, or never lands. A replica that is stopped (SIGSTOP) is one that takes no
 * step for a while: nothing has to happen soon. Rule 8 promises nothing, so there is nothing of it here.
 *
 * What is left out, and why it may be:
 * - The ledger's versions. They are compared for equality alone: a write to another version than the ledger's is one
 *   that was overtaken, and then its members decide again. What a replica that is behind computes is never written.
 * - Clocks. The time to live is longer than an API request lives, and a request comes in before its entry can be
 *   observed: "for longer than the time to live" is "every request under the id has died, or is a pod".
 * - Deciding while a write is in flight: it moves the ledger's version, so all of that is checked again.
 * - A request that dies before its entry is written: it leaves nothing behind.
 *
 * The bounds are macros, and so are the mutants: each breaks one rule, and a counterexample exists. `./dev test model`
 * runs them all (tests/model/test_model.py); one by hand:
 *
 *     spin -DMUTANT_NO_FENCE -run -DSAFETY -m20000 ledger.pml; spin -DMUTANT_NO_FENCE -t -T ledger.pml
 */

#ifndef REQUESTS
#define REQUESTS 3                      /* 4 at most; for a pod each */
#endif
#ifndef LIMIT
#define LIMIT 1                         /* GPUs of the pool */
#endif
#ifndef UNKNOWNS
#define UNKNOWNS 0                      /* writes that are given up; REQUESTS + UNKNOWNS is 5 at most */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef LISTS
#define LISTS 0                         /* how often a view lists again */
#endif
#ifndef DELETES
#define DELETES 0                       /* pods that end; the others live for ever */
#endif
#ifndef MODIFIES
#define MODIFIES 0                      /* pods that are modified, once each */
#endif
#ifndef OTHERS
#define OTHERS 0                        /* writes to other resources: versions that no watch of pods shows */
#endif
#ifndef LOSSES
#define LOSSES 0                        /* how often the ledger is lost */
#endif
#ifdef LOWERED                          /* the limit, once the quota is lowered */
#define QUOTAS true
#else
#define QUOTAS false
#define LOWERED LIMIT
#endif
#ifdef FORGERY                          /* the last pod is outside of the pool, with an id that it was not given */
#define INSIDE (REQUESTS - 1)
#else
#define INSIDE REQUESTS
#endif
#define IDS 5

mtype = { ABSENT, WAITING, PENDING, COMMITTING, PROMISED, LIVE, GONE };
mtype = { IDLE, SENT, APPLIED };

/* A request of the API server, and the pod that it becomes. */
typedef request {
        mtype state = ABSENT;
        bool dead;                      /* the API server let go while COMMITTING */
        byte replica;
        byte id;                        /* the annotation regionfit.io/reservation; 0: none */
        byte added, modified, deleted   /* resourceVersions; 0: not yet */
};

/* A write of the ledger: what it changes in the version that it was computed from. */
typedef write {
        mtype state = IDLE;
        byte id, pods;                  /* the new entry; 0: none */
        byte removed;                   /* a bit for each id */
        byte fence;
        bool open, quotas
};

typedef reservation_ledger {
        bool open = true;
        byte fence;
        bool quotas;                    /* rule 7: the quotas' version, before and after they are lowered */
        byte entries[IDS + 1]           /* by id: how many pods are promised; 0: no entry */
};

typedef process {
        byte view;                      /* the resourceVersion of its pods */
        byte seen;                      /* a bit for each pod that was ever ADDED in the view */
        byte modified;                  /* likewise: those first seen in a list, and modified by then */
        bool quotas;
        write put
};

reservation_ledger ledger;
process replicas[2];
request requests[4];
write orphan;                           /* a write whose replica has given it up */
byte version;                           /* the latest resourceVersion */
byte committed;                         /* a bit for each id that ever was in the ledger */
bool lowered, shown;                    /* the quota; its status may say so */
byte unknowns = UNKNOWNS, crashes = CRASHES, lists = LISTS, deletes = DELETES, modifies = MODIFIES, others = OTHERS,
     losses = LOSSES;

hidden byte i, j, n, largest, held;     /* scratch of one step */
hidden byte capacity_is_back;

#define EACH_POD(f, a, b) (f(a, b, 0) + f(a, b, 1) + f(a, b, 2) + f(a, b, 3))
#define EACH_ID(f, a) (f(a, 1) + f(a, 2) + f(a, 3) + f(a, 4) + f(a, 5))
#define HAS(set, x) (((set) >> (x)) & 1)
#define WITH(set, x) ((set) | (1 << (x)))
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define WHEN(condition, then) if :: condition -> then :: else fi
#define STEP(condition, then) d_step { condition -> then; skip }

#define STATE(p) requests[p].state
#define PUT(p) replicas[requests[p].replica].put
#define IN_POOL(p) ((p) < INSIDE)
#define LIVE_AT(v, p) (requests[p].added && requests[p].added <= (v) && \
                       (!requests[p].deleted || requests[p].deleted > (v)))
#define EVENT_AT(v, _, p) (requests[p].added == (v) || requests[p].modified == (v) || requests[p].deleted == (v))
#define EVENT_AFTER(v, _, p) (requests[p].added > (v) || requests[p].modified > (v) || requests[p].deleted > (v))

#include "rules.pml"
#include "steps.pml"

proctype server(byte r) {
        byte x;

end:
        do
        :: STEP(EACH_POD(EVENT_AFTER, replicas[r].view, 0), watch(r); printf("%d sees %d\n", r, replicas[r].view))
        :: STEP(CAN_COMMIT(r) && EACH_POD(IS_PENDING, r, 0), prepare(r); commit(r))
        :: STEP(CAN_COMMIT(r) && EACH_ID(SHOWN, r), prepare(r); remove_shown(r); commit(r))
        :: atomic { CAN_COMMIT(r) && EACH_ID(EXPIRED, r) ->
                if
                :: EXPIRED(r, 1) -> x = 1
                :: EXPIRED(r, 2) -> x = 2
                :: EXPIRED(r, 3) -> x = 3
                :: EXPIRED(r, 4) -> x = 4
                :: EXPIRED(r, 5) -> x = 5
                fi;
                d_step { printf("%d expires id %d\n", r, x); prepare(r); expire(r, x); commit(r); x = 0 } }
        :: STEP(CAN_COMMIT(r) && OPENS(r), printf("%d opens the ledger\n", r); prepare(r); reopen(r); commit(r))
        :: STEP(lowered && !replicas[r].quotas, replicas[r].quotas = true; printf("%d sees the lowered limit\n", r))
        :: STEP(CAN_COMMIT(r) && ledger.open && replicas[r].quotas && !ledger.quotas,
                printf("%d requires the lowered limit\n", r); prepare(r); replicas[r].put.quotas = true; commit(r))
        :: STEP(replicas[r].put.state == SENT, printf("the write of %d is applied\n", r); apply(replicas[r].put))
        :: STEP(replicas[r].put.state == APPLIED, answer(r); printf("%d answers\n", r))
#ifdef MUTANT_UNKNOWN_IS_SUCCESS
        :: STEP(unknowns && replicas[r].put.state == SENT, unknowns--; answer(r); printf("%d answers unasked\n", r))
#endif
        :: STEP(unknowns && replicas[r].put.state != IDLE && orphan.state == IDLE,
                unknowns--; give_up(r); printf("%d does not know the outcome\n", r))
        :: atomic { lists -> select(x : 0 .. version);
                d_step { lists--; list_again(r, x); printf("%d lists %d again\n", r, x); x = 0 } }
        :: atomic { crashes && orphan.state == IDLE -> select(x : 0 .. version);
                d_step { crashes--; crash(r); list(r, x); printf("%d restarts, lists %d\n", r, x); x = 0 } }
        od
}

/* They arrive in order, and the first at replica 0: requests are alike, and so are replicas. */
#define COMES(p, r) ((STATE(p) == ABSENT && (p == 0 -> r == 0 : STATE(p - 1) != ABSENT)) || \
                     (STATE(p) == WAITING && requests[p].replica == (r)))

proctype api_request(byte p) {
end:
        do
        :: STEP(READY(0) && COMES(p, 0), reserve(0, p))
        :: STEP(READY(1) && COMES(p, 1), reserve(1, p))
        :: STEP(STATE(p) == COMMITTING && PUT(p).state == APPLIED && !requests[p].dead, requests[p].dead = true)
        :: STEP(STATE(p) == PROMISED, forget(p); printf("request %d dies\n", p))
        :: STEP(STATE(p) == PROMISED, STATE(p) = LIVE; version++; requests[p].added = version; never_above(LIMIT);
                printf("pod %d ADDED at %d\n", p, version))
        :: STEP(STATE(p) == LIVE && modifies && !requests[p].modified, modifies--; version++;
                requests[p].modified = version; printf("pod %d MODIFIED at %d\n", p, version))
        :: STEP(STATE(p) == LIVE && deletes, deletes--; STATE(p) = GONE; version++; requests[p].deleted = version;
                printf("pod %d DELETED at %d\n", p, version))
        od
}

/* A pod that asked nobody, with whatever id it likes. */
proctype forgery(byte p) {
        byte x;

end:
        atomic { committed -> select(x : 1 .. IDS);
                d_step { STATE(p) = LIVE; version++; requests[p].added = version; requests[p].id = x;
                         printf("pod %d, forged, with id %d, ADDED at %d\n", p, x, version); x = 0 } }
}

proctype world() {
end:
        do
        :: STEP(orphan.state == SENT, printf("the write that was given up lands\n"); apply(orphan))
        :: STEP(orphan.state == SENT, clear(orphan))
        :: STEP(losses, losses--; lose(); printf("the ledger is lost\n"))
        :: STEP(QUOTAS && !lowered, lowered = true; printf("the limit is lowered\n"))
        :: STEP(others, others--; version++)
        od
}

#define HAS_ENTRY(_, e) (ledger.entries[e] > 0)
#define IS_BACK(r) (READY(r) && TAKEN(r) == EACH_POD(IS_LIVE, 0, 0))

proctype quiescence() {
        timeout -> d_step {
                capacity_is_back = EACH_ID(HAS_ENTRY, 0) == 0 && IS_BACK(0) && IS_BACK(1);
                assert(capacity_is_back)
        }
}

init {
        atomic {
                run server(0);
                run server(1);
                run world();
                run quiescence();
                for (i : 0 .. INSIDE - 1) {
                        run api_request(i)
                }
                if
                :: INSIDE < REQUESTS -> run forgery(INSIDE)
                :: else
                fi
        }
}
