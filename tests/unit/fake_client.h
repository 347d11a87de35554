/*
 * An API server that a test has written down: what kube_call() (kube/client.h) answers, one after another, in place
 * of the client. The calls make a story, one line each: "GET /api/v1/pods?limit=500", "PUT /path {...}"; the test
 * adds lines of its own. A call for which nothing is written waits until it is cancelled.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kube/client.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

struct fake_answer {
        int status;          /* 0: the server cannot be reached */
        const char *body;    /* NULL: none */
        int r;               /* what the call returns, but for a stream whose reader fails */
        const char *message; /* of the error */
        bool silent;         /* a stream stays open, and quiet, until it is cancelled */
};

static struct {
        pthread_mutex_t lock;
        const struct fake_answer *answers; /* guarded by lock, as are the following */
        size_t n, next;
        char story[65536];
        int64_t times[64]; /* when which answer was given, monotonic ns */
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fake_begin(const struct fake_answer *answers, size_t n)
{
        pthread_mutex_lock(&fake.lock);
        fake.answers = answers;
        fake.n = n;
        fake.next = 0;
        fake.story[0] = '\0';
        pthread_mutex_unlock(&fake.lock);
}

__attribute__((format(printf, 1, 2))) static inline void fake_tell(const char *format, ...)
{
        size_t size;
        va_list arguments;

        pthread_mutex_lock(&fake.lock);
        size = strlen(fake.story);
        va_start(arguments, format);
        vsnprintf(fake.story + size, sizeof(fake.story) - size, format, arguments);
        va_end(arguments);
        pthread_mutex_unlock(&fake.lock);
}

static inline bool fake_story_is(const char *story)
{
        bool same;

        pthread_mutex_lock(&fake.lock);
        same = !strcmp(fake.story, story);
        pthread_mutex_unlock(&fake.lock);
        return same;
}

/* Waits until the story is this one, and fails where it never becomes it. */
static inline void fake_expect(const char *name, const char *story)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (!fake_story_is(story) && clock_monotonic() < end)
                usleep(1000);
        pthread_mutex_lock(&fake.lock);
        ck_assert_msg(!strcmp(fake.story, story), "%s:\n%s", name, fake.story);
        pthread_mutex_unlock(&fake.lock);
}

static inline void fake_wait_cancelled(const struct kube_call *call)
{
        while (!call->cancelled || !__atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE))
                usleep(1000);
}

static inline const struct fake_answer *fake_take_answer(void)
{
        const struct fake_answer *answer = NULL;

        pthread_mutex_lock(&fake.lock);
        if (fake.next < fake.n) {
                fake.times[fake.next % ARRAY_SIZE(fake.times)] = clock_monotonic();
                answer = &fake.answers[fake.next++];
        }
        pthread_mutex_unlock(&fake.lock);
        return answer;
}

static inline int fake_stream(const struct kube_call *call, const struct fake_answer *answer, struct error *error)
{
        int r;

        r = call->data(call->userdata, "", 0);
        if (r >= 0 && answer->body)
                r = call->data(call->userdata, answer->body, strlen(answer->body));
        if (r < 0)
                return error_set_errno(error, -r, "a stream was given up");
        if (answer->silent) {
                fake_wait_cancelled(call);
                return error_set(error, ECANCELED, "cancelled");
        }
        return answer->r < 0 ? error_set(error, -answer->r, "%s", answer->message) : 0;
}

static inline void fake_tell_call(const struct kube_call *call)
{
        static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
        const char *random = strstr(call->path, "timeoutSeconds=");

        /* What is random is told as a star. */
        if (random) {
                int length = (int)(random - call->path), seconds = atoi(random + strlen("timeoutSeconds="));

                ck_assert_int_ge(seconds, 300);
                ck_assert_int_le(seconds, 600);
                fake_tell("%s %.*stimeoutSeconds=*\n", methods[call->method], length, call->path);
        } else {
                fake_tell("%s %s%s%.*s\n", methods[call->method], call->path, call->body ? " " : "", (int)call->size,
                          call->body ? call->body : "");
        }
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error)
{
        const struct fake_answer *answer;

        (void)client;
        fake_tell_call(call);
        answer = fake_take_answer();
        if (!answer) {
                fake_wait_cancelled(call);
                return error_set(error, ECANCELED, "cancelled");
        }
        ret->status = answer->status;
        if (call->data && answer->status >= 200 && answer->status < 300)
                return fake_stream(call, answer, error);
        if (answer->body) {
                ret->body = strdup(answer->body);
                ck_assert_ptr_nonnull(ret->body);
                ret->size = strlen(ret->body);
        }
        return answer->r < 0 ? error_set(error, -answer->r, "%s", answer->message) : 0;
}

void kube_response_clear(struct kube_response *response)
{
        free(response->body);
        *response = KUBE_RESPONSE_INIT;
}
