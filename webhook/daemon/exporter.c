/*
 * A port of its own because Prometheus has no client certificate to show and need not trust ours, and because a
 * network policy can then let it in here alone. One thread serves it: a scrape a few times a minute, which waits for
 * no review. Clients that do nothing are dropped soon, and there may be only so many, as anybody may connect.
 */
#include "daemon/exporter.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/address.h"
#include "daemon/readiness.h"
#include "daemon/request.h"
#include "util/error.h"
#include "util/log.h"

#define IDLE_SECONDS 30
#define CONNECTIONS_MAX 64

struct exporter {
        struct MHD_Daemon *daemon;             /* owned */
        const struct request_context *context; /* borrowed */
        struct metrics_source source;
};

struct answer {
        unsigned status;
        const char *type;
        char *text; /* owned; NULL: memory ran out */
};

static struct answer answer_metrics(const struct exporter *exporter)
{
        struct answer answer = {.status = MHD_HTTP_OK, .type = METRICS_CONTENT_TYPE};
        size_t size = 0;
        FILE *stream = open_memstream(&answer.text, &size);

        if (!stream)
                return answer;
        metrics_print(stream, &exporter->source);
        if (fclose(stream))
                free(steal_pointer(&answer.text));
        return answer;
}

static struct answer answer_text(unsigned status, const char *text)
{
        return (struct answer){.status = status, .type = "text/plain; charset=utf-8", .text = strdup(text)};
}

static struct answer answer_livez(const struct exporter *exporter)
{
        (void)exporter;
        return answer_text(MHD_HTTP_OK, "ok");
}

static struct answer answer_readyz(const struct exporter *exporter)
{
        struct answer answer = {.type = "text/plain; charset=utf-8"};

        answer.status = readiness(exporter->context, &answer.text) ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
        return answer;
}

static const struct {
        const char *path;
        struct answer (*answer)(const struct exporter *exporter);
} routes[] = {{"/metrics", answer_metrics}, {"/livez", answer_livez}, {"/readyz", answer_readyz}};

static struct answer find_answer(const struct exporter *exporter, const char *url, const char *method)
{
        if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
                return answer_text(MHD_HTTP_METHOD_NOT_ALLOWED, "this port takes GET and HEAD");
        for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
                if (!strcmp(routes[i].path, url))
                        return routes[i].answer(exporter);
        return answer_text(MHD_HTTP_NOT_FOUND, "there is nothing at this path; metrics are at /metrics");
}

/* Answers when the headers are there; what a body should say is of no interest. */
static enum MHD_Result handle(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **data)
{
        struct answer answer = find_answer(userdata, url, method);
        struct MHD_Response *response;
        enum MHD_Result result;

        (void)version, (void)upload, (void)upload_size, (void)data;
        if (!answer.text)
                return MHD_NO;
        response = MHD_create_response_from_buffer(strlen(answer.text), answer.text, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(answer.text);
                return MHD_NO;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type);
        if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        result = MHD_queue_response(connection, answer.status, response);
        MHD_destroy_response(response);
        return result;
}

static struct MHD_Daemon *start(struct exporter *exporter, int socket)
{
        sigset_t all, before;
        struct MHD_Daemon *daemon;

        /* Its thread takes no signals: they are the main thread's. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, handle, exporter,
                                  MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
                                  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return daemon;
}

int exporter_new(struct exporter **ret, const char *listen, const struct request_context *context,
                 const struct metrics_source *source, struct error *error)
{
        _cleanup_(exporter_freep) struct exporter *exporter = calloc(1, sizeof(*exporter));
        _cleanup_(closep) int socket = -1;
        char address[ADDRESS_TEXT_MAX];

        if (!exporter)
                return error_oom(error);
        exporter->context = context;
        exporter->source = *source;
        socket = address_listen(listen, error);
        if (socket < 0)
                return socket;
        address_format(socket, address);
        exporter->daemon = start(exporter, socket);
        if (!exporter->daemon)
                return error_set(error, EIO, "cannot start the server of metrics");
        steal_fd(&socket);
        log_info("metrics", log_string("address", address));
        *ret = steal_pointer(&exporter);
        return 0;
}

struct exporter *exporter_free(struct exporter *exporter)
{
        if (!exporter)
                return NULL;
        if (exporter->daemon)
                MHD_stop_daemon(exporter->daemon);
        free(exporter);
        return NULL;
}
