/*
 * The message of a Status is written for people; its reason matters only where one code stands for two things. What
 * is not a Status may be anything, and none of it is shown.
 */
#include "kube/status.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "util/error.h"

#define BODY_MAX ((size_t)1024 * 1024) /* of a Status; what is larger is none */
#define MESSAGE_MAX 4096               /* bytes shown */

static const struct {
        int status;
        const char *phrase;
} phrases[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
};

static const char *phrase(int status)
{
        for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
                if (phrases[i].status == status)
                        return phrases[i].phrase;
        return status < 400 ? "where an answer was expected" : "which regionfit does not know";
}

static int errnum(int status, const char *reason)
{
        switch (status) {
        case 404:
                return ENOENT;
        case 409:
                return !strcmp(reason, "AlreadyExists") ? EEXIST : EBUSY;
        case 410:
                return ESTALE;
        case 401:
        case 403:
                return EACCES;
        case 429:
                return EAGAIN;
        default:
                return status >= 500 ? EIO : EINVAL;
        }
}

/* How much of the text is shown: never a part of a character (UTF-8). */
static int shown(const char *text)
{
        size_t size = strlen(text);

        if (size > MESSAGE_MAX)
                for (size = MESSAGE_MAX; size && ((unsigned char)text[size] & 0xc0) == 0x80;)
                        size--;
        return (int)size;
}

int status_error(int status, const char *body, size_t size, struct error *error)
{
        json_auto_t *object = body && size <= BODY_MAX ? json_loadb(body, size, 0, NULL) : NULL;
        const char *kind = json_string_value(json_object_get(object, "kind"));
        bool is_status = kind && !strcmp(kind, "Status");
        const char *reason = is_status ? json_string_value(json_object_get(object, "reason")) : NULL;
        const char *message = is_status ? json_string_value(json_object_get(object, "message")) : NULL;
        int r = errnum(status, reason ? reason : "");

        if (!message || !*message)
                return error_set(error, r, "%d %s", status, phrase(status));
        return error_set(error, r, "%d %s: %.*s", status, phrase(status), shown(message), message);
}
