/*
 * Single fields of a kubeconfig. What holds a secret is never shown where it is wrong, so it is not left to the
 * readers of manifest/field.h to say so: they would quote it.
 */
#include <errno.h>
#include <string.h>

#include "kube/kubeconfig.h"
#include "kube/secret.h"
#include "util/error.h"
#include "util/text.h"

bool kubeconfig_text(const struct field *field, char **ret)
{
        const char *text = NULL;

        if (!field_string(field, &text))
                return false;
        if (!text || !*text)
                return true;
        *ret = strdup(text);
        return *ret || field_error(field, "out of memory");
}

/* Borrowed; NULL where the field is absent or "". */
static bool secret_string(const struct field *field, const char **ret)
{
        *ret = json_string_value(field->value);
        if (field->value && !*ret)
                return field_error(field, "must be a string; a value such as 1234 or true must be in quotes");
        if (*ret && !**ret)
                *ret = NULL;
        return true;
}

bool kubeconfig_secret(const struct field *field, char **ret)
{
        const char *text;

        if (!secret_string(field, &text))
                return false;
        if (!text)
                return true;
        *ret = strdup(text);
        return *ret || field_error(field, "out of memory");
}

bool kubeconfig_path(const struct field *field, const char *folder, char **ret)
{
        const char *text = NULL;
        _cleanup_(freep) char *path = NULL;

        if (!field_string(field, &text))
                return false;
        if (!text || !*text)
                return true;
        path = *text == '/' ? strdup(text) : text_format("%s/%s", folder, text);
        if (!path)
                return field_error(field, "out of memory");
        if (access(path, R_OK) < 0) {
                char description[128];

                return field_error(field, "must be a file that can be read; %s: %s", path,
                                   strerror_r(errno, description, sizeof(description)));
        }
        *ret = steal_pointer(&path);
        return true;
}

bool kubeconfig_pem(const struct field *field, const char *kind, char **ret)
{
        _cleanup_(secret_wipep) char *decoded = NULL;
        const char *text;
        int r;

        if (!secret_string(field, &text))
                return false;
        if (!text)
                return true;
        r = secret_from_base64(&decoded, text);
        if (r == -ENOMEM)
                return field_error(field, "out of memory");
        if (r < 0)
                return field_error(field, "must be PEM in base64; it is not base64");
        if (!secret_is_pem(decoded, kind))
                return field_error(field, "must be PEM in base64; there is no \"-----BEGIN %s-----\" in it", kind);
        *ret = steal_pointer(&decoded);
        return true;
}
