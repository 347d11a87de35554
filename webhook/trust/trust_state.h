/*
 * What the files of the trust share: trust.c, which follows and answers, and trust_write.c, which writes.
 */
#pragma once

#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "trust/agreement.h"
#include "trust/carried.h"
#include "trust/registration.h"
#include "trust/serving.h"
#include "trust/shared_authority.h"
#include "trust/trust.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/thread_safety.h"

struct error;
struct followed_object;
struct kube_client;

struct trust {
        struct trust_options options;
        struct kube_client *client;            /* borrowed */
        struct followed_object *secret;        /* owned; NULL: pairs are offered */
        struct followed_object *configuration; /* owned; NULL: not started */
        pthread_t thread;
        bool started;
        bool stopping; /* atomic; ends calls */

        struct shared_authority *shared; /* owned; the thread's, as are the following; NULL: pairs are offered */
        struct backoff backoff;
        int64_t rest_until; /* monotonic ns; nothing is written before, unless there is news */
        char *said;         /* owned; the failure that was logged last */
        struct agreement agreement;

        struct lock lock;
        pthread_cond_t changed; /* there is news, or an end */
        bool news;              /* guarded by lock, as are the following */
        struct serving serving;
        STACK_OF(X509) * offered_bundle;   /* owned; what came with the pair; NULL: none */
        struct registration *registration; /* owned; NULL: there is none */
        bool registration_known;
        struct carried carried;
        char secret_obstacle[256]; /* why the Secret has no certificate for us */
};

/* Unix seconds. */
static inline int64_t trust_now(const struct trust *trust)
{
        return trust->options.request.now ? trust->options.request.now : clock_unix();
}

/* Takes the next step in the cluster, if it is this replica's to take: 1; 0 where nothing is to be done; negative
 * errno. The thread's alone. */
int trust_write(struct trust *trust, struct error *error);
