/*
 * A certificate of the server's own: in a folder, in which it is renewed, or in memory.
 */
#pragma once

#include <stdbool.h>

#include "daemon/address.h"
#include "daemon/keypair.h"

struct error;
struct serve_options;

#define HOST_NAME_SIZE 256

struct own_certificate {
        char *folder;                /* owned; NULL: memory, for as long as the process lives */
        char *chain;                 /* owned; the file in it that changes with each certificate */
        char host[ADDRESS_TEXT_MAX]; /* the address that is listened on; "" for every one */
        char host_name[HOST_NAME_SIZE];
        bool stand_in; /* shown until there is another: nobody is told to trust it */
};

/* By the options: in the folder of --state, where that is given. Nothing is made yet. */
int own_certificate_init(struct own_certificate *ret, const struct serve_options *options, struct error *error);
void own_certificate_clear(struct own_certificate *own);
#define _cleanup_own_certificate_ __attribute__((cleanup(own_certificate_clear)))

/* Makes it, and renews it in time. Borrows `own`. */
struct keypair_source own_certificate_source(const struct own_certificate *own);
