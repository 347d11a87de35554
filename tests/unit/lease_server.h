/*
 * An API server that keeps one Lease, in memory, in place of the client's calls (kube/client.h): it counts versions,
 * refuses what was computed from another one, and fails as a test wants it to.
 */
#pragma once

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kube/client.h"
#include "util/clock.h"
#include "util/error.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/ns/leases"

static struct {
        pthread_mutex_t lock;
        json_t *object; /* owned; NULL: there is none; guarded by lock, as are the following */
        json_int_t version;
        unsigned calls[KUBE_DELETE + 1]; /* that came, by method */
        int away;                        /* errno of every call; 0: the server is there */
        int lose;                        /* errno of the next write, which is done nevertheless; 0: none */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void server_store(json_t *object)
{
        char version[32];

        snprintf(version, sizeof(version), "%" JSON_INTEGER_FORMAT, ++server.version);
        json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string(version));
        json_decref(server.object);
        server.object = object;
}

/* What somebody else writes; NULL: he deletes it. */
static inline void server_put(const char *text)
{
        pthread_mutex_lock(&server.lock);
        if (text) {
                json_t *object = json_loads(text, 0, NULL);

                ck_assert_ptr_nonnull(object);
                server_store(object);
        } else {
                json_decref(server.object);
                server.object = NULL;
        }
        pthread_mutex_unlock(&server.lock);
}

static inline void server_fail(int away, int lose)
{
        pthread_mutex_lock(&server.lock);
        server.away = away;
        server.lose = lose;
        pthread_mutex_unlock(&server.lock);
}

/* A copy of what is stored; NULL: nothing. */
static inline json_t *server_get(void)
{
        json_t *object;

        pthread_mutex_lock(&server.lock);
        object = json_deep_copy(server.object);
        pthread_mutex_unlock(&server.lock);
        return object;
}

static inline unsigned server_calls(enum kube_method method)
{
        unsigned calls;

        pthread_mutex_lock(&server.lock);
        calls = server.calls[method];
        pthread_mutex_unlock(&server.lock);
        return calls;
}

static inline void server_reset(void)
{
        server_put(NULL);
        server_fail(0, 0);
        memset(server.calls, 0, sizeof(server.calls));
}

/* Waits for 10 s at most. */
static inline bool wait_true(bool (*condition)(const void *userdata), const void *userdata)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (!condition(userdata)) {
                if (clock_monotonic() > end)
                        return false;
                usleep(1000);
        }
        return true;
}

static inline bool calls_are(const void *userdata)
{
        const unsigned *wanted = userdata; /* method, count */

        return server_calls((enum kube_method)wanted[0]) >= wanted[1];
}

/* Waits until `n` calls of the method have come since server_reset(). */
static inline void server_await(enum kube_method method, unsigned n)
{
        const unsigned wanted[] = {method, n};

        ck_assert(wait_true(calls_are, wanted));
}

/* Waits until `n` more have come: of those that come again and again. */
static inline void server_await_more(enum kube_method method, unsigned n)
{
        server_await(method, server_calls(method) + n);
}

static inline const json_t *server_version(const json_t *object)
{
        return json_object_get(json_object_get(object, "metadata"), "resourceVersion");
}

static inline int server_write(const struct kube_call *call, json_t *object)
{
        int lost = server.lose;

        if (call->method == KUBE_POST && server.object)
                return -EEXIST;
        if (call->method == KUBE_PUT && !server.object)
                return -ENOENT;
        if (call->method == KUBE_PUT && !json_equal(server_version(server.object), server_version(object)))
                return -EBUSY;
        server_store(json_incref(object));
        server.lose = 0;
        return -lost;
}

static inline int server_answer(const struct kube_call *call)
{
        json_t *object;
        int r;

        if (server.away)
                return -server.away;
        switch (call->method) {
        case KUBE_GET:
                return server.object ? 0 : -ENOENT;
        case KUBE_DELETE:
                r = server.object ? 0 : -ENOENT;
                json_decref(server.object);
                server.object = NULL;
                return r;
        default:
                object = json_loadb(call->body, call->size, 0, NULL);
                ck_assert_ptr_nonnull(object);
                r = server_write(call, object);
                json_decref(object);
                return r;
        }
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error)
{
        int r;

        (void)client;
        ck_assert_str_eq(call->path, call->method == KUBE_POST ? LEASES : LEASES "/name");
        pthread_mutex_lock(&server.lock);
        r = server_answer(call);
        server.calls[call->method]++;
        if (r >= 0 && server.object) {
                ret->body = json_dumps(server.object, 0);
                ret->size = strlen(ret->body);
        }
        pthread_mutex_unlock(&server.lock);
        return r < 0 ? error_set_errno(error, -r, "a call") : 0;
}

void kube_response_clear(struct kube_response *response)
{
        free(response->body);
        *response = KUBE_RESPONSE_INIT;
}

/* The member that the path ("spec/renewTime") leads to, as JSON; "" where there is none. */
static inline const char *member(const json_t *object, const char *path, char text[static 256])
{
        char key[64];
        char *found;

        while (object && *path) {
                size_t n = strcspn(path, "/");

                snprintf(key, sizeof(key), "%.*s", (int)n, path);
                object = json_object_get(object, key);
                path += n + (path[n] == '/');
        }
        found = object ? json_dumps(object, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        snprintf(text, 256, "%s", found ? found : "");
        free(found);
        return text;
}

static inline void assert_member(const char *path, const char *expected)
{
        json_t *object = server_get();
        char text[256];

        ck_assert_msg(!strcmp(member(object, path, text), expected), "%s is %s", path, text);
        json_decref(object);
}

static inline void assert_micro_time(const char *path)
{
        json_t *object = server_get();
        char text[256];
        regex_t pattern;

        ck_assert_int_eq(regcomp(&pattern, "^\"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}\\.[0-9]{6}Z\"$",
                                 REG_EXTENDED | REG_NOSUB),
                         0);
        ck_assert_msg(!regexec(&pattern, member(object, path, text), 0, NULL, 0), "%s is %s", path, text);
        regfree(&pattern);
        json_decref(object);
}
