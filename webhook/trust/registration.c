/*
 * The caBundle alone is ours: server-side apply owns no other field, so that Helm, GitOps and people may apply theirs
 * as often as they like. The patch names the object's uid, so a configuration that was deleted is never made anew
 * from it, and its resourceVersion, so that a leader who was asleep cannot bring back what he saw before.
 *
 * A caBundle that cannot be read verifies nothing, which is how an API server that met one would fare.
 */
#include "trust/registration.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "certs/bundle.h"
#include "certs/certificate.h"
#include "certs/verification.h"
#include "kube/client.h"
#include "kube/secret.h"
#include "util/error.h"
#include "util/text.h"

#define API "admissionregistration.k8s.io/v1"
#define APPLY "application/apply-patch+yaml" /* JSON is YAML */

struct registration *registration_free(struct registration *registration)
{
        if (!registration)
                return NULL;
        for (size_t i = 0; i < registration->n_entries; i++) {
                free(registration->entries[i].name);
                free(registration->entries[i].host);
                certificates_free(registration->entries[i].cas);
        }
        free(registration->entries);
        free(registration->name);
        free(registration->uid);
        free(registration->version);
        free(registration);
        return NULL;
}

/* A copy of a member that is a string. */
static int take_string(char **ret, const json_t *object, const char *key, struct error *error)
{
        const char *text = json_string_value(json_object_get(object, key));

        if (!text)
                return error_set(error, EINVAL, "%s is missing", key);
        *ret = strdup(text);
        return *ret ? 0 : error_oom(error);
}

static int host_of_service(char **ret, const json_t *service, struct error *error)
{
        const char *name = json_string_value(json_object_get(service, "name"));
        const char *namespace = json_string_value(json_object_get(service, "namespace"));

        if (!name || !namespace)
                return error_set(error, EINVAL, "clientConfig.service lacks its name or namespace");
        *ret = text_format("%s.%s.svc", name, namespace);
        return *ret ? 0 : error_oom(error);
}

/* Without the brackets of an IPv6 address. */
static char *copy_host(const char *host)
{
        size_t size = strlen(host);

        return *host == '[' && size > 1 ? strndup(host + 1, size - 2) : strdup(host);
}

static int host_of_url(char **ret, const char *text, struct error *error)
{
        CURLU *url = curl_url();
        char *host = NULL;
        int r = 0;

        if (!url)
                return error_oom(error);
        if (!text || curl_url_set(url, CURLUPART_URL, text, 0) || curl_url_get(url, CURLUPART_HOST, &host, 0))
                r = error_set(error, EINVAL, "clientConfig has neither a service nor a url with a host");
        curl_url_cleanup(url);
        if (r < 0)
                return r;
        *ret = copy_host(host);
        curl_free(host);
        return *ret ? 0 : error_oom(error);
}

static int read_bundle(STACK_OF(X509) * *ret, const char *encoded, struct error *error)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        if (!encoded)
                return 0;
        r = secret_from_base64(&text, encoded);
        if (r >= 0)
                r = certificates_parse(ret, text, NULL);
        return r == -ENOMEM ? error_oom(error) : 0;
}

static int read_entry(struct registration_entry *entry, const json_t *webhook, struct error *error)
{
        const json_t *client = json_object_get(webhook, "clientConfig"),
                     *service = json_object_get(client, "service");
        int r;

        r = take_string(&entry->name, webhook, "name", error);
        if (r >= 0 && json_is_object(service))
                r = host_of_service(&entry->host, service, error);
        else if (r >= 0)
                r = host_of_url(&entry->host, json_string_value(json_object_get(client, "url")), error);
        if (r >= 0)
                r = read_bundle(&entry->cas, json_string_value(json_object_get(client, "caBundle")), error);
        return r;
}

static int read_entries(struct registration *registration, const json_t *webhooks, struct error *error)
{
        const json_t *webhook;
        size_t i;
        int r = 0;

        registration->entries = calloc(json_array_size(webhooks) + 1, sizeof(*registration->entries));
        if (!registration->entries)
                return error_oom(error);
        json_array_foreach (webhooks, i, webhook) {
                registration->n_entries = i + 1;
                r = read_entry(&registration->entries[i], webhook, error);
                if (r < 0) {
                        error_prefix(error, "webhooks[%zu]", i);
                        break;
                }
        }
        return r;
}

