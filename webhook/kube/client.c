/*
 * A call takes a connection that is idle, or opens one, and keeps it while it lasts, retries included; so there are
 * as many connections as there have been calls at once, and those that nobody needs are closed. Once one is lost, the
 * idle ones are suspect and closed, too.
 *
 * Whether a call may be sent again depends on what can have come of it. A read does no harm. A request of which no
 * byte was sent, or that was answered with 429 or 401, has done nothing. Everything else may have been done, and only
 * the caller knows how to find out.
 */
#include "kube/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "kube/config.h"
#include "kube/connection.h"
#include "kube/credential.h"
#include "kube/endpoint.h"
#include "kube/status.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/thread_safety.h"

#define IDLE_MAX 8
#define FIRST_PAUSE (100 * NS_PER_MS)
#define LONGEST_PAUSE (2 * NS_PER_SECOND)
#define FIRST_LOGIN (60 * NS_PER_SECOND) /* a credential plugin may ask a person */

/* A connection's place in one of the two lists. */
struct slot {
        struct connection *connection; /* owned */
        struct slot *previous, *next;
};

struct kube_client {
        const struct kube_config *config; /* borrowed */
        bool cancelled;                   /* atomic */
        struct lock lock;
        struct slot *busy; /* owned; guarded by lock, as are the following */
        struct slot *idle;
        size_t n_idle;
        uint64_t losses; /* how often a connection was lost */
};

/* A call under way. */
struct attempt {
        struct kube_client *client;
        const struct kube_call *call;
        struct patience patience;
        struct slot *slot;
        struct identity identity;
        struct exchange exchange;
        bool in_vain;    /* another attempt would end alike */
        bool lost;       /* the connection */
        uint64_t losses; /* of the client, when the call began */
};

static void start_curl(void)
{
        curl_global_init(CURL_GLOBAL_DEFAULT);
}

static struct slot *slot_free(struct slot *slot)
{
        connection_free(slot->connection);
        free(slot);
        return NULL;
}
DEFINE_CLEANUP(struct slot *, slot_free);

static void slots_free(struct slot *slots)
{
        struct slot *slot, *next;

        DL_FOREACH_SAFE2 (slots, slot, next, next)
                slot_free(slot);
}

/* Shows before the first call whether there are credentials at all. */
static int log_in(struct kube_client *client, struct error *error)
{
        _cleanup_(identity_clear) struct identity identity = IDENTITY_INIT;
        const struct patience patience = {.deadline = clock_monotonic() + FIRST_LOGIN};

        return credential_get(kube_config_credential(client->config), &identity, &patience, error);
}

int kube_client_new(struct kube_client **ret, const struct kube_config *config, struct error *error)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        _cleanup_(kube_client_freep) struct kube_client *client = NULL;
        int r;

        pthread_once(&once, start_curl);
        client = calloc(1, sizeof(*client));
        if (!client)
                return error_oom(error);
        client->config = config;
        if (lock_init(&client->lock)) {
                free(steal_pointer(&client));
                return error_oom(error);
        }
        r = log_in(client, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&client);
        return 0;
}

struct kube_client *kube_client_free(struct kube_client *client)
{
        if (!client)
                return NULL;
        slots_free(client->idle);
        lock_destroy(&client->lock);
        free(client);
        return NULL;
}

void kube_client_cancel(struct kube_client *client)
{
        struct slot *slot;

        __atomic_store_n(&client->cancelled, true, __ATOMIC_RELEASE);
        lock_acquire(&client->lock);
        DL_FOREACH2 (client->busy, slot, next)
                connection_wake(slot->connection);
        lock_release(&client->lock);
}

void kube_response_clear(struct kube_response *response)
{
        free(response->body);
        free(response->warnings);
        *response = KUBE_RESPONSE_INIT;
}

/* An idle one, moved to those that are busy; NULL: none. */
static struct slot *take_idle(struct kube_client *client) requires_lock(client->lock)
{
        struct slot *slot = client->idle;

        if (!slot)
                return NULL;
        DL_DELETE2(client->idle, slot, previous, next);
        client->n_idle--;
        DL_APPEND2(client->busy, slot, previous, next);
        return slot;
}

static int open_slot(struct attempt *attempt, struct error *error)
{
        struct kube_client *client = attempt->client;
        _cleanup_(slot_freep) struct slot *slot = NULL;
        int r;

        lock_acquire(&client->lock);
        attempt->losses = client->losses;
        attempt->slot = take_idle(client);
        lock_release(&client->lock);
        if (attempt->slot)
                return 0;

        slot = calloc(1, sizeof(*slot));
        if (!slot)
                return error_oom(error);
        r = connection_new(&slot->connection, error);
        if (r < 0)
                return r;
        attempt->slot = steal_pointer(&slot);
        lock_acquire(&client->lock);
        DL_APPEND2(client->busy, attempt->slot, previous, next);
        lock_release(&client->lock);
        return 0;
}

/* The connection joins those that are idle, unless it, or one of its age, was lost. The last used is the next used.
 */
static void close_slot(struct attempt *attempt)
{
        struct kube_client *client = attempt->client;
        struct slot *slot = attempt->slot, *dropped = NULL;

        if (!slot)
                return;
        lock_acquire(&client->lock);
        DL_DELETE2(client->busy, slot, previous, next);
        if (attempt->lost) {
                client->losses++;
                dropped = client->idle;
                client->idle = NULL;
                client->n_idle = 0;
        }
        if (attempt->losses != client->losses || client->n_idle == IDLE_MAX) {
                DL_APPEND2(dropped, slot, previous, next);
        } else {
                DL_PREPEND2(client->idle, slot, previous, next);
                client->n_idle++;
        }
        lock_release(&client->lock);
        slots_free(dropped);
}

