/*
 * Every exchange sets all options anew, so that none is left over from the one before: what is kept is the
 * connection.
 *
 * libcurl sends a request again by itself where a kept connection turns out to be closed when no byte of an answer
 * has come, even if the request had been sent whole. For a PUT that would be a second write that nobody knows of. So
 * there is a hook that runs before each sending: it notes that one has begun, and refuses the second.
 */
#include "kube/transfer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "kube/connection.h"
#include "kube/credential.h"
#include "kube/endpoint.h"
#include "kube/warning.h"
#include "util/text.h"

#define BODY_MAX ((size_t)64 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 5000L
#define IDLE_MAX_S 60L      /* the API server closes what is idle for 90 s */
#define KEEPALIVE_S 15L     /* of silence, before the first probe, and between them */
#define SENT_MAX_UNHEARD 20 /* s; that bytes of ours may stay unacknowledged */

void transfer_clear(struct transfer *transfer)
{
        curl_slist_free_all(transfer->headers);
        curl_slist_free_all(transfer->connect_to);
        free(transfer->url);
}

/* CURLOPT_PREREQFUNCTION: the connection is there, the request is about to be sent. */
static int before_sending(void *userdata, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
        struct transfer *transfer = userdata;
        struct exchange *exchange = transfer->exchange;

        (void)remote_ip;
        (void)local_ip;
        (void)remote_port;
        (void)local_port;
        if (exchange->sent && (exchange->call->method != KUBE_GET || exchange->call->once)) {
                transfer->lost = true;
                return CURL_PREREQFUNC_ABORT;
        }
        exchange->sent = true;
        return CURL_PREREQFUNC_OK;
}

static int stream(struct transfer *transfer, const char *part, size_t size)
{
        const struct kube_call *call = transfer->exchange->call;
        int r;

        transfer->exchange->streamed = true;
        r = call->data(call->userdata, part, size);
        if (r < 0)
                transfer->failure = r;
        transfer->heard = clock_monotonic();
        return r;
}

static int append(struct transfer *transfer, const char *part, size_t size)
{
        struct kube_response *response = &transfer->exchange->response;

        if (size > BODY_MAX - response->size) {
                transfer->too_large = true;
                return -EIO;
        }
        if (response->size + size >= transfer->capacity) {
                size_t capacity = 2 * (response->size + size) + 1024;
                char *body = realloc(response->body, capacity);

                if (!body) {
                        transfer->failure = -ENOMEM;
                        return -ENOMEM;
                }
                response->body = body;
                transfer->capacity = capacity;
        }
        memcpy(response->body + response->size, part, size);
        response->size += size;
        response->body[response->size] = '\0';
        return 0;
}

/* CURLOPT_WRITEFUNCTION. */
static size_t take_part(char *part, size_t one, size_t size, void *userdata)
{
        struct transfer *transfer = userdata;
        int r;

        (void)one;
        if (!size)
                return 0;
        r = transfer->streaming ? stream(transfer, part, size) : append(transfer, part, size);
        return r < 0 ? CURL_WRITEFUNC_ERROR : size;
}

/* CURLOPT_HEADERFUNCTION: one line; an empty one ends the headers. */
static size_t take_header(char *line, size_t one, size_t size, void *userdata)
{
        struct transfer *transfer = userdata;
        long status = 0;

        (void)one;
        if (*line != '\r' && *line != '\n') {
                if (warning_take(&transfer->exchange->response.warnings, line, size) < 0)
                        transfer->failure = -ENOMEM;
                return transfer->failure ? 0 : size;
        }
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        transfer->headed |= status >= 200;
        if (status < 200 || status > 299 || !transfer->exchange->call->data || transfer->streaming)
                return size;
        transfer->streaming = true;
        return stream(transfer, "", 0) < 0 ? 0 : size;
}

/* CURLOPT_SOCKOPTFUNCTION: a peer that acknowledges nothing is gone, however long the exchange may take. */
static int prepare_socket(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
        unsigned int ms = SENT_MAX_UNHEARD * 1000;

        (void)userdata;
        if (purpose == CURLSOCKTYPE_IPCXN)
                setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
        return CURL_SOCKOPT_OK;
}

static int add_header(struct transfer *transfer, const char *name, const char *value)
{
        _cleanup_(freep) char *line = text_format("%s:%s%s", name, *value ? " " : "", value);
        struct curl_slist *headers = line ? curl_slist_append(transfer->headers, line) : NULL;

        if (line && !strcmp(name, "Authorization"))
                explicit_bzero(line, strlen(line));
        if (!headers)
                return -ENOMEM;
        transfer->headers = headers;
        return 0;
}

static int set_headers(struct transfer *transfer)
{
        const struct exchange *exchange = transfer->exchange;
        const char *content_type = exchange->call->content_type ? exchange->call->content_type : "application/json";
        int r = add_header(transfer, "Accept", "application/json");

        if (r >= 0)
                r = add_header(transfer, "Expect", ""); /* libcurl would ask for 100-continue */
        if (r >= 0 && exchange->call->body)
                r = add_header(transfer, "Content-Type", content_type);
        if (r >= 0 && exchange->identity->authorization)
                r = add_header(transfer, "Authorization", exchange->identity->authorization);
        if (r < 0)
                return r;
        return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK ? 0 : -ENOMEM;
}

/*
 * A certificate for another name than the server's: the URL has that name, which libcurl sends (SNI) and verifies,
 * and the connection goes to the server.
 */