int registration_new(struct registration **ret, const json_t *configuration, struct error *error)
{
        _cleanup_(registration_freep) struct registration *registration = calloc(1, sizeof(*registration));
        const json_t *metadata = json_object_get(configuration, "metadata");
        int r;

        if (!registration)
                return error_oom(error);
        r = take_string(&registration->name, metadata, "name", error);
        if (r >= 0)
                r = take_string(&registration->uid, metadata, "uid", error);
        if (r >= 0)
                r = take_string(&registration->version, metadata, "resourceVersion", error);
        if (r >= 0)
                r = read_entries(registration, json_object_get(configuration, "webhooks"), error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&registration);
        return 0;
}

int registration_verify(const struct registration *registration, STACK_OF(X509) * chain, STACK_OF(X509) * roots,
                        int64_t now, struct error *error)
{
        if (!registration->n_entries)
                return error_set(error, EKEYREJECTED, "it has no webhooks");
        for (size_t i = 0; i < registration->n_entries; i++) {
                const struct registration_entry *entry = &registration->entries[i];
                int r;

                if (!entry->cas)
                        return error_set(error, EKEYREJECTED, "webhook %s: it has no caBundle", entry->name);
                r = certificate_verify(chain, roots ? roots : entry->cas, entry->host, now, error);
                if (r < 0) {
                        error_prefix(error, "webhook %s: its caBundle does not verify the certificate for %s",
                                     entry->name, entry->host);
                        return r;
                }
        }
        return 0;
}

bool registration_covers(const struct registration *registration, const STACK_OF(X509) * bundle)
{
        for (size_t i = 0; i < registration->n_entries; i++)
                if (!bundle_covers(registration->entries[i].cas, bundle))
                        return false;
        return true;
}

bool registration_is_within(const struct registration *registration, const STACK_OF(X509) * bundle)
{
        for (size_t i = 0; i < registration->n_entries; i++)
                if (!bundle_covers(bundle, registration->entries[i].cas))
                        return false;
        return true;
}

bool registration_add_to(const struct registration *registration, STACK_OF(X509) * bundle, int64_t now)
{
        for (size_t i = 0; i < registration->n_entries; i++)
                if (!bundle_add_valid(bundle, registration->entries[i].cas, now))
                        return false;
        return true;
}

static json_t *patch_entries(const struct registration *registration, const char *encoded)
{
        json_auto_t *webhooks = json_array();

        for (size_t i = 0; i < registration->n_entries; i++) {
                json_t *entry = json_pack("{s:s, s:{s:s}}", "name", registration->entries[i].name, "clientConfig",
                                          "caBundle", encoded);

                if (json_array_append_new(webhooks, entry) < 0)
                        return NULL;
        }
        return steal_pointer(&webhooks);
}

json_t *registration_patch(const struct registration *registration, const char *ca_bundle)
{
        _cleanup_(freep) char *encoded = secret_to_base64(ca_bundle);
        json_auto_t *webhooks = encoded ? patch_entries(registration, encoded) : NULL;

        return webhooks ? json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:O}", "apiVersion", API, "kind",
                                    "MutatingWebhookConfiguration", "metadata", "name", registration->name, "uid",
                                    registration->uid, "resourceVersion", registration->version, "webhooks", webhooks)
                        : NULL;
}

int registration_apply(const struct registration *registration, struct kube_client *client, const char *ca_bundle,
                       const bool *cancelled, struct error *error)
{
        json_auto_t *patch = registration_patch(registration, ca_bundle);
        _cleanup_(freep) char *body = patch ? json_dumps(patch, JSON_COMPACT) : NULL;
        _cleanup_(freep) char *path = kube_path("/apis/" API "/mutatingwebhookconfigurations/%s"
                                                "?fieldManager=" REGISTRATION_FIELD_MANAGER "&force=true",
                                                registration->name);
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        const struct kube_call call = {
                .method = KUBE_PATCH,
                .path = path,
                .body = body,
                .size = body ? strlen(body) : 0,
                .content_type = APPLY,
                .cancelled = cancelled,
        };

        if (!path || !body)
                return error_oom(error);
        return kube_call(client, &call, &response, error);
}
