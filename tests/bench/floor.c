/*
 * The floor of `./dev bench requests`: what libmicrohttpd and GnuTLS need to take in a review over TLS and to send
 * back an answer as long as a placement's, and nothing else.
 *
 *     floor ADDR:PORT CERT KEY THREADS ANSWER
 *
 * It is started as webhook/daemon/server.c starts its own: the same flags, the same TLS, as many threads, the same
 * socket. The body is taken from libmicrohttpd's buffer and dropped, and the response is one that all requests share,
 * so that no server can do with less that leaves to these libraries how a connection is read and written. Ours does
 * not, see webhook/daemon/transport.c: it may be faster than the floor.
 */
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/address.h"
#include "util/cleanup.h"
#include "util/error.h"

#define TLS_PRIORITIES                                                                                       \
        "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:" \
        "+CHACHA20-POLY1305"
#define IDLE_SECONDS 120
#define FILE_MAX 65536

/* With which sessions are sealed in tickets; set before the server starts. */
static gnutls_datum_t ticket_key;

/* libmicrohttpd leaves tickets off; without them every connection costs a whole handshake. */
static void notify_connection(void *userdata, struct MHD_Connection *connection, void **data,
                              enum MHD_ConnectionNotificationCode code)
{
        const union MHD_ConnectionInfo *info;

        (void)userdata, (void)data;
        if (code != MHD_CONNECTION_NOTIFY_STARTED)
                return;
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (info)
                gnutls_session_ticket_enable_server(info->tls_session, &ticket_key);
}

/* Marks a request whose headers have been seen. */
static char begun;

static enum MHD_Result answer(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **data)
{
        (void)url, (void)method, (void)version, (void)upload;
        if (!*data) {
                *data = &begun;
                return MHD_YES;
        }
        if (*upload_size) {
                *upload_size = 0;
                return MHD_YES;
        }
        return MHD_queue_response(connection, MHD_HTTP_OK, userdata);
}

/* A new string: the whole file; what cannot be read is the end of the program. */
static char *read_file(const char *path)
{
        char *text = calloc(1, FILE_MAX);
        FILE *file = fopen(path, "re");

        if (!text || !file || fread(text, 1, FILE_MAX - 1, file) == 0 || !feof(file)) {
                fprintf(stderr, "floor: cannot read %s\n", path);
                exit(EXIT_FAILURE);
        }
        fclose(file);
        return text;
}

static struct MHD_Daemon *start(int fd, const char *cert, const char *key, int threads, struct MHD_Response *response)
{
        unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                         MHD_USE_ERROR_LOG;
        struct MHD_OptionItem options[] = {
                {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
                {MHD_OPTION_HTTPS_MEM_CERT, 0, (char *)cert},
                {MHD_OPTION_HTTPS_MEM_KEY, 0, (char *)key},
                {MHD_OPTION_HTTPS_PRIORITIES, 0, (char *)TLS_PRIORITIES},
                {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notify_connection, NULL},
                {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL},
                {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
                {MHD_OPTION_END, 0, NULL},
        };

        return MHD_start_daemon(flags, 0, NULL, NULL, answer, response, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* Serves until SIGTERM or SIGINT, which are blocked. */
static int serve(char **argv, const sigset_t *signals)
{
        _cleanup_(freep) char *cert = read_file(argv[2]), *key = read_file(argv[3]), *text = read_file(argv[5]);
        _cleanup_error_ struct error error = ERROR_INIT;
        struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
        struct MHD_Daemon *daemon;
        int fd = address_listen(argv[1], &error), number;

        if (fd < 0 || !response || gnutls_session_ticket_key_generate(&ticket_key) < 0) {
                fprintf(stderr, "floor: %s\n", fd < 0 ? error_message(&error) : "out of memory");
                return EXIT_FAILURE;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
        daemon = start(fd, cert, key, atoi(argv[4]), response);
        if (!daemon) {
                fputs("floor: cannot start the HTTPS server\n", stderr);
                return EXIT_FAILURE;
        }
        sigwait(signals, &number);
        MHD_stop_daemon(daemon);
        MHD_destroy_response(response);
        gnutls_free(ticket_key.data);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        sigset_t signals;

        if (argc != 6) {
                fputs("usage: floor ADDR:PORT CERT KEY THREADS ANSWER\n", stderr);
                return 2;
        }
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
        return serve(argv, &signals);
}
