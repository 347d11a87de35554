/*
 * Where nothing is said, a pod talks to its own cluster; a person, to the cluster that kubectl talks to.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli/kube_options.h"
#include "kube/client.h"
#include "kube/config.h"
#include "util/cleanup.h"

static int find_config(struct kube_config **ret, const struct kube_options *options, struct error *error)
{
        const char *named = getenv("KUBECONFIG"), *pod = getenv("KUBERNETES_SERVICE_HOST");

        if (!kube_options_given(options) && !(named && *named) && pod && *pod)
                return kube_config_in_cluster(ret, error);
        return kube_config_load(ret, options->kubeconfig, options->context, error);
}

int kube_options_connect(const struct kube_options *options, struct kube_config **ret_config,
                         struct kube_client **ret_client, struct error *error)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        int r = find_config(&config, options, error);

        if (r >= 0)
                r = kube_client_new(ret_client, config, error);
        if (r < 0)
                return r;
        *ret_config = steal_pointer(&config);
        return 0;
}
