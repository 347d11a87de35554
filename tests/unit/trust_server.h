/*
 * An API server that keeps the Secret "ns/certs" and the MutatingWebhookConfiguration "regionfit", in memory, in
 * place of the client's calls (kube/client.h): lists, watches, versions, compare-and-swap, and a server-side apply of
 * caBundles. It fails as a test wants it to.
 */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kube/client.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#define SECRET_PATH "/api/v1/namespaces/ns/secrets"
#define CONFIGURATION_PATH "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"

enum kind { SECRET, CONFIGURATION, N_KINDS };

static struct {
        pthread_mutex_t lock;
        json_t *objects[N_KINDS]; /* owned; NULL: there is none; guarded by lock, as are the following */
        json_t *events[N_KINDS];  /* owned; all that happened: {type, object} */
        int version;
        unsigned writes[N_KINDS]; /* that were done */
        int away;                 /* errno of every call; 0: the server is there */
        int lose;                 /* errno of the next write, which is done nevertheless; 0: none */
        void (*written)(enum kind kind, const json_t *object); /* called under the lock; NULL: nobody */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline json_t *member_of(const json_t *object, const char *key)
{
        return json_object_get(object, key);
}

/* Stores the object (taken over; NULL: deletes it), under the lock. */
static inline void server_store(enum kind kind, json_t *object)
{
        const char *type = !object ? "DELETED" : server.objects[kind] ? "MODIFIED" : "ADDED";
        json_t *told = object ? object : server.objects[kind];

        if (!told)
                return;
        json_object_set_new(member_of(told, "metadata"), "resourceVersion", json_sprintf("%d", ++server.version));
        if (!server.events[kind])
                server.events[kind] = json_array();
        json_array_append_new(server.events[kind],
                              json_pack("{s:s, s:o}", "type", type, "object", json_deep_copy(told)));
        if (server.written)
                server.written(kind, object);
        json_decref(server.objects[kind]);
        server.objects[kind] = object;
}

/* What somebody else writes. */
static inline void server_put(enum kind kind, json_t *object)
{
        pthread_mutex_lock(&server.lock);
        server_store(kind, object);
        pthread_mutex_unlock(&server.lock);
}

/* A copy; NULL: there is none. */
static inline json_t *server_get(enum kind kind)
{
        json_t *object;

        pthread_mutex_lock(&server.lock);
        object = json_deep_copy(server.objects[kind]);
        pthread_mutex_unlock(&server.lock);
        return object;
}

static inline unsigned server_writes(enum kind kind)
{
        unsigned n;

        pthread_mutex_lock(&server.lock);
        n = server.writes[kind];
        pthread_mutex_unlock(&server.lock);
        return n;
}

static inline void server_fail(int away, int lose)
{
        pthread_mutex_lock(&server.lock);
        server.away = away;
        server.lose = lose;
        pthread_mutex_unlock(&server.lock);
}

static inline void server_reset(void)
{
        pthread_mutex_lock(&server.lock);
        for (size_t i = 0; i < N_KINDS; i++) {
                json_decref(server.objects[i]);
                json_decref(server.events[i]);
                server.objects[i] = server.events[i] = NULL;
                server.writes[i] = 0;
        }
        server.away = server.lose = 0;
        server.written = NULL;
        pthread_mutex_unlock(&server.lock);
}

static inline bool is_stopped(const struct kube_call *call)
{
        return call->cancelled && __atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE);
}

static inline int send_text(const struct kube_call *call, json_t *value)
{
        char *text = json_dumps(value, JSON_COMPACT);
        int r = call->data(call->userdata, text, strlen(text));

        free(text);
        json_decref(value);
        return r;
}

/* The next event after this version, or NULL. */
static inline json_t *event_after(enum kind kind, int version)
{
        const json_t *event;
        size_t i;

        json_array_foreach (server.events[kind], i, event) {
                const char *text = json_string_value(
                        member_of(member_of(member_of(event, "object"), "metadata"), "resourceVersion"));

                if (atoi(text) > version)
                        return json_deep_copy(event);
        }
        return NULL;
}

