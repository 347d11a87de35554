/*
 * A TLS client and a server on the two ends of a pair of sockets. The server reads and writes as libmicrohttpd does:
 * it is told by epoll(7), once for each thing that happens (EPOLLET), reads and writes until it is told EAGAIN, and
 * sends an answer as a head and a body. So bytes that its transport forgets, or an EAGAIN that is not true, leave
 * both waiting for each other.
 *
 * Who includes this defines the system calls that the transport reads and writes with; they stand in front of the C
 * library's. They can be made to do less than they were asked to.
 */
#pragma once

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "daemon/transport.h"

#define REQUEST_MAX (1024 * 1024)
#define PATIENCE 100 /* turns in which no byte moves */

/* What one kind of call does on one socket. */
struct limits {
        size_t most;     /* bytes for one call; 0: all */
        int again_every; /* so many calls, one says EAGAIN; 0: none does */
        int fails_at;    /* the call that fails, from 1; 0: none */
        int errnum;      /* how */
        int calls;       /* made so far */
        bool lied;       /* the last call said EAGAIN, or did less than it could have done */
};

static struct {
        int server, client; /* sockets */
        size_t moved;       /* bytes, by all calls */
        struct limits receive, send, client_send;
} calls;

/* False: `errno` says how it fails. */
static bool may_go_on(struct limits *limits)
{
        limits->calls++;
        limits->lied = limits->again_every && limits->calls % limits->again_every == 0;
        errno = limits->lied ? EAGAIN : limits->errnum;
        return !limits->lied && limits->calls != limits->fails_at;
}

static ssize_t count(ssize_t n)
{
        calls.moved += n > 0 ? (size_t)n : 0;
        return n;
}

ssize_t recv(int fd, void *to, size_t size, int flags)
{
        if (fd == calls.server) {
                if (!may_go_on(&calls.receive))
                        return -1;
                if (calls.receive.most && size > calls.receive.most)
                        size = calls.receive.most;
        }
        return count(syscall(SYS_recvfrom, fd, to, size, flags, NULL, NULL));
}

/* As many bytes as it may. */
static ssize_t send_some(int fd, const struct msghdr *message, size_t most, int flags)
{
        struct iovec parts[40];
        struct msghdr some = {.msg_iov = parts};

        for (size_t i = 0; i < message->msg_iovlen && most; i++) {
                parts[i] = message->msg_iov[i];
                if (parts[i].iov_len > most)
                        parts[i].iov_len = most;
                most -= parts[i].iov_len;
                some.msg_iovlen++;
        }
        return syscall(SYS_sendmsg, fd, &some, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
        struct limits *limits = fd == calls.server ? &calls.send : &calls.client_send;

        if (!may_go_on(limits))
                return -1;
        if (!limits->most)
                return count(syscall(SYS_sendmsg, fd, message, flags));
        limits->lied = true;
        return count(send_some(fd, message, limits->most, flags));
}

/* How they speak to each other. */
struct exchange {
        const char *name;
        size_t request, head, body; /* bytes */
        int count;                  /* of requests */
        bool pipelined;             /* all of them are sent before an answer is awaited */
        bool stalls;                /* the client does not read before it has sent all */
        struct limits receive, send, client_send;
};

struct client {
        gnutls_session_t session;
        bool connected;
        int sent, answered;
        size_t offset; /* of the request that is being sent */
        size_t read;   /* of the answer */
};

struct server {
        gnutls_session_t session;
        struct transport *transport;
        int epoll;
        bool connected, readable, writable;
        size_t read;       /* of the request */
        bool answering;    /* from when the request is there until the answer is sent */
        size_t head, body; /* sent so far */
        int error;         /* of GnuTLS: it has given up */
};

static char text[REQUEST_MAX];

static bool is_again(ssize_t r)
{
        return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED;
}

/* The server */

static void wait_for_events(struct server *server)
{
        struct epoll_event event;

        if (epoll_wait(server->epoll, &event, 1, 0) != 1)
                return;
        server->readable = server->readable || event.events & EPOLLIN;
        server->writable = server->writable || event.events & EPOLLOUT;
}

/* What libmicrohttpd does with what GnuTLS says. */
static bool server_did(struct server *server, ssize_t r, bool *ready, const struct limits *limits)
{
        if (r >= 0)
                return true;
        if (is_again(r))
                *ready = limits->lied;
        else
                server->error = (int)r;
        return false;
}

static void server_connect(struct server *server)
{
        int r = gnutls_handshake(server->session);

        server->connected = r == 0;
        if (r < 0 && !is_again(r))
                server->error = r;
}

static void server_read(struct server *server, const struct exchange *exchange)
{
        char part[4096];
        size_t left = exchange->request - server->read;
        ssize_t r = gnutls_record_recv(server->session, part, left < sizeof(part) ? left : sizeof(part));

        if (!server_did(server, r, &server->readable, &calls.receive))
                return;
        ck_assert_mem_eq(part, text + server->read, (size_t)r);
        server->read += (size_t)r;
        if (server->read == exchange->request) {
                server->answering = true;
                transport_join_next(server->transport);
        }
}

static void server_write(struct server *server, const struct exchange *exchange)
{
        bool is_head = server->head < exchange->head;
        size_t *sent = is_head ? &server->head : &server->body;
        size_t left = (is_head ? exchange->head : exchange->body) - *sent;
        ssize_t r = gnutls_record_send(server->session, text + *sent, left);

        if (!server_did(server, r, &server->writable, &calls.send))
                return;
        *sent += (size_t)r;
        if (server->head == exchange->head && server->body == exchange->body) {
                server->answering = false;
                server->read = server->head = server->body = 0;
        }
}

static void server_turn(struct server *server, const struct exchange *exchange)
{
        wait_for_events(server);
        if (server->error)
                return;
        if (!server->connected)
                server_connect(server);
        else if (server->answering && server->writable)
                server_write(server, exchange);
        else if (!server->answering && server->readable)
                server_read(server, exchange);
}

/* The client */

static bool client_send(struct client *client, const struct exchange *exchange)
{
        ssize_t r = gnutls_record_send(client->session, text + client->offset, exchange->request - client->offset);

        if (r > 0)
                client->offset += (size_t)r;
        if (client->offset == exchange->request) {
                client->sent++;
                client->offset = 0;
        }
        return r > 0;
}

static void client_read(struct client *client, const struct exchange *exchange)
{
        char part[4096];
        size_t in_head = client->read < exchange->head ? exchange->head - client->read : 0;
        size_t at = in_head ? client->read : client->read - exchange->head;
        size_t left = in_head ? in_head : exchange->body - at;
        ssize_t r = gnutls_record_recv(client->session, part, left < sizeof(part) ? left : sizeof(part));

        if (r <= 0)
                return;
        ck_assert_mem_eq(part, text + at, (size_t)r);
        client->read += (size_t)r;
        if (client->read == exchange->head + exchange->body) {
                client->answered++;
                client->read = 0;
        }
}

static void client_turn(struct client *client, const struct exchange *exchange)
{
        bool may_send = client->sent < exchange->count && (exchange->pipelined || client->sent == client->answered);

        if (!client->connected)
                client->connected = gnutls_handshake(client->session) == 0;
        else if (!(may_send && client_send(client, exchange) && exchange->stalls))
                client_read(client, exchange);
}

/* Both */

static gnutls_psk_server_credentials_t server_credentials;
static gnutls_psk_client_credentials_t client_credentials;

static int find_key(gnutls_session_t session, const char *name, gnutls_datum_t *key)
{
        (void)session, (void)name;
        key->data = gnutls_malloc(4);
        key->size = 4;
        memcpy(key->data, "word", 4);
        return 0;
}

/* For tcase_add_unchecked_fixture(), as is teardown(). */
static void setup(void)
{
        const gnutls_datum_t key = {.data = (unsigned char *)"word", .size = 4};

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char)(i * 31 % 251);
        gnutls_psk_allocate_server_credentials(&server_credentials);
        gnutls_psk_set_server_credentials_function(server_credentials, find_key);
        gnutls_psk_allocate_client_credentials(&client_credentials);
        gnutls_psk_set_client_credentials(client_credentials, "name", &key, GNUTLS_PSK_KEY_RAW);
}

