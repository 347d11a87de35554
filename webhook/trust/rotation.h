/*
 * The next step for the certificates in a Secret: what the leader does when it looks, or that it waits.
 *
 * Pure: what is known goes in, the step comes out. The steps themselves are those of certs/authority.h.
 */
#pragma once

#include <stdbool.h>

/* What the annotation of the Secret asks for. */
enum rotation_request { ROTATION_REQUEST_NONE, ROTATION_REQUEST_RENEW, ROTATION_REQUEST_ROTATE_CA };

/* What is known of an authority whose CA is there. */
struct rotation_state {
        bool ca_expired;
        bool ca_due;     /* a third of its life is left, or less */
        bool staged;     /* the next CA is there */
        bool has_old;    /* the bundle has CAs that sign no more */
        bool server_due; /* for whatever reason: damaged, without a name, near its end */
        bool settled;    /* the registered configuration has carried the whole bundle for the overlap */
        bool served;     /* all replicas have served the Secret's certificate for the overlap */
        enum rotation_request request;
};

enum rotation_step {
        ROTATION_NONE,
        ROTATION_CREATE,   /* a new CA: the old one has expired, and there is no next */
        ROTATION_RENEW,    /* a new server certificate */
        ROTATION_STAGE,    /* make the next CA, and trust it */
        ROTATION_FINISH,   /* let it sign */
        ROTATION_DROP_OLD, /* trust earlier CAs no more */
        ROTATION_ANSWER,   /* take the request away: what it asks for is under way */
        ROTATION_N_STEPS,
};

enum rotation_step rotation_next(const struct rotation_state *state);

/* True if the step does what the request asks for, so that both are one write. */
bool rotation_answers(enum rotation_step step, enum rotation_request request);
