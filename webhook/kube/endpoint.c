/*
 * URLs are taken apart by libcurl, which will use them: what it understands as the host is the host.
 */
#include "kube/endpoint.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define SERVER_RIGHT "a URL such as \"https://10.0.0.1:6443\", without user, query or fragment"
#define PROXY_RIGHT "a URL whose scheme is http, https, socks5 or socks5h"

void endpoint_clear(struct endpoint *endpoint)
{
        free(endpoint->server);
        free(endpoint->tls_server_name);
        free(endpoint->proxy_url);
        *endpoint = ENDPOINT_INIT;
}

static void url_cleanupp(CURLU **url)
{
        curl_url_cleanup(*url);
}

static void curl_freep(char **text)
{
        curl_free(*text);
}

/* NULL where it is none. */
static CURLU *parse(const char *text, unsigned int flags)
{
        CURLU *url = curl_url();

        if (!url || curl_url_set(url, CURLUPART_URL, text, flags) == CURLUE_OK)
                return url;
        curl_url_cleanup(url);
        return NULL;
}

static bool has(CURLU *url, CURLUPart part)
{
        _cleanup_(curl_freep) char *text = NULL;

        return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static bool has_scheme(CURLU *url, const char *const *schemes)
{
        _cleanup_(curl_freep) char *scheme = NULL;

        if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
                return false;
        while (*schemes && strcmp(*schemes, scheme) != 0)
                schemes++;
        return *schemes;
}

const char *endpoint_set_server(struct endpoint *endpoint, const char *text)
{
        static const char *const schemes[] = {"https", "http", NULL};
        _cleanup_(url_cleanupp) CURLU *url = parse(text, 0);
        size_t size = strlen(text);

        if (!url || !has_scheme(url, schemes) || has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD) ||
            has(url, CURLUPART_QUERY) || has(url, CURLUPART_FRAGMENT) || strpbrk(text, "?#"))
                return SERVER_RIGHT;
        while (size && text[size - 1] == '/')
                size--;
        free(endpoint->server);
        endpoint->server = strndup(text, size);
        return NULL;
}

const char *endpoint_set_proxy(struct endpoint *endpoint, const char *text)
{
        static const char *const schemes[] = {"http", "https", "socks5", "socks5h", NULL};
        _cleanup_(url_cleanupp) CURLU *url = parse(text, CURLU_NON_SUPPORT_SCHEME);
        const char *rest = strstr(text, "://");

        if (!url || !rest || !has_scheme(url, schemes))
                return PROXY_RIGHT;
        free(endpoint->proxy_url);
        /* In client-go the proxy resolves names, which libcurl calls socks5h. */
        if (asprintf(&endpoint->proxy_url, "%.*s%s%s", (int)(rest - text), text,
                     rest - text == 6 && !strncasecmp(text, "socks5", 6) ? "h" : "", rest) < 0)
                endpoint->proxy_url = NULL;
        return NULL;
}

int endpoint_split(const struct endpoint *endpoint, char **ret_host, char **ret_port)
{
        _cleanup_(url_cleanupp) CURLU *url = parse(endpoint->server, 0);
        _cleanup_(curl_freep) char *host = NULL, *port = NULL;
        _cleanup_(freep) char *host_copy = NULL, *port_copy = NULL;

        if (!url)
                return -EINVAL;
        if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
                return -ENOMEM;
        host_copy = strdup(host);
        port_copy = strdup(port);
        if (!host_copy || !port_copy)
                return -ENOMEM;
        *ret_host = steal_pointer(&host_copy);
        *ret_port = steal_pointer(&port_copy);
        return 0;
}

bool endpoint_is_loopback(const char *host)
{
        return !strcmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "[::1]");
}
