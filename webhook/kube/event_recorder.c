/*
 * A queue and one thread that takes one Event after the other, asks the correlator what it is, waits for its turn,
 * and creates or patches it.
 *
 * An Event that the server does not take is lost: it tells people something, and nothing rests on it. So one failure
 * is logged, and the following ones are not until one has succeeded again.
 */
#include "kube/event_recorder.h"

#include <errno.h>
#include <string.h>

#include "kube/client.h"
#include "kube/event_correlator.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"
#include "util/thread_safety.h"
#include "util/token_bucket.h"

#define PATH "/api/v1/namespaces/%s/events"
#define TIMEOUT (5 * NS_PER_SECOND)
#define DRAIN NS_PER_SECOND

struct event_recorder {
        struct kube_client *client; /* borrowed */
        pthread_t thread;
        struct event_correlator *correlator; /* owned; the thread's, as are the following */
        struct token_bucket bucket;
        bool failing; /* the last call failed */

        bool cancelled; /* atomic; nothing more is to be written */
        struct lock lock;
        pthread_cond_t changed;      /* of what follows */
        struct event *first, **last; /* the queue; owned; guarded by lock, as are the following */
        size_t queued;
        struct event_recorder_counts counts;
        bool stopping, done;
};

static bool is_cancelled(const struct event_recorder *recorder)
{
        return __atomic_load_n(&recorder->cancelled, __ATOMIC_ACQUIRE);
}

/* Takes the event over. */
static void queue(struct event_recorder *recorder, struct event *event)
{
        lock_acquire(&recorder->lock);
        if (!event || recorder->queued == EVENT_RECORDER_QUEUE || recorder->stopping) {
                recorder->counts.dropped++;
                event_free(event);
        } else {
                *recorder->last = event;
                recorder->last = &event->next;
                recorder->queued++;
                pthread_cond_broadcast(&recorder->changed);
        }
        lock_release(&recorder->lock);
}

void event_recorder_record(struct event_recorder *recorder, const struct event_object *object, enum event_type type,
                           const char *reason, const char *message)
{
        queue(recorder, event_new(object, type, reason, message, clock_unix()));
}

/* NULL: there is none, and there will be none. */
static struct event *take(struct event_recorder *recorder)
{
        struct event *event;

        lock_acquire(&recorder->lock);
        while (!recorder->first && !recorder->stopping)
                lock_wait(&recorder->lock, &recorder->changed);
        event = recorder->first;
        if (event) {
                recorder->first = event->next;
                recorder->queued--;
                if (!recorder->first)
                        recorder->last = &recorder->first;
        }
        lock_release(&recorder->lock);
        return event;
}

/* False where nothing more is to be written. */
static bool wait_turn(struct event_recorder *recorder)
{
        int64_t wait;

        while (!is_cancelled(recorder)) {
                int64_t now = clock_monotonic();

                wait = token_bucket_take(&recorder->bucket, now);
                if (!wait)
                        return true;
                lock_acquire(&recorder->lock);
                if (!is_cancelled(recorder))
                        lock_wait_until(&recorder->lock, &recorder->changed, now + wait);
                lock_release(&recorder->lock);
        }
        return false;
}

static int call(struct event_recorder *recorder, enum kube_method method, const char *path, json_t *body,
                struct error *error)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(freep) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        const struct kube_call call = {
                .method = method,
                .path = path,
                .body = text,
                .size = text ? strlen(text) : 0,
                .content_type = method == KUBE_PATCH ? "application/merge-patch+json" : NULL,
                .timeout = TIMEOUT,
                .cancelled = &recorder->cancelled,
        };

        if (!path || !text)
                return error_oom(error);
        return kube_call(recorder->client, &call, &response, error);
}

static int create(struct event_recorder *recorder, const struct event *event, const struct event_series *series,
                  struct error *error)
{
        _cleanup_(freep) char *path = kube_path(PATH, event_namespace(event));
        json_auto_t *body = event_to_json(event, series->name, series->count, series->first);

        return call(recorder, KUBE_POST, path, body, error);
}