static void teardown(void)
{
        gnutls_psk_free_server_credentials(server_credentials);
        gnutls_psk_free_client_credentials(client_credentials);
}

static const char *const versions[] = {"+VERS-TLS1.2", "+VERS-TLS1.3"};

static gnutls_session_t session_new(unsigned flags, int fd, void *credentials, const char *version)
{
        gnutls_session_t session;
        char priorities[128];

        snprintf(priorities, sizeof(priorities), "NORMAL:-VERS-ALL:%s:-KX-ALL:+ECDHE-PSK", version);
        ck_assert_int_eq(gnutls_init(&session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), 0);
        ck_assert_int_eq(gnutls_priority_set_direct(session, priorities, NULL), 0);
        gnutls_credentials_set(session, GNUTLS_CRD_PSK, credentials);
        gnutls_transport_set_int(session, fd);
        return session;
}

static void start(struct server *server, struct client *client, const char *version, const struct exchange *exchange)
{
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
        int fds[2], small = 4096;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        calls = (typeof(calls)){fds[0], fds[1], 0, exchange->receive, exchange->send, exchange->client_send};
        *server = (struct server){
                .session = session_new(GNUTLS_SERVER, fds[0], server_credentials, version),
                .epoll = epoll_create1(EPOLL_CLOEXEC),
        };
        *client = (struct client){.session = session_new(GNUTLS_CLIENT, fds[1], client_credentials, version)};
        ck_assert_int_eq(epoll_ctl(server->epoll, EPOLL_CTL_ADD, fds[0], &event), 0);
        server->transport = transport_new(server->session);
        ck_assert_ptr_nonnull(server->transport);
}

/* In libmicrohttpd's order. */
static void stop(struct server *server, struct client *client)
{
        gnutls_deinit(server->session);
        gnutls_deinit(client->session);
        transport_free(server->transport);
        close(calls.server);
        close(calls.client);
        close(server->epoll);
}

/* Until all is answered, or nothing happens any more. */
static void run(struct server *server, struct client *client, const struct exchange *exchange)
{
        int idle = 0;

        while (client->answered < exchange->count && idle < PATIENCE) {
                size_t moved = calls.moved;

                client_turn(client, exchange);
                server_turn(server, exchange);
                idle = calls.moved == moved ? idle + 1 : 0;
        }
}