static int rename_server(struct transfer *transfer, const char *host, const char *port)
{
        const struct endpoint *endpoint = transfer->exchange->endpoint;
        const char *name = endpoint->tls_server_name, *rest = strchr(strstr(endpoint->server, "://") + 3, '/');
        _cleanup_(freep) char *line = text_format("%s:%s:%s:%s", name, port, host, port);
        _cleanup_(freep) char *authority = text_format("%s:%s", host, port);

        if (!line || !authority || add_header(transfer, "Host", authority) < 0)
                return -ENOMEM;
        transfer->connect_to = curl_slist_append(NULL, line);
        transfer->url =
                text_format("https://%s:%s%s%s", name, port, rest ? rest : "", transfer->exchange->call->path);
        if (!transfer->connect_to || !transfer->url)
                return -ENOMEM;
        return curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to) == CURLE_OK ? 0 : -ENOMEM;
}

/* In client-go, too, no proxy of the environment is asked for the machine's own addresses. */
static const char *choose_proxy(const struct endpoint *endpoint, const char *host)
{
        if (endpoint->proxy_url)
                return endpoint->proxy_url;
        return endpoint_is_loopback(host) ? "" : NULL;
}

static int set_address(struct transfer *transfer)
{
        const struct endpoint *endpoint = transfer->exchange->endpoint;
        _cleanup_(freep) char *host = NULL, *port = NULL;
        int r = endpoint_split(endpoint, &host, &port);

        if (r < 0)
                return r;
        if (endpoint->tls_server_name && !strncasecmp(endpoint->server, "https:", 6)) {
                r = rename_server(transfer, host, port);
        } else {
                transfer->url = text_format("%s%s", endpoint->server, transfer->exchange->call->path);
                r = transfer->url ? 0 : -ENOMEM;
        }
        if (r < 0)
                return r;
        if (curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->url) != CURLE_OK ||
            curl_easy_setopt(transfer->easy, CURLOPT_PROXY, choose_proxy(endpoint, host)) != CURLE_OK)
                return -ENOMEM;
        return endpoint->proxy_url && curl_easy_setopt(transfer->easy, CURLOPT_NOPROXY, "") != CURLE_OK ? -ENOMEM : 0;
}

static CURLcode set_blob(CURL *easy, CURLoption option, const char *text)
{
        struct curl_blob blob = {.data = (void *)text, .len = strlen(text), .flags = CURL_BLOB_NOCOPY};

        return curl_easy_setopt(easy, option, &blob);
}

/* Where there is a CA, no other counts: the system's, which libcurl knows as a path, is taken away. */
static int set_trust(struct transfer *transfer)
{
        const struct exchange *exchange = transfer->exchange;
        const struct identity *identity = exchange->identity;
        CURL *easy = transfer->easy;
        CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

        if (!code && exchange->endpoint->insecure)
                code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L)
                               ?: curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        if (!code && identity->ca)
                code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)
                               ?: set_blob(easy, CURLOPT_CAINFO_BLOB, identity->ca);
        if (!code && identity->certificate && identity->key)
                code = set_blob(easy, CURLOPT_SSLCERT_BLOB, identity->certificate)
                               ?: set_blob(easy, CURLOPT_SSLKEY_BLOB, identity->key);
        return code ? -ENOMEM : 0;
}

/* DELETE alone may have no body at all. */
static int set_method(struct transfer *transfer)
{
        static const char *const names[] = {
                [KUBE_GET] = "GET",     [KUBE_POST] = "POST",     [KUBE_PUT] = "PUT",
                [KUBE_PATCH] = "PATCH", [KUBE_DELETE] = "DELETE",
        };
        const struct kube_call *call = transfer->exchange->call;
        CURL *easy = transfer->easy;
        CURLcode code;

        if (call->method == KUBE_GET)
                return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) ? -ENOMEM : 0;
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, names[call->method]);
        if (!code && (call->body || call->method != KUBE_DELETE))
                code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(call->body ? call->size : 0))
                               ?: curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body ? call->body : "");
        return code ? -ENOMEM : 0;
}

static int set_callbacks(struct transfer *transfer)
{
        CURL *easy = transfer->easy;
        CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_part)
                                ?: curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer)
                                ?: curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header)
                                ?: curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer)
                                ?: curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending)
                                ?: curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer)
                                ?: curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, prepare_socket)
                                ?: curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);

        return code ? -ENOMEM : 0;
}

static int set_transport(struct transfer *transfer)
{
        CURL *easy = transfer->easy;
        CURLcode code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)
                                ?: curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
                                ?: curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)
                                ?: curl_easy_setopt(easy, CURLOPT_USERAGENT, "regionfit/" REGIONFIT_VERSION)
                                ?: curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L)
                                ?: curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) /* do not wait for the resolver */
                                ?: curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS)
                                ?: curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MAX_S)
                                ?: curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L)
                                ?: curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S)
                                ?: curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);

        return code ? -ENOMEM : 0;
}

int transfer_prepare(struct transfer *transfer)
{
        static int (*const steps[])(struct transfer * transfer) = {
                set_transport, set_callbacks, set_method, set_headers, set_address, set_trust,
        };
        int r = 0;

        curl_easy_reset(transfer->easy);
        for (size_t i = 0; r >= 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
                r = steps[i](transfer);
        return r;
}
