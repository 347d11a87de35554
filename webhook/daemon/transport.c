/*
 * GnuTLS asks its socket for the five bytes that a record begins with, then for the rest of it; libmicrohttpd sends
 * an answer as two records, its head and its body. That is four system calls for a request, and they cost more than
 * all that is done with it. Here a request is read at once, as far as it has come, and an answer's head waits for the
 * body.
 *
 * Neither may be noticed from outside. Reading: libmicrohttpd is told of a socket once when something arrives
 * (EPOLLET), and reads until it hears EAGAIN; so EAGAIN is said only when nothing is left here and the socket has
 * said so itself. Writing: what waits counts as written, so it must be certain that more is written: the body is, and
 * where the socket takes no more of it, or only a part of what waits, the body is what libmicrohttpd tries again once
 * the socket is writable. Records are sent in the order in which they were made, whatever they hold.
 *
 * gnutls_record_cork() would make one record of both. But then it is up to us to send it when the answer is
 * complete, and if the socket takes only a part of it, nobody waits for the socket to be writable.
 *
 * Most connections are idle, or have been read to the last byte: a buffer is held only by those with something in it,
 * and a thread keeps one for the next.
 */
#include "daemon/transport.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* A whole record: five bytes, then 2^14 and what encryption adds to them at most (RFC 5246, 6.2.3; RFC 8446, 5.2). */
#define AHEAD_MAX (5 + 16384 + 2048)

#define HEAD_MAX 512 /* of an answer: a few lines */

/* Of what GnuTLS writes at once. It takes a socket that has not taken all of them for one that is full. */
#define PARTS_MAX 32

struct transport {
        int socket;  /* borrowed */
        char *ahead; /* owned; AHEAD_MAX, of which [taken, end) has not been asked for; NULL: nothing is there */
        size_t taken, end;
        bool joins;        /* the next record waits */
        size_t sent, held; /* of `head`: [sent, held) waits */
        char head[HEAD_MAX];
};

static pthread_key_t spare; /* owned by each thread: a buffer */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
        pthread_key_create(&spare, free);
}

/* Uninitialized. */
static char *take_buffer(void)
{
        char *buffer;

        pthread_once(&once, make_key);
        buffer = pthread_getspecific(spare);
        if (!buffer)
                return malloc(AHEAD_MAX);
        pthread_setspecific(spare, NULL);
        return buffer;
}

static void give_back(char *buffer)
{
        if (pthread_getspecific(spare) || pthread_setspecific(spare, buffer) != 0)
                free(buffer);
}

/* As recv(2) says. Without memory it reads what was asked for, and no more. */
static ssize_t receive(struct transport *transport, void *to, size_t size)
{
        char *buffer = take_buffer();
        ssize_t n;

        if (!buffer)
                return recv(transport->socket, to, size, 0);
        n = recv(transport->socket, buffer, AHEAD_MAX, 0);
        if (n <= 0) {
                int errnum = errno;

                give_back(buffer);
                errno = errnum;
                return n;
        }
        transport->ahead = buffer;
        transport->taken = 0;
        transport->end = (size_t)n;
        return n;
}

/* For GnuTLS: as recv(2), and it comes again for what is missing. */
static ssize_t pull(gnutls_transport_ptr_t userdata, void *to, size_t size)
{
        struct transport *transport = userdata;

        if (!transport->ahead) {
                ssize_t n = receive(transport, to, size);

                if (!transport->ahead)
                        return n;
        }
        if (size > transport->end - transport->taken)
                size = transport->end - transport->taken;
        memcpy(to, transport->ahead + transport->taken, size);
        transport->taken += size;
        if (transport->taken == transport->end)
                give_back(steal_pointer(&transport->ahead));
        return (ssize_t)size;
}

/* Keeps the first of two records; false where it is too long for that. */
static bool hold(struct transport *transport, const giovec_t *parts, int n_parts)
{
        size_t size = transport->held;

        for (int i = 0; i < n_parts; i++) {
                if (parts[i].iov_len > HEAD_MAX - size)
                        return false;
                memcpy(transport->head + size, parts[i].iov_base, parts[i].iov_len);
                size += parts[i].iov_len;
        }
        transport->held = size;
        return true;
}

/* Of `n` bytes that were sent, those that did not wait. -1: what waited is not all sent, or nothing else is. */
static ssize_t count_beyond_held(struct transport *transport, ssize_t n)
{
        size_t waited = transport->held - transport->sent;

        if ((size_t)n < waited) {
                transport->sent += (size_t)n;
                errno = EAGAIN;
                return -1;
        }
        transport->sent = transport->held = 0;
        if ((size_t)n > waited)
                return n - (ssize_t)waited;
        errno = EAGAIN;
        return -1;
}

static size_t size_of(const giovec_t *parts, int n_parts)
{
        size_t size = 0;

        for (int i = 0; i < n_parts; i++)
                size += parts[i].iov_len;
        return size;
}

/* For GnuTLS: as writev(2), and it comes again with what is left. */
static ssize_t push(gnutls_transport_ptr_t userdata, const giovec_t *parts, int n_parts)
{
        struct transport *transport = userdata;
        struct iovec all[PARTS_MAX + 1];
        struct msghdr message = {.msg_iov = all};
        ssize_t n;

        if (transport->joins) {
                transport->joins = false;
                if (hold(transport, parts, n_parts))
                        return (ssize_t)size_of(parts, n_parts);
        }
        if (n_parts > PARTS_MAX)
                n_parts = PARTS_MAX;
        all[0].iov_base = transport->head + transport->sent;
        all[0].iov_len = transport->held - transport->sent;
        memcpy(all + 1, parts, (size_t)n_parts * sizeof(*parts));
        message.msg_iovlen = (size_t)n_parts + 1;
        n = sendmsg(transport->socket, &message, MSG_NOSIGNAL);
        return n < 0 ? n : count_beyond_held(transport, n);
}

struct transport *transport_new(gnutls_session_t session)
{
        struct transport *transport = malloc(sizeof(*transport));

        if (!transport)
                return NULL;
        *transport = (struct transport){.socket = gnutls_transport_get_int(session)};
        gnutls_transport_set_ptr(session, transport);
        gnutls_transport_set_pull_function(session, pull);
        gnutls_transport_set_vec_push_function(session, push);
        return transport;
}

struct transport *transport_free(struct transport *transport)
{
        if (transport) {
                free(transport->ahead);
                free(transport);
        }
        return NULL;
}

void transport_join_next(struct transport *transport)
{
        transport->joins = true;
}
