/*
 * The Secret (core/v1, type kubernetes.io/tls) that the replicas share, with the files of an authority under the
 * names of certs/folder.h.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "certs/files.h"
#include "trust/rotation.h"

struct error;
struct kube_client;

#define CERTIFICATE_SECRET_REQUEST "regionfit.io/request" /* the annotation by which a person asks for work */

/* The files; an empty value is none. -EINVAL: `error` names a value that is not base64 of a text; in the server's
 * certificate and key this is no error, but a text that holds neither. */
int certificate_secret_read(struct certs_files *ret, const json_t *secret, struct error *error);

/* True if it holds nothing of an authority at all: made in advance, to be filled. */
bool certificate_secret_is_empty(const struct certs_files *files);

/* -EINVAL: it asks for something that is unknown; `error` quotes it. */
int certificate_secret_request(enum rotation_request *ret, const json_t *secret, struct error *error);

/* Makes it hold these files and no others of the names; what else is in it stays. `answered`: without the request. */
int certificate_secret_fill(json_t *secret, const struct certs_files *files, bool answered);

/* Where it is; plain data, borrowed. */
struct certificate_secret_place {
        struct kube_client *client;
        const char *namespace, *name;
        const bool *cancelled; /* atomic; see struct kube_call; NULL: never */
};

/* Errors are those of kube_call(): -EEXIST: somebody else has made it. */
int certificate_secret_create(const struct certificate_secret_place *place, const struct certs_files *files,
                              struct error *error);

/* -EBUSY: it is not any more what `secret` was read as. */
int certificate_secret_update(const struct certificate_secret_place *place, const json_t *secret,
                              struct error *error);