static inline int serve_watch(const struct kube_call *call, enum kind kind, int version, struct error *error)
{
        int r = 0;

        while (r >= 0 && !is_stopped(call)) {
                json_t *event;
                int away;

                pthread_mutex_lock(&server.lock);
                away = server.away;
                event = away ? NULL : event_after(kind, version);
                pthread_mutex_unlock(&server.lock);
                if (away)
                        return error_set_errno(error, away, "a watch");
                if (!event) {
                        usleep(500);
                        continue;
                }
                version = atoi(json_string_value(
                        member_of(member_of(member_of(event, "object"), "metadata"), "resourceVersion")));
                r = send_text(call, event);
        }
        return r < 0 ? r : error_set(error, ECANCELED, "cancelled");
}

static inline int serve_list(const struct kube_call *call, enum kind kind, struct error *error)
{
        json_t *list = NULL;
        int away;

        pthread_mutex_lock(&server.lock);
        away = server.away;
        if (!away)
                list = json_pack("{s:s, s:s, s:{s:o}, s:o}", "kind", "List", "apiVersion", "v1", "metadata",
                                 "resourceVersion", json_sprintf("%d", server.version + 1), "items",
                                 server.objects[kind] ? json_pack("[o]", json_deep_copy(server.objects[kind]))
                                                      : json_array());
        if (list)
                server.version++;
        pthread_mutex_unlock(&server.lock);
        if (away)
                return error_set_errno(error, away, "a list");
        return send_text(call, list);
}

static inline bool same_version(const json_t *a, const json_t *b)
{
        return json_equal(member_of(member_of(a, "metadata"), "resourceVersion"),
                          member_of(member_of(b, "metadata"), "resourceVersion"));
}

/* Server-side apply, as far as trust/registration.h goes: of the uid and version that it names. */
static inline json_t *apply(const json_t *stored, const json_t *patch)
{
        json_t *copy = json_deep_copy(stored), *webhook;
        const json_t *entry;
        size_t i, k;

        json_array_foreach (member_of(copy, "webhooks"), i, webhook)
                json_array_foreach (member_of(patch, "webhooks"), k, entry)
                        if (json_equal(member_of(webhook, "name"), member_of(entry, "name")))
                                json_object_update(member_of(webhook, "clientConfig"),
                                                   member_of(entry, "clientConfig"));
        return copy;
}

/* Under the lock. */
static inline int write_object(const struct kube_call *call, enum kind kind)
{
        json_auto_t *body = json_loadb(call->body, call->size, 0, NULL);
        const json_t *stored = server.objects[kind];
        int lost = server.lose;

        ck_assert_ptr_nonnull(body);
        if (call->method == KUBE_POST && stored)
                return -EEXIST;
        if (call->method != KUBE_POST && !stored)
                return -ENOENT;
        if (call->method != KUBE_POST && !same_version(stored, body))
                return -EBUSY;
        server_store(kind, call->method == KUBE_PATCH ? apply(stored, body) : json_incref(body));
        server.writes[kind]++;
        server.lose = 0;
        return -lost;
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error)
{
        enum kind kind = strncmp(call->path, SECRET_PATH, strlen(SECRET_PATH)) ? CONFIGURATION : SECRET;
        const char *version = strstr(call->path, "resourceVersion=");
        int r;

        (void)client;
        if (kind == CONFIGURATION)
                ck_assert_int_eq(strncmp(call->path, CONFIGURATION_PATH, strlen(CONFIGURATION_PATH)), 0);
        if (call->method == KUBE_GET) {
                ck_assert_ptr_nonnull(strstr(call->path, kind == SECRET
                                                                 ? "?fieldSelector=metadata.name%3Dcerts&"
                                                                 : "?fieldSelector=metadata.name%3Dregionfit&"));
                ret->status = 200;
                return strstr(call->path, "watch=true")
                               ? serve_watch(call, kind, atoi(strchr(version, '=') + 1), error)
                               : serve_list(call, kind, error);
        }
        pthread_mutex_lock(&server.lock);
        r = server.away ? -server.away : write_object(call, kind);
        pthread_mutex_unlock(&server.lock);
        return r < 0 ? error_set_errno(error, -r, "a write") : 0;
}

void kube_response_clear(struct kube_response *response)
{
        free(response->body);
        *response = KUBE_RESPONSE_INIT;
}

/* Waits for 20 s at most. */
static inline void await(const char *what, bool (*condition)(void))
{
        int64_t end = clock_monotonic() + 20 * NS_PER_SECOND;

        while (!condition()) {
                ck_assert_msg(clock_monotonic() < end, "waited in vain: %s", what);
                usleep(1000);
        }
}
