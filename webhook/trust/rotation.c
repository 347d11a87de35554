/*
 * A CA changes in three steps, so that at every moment what any replica serves is verified by every caBundle that an
 * API server may still use:
 *
 *     STAGE     the bundle has both CAs, the old one signs         wait until both have been registered for a while
 *     FINISH    the next CA signs, the bundle has both             wait until all replicas have served that for a
 * while DROP_OLD  the bundle has the new CA alone
 *
 * Each step is one write of the Secret, and what is waited for is seen anew by whoever leads, so a leader may die at
 * any point: the Secret says where the next one goes on. One rotation begins when the former has ended. A renewal
 * needs no waiting, as the CA stays; where the CA has expired, there is nothing left to lose by not waiting.
 */
#include "trust/rotation.h"

static enum rotation_step next_of_rotation(const struct rotation_state *state)
{
        if (state->staged && state->request == ROTATION_REQUEST_ROTATE_CA)
                return ROTATION_ANSWER;
        if (state->staged)
                return state->settled ? ROTATION_FINISH : ROTATION_NONE;
        if (state->has_old)
                return state->served ? ROTATION_DROP_OLD : ROTATION_NONE;
        return state->ca_due || state->request == ROTATION_REQUEST_ROTATE_CA ? ROTATION_STAGE : ROTATION_NONE;
}

enum rotation_step rotation_next(const struct rotation_state *state)
{
        if (state->ca_expired)
                return state->staged ? ROTATION_FINISH : ROTATION_CREATE;
        if (state->server_due || state->request == ROTATION_REQUEST_RENEW)
                return ROTATION_RENEW;
        return next_of_rotation(state);
}

bool rotation_answers(enum rotation_step step, enum rotation_request request)
{
        switch (step) {
        case ROTATION_CREATE:
        case ROTATION_ANSWER:
                return true;
        case ROTATION_RENEW:
                return request == ROTATION_REQUEST_RENEW;
        case ROTATION_STAGE:
                return request == ROTATION_REQUEST_ROTATE_CA;
        default:
                return false;
        }
}
