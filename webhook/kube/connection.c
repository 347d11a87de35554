/*
 * libcurl's "multi" interface is used for one transfer at a time, because a wait in it can be ended by another
 * thread. It also keeps the connection, from one transfer to the next.
 */
#include "kube/connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kube/transfer.h"
#include "util/error.h"

struct connection {
        CURL *easy;
        CURLM *multi; /* outlives `easy`'s transfers, keeps the connection */
};

int connection_new(struct connection **ret, struct error *error)
{
        _cleanup_(connection_freep) struct connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return error_oom(error);
        connection->easy = curl_easy_init();
        connection->multi = curl_multi_init();
        if (!connection->easy || !connection->multi)
                return error_oom(error);
        *ret = steal_pointer(&connection);
        return 0;
}

struct connection *connection_free(struct connection *connection)
{
        if (!connection)
                return NULL;
        curl_easy_cleanup(connection->easy);
        curl_multi_cleanup(connection->multi);
        free(connection);
        return NULL;
}

void connection_wake(struct connection *connection)
{
        curl_multi_wakeup(connection->multi);
}

int connection_sleep(struct connection *connection, const struct patience *patience, int64_t until)
{
        struct patience sleep = *patience;

        sleep.deadline = until;
        for (;;) {
                int r = patience_check(&sleep);

                if (r < 0)
                        return r == -ETIMEDOUT ? 0 : r;
                curl_multi_poll(connection->multi, NULL, 0, patience_wait_ms(&sleep, PATIENCE_TICK), NULL);
        }
}

/* Until when the peer may be silent from now on. */
static int64_t limit(const struct transfer *transfer)
{
        int64_t silence = transfer->exchange->call->silence;

        if (!transfer->streaming)
                return transfer->exchange->patience.deadline;
        return silence ? transfer->heard + silence : INT64_MAX;
}

/* Runs the transfer until it is done, or patience is at its end. */
static int drive(struct connection *connection, struct transfer *transfer)
{
        struct patience patience = transfer->exchange->patience;
        int running = 0, r;

        for (;;) {
                if (curl_multi_perform(connection->multi, &running) != CURLM_OK)
                        return -ENOMEM;
                if (!running)
                        return 0;
                patience.deadline = limit(transfer);
                r = patience_check(&patience);
                if (r < 0)
                        return r;
                curl_multi_poll(connection->multi, NULL, 0, patience_wait_ms(&patience, PATIENCE_TICK), NULL);
        }
}

/* OpenSSL writes to sockets that may be closed; the signal of that is not for the program to die of. */
static int drive_quietly(struct connection *connection, struct transfer *transfer)
{
        const struct timespec now = {0};
        sigset_t broken_pipe, before, pending;
        bool was_pending;
        int r;

        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        sigpending(&pending);
        was_pending = sigismember(&pending, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
        r = drive(connection, transfer);
        if (!was_pending)
                while (sigtimedwait(&broken_pipe, NULL, &now) < 0 && errno == EINTR)
                        ;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

static CURLcode result(struct connection *connection)
{
        CURLcode code = CURLE_OK;
        const CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(connection->multi, &left)))
                if (message->msg == CURLMSG_DONE)
                        code = message->data.result;
        return code;
}

static int explain(const struct transfer *transfer, CURLcode code, struct error *error)
{
        struct exchange *exchange = transfer->exchange;

        if (code == CURLE_OUT_OF_MEMORY)
                return error_oom(error);
        if (transfer->failure)
                return error_set_errno(error, -transfer->failure, "the answer was not taken");
        exchange->distrust = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
                             code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
        if (transfer->too_large)
                return error_set(error, EFBIG, "the answer is larger than 64 MiB");
        if (transfer->lost)
                return error_set(error, EIO, "the connection was closed before an answer came");
        if (code == CURLE_OK) /* to libcurl, headers may end anywhere */
                return error_set(error, EIO, "the connection was closed within the headers of the answer");
        return error_set(error, EIO, "%s", *transfer->reason ? transfer->reason : curl_easy_strerror(code));
}

static int explain_wait(const struct transfer *transfer, int r, struct error *error)
{
        const struct exchange *exchange = transfer->exchange;

        if (r == -ENOMEM)
                return error_oom(error);
        if (r == -ECANCELED)
                return error_set(error, ECANCELED, "canceled");
        if (transfer->streaming)
                return error_set(error, EIO, "the server has been silent for %lld s",
                                 (long long)(exchange->call->silence / NS_PER_SECOND));
        return error_set(error, ETIMEDOUT, exchange->sent ? "no answer in time" : "no connection in time");
}

static void take_answer(struct transfer *transfer)
{
        struct exchange *exchange = transfer->exchange;
        curl_off_t seconds = 0;
        long status = 0;

        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
        exchange->response.status = (int)status;
        exchange->retry_after = (seconds < 3600 ? seconds : 3600) * NS_PER_SECOND;
}

int connection_exchange(struct connection *connection, struct exchange *exchange, struct error *error)
{
        _cleanup_(transfer_clear) struct transfer transfer = {.exchange = exchange, .easy = connection->easy};
        CURLcode code;
        bool whole;
        int r;

        if (transfer_prepare(&transfer) < 0 || curl_multi_add_handle(connection->multi, connection->easy) != CURLM_OK)
                return error_oom(error);
        r = drive_quietly(connection, &transfer);
        code = r < 0 ? CURLE_OK : result(connection);
        whole = r >= 0 && code == CURLE_OK && transfer.headed;
        if (whole)
                take_answer(&transfer);
        else
                kube_response_clear(&exchange->response);
        curl_multi_remove_handle(connection->multi, connection->easy);
        curl_easy_reset(connection->easy);
        if (whole)
                return 0;
        return r < 0 ? explain_wait(&transfer, r, error) : explain(&transfer, code, error);
}
