/*
 * Where a ledger that replicas share is kept: one object, replaced only where it is still at the version that was
 * read (compare-and-swap).
 *
 * Called from two threads of the ledger, without its lock: one that may list, and one that does all the rest. May
 * block, but not longer than an API request lives; a list may take longer.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct error;

struct ledger_store {
        /* The object as it is now (a consistent read), new. -ENOENT: there is none. */
        int (*read)(void *userdata, json_t **ret, struct error *error);

        /*
         * Stores the object, at the version that its metadata.resourceVersion names, or as a new one where it names
         * none. 0 and *ret, new: as it is stored now. -EBUSY: another version is stored, or one exists. -EIO: whether
         * it has been stored is unknown. Any other errno: it has not.
         */
        int (*write)(void *userdata, const json_t *object, json_t **ret, struct error *error);

        /* Rule 4: calls `found` with each pod that carries a reservation, in one namespace or (NULL) in all, as they
         * are now (a consistent list that begins after the call). */
        int (*list)(void *userdata, const char *namespace,
                    void (*found)(void *found_userdata, const char *id, uint64_t version), void *found_userdata,
                    struct error *error);

        /* Rules 5 and 7: the largest version of any RegionQuota as they are now (a consistent list); 0: there is
         * none. */
        int (*quotas)(void *userdata, uint64_t *ret, struct error *error);

        /* Rule 5: 1 where nothing has ever been promised in this cluster, and nobody else has been told so; else 0.
         * Says 1 once and never again, whoever asks. */
        int (*is_first)(void *userdata, struct error *error);

        void *userdata; /* borrowed */
};
