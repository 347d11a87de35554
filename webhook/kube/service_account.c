/*
 * The service account of the pod that we run in, as the kubelet gives it to every pod (client-go's
 * rest.InClusterConfig). The API server's certificate is for its Service's names and address, among others.
 */
#include "kube/service_account.h"

#include <errno.h>
#include <string.h>

#include "kube/config.h"
#include "kube/credential.h"
#include "kube/endpoint.h"
#include "kube/secret.h"
#include "util/error.h"
#include "util/text.h"

#define FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

static int set_server(struct endpoint *endpoint, const char *host, const char *port, struct error *error)
{
        bool bare_ipv6 = strchr(host, ':') && *host != '[';
        _cleanup_(freep) char *url =
                text_format("https://%s%s%s:%s", bare_ipv6 ? "[" : "", host, bare_ipv6 ? "]" : "", port);
        const char *right = url ? endpoint_set_server(endpoint, url) : NULL;

        if (right)
                return error_set(error, EINVAL,
                                 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must make %s, not \"%s\"",
                                 right, url);
        return endpoint->server ? 0 : error_oom(error);
}

/* The pod's namespace; NULL where the file is missing. */
static int read_namespace(char **ret, const char *folder, struct error *error)
{
        _cleanup_(freep) char *path = text_format("%s/namespace", folder);
        int r;

        if (!path)
                return error_oom(error);
        r = secret_read(ret, path, error);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                (*ret)[strcspn(*ret, " \t\r\n")] = '\0';
        return r;
}

int service_account_config(struct kube_config **ret, const char *folder, struct error *error)
{
        _cleanup_(credential_source_clear) struct credential_source source = CREDENTIAL_SOURCE_INIT;
        _cleanup_(endpoint_clear) struct endpoint endpoint = ENDPOINT_INIT;
        const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
        _cleanup_(freep) char *namespace = NULL;
        int r;

        if (!host || !*host || !port || !*port)
                return error_set(
                        error, ENOENT,
                        "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
                        "not set");
        r = set_server(&endpoint, host, port, error);
        if (r >= 0)
                r = read_namespace(&namespace, folder, error);
        if (r < 0)
                return r;
        source.token_file = text_format("%s/token", folder);
        source.ca_file = text_format("%s/ca.crt", folder);
        if (!source.token_file || !source.ca_file)
                return error_oom(error);
        if (access(source.token_file, R_OK) < 0)
                return error_set_errno(error, errno, "cannot read the service account's token %s", source.token_file);
        return kube_config_new(ret, &endpoint, &source, namespace, error);
}

int kube_config_in_cluster(struct kube_config **ret, struct error *error)
{
        return service_account_config(ret, FOLDER, error);
}
