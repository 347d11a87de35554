/*
 * libmicrohttpd does HTTP/1.1 and, on GnuTLS, TLS; requests are handled in daemon/request.c on its threads, one for
 * each CPU that the process may use. A client that comes again resumes its session with a ticket, which saves both
 * sides the signature.
 *
 * Stopping has an order: every answer asks its client to close, for as long as who asks may not have heard that
 * others are to be asked; then no new connections, then a short while in which clients that hold an idle connection
 * may come once more and be told, and only then the end.
 */
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "daemon/address.h"
#include "daemon/deadline.h"
#include "daemon/exporter.h"
#include "daemon/request.h"
#include "daemon/tls.h"
#include "daemon/transport.h"
#include "util/clock.h"
#include "util/cpus.h"
#include "util/error.h"
#include "util/log.h"

/* TLS 1.2 and 1.3, forward secrecy, AEAD. */
#define TLS_PRIORITIES                                                                                       \
        "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:" \
        "+CHACHA20-POLY1305"

/* Idle clients are given this long to use a connection once more and be told to close it. */
#define DRAIN_QUIET (250 * NS_PER_MS)
#define DRAIN_STEP (5 * NS_PER_MS)

/* API servers keep idle connections for 90 s; ending them first would race with a request. */
#define IDLE_SECONDS TLS_HANDSHAKE_MAX

/*
 * What a connection keeps of a request: its head, which API servers write in less than 1 KiB, and what has come of
 * the body and is not taken yet. Half of it is read into at once, and most reviews are shorter than that; what is
 * longer takes another turn of the loop. More would be more to clear after each request, and more for each
 * connection.
 */
#define CONNECTION_MEMORY (10 * 1024)

struct server {
        struct MHD_Daemon *daemon;   /* owned */
        struct deadlines *deadlines; /* owned */
        struct exporter *exporter;   /* owned; NULL: none */
        struct request_context context;
        gnutls_datum_t ticket_key; /* owned; what sessions are sealed with; GnuTLS derives others from it in time */
        int socket;                /* owned, until libmicrohttpd has it */
        int stand_in;              /* owned; takes the socket's number when that is closed */
        char address[ADDRESS_TEXT_MAX];
};

static void log_mhd(void *userdata, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void log_mhd(void *userdata, const char *format, va_list arguments)
{
        char text[512];

        (void)userdata;
        vsnprintf(text, sizeof(text), format, arguments);
        text[strcspn(text, "\n")] = '\0';
        log_debug("http", log_string("detail", text));
}

/*
 * libmicrohttpd leaves tickets off, and has no option for them; but it tells of a connection before its handshake.
 * It tells of the end when the session is gone. What is kept in between is the connection's transport, see request.c.
 */
static void attend(void *userdata, struct MHD_Connection *connection, void **data,
                   enum MHD_ConnectionNotificationCode code)
{
        const struct server *server = userdata;
        const union MHD_ConnectionInfo *info;

        if (code != MHD_CONNECTION_NOTIFY_STARTED) {
                *data = transport_free(*data);
                return;
        }
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (info) {
                gnutls_session_ticket_enable_server(info->tls_session, &server->ticket_key);
                *data = transport_new(info->tls_session);
        }
}

static int start(struct server *server, struct error *error)
{
        unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                         MHD_USE_ERROR_LOG;
        unsigned cpus = cpus_available();
        struct MHD_OptionItem options[] = {
                {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_mhd, NULL},
                {MHD_OPTION_LISTEN_SOCKET, server->socket, NULL},
                {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)tls_retrieve},
                {MHD_OPTION_HTTPS_PRIORITIES, 0, (char *)TLS_PRIORITIES},
                {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)attend, server},
                {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, &server->context},
                {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL},
                {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
                {cpus > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, cpus, NULL},
                {MHD_OPTION_END, 0, NULL},
        };
        sigset_t all, before;

        /* Its threads take no signals: they are the main thread's. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_handle, &server->context, MHD_OPTION_ARRAY,
                                          options, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!server->daemon)
                return error_set(error, EIO, "cannot start the HTTPS server");
        server->socket = -1;
        return 0;
}

static int start_exporter(struct server *server, const struct server_options *options, struct error *error)
{
        const struct metrics_source source = {
                .metrics = &server->context.metrics,
                .ledger = server->context.ledger,
                .started_at = clock_unix(),
        };

        return options->metrics ? exporter_new(&server->exporter, options->metrics, &server->context, &source, error)
                                : 0;
}

int server_new(struct server **ret, const struct server_options *options, struct admission *admission,
               struct ledger *ledger, struct error *error)
{
        _cleanup_(server_freep) struct server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return error_oom(error);
        server->socket = -1;
        server->stand_in = eventfd(0, EFD_CLOEXEC);
        if (server->stand_in < 0)
                return error_set_errno(error, errno, "cannot make an event descriptor");
        r = gnutls_session_ticket_key_generate(&server->ticket_key);
        if (r < 0)
                return error_set(error, EIO, "cannot make a key for TLS sessions: %s", gnutls_strerror(r));
        server->socket = address_listen(options->listen, error);
        if (server->socket < 0)
                return server->socket;
        address_format(server->socket, server->address);
        r = deadlines_new(&server->deadlines, error);
        if (r < 0)
                return r;
        server->context = (struct request_context){
                .admission = admission,
                .ledger = ledger,
                .deadlines = server->deadlines,
                .trusted = options->trusted,
                .userdata = options->userdata,
                .timeout = options->request_timeout,
        };
        r = start(server, error);
        if (r >= 0)
                r = start_exporter(server, options, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&server);
        return 0;
}

const char *server_address(const struct server *server)
{
        return server->address;
}

/*
 * With several threads MHD_quiesce_daemon() is a race that libmicrohttpd 0.9.75 aborts on: each thread, and the one
 * that calls, want to be the one that takes the socket out of an epoll set, and closing it afterwards comes too early
 * for some. But the kernel takes a closed socket out of all of them by itself, and refuses who comes after. Only its
 * number must stay taken, by something that never has a connection, because libmicrohttpd closes it at the end.
 */
static void stop_listening(struct server *server)
{
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_LISTEN_FD);

        if (!info || dup3(server->stand_in, info->listen_fd, O_CLOEXEC) < 0)
                log_warn("cannot stop listening before the end");
}

static void pause_for(int64_t ns)
{
        const struct timespec time = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};

        nanosleep(&time, NULL);
}

/* Until no request has been under way for a while, or time is up. */
static void wait_for_quiet(struct server *server)
{
        int64_t now = clock_monotonic(), end = now + server->context.timeout + DRAIN_QUIET, quiet_since = now;

        while (now < end && now - quiet_since < DRAIN_QUIET) {
                pause_for(DRAIN_STEP);
                now = clock_monotonic();
                if (metrics_in_flight(&server->context.metrics))
                        quiet_since = now;
        }
}

void server_retire(struct server *server)
{
        __atomic_store_n(&server->context.draining, true, __ATOMIC_RELAXED);
}

struct server *server_free(struct server *server)
{
        if (!server)
                return NULL;
        if (server->daemon) {
                stop_listening(server);
                server_retire(server);
                wait_for_quiet(server);
                MHD_stop_daemon(server->daemon);
        }
        exporter_free(server->exporter);
        closep(&server->socket);
        closep(&server->stand_in);
        deadlines_free(server->deadlines);
        gnutls_memset(server->ticket_key.data, 0, server->ticket_key.size);
        gnutls_free(server->ticket_key.data);
        free(server);
        return NULL;
}
