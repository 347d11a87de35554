/*
 * What both sources of a configuration come to: an endpoint, which stays as it is, and a credential, which does not.
 */
#include "kube/config.h"

#include <string.h>

#include "kube/credential.h"
#include "kube/endpoint.h"
#include "util/error.h"

struct kube_config {
        struct endpoint endpoint;      /* owned, as are the following */
        struct credential *credential; /* has its own lock */
        char *namespace;
};

int kube_config_new(struct kube_config **ret, struct endpoint *endpoint, struct credential_source *source,
                    const char *namespace, struct error *error)
{
        _cleanup_(kube_config_freep) struct kube_config *config = calloc(1, sizeof(*config));
        int r;

        if (!config)
                return error_oom(error);
        config->namespace = strdup(namespace && *namespace ? namespace : "default");
        if (!config->namespace)
                return error_oom(error);
        r = credential_new(&config->credential, source, error);
        if (r < 0)
                return r;
        config->endpoint = *endpoint;
        *endpoint = ENDPOINT_INIT;
        *ret = steal_pointer(&config);
        return 0;
}

struct kube_config *kube_config_free(struct kube_config *config)
{
        if (!config)
                return NULL;
        endpoint_clear(&config->endpoint);
        credential_free(config->credential);
        free(config->namespace);
        free(config);
        return NULL;
}

const char *kube_config_namespace(const struct kube_config *config)
{
        return config->namespace;
}

const char *kube_config_server(const struct kube_config *config)
{
        return config->endpoint.server;
}

const struct endpoint *kube_config_endpoint(const struct kube_config *config)
{
        return &config->endpoint;
}

struct credential *kube_config_credential(const struct kube_config *config)
{
        return config->credential;
}