static int patch(struct event_recorder *recorder, const struct event *event, const struct event_series *series,
                 struct error *error)
{
        _cleanup_(freep) char *path = kube_path(PATH "/%s", event_namespace(event), series->name);
        json_auto_t *body = event_to_patch(event, series->count);

        return call(recorder, KUBE_PATCH, path, body, error);
}

/* 1 or a negative errno. The API server forgets Events after a while: then it is created anew. */
static int send(struct event_recorder *recorder, const struct event *event, struct event_series *series)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r = -ENOENT;

        if (series->stored)
                r = patch(recorder, event, series, &error);
        if (r == -ENOENT)
                r = create(recorder, event, series, &error);
        series->stored = r >= 0 || r == -EEXIST;
        if (r < 0 && r != -ECANCELED && !recorder->failing)
                log_warn("an Event was not written", log_string("reason", event->reason),
                         log_string("error", error_message(&error)));
        recorder->failing = r < 0;
        return r < 0 ? r : 1;
}

static void handle(struct event_recorder *recorder, const struct event *event)
{
        struct event_series *series;
        int r;

        r = event_correlator_add(recorder->correlator, event, clock_monotonic(), &series);
        if (r > 0 && !wait_turn(recorder))
                r = -ECANCELED;
        if (r > 0)
                r = send(recorder, event, series);
        lock_acquire(&recorder->lock);
        recorder->counts.written += r > 0;
        recorder->counts.limited += r == 0;
        recorder->counts.dropped += r < 0;
        lock_release(&recorder->lock);
}

static void *run(void *userdata)
{
        struct event_recorder *recorder = userdata;
        struct event *event;

        while ((event = take(recorder))) {
                handle(recorder, event);
                event_free(event);
        }
        lock_acquire(&recorder->lock);
        recorder->done = true;
        pthread_cond_broadcast(&recorder->changed);
        lock_release(&recorder->lock);
        return NULL;
}

static int start(struct event_recorder *recorder)
{
        int r;

        r = lock_init(&recorder->lock);
        if (r)
                return r;
        r = condition_init(&recorder->changed);
        if (!r) {
                r = thread_start(&recorder->thread, run, recorder);
                if (r)
                        pthread_cond_destroy(&recorder->changed);
        }
        if (r)
                lock_destroy(&recorder->lock);
        return r;
}

int event_recorder_new(struct event_recorder **ret, struct kube_client *client, struct error *error)
{
        struct event_recorder *recorder = calloc(1, sizeof(*recorder));
        int r;

        if (!recorder)
                return error_oom(error);
        recorder->client = client;
        recorder->last = &recorder->first;
        recorder->bucket = TOKEN_BUCKET(NS_PER_SECOND / EVENT_RECORDER_PER_SECOND, EVENT_RECORDER_PER_SECOND);
        recorder->correlator = event_correlator_new();
        r = recorder->correlator ? start(recorder) : ENOMEM;
        if (r) {
                event_correlator_free(recorder->correlator);
                free(recorder);
                return error_set_errno(error, r, "cannot start the thread that writes Events");
        }
        *ret = recorder;
        return 0;
}

struct event_recorder *event_recorder_free(struct event_recorder *recorder)
{
        int64_t end = clock_monotonic() + DRAIN;

        if (!recorder)
                return NULL;
        lock_acquire(&recorder->lock);
        recorder->stopping = true;
        pthread_cond_broadcast(&recorder->changed);
        while (!recorder->done && clock_monotonic() < end)
                lock_wait_until(&recorder->lock, &recorder->changed, end);
        __atomic_store_n(&recorder->cancelled, true, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&recorder->changed);
        lock_release(&recorder->lock);
        pthread_join(recorder->thread, NULL);
        event_correlator_free(recorder->correlator);
        pthread_cond_destroy(&recorder->changed);
        lock_destroy(&recorder->lock);
        free(recorder);
        return NULL;
}

void event_recorder_counts(struct event_recorder *recorder, struct event_recorder_counts *ret)
{
        lock_acquire(&recorder->lock);
        *ret = recorder->counts;
        lock_release(&recorder->lock);
}
