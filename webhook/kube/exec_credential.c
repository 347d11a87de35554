/*
 * The answer of a credential plugin. It is full of secrets, so what is wrong with it is said without showing any of
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kube/exec_plugin.h"
#include "kube/secret.h"
#include "manifest/yaml.h"
#include "util/error.h"

void exec_credential_clear(struct exec_credential *credential)
{
        secret_wipe(credential->token);
        free(credential->certificate);
        secret_wipe(credential->key);
        *credential = EXEC_CREDENTIAL_INIT;
}

/* The zone of an RFC 3339 timestamp, in seconds east of Greenwich. */
static int parse_zone(const char *text, int64_t *ret)
{
        int hours, minutes, end = 0;

        *ret = 0;
        if (!strcmp(text, "Z"))
                return 0;
        if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 ||
            end != 5 || text[6] || hours < 0 || minutes < 0)
                return -EINVAL;
        *ret = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
        return 0;
}

/* RFC 3339, without its fraction of a second. */
static int parse_time(const char *text, int64_t *ret)
{
        struct tm tm = {0};
        const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        int64_t zone;

        if (end && *end == '.') {
                size_t digits = strspn(end + 1, "0123456789");

                end = digits ? end + 1 + digits : NULL;
        }
        if (!end || parse_zone(end, &zone) < 0)
                return -EINVAL;
        *ret = timegm(&tm) - zone;
        return 0;
}

/* The program's output is one object, in JSON or YAML; a new reference. */
static int parse_object(json_t **ret, const char *text, struct error *error)
{
        json_t *documents = NULL, *object;
        int r = yaml_parse(&documents, text, strlen(text), NULL);

        if (r == -ENOMEM)
                return error_oom(error);
        object = r < 0 ? NULL : json_array_get(documents, 0);
        *ret = json_is_object(object) ? json_incref(object) : NULL;
        json_decref(documents);
        return *ret ? 0
                    : error_set(error, EINVAL, "its output is no ExecCredential: it is no object in JSON or YAML");
}

static int check_kind(const json_t *object, const char *api_version, struct error *error)
{
        const char *kind = json_string_value(json_object_get(object, "kind"));
        const char *is = json_string_value(json_object_get(object, "apiVersion"));

        if (!kind || strcmp(kind, "ExecCredential") != 0)
                return error_set(error, EINVAL, "its output is no ExecCredential: kind must be \"ExecCredential\"");
        if (!is || strcmp(is, api_version) != 0)
                return error_set(error, EINVAL,
                                 "its output has another apiVersion than the kubeconfig asks for, which is \"%s\"",
                                 api_version);
        return 0;
}

/* A copy of a string that may be missing. */
static int take_string(char **ret, const json_t *status, const char *key, struct error *error)
{
        const json_t *value = json_object_get(status, key);
        const char *text = json_string_value(value);

        if (value && !json_is_null(value) && !text)
                return error_set(error, EINVAL, "status.%s of its output must be a string", key);
        if (!text || !*text)
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : error_oom(error);
}

static int check_pair(const struct exec_credential *credential, struct error *error)
{
        if (!credential->certificate != !credential->key)
                return error_set(error, EINVAL,
                                 "its output must have both status.clientCertificateData and status.clientKeyData, "
                                 "or neither");
        if (!credential->certificate && !credential->token)
                return error_set(error, EINVAL,
                                 "its output has neither status.token nor status.clientCertificateData");
        if (credential->certificate && (!secret_is_pem(credential->certificate, "CERTIFICATE") ||
                                        !secret_is_pem(credential->key, "PRIVATE KEY")))
                return error_set(error, EINVAL,
                                 "status.clientCertificateData and status.clientKeyData of its output must be PEM");
        return 0;
}

static int take_expiry(int64_t *ret, const json_t *status, struct error *error)
{
        _cleanup_(freep) char *text = NULL;
        int r = take_string(&text, status, "expirationTimestamp", error);

        if (r < 0 || !text)
                return r;
        if (parse_time(text, ret) < 0)
                return error_set(error, EINVAL,
                                 "status.expirationTimestamp of its output must be a time such as "
                                 "\"2026-01-02T03:04:05Z\"");
        return 0;
}

int exec_credential_parse(struct exec_credential *ret, const char *text, const char *api_version, struct error *error)
{
        _cleanup_(exec_credential_clear) struct exec_credential credential = EXEC_CREDENTIAL_INIT;
        json_auto_t *object = NULL;
        const json_t *status;
        int r;

        r = parse_object(&object, text, error);
        if (r >= 0)
                r = check_kind(object, api_version, error);
        status = json_object_get(object, "status");
        if (r >= 0)
                r = take_string(&credential.token, status, "token", error);
        if (r >= 0)
                r = take_string(&credential.certificate, status, "clientCertificateData", error);
        if (r >= 0)
                r = take_string(&credential.key, status, "clientKeyData", error);
        if (r >= 0)
                r = take_expiry(&credential.expires, status, error);
        if (r >= 0)
                r = check_pair(&credential, error);
        if (r < 0)
                return r;
        *ret = credential;
        credential = EXEC_CREDENTIAL_INIT;
        return 0;
}
