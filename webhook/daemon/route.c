/*
 * A table of paths. What can be known from the headers is refused before a byte of the body is read
 * (RFC 9110: 405 15.5.6, 413 15.5.14, 415 15.5.16).
 */
#include "daemon/route.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/request.h"

static const struct {
        const char *path;
        enum route route;
        const char *methods[3];
        const char *allow;
} routes[] = {
        {"/mutate", ROUTE_MUTATE, {MHD_HTTP_METHOD_POST}, "POST"},
        {"/livez", ROUTE_LIVEZ, {MHD_HTTP_METHOD_GET, MHD_HTTP_METHOD_HEAD}, "GET, HEAD"},
        {"/readyz", ROUTE_READYZ, {MHD_HTTP_METHOD_GET, MHD_HTTP_METHOD_HEAD}, "GET, HEAD"},
};

static const char *header(struct MHD_Connection *connection, const char *name)
{
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* "application/json", perhaps with parameters (RFC 9110, 8.3.1). */
static bool is_json(struct MHD_Connection *connection)
{
        static const char json[] = "application/json";
        const char *type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);

        if (!type || strncasecmp(type, json, strlen(json)))
                return false;
        type += strlen(json);
        type += strspn(type, " \t");
        return !*type || *type == ';';
}

static unsigned check_mutate(struct MHD_Connection *connection, uint64_t length, const char **ret_reason)
{
        if (!is_json(connection)) {
                *ret_reason = "the content type must be application/json";
                return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
        }
        if (length > REQUEST_BODY_MAX) {
                *ret_reason = "the body must not be longer than 7 MiB";
                return MHD_HTTP_CONTENT_TOO_LARGE;
        }
        return 0;
}

unsigned route_find(struct MHD_Connection *connection, const char *url, const char *method, uint64_t length,
                    enum route *ret, const char **ret_allow, const char **ret_reason)
{
        for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
                if (strcmp(routes[i].path, url))
                        continue;
                *ret = routes[i].route;
                for (const char *const *name = routes[i].methods; *name; name++)
                        if (!strcmp(*name, method))
                                return *ret == ROUTE_MUTATE ? check_mutate(connection, length, ret_reason) : 0;
                *ret_allow = routes[i].allow;
                *ret_reason = "this path does not take that method";
                return MHD_HTTP_METHOD_NOT_ALLOWED;
        }
        *ret_reason = "there is nothing at this path; reviews are taken at /mutate";
        return MHD_HTTP_NOT_FOUND;
}
