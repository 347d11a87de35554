/*
 * Where the API server is: what a kubeconfig calls a cluster, but for the CA, which may change (kube/credential.h).
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

struct endpoint {
        char *server;          /* owned, as are the following; "https://host:port/path", without a slash at its end */
        char *tls_server_name; /* that its certificate is for; NULL: the server's own */
        char *proxy_url;       /* NULL: as the environment says */
        bool insecure;         /* its certificate is not looked at */
};

#define ENDPOINT_INIT ((struct endpoint){0})
void endpoint_clear(struct endpoint *endpoint);

/* Keeps a copy of the URL. NULL, or what would be right: "a URL such as ...". -ENOMEM shows as a server of NULL. */
const char *endpoint_set_server(struct endpoint *endpoint, const char *url);
const char *endpoint_set_proxy(struct endpoint *endpoint, const char *url);

/* The host and the port of the server; new strings. IPv6 addresses have their brackets. -ENOMEM, -EINVAL. */
int endpoint_split(const struct endpoint *endpoint, char **ret_host, char **ret_port);

/* True for "localhost" and addresses of this machine, which no proxy of the environment is asked for. */
bool endpoint_is_loopback(const char *host);
