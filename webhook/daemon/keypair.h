/*
 * The server's certificate and key, put in force as they change.
 *
 * Where they come from (files that somebody else looks after, a folder of the server's own, memory) and who puts them
 * in force (this process at once, or whoever knows when that is safe) is given.
 *
 * Not thread-safe: the thread that watches owns it.
 */
#pragma once

#include "util/cleanup.h"

struct keypair;
struct error;

/* Texts in PEM. */
struct keypair_pem {
        char *chain;     /* owned, as are the following */
        char *key;       /* wiped when cleared */
        char *ca_bundle; /* the CAs to register; NULL: nobody here registers them */
};

void keypair_pem_clear(struct keypair_pem *pem);
#define _cleanup_keypair_pem_ __attribute__((cleanup(keypair_pem_clear)))

/* Where a pair comes from; everything is borrowed. */
struct keypair_source {
        /* Makes or renews what is due, and reads it into an empty `ret`, which the caller clears even after a
         * failure. */
        int (*read)(const void *userdata, struct keypair_pem *ret, struct error *error);
        const void *userdata;
        const char *files[4]; /* watch the folders of these; NULL-terminated; none: it is read once */
};

/* Puts a pair in force, now or as soon as that is safe; what it returns is negative where the pair is of no use. */
typedef int keypair_use(void *userdata, const struct keypair_pem *pem, struct error *error);

/* Reads the pair, gives it to `use` (NULL: that of daemon/tls.h, at once) and watches it. Copies `source`. */
int keypair_new(struct keypair **ret, const struct keypair_source *source, keypair_use *use, void *userdata,
                struct error *error);
struct keypair *keypair_free(struct keypair *keypair);
DEFINE_CLEANUP(struct keypair *, keypair_free);

/* For poll(2): readable when a file may have changed. -1: there is nothing to watch. */
int keypair_fd(const struct keypair *keypair);

/*
 * Reads again, and gives to `use` what is new. A pair that cannot be used, because somebody is in the middle of
 * replacing its files, leaves the former one in force; the failure is logged once.
 */
void keypair_refresh(struct keypair *keypair);
