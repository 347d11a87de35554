/*
 * Numbers only: a name in --listen would have to be looked up before anything runs, and may mean several addresses.
 * ":PORT" listens on IPv6 and IPv4 at once, or on IPv4 alone where there is no IPv6.
 */
#include "daemon/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/cleanup.h"
#include "util/error.h"

#define BACKLOG 1024

/* Splits "HOST:PORT" or "[HOST]:PORT"; false where it is neither. */
static bool split(const char *text, char host[static ADDRESS_TEXT_MAX], const char **ret_port)
{
        const char *colon = strrchr(text, ':');
        size_t length = colon ? (size_t)(colon - text) : 0;

        if (!colon || !colon[1] || length >= ADDRESS_TEXT_MAX)
                return false;
        *ret_port = colon + 1;
        if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
                text++;
                length -= 2;
        } else if (memchr(text, ':', length)) {
                return false;
        }
        memcpy(host, text, length);
        host[length] = '\0';
        return true;
}

const char *address_host(const char *text, char buffer[static ADDRESS_TEXT_MAX])
{
        const char *port;

        if (!split(text, buffer, &port) || !strcmp(buffer, "0.0.0.0") || !strcmp(buffer, "::"))
                buffer[0] = '\0';
        return buffer;
}

/* getaddrinfo(3) takes more than 16 bits, and cuts them off. */
static bool is_port(const char *text)
{
        size_t length = strspn(text, "0123456789");

        return length > 0 && length <= 5 && !text[length] && atoi(text) <= UINT16_MAX;
}

static int try_listen(const struct addrinfo *info)
{
        _cleanup_(closep) int fd = -1;
        const int on = 1, off = 0;

        fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (info->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return steal_fd(&fd);
}

int address_listen(const char *text, struct error *error)
{
        struct addrinfo hints = {
                .ai_socktype = SOCK_STREAM,
                .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        };
        struct addrinfo *info;
        char host[ADDRESS_TEXT_MAX];
        const char *port;
        int fd;

        if (!split(text, host, &port))
                return error_set(error, EINVAL, "the listen address must be ADDR:PORT or [ADDR]:PORT, not \"%s\"",
                                 text);
        if (!*host)
                hints.ai_family = AF_INET6;
        if (!is_port(port) || getaddrinfo(*host ? host : NULL, port, &hints, &info) != 0)
                return error_set(error, EINVAL, "the listen address must have a numeric address and port, not \"%s\"",
                                 text);
        fd = try_listen(info);
        freeaddrinfo(info);
        if (fd == -EAFNOSUPPORT && !*host) {
                char every[ADDRESS_TEXT_MAX];

                snprintf(every, sizeof(every), "0.0.0.0:%s", port);
                return address_listen(every, error);
        }
        return fd < 0 ? error_set_errno(error, -fd, "cannot listen on %s", text) : fd;
}

const char *address_format(int socket, char buffer[static ADDRESS_TEXT_MAX])
{
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        char host[64] = "?", port[8] = "?";

        if (getsockname(socket, (struct sockaddr *)&address, &size) == 0)
                getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                            NI_NUMERICHOST | NI_NUMERICSERV);
        snprintf(buffer, ADDRESS_TEXT_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
        return buffer;
}