static void attempt_clear(struct attempt *attempt)
{
        close_slot(attempt);
        identity_clear(&attempt->identity);
        kube_response_clear(&attempt->exchange.response);
}

/* What kube_call() promises for an exchange that ended without an answer. */
static int classify(struct attempt *attempt, int r)
{
        const struct exchange *exchange = &attempt->exchange;

        attempt->lost = r == -EIO || r == -ETIMEDOUT;
        if (r == -ECANCELED || r == -ENOMEM || exchange->streamed) {
                attempt->in_vain = true;
                return r;
        }
        attempt->in_vain = exchange->distrust || r == -ETIMEDOUT || r == -EFBIG;
        if (exchange->distrust)
                credential_refuse(kube_config_credential(attempt->client->config), attempt->identity.version);
        return exchange->sent ? -EIO : -EAGAIN;
}

static int send_once(struct attempt *attempt, struct error *error)
{
        struct exchange *exchange = &attempt->exchange;
        int r;

        kube_response_clear(&exchange->response);
        *exchange = (struct exchange){
                .endpoint = kube_config_endpoint(attempt->client->config),
                .identity = &attempt->identity,
                .call = attempt->call,
                .patience = attempt->patience,
        };
        r = connection_exchange(attempt->slot->connection, exchange, error);
        if (r < 0)
                return classify(attempt, r);
        if (exchange->response.status >= 200 && exchange->response.status <= 299)
                return 0;
        return status_error(exchange->response.status, exchange->response.body, exchange->response.size, error);
}

/* Without credentials nothing is sent; trying again at once would start the plugin again. */
static int log_in_again(struct attempt *attempt, struct error *error)
{
        struct credential *credential = kube_config_credential(attempt->client->config);
        int r;

        identity_clear(&attempt->identity);
        r = credential_get(credential, &attempt->identity, &attempt->patience, error);
        attempt->in_vain = r < 0;
        return r >= 0 || r == -ECANCELED || r == -ENOMEM ? r : -EAGAIN;
}

/* Once more as somebody else, where the server did not know who we are and there is something new to show. */
static int send_known(struct attempt *attempt, struct error *error)
{
        uint64_t version;
        int r = log_in_again(attempt, error);

        if (r < 0)
                return r;
        r = send_once(attempt, error);
        version = attempt->identity.version;
        if (r != -EACCES || attempt->exchange.response.status != 401)
                return r;
        credential_refuse(kube_config_credential(attempt->client->config), version);
        if (attempt->call->once || log_in_again(attempt, NULL) < 0 || attempt->identity.version == version)
                return r;
        return send_once(attempt, error);
}

/* Between one half and the whole of `longest`. */
static int64_t jitter(int64_t longest)
{
        uint32_t random = 0;

        (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return longest / 2 + (int64_t)((double)longest / 2 * random / UINT32_MAX);
}

/* How long to wait before the next attempt: at least for as long as the server asks for. */
static int64_t pause_before(int number, int64_t retry_after)
{
        int64_t longest = number < 5 ? FIRST_PAUSE << number : LONGEST_PAUSE;

        return retry_after + jitter(longest < LONGEST_PAUSE ? longest : LONGEST_PAUSE);
}

static bool may_repeat(const struct attempt *attempt, int r)
{
        if (attempt->call->once || attempt->in_vain || attempt->exchange.streamed)
                return false;
        return r == -EAGAIN || (r == -EIO && attempt->call->method == KUBE_GET);
}

/* Attempts until one succeeds, or there is no time for another: then what the last one said. */
static int repeat(struct attempt *attempt, struct error *error)
{
        for (int number = 0;; number++) {
                int r = send_known(attempt, error);
                int64_t until;

                if (r >= 0 || !may_repeat(attempt, r))
                        return r;
                until = clock_monotonic() + pause_before(number, attempt->exchange.retry_after);
                if (until >= attempt->patience.deadline)
                        return r;
                r = connection_sleep(attempt->slot->connection, &attempt->patience, until);
                if (r < 0)
                        return error_set(error, -r, "canceled");
        }
}

/* "GET /api/v1/pods", without the query. */
static void name_call(struct error *error, const struct kube_call *call)
{
        static const char *const methods[] = {
                [KUBE_GET] = "GET",     [KUBE_POST] = "POST",     [KUBE_PUT] = "PUT",
                [KUBE_PATCH] = "PATCH", [KUBE_DELETE] = "DELETE",
        };

        error_prefix(error, "%s %.*s", methods[call->method], (int)strcspn(call->path, "?"), call->path);
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_response *ret,
              struct error *error)
{
        _cleanup_(attempt_clear) struct attempt attempt = {
                .client = client,
                .call = call,
                .patience =
                        {
                                .deadline = clock_monotonic() + (call->timeout ? call->timeout : KUBE_TIMEOUT),
                                .cancelled = &client->cancelled,
                                .interrupted = call->cancelled,
                        },
        };
        int r;

        kube_response_clear(ret);
        r = open_slot(&attempt, error);
        if (r >= 0)
                r = repeat(&attempt, error);
        if (r < 0)
                name_call(error, call);
        *ret = attempt.exchange.response;
        attempt.exchange.response = KUBE_RESPONSE_INIT;
        return r;
}
