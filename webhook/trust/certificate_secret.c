/*
 * A compare-and-swap writes the whole object as it was read with other files in it, so that labels and keys of other
 * people stay. Whoever comes first creates it; that the API server has one object of a name decides between many.
 */
#include "trust/certificate_secret.h"

#include <errno.h>
#include <string.h>

#include "kube/client.h"
#include "kube/secret.h"
#include "util/cleanup.h"
#include "util/error.h"

#define SECRETS "/api/v1/namespaces/%s/secrets"

/* What can be issued again may be anything: as a text without a certificate it is a reason to do so. */
static bool is_replaceable(enum certs_file file)
{
        return file == CERTS_TLS_CRT || file == CERTS_TLS_KEY;
}

static int decode(char **ret, const json_t *data, enum certs_file file, struct error *error)
{
        const char *name = certs_file_kinds[file].name;
        const json_t *value = json_object_get(data, name);
        int r;

        if (!value || (json_is_string(value) && !json_string_length(value)))
                return 0;
        r = json_is_string(value) ? secret_from_base64(ret, json_string_value(value)) : -EINVAL;
        if (r == -EINVAL && is_replaceable(file)) {
                *ret = strdup("");
                r = *ret ? 0 : -ENOMEM;
        }
        if (r == -ENOMEM)
                return error_oom(error);
        return r < 0 ? error_set(error, EINVAL, "%s is not base64 of a text", name) : 0;
}

int certificate_secret_read(struct certs_files *ret, const json_t *secret, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        const json_t *data = json_object_get(secret, "data");
        int r = 0;

        for (enum certs_file i = 0; i < CERTS_N_FILES && r >= 0; i++)
                r = decode(&files.texts[i], data, i, error);
        if (r < 0)
                return r;
        *ret = files;
        files = (struct certs_files){0};
        return 0;
}

bool certificate_secret_is_empty(const struct certs_files *files)
{
        for (size_t i = 0; i < CERTS_N_FILES; i++)
                if (files->texts[i])
                        return false;
        return true;
}

int certificate_secret_request(enum rotation_request *ret, const json_t *secret, struct error *error)
{
        static const struct {
                const char *text;
                enum rotation_request request;
        } requests[] = {{"renew", ROTATION_REQUEST_RENEW}, {"rotate-ca", ROTATION_REQUEST_ROTATE_CA}};
        const json_t *annotations = json_object_get(json_object_get(secret, "metadata"), "annotations");
        const char *text = json_string_value(json_object_get(annotations, CERTIFICATE_SECRET_REQUEST));

        *ret = ROTATION_REQUEST_NONE;
        if (!text)
                return 0;
        for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
                if (!strcmp(text, requests[i].text)) {
                        *ret = requests[i].request;
                        return 0;
                }
        return error_set(error, EINVAL,
                         "the annotation " CERTIFICATE_SECRET_REQUEST " must be renew or rotate-ca, not \"%s\"",
                         text);
}

static int encode(json_t *data, const char *name, const char *text)
{
        _cleanup_(secret_wipep) char *encoded = secret_to_base64(text);

        return encoded ? json_object_set_new(data, name, json_string(encoded)) : -1;
}

int certificate_secret_fill(json_t *secret, const struct certs_files *files, bool answered)
{
        json_t *annotations = json_object_get(json_object_get(secret, "metadata"), "annotations");
        json_t *data = json_object_get(secret, "data");
        int r = 0;

        if (!json_is_object(data)) {
                data = json_object();
                r |= json_object_set_new(secret, "data", data);
        }
        for (size_t i = 0; i < CERTS_N_FILES && !r; i++) {
                const char *name = certs_file_kinds[i].name;

                if (files->texts[i])
                        r |= encode(data, name, files->texts[i]);
                else
                        json_object_del(data, name);
        }
        if (answered)
                json_object_del(annotations, CERTIFICATE_SECRET_REQUEST);
        return r ? -ENOMEM : 0;
}

/* Takes over the path. */
static int send(const struct certificate_secret_place *place, enum kube_method method, const json_t *secret,
                char *path, struct error *error)
{
        _cleanup_(freep) char *owned = path;
        _cleanup_(secret_wipep) char *body = json_dumps(secret, JSON_COMPACT);
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        const struct kube_call call = {
                .method = method,
                .path = owned,
                .body = body,
                .size = body ? strlen(body) : 0,
                .cancelled = place->cancelled,
        };

        if (!owned || !body)
                return error_oom(error);
        return kube_call(place->client, &call, &response, error);
}

int certificate_secret_create(const struct certificate_secret_place *place, const struct certs_files *files,
                              struct error *error)
{
        json_auto_t *secret =
                json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}}", "apiVersion", "v1", "kind", "Secret", "type",
                          "kubernetes.io/tls", "metadata", "namespace", place->namespace, "name", place->name,
                          "labels", "app.kubernetes.io/name", "regionfit");

        if (!secret || certificate_secret_fill(secret, files, false) < 0)
                return error_oom(error);
        return send(place, KUBE_POST, secret, kube_path(SECRETS, place->namespace), error);
}

int certificate_secret_update(const struct certificate_secret_place *place, const json_t *secret, struct error *error)
{
        return send(place, KUBE_PUT, secret, kube_path(SECRETS "/%s", place->namespace, place->name), error);
}
