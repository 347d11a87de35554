/*
 * Whether all replicas serve one certificate, and have done so for long enough.
 *
 * Times are clock_monotonic(), in ns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;

/* 1 if every replica serves the certificate of this fingerprint, 0 if one does not, or a negative errno. */
typedef int agreement_ask(void *userdata, const char *fingerprint, struct error *error);

/* {0}: nothing is known. */
struct agreement {
        char *fingerprint; /* owned; that was asked about last */
        bool reached;      /* when last asked, all served it */
        int64_t since;     /* and have ever since then */
        int64_t asked_at;
};

void agreement_clear(struct agreement *agreement);

/* 1 if all have served it for `duration`. Asks anew after a tenth of it, or 10 s at most. 0 if they
 * have not; negative errno: that of `ask`, after which they have not. */
int agreement_holds(struct agreement *agreement, const char *fingerprint, int64_t duration, int64_t now,
                    agreement_ask *ask, void *userdata, struct error *error);
