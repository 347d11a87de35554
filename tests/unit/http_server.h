/*
 * An HTTP server on loopback that answers from a script: the n-th request, on whatever connection, gets the n-th
 * answer, and every later one the last. It counts, and keeps what it was sent.
 */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define HTTP_CONNECTIONS_MAX 64
#define HTTP_REQUEST_MAX 8192

enum http_end { HTTP_KEEP, HTTP_CLOSE, HTTP_STALL }; /* what becomes of the connection after the answer */

struct http_answer {
        const char *bytes; /* NULL: none */
        enum http_end end;
        int cut;     /* how many bytes are sent; 0: all */
        int slow_ms; /* before each byte, from the `slow_from`-th on; 0: all at once */
        int slow_from;
        size_t fill; /* zero bytes that follow */
};

struct http_server {
        const struct http_answer *script; /* borrowed */
        size_t n_script;
        int listener, port;
        int stop[2]; /* a pipe; its closing ends everything */
        pthread_t thread;
        pthread_mutex_t mutex; /* of what follows */
        pthread_t threads[HTTP_CONNECTIONS_MAX];
        int n_accepts, n_requests;
        char last[HTTP_REQUEST_MAX]; /* the last request, with its body */
};

struct http_connection {
        struct http_server *server;
        int fd;
};

/* False when the server stops. */
static inline bool http_wait(const struct http_server *server, int fd, int ms)
{
        struct pollfd files[] = {{.fd = server->stop[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};

        poll(files, 2, ms);
        return !files[0].revents;
}

/* Reads a request, headers and body; false where the connection ends. */
static inline bool http_read(const struct http_connection *connection, char *request)
{
        size_t size = 0, wanted = 0;

        while (!wanted || size < wanted) {
                const char *end, *length;
                ssize_t n;

                if (!http_wait(connection->server, connection->fd, -1))
                        return false;
                n = recv(connection->fd, request + size, HTTP_REQUEST_MAX - 1 - size, 0);
                if (n <= 0)
                        return false;
                size += (size_t)n;
                request[size] = '\0';
                end = strstr(request, "\r\n\r\n");
                length = strcasestr(request, "\r\nContent-Length: ");
                if (end)
                        wanted = (size_t)(end + 4 - request) +
                                 (length && length < end ? strtoul(length + 18, NULL, 10) : 0);
        }
        return true;
}

static inline void http_send(const struct http_connection *connection, const struct http_answer *answer)
{
        size_t size = !answer->bytes ? 0 : answer->cut ? (size_t)answer->cut : strlen(answer->bytes);
        size_t at_once = answer->slow_ms ? (size_t)answer->slow_from : size;
        static const char zeros[65536];

        if (at_once)
                (void)!send(connection->fd, answer->bytes, at_once, MSG_NOSIGNAL);
        for (size_t i = at_once; i < size; i++) {
                if (!http_wait(connection->server, -1, answer->slow_ms) ||
                    send(connection->fd, answer->bytes + i, 1, MSG_NOSIGNAL) < 0)
                        return;
        }
        for (size_t left = answer->fill; left;) {
                ssize_t n = send(connection->fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros), MSG_NOSIGNAL);

                if (n < 0)
                        return;
                left -= (size_t)n;
        }
}

static inline void *http_serve(void *userdata)
{
        struct http_connection *connection = userdata;
        struct http_server *server = connection->server;
        char *request = calloc(1, HTTP_REQUEST_MAX);
        const struct http_answer *answer = NULL;

        while (http_read(connection, request)) {
                pthread_mutex_lock(&server->mutex);
                answer = &server->script[(size_t)server->n_requests < server->n_script ? (size_t)server->n_requests
                                                                                       : server->n_script - 1];
                server->n_requests++;
                memcpy(server->last, request, HTTP_REQUEST_MAX);
                pthread_mutex_unlock(&server->mutex);
                http_send(connection, answer);
                if (answer->end == HTTP_STALL)
                        http_wait(server, -1, -1);
                if (answer->end != HTTP_KEEP)
                        break;
        }
        close(connection->fd);
        free(request);
        free(connection);
        return NULL;
}

static inline void *http_accept(void *userdata)
{
        struct http_server *server = userdata;

        while (http_wait(server, server->listener, -1)) {
                struct http_connection *connection = calloc(1, sizeof(*connection));

                *connection = (struct http_connection){server, accept(server->listener, NULL, NULL)};
                pthread_mutex_lock(&server->mutex);
                if (server->n_accepts == HTTP_CONNECTIONS_MAX)
                        abort();
                pthread_create(&server->threads[server->n_accepts++], NULL, http_serve, connection);
                pthread_mutex_unlock(&server->mutex);
        }
        return NULL;
}

/* A listener on a free port; *ret_port has it. */
static inline int http_listen(int *ret_port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 64), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static inline void http_start(struct http_server *server, const struct http_answer *script, size_t n_script)
{
        *server = (struct http_server){.script = script, .n_script = n_script};
        pthread_mutex_init(&server->mutex, NULL);
        ck_assert_int_eq(pipe2(server->stop, O_CLOEXEC), 0);
        server->listener = http_listen(&server->port);
        ck_assert_int_eq(pthread_create(&server->thread, NULL, http_accept, server), 0);
}

static inline void http_stop(struct http_server *server)
{
        close(server->stop[1]);
        pthread_join(server->thread, NULL);
        for (int i = 0; i < server->n_accepts; i++)
                pthread_join(server->threads[i], NULL);
        close(server->listener);
        close(server->stop[0]);
}

static inline int http_requests(struct http_server *server)
{
        int n;

        pthread_mutex_lock(&server->mutex);
        n = server->n_requests;
        pthread_mutex_unlock(&server->mutex);
        return n;
}

static inline int http_accepts(struct http_server *server)
{
        int n;

        pthread_mutex_lock(&server->mutex);
        n = server->n_accepts;
        pthread_mutex_unlock(&server->mutex);
        return n;
}
