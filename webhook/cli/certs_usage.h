/*
 * What was typed behind `regionfit certs`, and the help about it.
 */
#pragma once

#include <stdbool.h>

#include "certs/folder.h"

enum certs_verb { CERTS_CREATE, CERTS_RENEW, CERTS_ROTATE_CA, CERTS_SHOW, CERTS_N_VERBS };

/* Strings are argv's. */
struct certs_invocation {
        bool help;            /* nothing else counts */
        enum certs_verb verb; /* CERTS_N_VERBS: none, and `help` is set */
        char command[32];     /* "certs create", for messages */
        const char *folder;
        const char **sans; /* owned; what request.sans points to */
        struct certs_request request;
        enum certs_rotation step;
        bool force;
        bool ca_bundle;
        bool base64;
        bool json;
};

/* `argv[0]` is "certs". An exit status; other than EXIT_STATUS_OK, the reason has been printed. */
int certs_usage_parse(struct certs_invocation *ret, int argc, char **argv);

/* The help about the verb, or about all. Returns 0. */
int certs_usage_print(const struct certs_invocation *invocation);

void certs_invocation_clear(struct certs_invocation *invocation);
#define _cleanup_certs_invocation_ __attribute__((cleanup(certs_invocation_clear)))
