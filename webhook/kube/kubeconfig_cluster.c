/*
 * A cluster of a kubeconfig (clientcmd v1 Cluster): where its API server is, and how it is known to be the one.
 */
#include <string.h>

#include "kube/credential.h"
#include "kube/endpoint.h"
#include "kube/kubeconfig.h"

/* Stores a URL by `set`, which says what would be right. */
static bool read_url(struct endpoint *endpoint, const struct field *field,
                     const char *(*set)(struct endpoint *endpoint, const char *url), char *const *stored)
{
        const char *text = NULL, *right;

        if (!field_string(field, &text))
                return false;
        if (!text || !*text)
                return true;
        right = set(endpoint, text);
        if (right)
                return field_error(field, "must be %s", right); /* it may have a password in it */
        return *stored || field_error(field, "out of memory");
}

static bool read_server(struct endpoint *endpoint, const struct field *cluster)
{
        struct field server = field_member(cluster, "server");
        struct field proxy = field_member(cluster, "proxy-url");
        struct field name = field_member(cluster, "tls-server-name");

        if (!read_url(endpoint, &server, endpoint_set_server, &endpoint->server))
                return false;
        if (!endpoint->server)
                return field_must_be(&server, "the API server's URL");
        return read_url(endpoint, &proxy, endpoint_set_proxy, &endpoint->proxy_url) &&
               kubeconfig_text(&name, &endpoint->tls_server_name);
}

bool kubeconfig_read_cluster(struct endpoint *endpoint, struct credential_source *source,
                             const struct kubeconfig_entry *entry)
{
        const struct field *cluster = &entry->value;
        struct field insecure = field_member(cluster, "insecure-skip-tls-verify");
        struct field file = field_member(cluster, "certificate-authority");
        struct field data = field_member(cluster, "certificate-authority-data");

        if (!cluster->value)
                return field_error(&entry->item, "has no cluster, which must be an object with server");
        if (!read_server(endpoint, cluster) || !field_bool(&insecure, &endpoint->insecure) ||
            !kubeconfig_pem(&data, "CERTIFICATE", &source->ca))
                return false;
        if (!source->ca && !kubeconfig_path(&file, entry->file->folder, &source->ca_file))
                return false;
        if (endpoint->insecure && (source->ca || source->ca_file))
                return field_error(&insecure, "must not be true where a certificate-authority is given");
        return true;
}
