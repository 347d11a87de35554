/*
 * A folder of certificates: a CA, what it signed, and every CA to trust.
 *
 *     ca.crt ca.key            the CA that signs now
 *     ca-next.crt ca-next.key  the CA that will sign, while a rotation is under way
 *     ca-bundle.crt            every CA to trust: the one that signs, the next, earlier ones until they expire
 *     tls.crt tls.key          the server's certificate and key
 *
 * Each function below takes the folder's lock (flock(2)) and moves the folder from one whole state to another in
 * a single rename: whatever crashes, a reader finds all the old files or all the new ones (certs/generation.h).
 * Keys are 0600, the folder 0700. -EINVAL: the request or a file is at fault; -EEXIST, -ENOENT as described; else
 * the errno of the file system. `error` always has the sentence.
 */
#pragma once

#include "certs/certs.h"

struct certs_report;
struct error;

/*
 * Makes the folder usable: creates it and all that is missing, renews a server certificate that is damaged, lacks
 * a SAN of the request (those that it has are kept) or has a third of its life left. A CA in its last third gets a
 * successor in the bundle, which takes over when the CA expires. `ret_changed` may be NULL; after true, the bundle
 * may have changed as well.
 */
int certs_folder_ensure(const char *folder, const struct certs_request *request, bool *ret_changed,
                        struct error *error);

/* Bundle, chain and key, all of one state. -ENOENT: the folder or one of them is missing. */
int certs_folder_read(struct certs_pem *ret, const char *folder, struct error *error);

/* A new CA and server certificate. -EEXIST: the folder has a CA and `force` is false. */
int certs_folder_create(const char *folder, const struct certs_request *request, bool force, struct error *error);

/*
 * A new server certificate with a new key, if one is due or `force`. SANs of the request replace those that it has.
 * `ret_reason` (owned by the caller) says why it was due: "it expires in 12 days". NULL: none was, nothing changed.
 */
int certs_folder_renew(const char *folder, const struct certs_request *request, bool force, char **ret_reason,
                       struct error *error);

/* The steps of a rotation of the CA, each of which may be repeated at will; certs/authority.c says why so. */
enum certs_rotation {
        CERTS_ROTATION_STAGE,    /* make the next CA and trust it */
        CERTS_ROTATION_FINISH,   /* let it sign; -ENOENT: none is staged, and none was before */
        CERTS_ROTATION_DROP_OLD, /* trust earlier CAs no more */
};

/* -ENOENT: the folder has no CA. `ret_changed` false: the step had been done already. */
int certs_folder_rotate(const char *folder, enum certs_rotation step, const struct certs_request *request,
                        bool *ret_changed, struct error *error);

/*
 * What is in the folder, to look at (certs/report.h). `now` 0: the system's clock. -ENOENT: there is no CA.
 * Damage that renewal would mend is a problem in the report; damage to a CA is -EINVAL.
 */
int certs_folder_describe(struct certs_report *ret, const char *folder, int64_t now, struct error *error);
