/*
 * One thread looks at what has been seen of the Secret and of the configuration, whenever they change and every
 * second: who leads, and for how long something has been the case, changes without an event. A look takes one step at
 * most and waits for its effect to be seen, so that it never acts on what it has just made old.
 */
#include "trust/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "certs/certificate.h"
#include "trust/followed_object.h"
#include "trust/trust_state.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"

#define LOOK_EVERY NS_PER_SECOND
#define LONGEST_DELAY (30 * NS_PER_SECOND)

static void wake(void *userdata)
{
        struct trust *trust = userdata;

        lock_acquire(&trust->lock);
        trust->news = true;
        pthread_cond_broadcast(&trust->changed);
        lock_release(&trust->lock);
}

static int settle(struct trust *trust, struct error *error) requires_lock(trust->lock)
{
        const struct serving_view view = {
                .known = trust->registration_known,
                .registration = trust->registration,
                .carried = &trust->carried,
                .before = clock_monotonic() - trust->options.overlap,
                .now = trust_now(trust),
        };
        int r = serving_settle(&trust->serving, &view, error);

        if (r > 0)
                log_info("a certificate is in force");
        return r;
}

static int offer(struct trust *trust, const char *chain, const char *key, struct error *error)
        requires_lock(trust->lock)
{
        int r = serving_offer(&trust->serving, chain, key, error);

        return r < 0 ? r : settle(trust, error);
}

int trust_offer(struct trust *trust, const struct certs_pem *pem, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        int r = pem->ca_bundle ? certificates_parse(&bundle, pem->ca_bundle, error) : 0;

        if (r < 0)
                return r;
        lock_acquire(&trust->lock);
        r = offer(trust, pem->chain, pem->key, error);
        if (r >= 0) {
                certificates_free(trust->offered_bundle);
                trust->offered_bundle = steal_pointer(&bundle);
        }
        lock_release(&trust->lock);
        return r < 0 ? r : 0;
}

/* Said once, until something else is to be said. */
static void say(struct trust *trust, const struct error *error)
{
        if (trust->said && !strcmp(trust->said, error_message(error)))
                return;
        free(trust->said);
        trust->said = strdup(error_message(error));
        log_error("the certificates in the cluster cannot be looked after",
                  log_string("error", error_message(error)));
}

/* A list that brings the version that is known says that there was nothing in between. */
static bool is_same(const struct registration *a, const struct registration *b)
{
        return a && b && !strcmp(a->version, b->version);
}

static int take_registration(struct trust *trust, json_t *object, bool gap, struct error *error)
{
        struct registration *registration = NULL;
        int r = object ? registration_new(&registration, object, error) : 0;

        lock_acquire(&trust->lock);
        if (r < 0)
                carried_clear(&trust->carried);
        else if (carried_update(&trust->carried, registration, gap && !is_same(registration, trust->registration),
                                clock_monotonic()) < 0)
                r = error_oom(error);
        if (r >= 0) {
                registration_free(trust->registration);
                trust->registration = steal_pointer(&registration);
                trust->registration_known = true;
        }
        lock_release(&trust->lock);
        registration_free(registration);
        return r;
}

static void note_obstacle(struct trust *trust, const char *obstacle)
{
        lock_acquire(&trust->lock);
        snprintf(trust->secret_obstacle, sizeof(trust->secret_obstacle), "%s", obstacle);
        lock_release(&trust->lock);
}

static int take_secret(struct trust *trust, json_t *object, bool gap, struct error *error)
{
        const char *chain, *key;
        int r;

        (void)gap;
        r = shared_authority_take(trust->shared, object, error);
        if (r < 0) {
                note_obstacle(trust, error_message(error));
                return r;
        }
        if (!shared_authority_server(trust->shared, &chain, &key)) {
                note_obstacle(trust, object ? "it has no server certificate yet" : "it is not there yet");
                return 0;
        }
        lock_acquire(&trust->lock);
        r = offer(trust, chain, key, error);
        lock_release(&trust->lock);
        return r < 0 ? r : 0;
}

/* Takes in what has been seen since the last look; what memory is too short for, at the next. */
static void take_news(struct trust *trust, struct followed_object *followed,
                      int (*take)(struct trust *trust, json_t *object, bool gap, struct error *error),
                      const char *what)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        json_t *object;
        bool gap;
        int r;

        if (!followed || !followed_object_take(followed, &object, &gap))
                return;
        r = take(trust, object, gap, &error);
        if (r < 0)
                log_error("what was seen in the cluster is of no use; what was before stays in force",
                          log_string("object", what), log_string("error", error_message(&error)));
        if (r == -ENOMEM)
                followed_object_put_back(followed, object);
        else
                json_decref(object);
}

/* Somebody else was quicker: there will be news. */
static bool is_race(int r)
{
        return r == -EBUSY || r == -EEXIST || r == -ENOENT || r == -ECANCELED;
}

static int settle_now(struct trust *trust, struct error *error)
{
        int r;

        lock_acquire(&trust->lock);
        r = settle(trust, error);
        lock_release(&trust->lock);
        return r;
}

