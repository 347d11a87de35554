/*
 * Stands in for kube/client.c: notes each call, and answers what the test says.
 */
#pragma once

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "kube/client.h"
#include "util/clock.h"
#include "util/error.h"

#define FAKE_CALLS_MAX 64

struct fake_call {
        enum kube_method method;
        char path[256], content_type[64], body[8192];
        int64_t at; /* monotonic ns */
};

/* What is called: -errno, or 0 with a body (may be NULL) that fake_kube frees. Runs under the lock. */
typedef int fake_answer_fn(const struct fake_call *call, size_t index, char **ret_body);

static struct {
        pthread_mutex_t lock;
        struct fake_call calls[FAKE_CALLS_MAX]; /* guarded by lock, as are the following */
        size_t n_calls;
        fake_answer_fn *answer;
} fake_kube = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline size_t fake_kube_count(void)
{
        size_t n;

        pthread_mutex_lock(&fake_kube.lock);
        n = fake_kube.n_calls;
        pthread_mutex_unlock(&fake_kube.lock);
        return n;
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error)
{
        struct fake_call *noted;
        int r;

        (void)client;
        *ret = KUBE_RESPONSE_INIT;
        pthread_mutex_lock(&fake_kube.lock);
        ck_assert_uint_lt(fake_kube.n_calls, FAKE_CALLS_MAX);
        noted = &fake_kube.calls[fake_kube.n_calls];
        noted->method = call->method;
        noted->at = clock_monotonic();
        snprintf(noted->path, sizeof(noted->path), "%s", call->path);
        snprintf(noted->content_type, sizeof(noted->content_type), "%s",
                 call->content_type ? call->content_type : "");
        snprintf(noted->body, sizeof(noted->body), "%.*s", (int)call->size, call->body ? call->body : "");
        r = fake_kube.answer(noted, fake_kube.n_calls++, &ret->body);
        pthread_mutex_unlock(&fake_kube.lock);
        ret->size = ret->body ? strlen(ret->body) : 0;
        ret->status = r < 0 ? 500 : 200;
        return r < 0 ? error_set(error, -r, "the test wants it so") : 0;
}

void kube_response_clear(struct kube_response *response)
{
        free(response->body);
        *response = KUBE_RESPONSE_INIT;
}

char *kube_path(const char *format, ...)
{
        va_list arguments;
        char *path = NULL;

        va_start(arguments, format);
        if (vasprintf(&path, format, arguments) < 0)
                path = NULL;
        va_end(arguments);
        return path;
}
