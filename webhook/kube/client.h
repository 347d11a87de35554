/*
 * Calls to a Kubernetes API server, over libcurl: HTTP/1.1 and TLS, connections kept and reused.
 *
 * What the server says when it refuses (meta/v1 Status) becomes the error's sentence, behind method, path and code:
 * "GET /api/v1/pods: 403 Forbidden: pods is forbidden: User ... cannot list resource ...".
 *
 * Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct error;
struct kube_client;
struct kube_config;

/* Borrows the configuration. Looks for credentials at once, so that what stands in their way (a file, a plugin) is
 * the errno and sentence; asks the API server nothing. */
int kube_client_new(struct kube_client **ret, const struct kube_config *config, struct error *error);

/* No call may be under way. */
struct kube_client *kube_client_free(struct kube_client *client);
DEFINE_CLEANUP(struct kube_client *, kube_client_free);

/* Ends calls that are under way, and all later ones, with -ECANCELED. */
void kube_client_cancel(struct kube_client *client);

enum kube_method { KUBE_GET, KUBE_POST, KUBE_PUT, KUBE_PATCH, KUBE_DELETE };

struct kube_call {
        enum kube_method method;
        const char *path; /* with its query, percent-encoded (see kube_path()); borrowed, as are the following */
        const char *body; /* NULL: none */
        size_t size;      /* of the body, in bytes */
        const char *content_type; /* of the body; NULL: application/json */
        int64_t timeout; /* ns, retries included; 0: KUBE_TIMEOUT. Of a stream: until its headers are there */

        /* For streams: called with each part of a 2xx body as it comes, and before them with an empty one, as soon as
         * the headers are there; the response's body then stays NULL. A negative errno ends the call, which returns
         * it. Never sent again after the first call. NULL: the body is collected. */
        int (*data)(void *userdata, const char *part, size_t size);
        void *userdata;
        int64_t silence; /* ns; a stream that brings nothing for so long is dead (-EIO). 0: no bound */

        const bool *cancelled; /* atomic; once true, ends the call within 250 ms with -ECANCELED. NULL: never */

        bool once; /* never sent twice, whatever the answer: the caller wants to know what became of it */
};

#define KUBE_TIMEOUT (INT64_C(10) * 1000 * 1000 * 1000)

struct kube_response {
        int status; /* HTTP; 0: there was no answer */
        char *body; /* owned, NUL-terminated; NULL: none */
        size_t size;
        char *warnings; /* owned; those that came with it, a line each; NULL: none */
};
#define KUBE_RESPONSE_INIT ((struct kube_response){0})
void kube_response_clear(struct kube_response *response);

/*
 * `ret` is KUBE_RESPONSE_INIT or an earlier response, which is freed; it has every whole answer, whatever its status.
 *
 * 0 for an answer of 2xx. Otherwise a negative errno with `error`, which tells what may be relied on:
 *
 *     -ENOENT     404
 *     -EEXIST     409, reason AlreadyExists
 *     -EBUSY      409 otherwise: another version is stored than the one that was sent
 *     -ESTALE     410: the resourceVersion is too old
 *     -EACCES     401 or 403
 *     -EINVAL     400, 422 and every other 4xx
 *     -EAGAIN     429, or the request was never sent: nothing has happened
 *     -EIO        5xx, a connection that was lost, a time-out: whether it has happened is unknown
 *     -ECANCELED  kube_client_cancel()
 *     -ENOMEM
 *
 * GET, and what is known not to have happened, is tried again within the timeout, with jitter, after Retry-After
 * where the server names one; PUT, POST, PATCH and DELETE whose outcome is unknown are not.
 */
int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error);

/*
 * A path from a format in which every %s, %d and %u (with l or ll) stands for a value, percent-encoded as RFC 3986
 * asks of a path segment or of a query's value ("/api/v1/namespaces/%s/pods?limit=%d"). A new string; NULL: out of
 * memory.
 */
char *kube_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