static void look(struct trust *trust)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int64_t now = clock_monotonic();
        int r, r2;

        take_news(trust, trust->configuration, take_registration, trust->options.configuration);
        take_news(trust, trust->secret, take_secret, trust->options.secret);
        r = settle_now(trust, &error);
        if (now >= trust->rest_until) {
                r2 = trust_write(trust, r < 0 ? NULL : &error);
                r = r < 0 ? r : r2;
                if (r2 >= 0)
                        backoff_reset(&trust->backoff);
                trust->rest_until = r2 == 0 ? 0 : now + (r2 > 0 ? LOOK_EVERY : backoff_delay(&trust->backoff));
        }
        if (r < 0 && !is_race(r))
                say(trust, &error);
        else if (r >= 0 && !trust->rest_until)
                free(steal_pointer(&trust->said));
}

/* False where the thread is to end. */
static bool wait_for_news(struct trust *trust)
{
        int64_t end = clock_monotonic() + LOOK_EVERY;
        bool stopping;

        lock_acquire(&trust->lock);
        while (!trust->news && clock_monotonic() < end)
                lock_wait_until(&trust->lock, &trust->changed, end);
        if (trust->news)
                trust->rest_until = 0;
        trust->news = false;
        stopping = __atomic_load_n(&trust->stopping, __ATOMIC_ACQUIRE);
        lock_release(&trust->lock);
        return !stopping;
}

static void *run(void *userdata)
{
        struct trust *trust = userdata;

        while (wait_for_news(trust))
                look(trust);
        return NULL;
}

static int new_shared(struct trust *trust, struct error *error)
{
        const struct certificate_secret_place place = {
                .client = trust->client,
                .namespace = trust->options.namespace,
                .name = trust->options.secret,
                .cancelled = &trust->stopping,
        };

        note_obstacle(trust, "it has not been read yet");
        return shared_authority_new(&trust->shared, &place, &trust->options.request, error);
}

int trust_new(struct trust **ret, struct kube_client *client, const struct trust_options *options,
              struct error *error)
{
        _cleanup_(trust_freep) struct trust *trust = NULL;
        struct trust *made = calloc(1, sizeof(*made));
        int r;

        if (!made)
                return error_oom(error);
        r = lock_init(&made->lock);
        if (!r) {
                r = condition_init(&made->changed);
                if (r)
                        lock_destroy(&made->lock);
        }
        if (r) {
                free(made);
                return error_set_errno(error, r, "cannot make a lock");
        }
        trust = made;
        trust->client = client;
        trust->options = *options;
        trust->serving.use = options->use;
        trust->backoff = BACKOFF(LOOK_EVERY, LONGEST_DELAY);
        r = options->secret ? new_shared(trust, error) : 0;
        if (r < 0)
                return r;
        *ret = steal_pointer(&trust);
        return 0;
}

int trust_start(struct trust *trust, struct error *error)
{
        const struct kube_resource configuration = {
                .api = "/apis/admissionregistration.k8s.io/v1",
                .plural = "mutatingwebhookconfigurations",
                .name = trust->options.configuration,
        };
        const struct kube_resource secret = {
                .api = "/api/v1",
                .plural = "secrets",
                .namespace = trust->options.namespace,
                .name = trust->options.secret,
        };
        int r;

        r = followed_object_new(&trust->configuration, trust->client, &configuration, wake, trust, error);
        if (r >= 0 && trust->options.secret)
                r = followed_object_new(&trust->secret, trust->client, &secret, wake, trust, error);
        if (r < 0)
                return r;
        r = thread_start(&trust->thread, run, trust);
        if (r)
                return error_set_errno(error, r, "cannot start a thread");
        trust->started = true;
        return 0;
}

struct trust *trust_free(struct trust *trust)
{
        if (!trust)
                return NULL;
        __atomic_store_n(&trust->stopping, true, __ATOMIC_RELEASE);
        wake(trust);
        if (trust->started)
                pthread_join(trust->thread, NULL);
        followed_object_free(trust->secret);
        followed_object_free(trust->configuration);
        shared_authority_free(trust->shared);
        agreement_clear(&trust->agreement);
        free(trust->said);
        serving_clear(&trust->serving);
        certificates_free(trust->offered_bundle);
        registration_free(trust->registration);
        carried_clear(&trust->carried);
        pthread_cond_destroy(&trust->changed);
        lock_destroy(&trust->lock);
        free(trust);
        return NULL;
}

/* A sentence about an object that is followed, with the reason why it cannot be, where there is one. */
static int cannot(struct followed_object *followed, struct error *error, const char *what, const char *name,
                  const char *obstacle)
{
        char failure[256] = "";

        if (followed)
                followed_object_failure(followed, failure, sizeof(failure));
        return error_set(error, EAGAIN, "%s %s: %s%s%s", what, name, obstacle, *failure ? ": " : "", failure);
}

#define CONFIGURATION "MutatingWebhookConfiguration"

static int check(struct trust *trust, struct error *error) requires_lock(trust->lock)
{
        const char *name = trust->options.configuration;
        int r;

        if (!trust->serving.served.chain)
                return cannot(trust->secret, error, "Secret", trust->options.secret ? trust->options.secret : "",
                              trust->secret_obstacle);
        if (!trust->registration_known)
                return cannot(trust->configuration, error, CONFIGURATION, name, "it has not been read yet");
        if (!trust->registration)
                return error_set(error, ENOENT, CONFIGURATION " %s: there is none", name);
        r = registration_verify(trust->registration, trust->serving.served.certificates, NULL, trust_now(trust),
                                error);
        if (r < 0)
                error_prefix(error, CONFIGURATION " %s", name);
        return r;
}

int trust_check(struct trust *trust, struct error *error)
{
        int r;

        lock_acquire(&trust->lock);
        r = check(trust, error);
        lock_release(&trust->lock);
        return r;
}
