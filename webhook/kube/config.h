/*
 * Where the API server is and who we are to it: a kubeconfig file (client-go's clientcmd v1), or the service account
 * of the pod that we run in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct credential;
struct credential_source;
struct endpoint;
struct error;
struct kube_config;

/*
 * Reads the file (clusters, users, contexts; token, tokenFile, client certificate and key, exec plugins; data inline
 * or in files, whose relative paths start at the kubeconfig's folder). `path` NULL: $KUBECONFIG, else ~/.kube/config.
 * `context` NULL: current-context. -EINVAL and -ENOENT: `error` says which file, which field, what would be right.
 */
int kube_config_load(struct kube_config **ret, const char *path, const char *context, struct error *error);

/* From KUBERNETES_SERVICE_HOST and _PORT and /var/run/secrets/kubernetes.io/serviceaccount. -ENOENT: not in a pod. */
int kube_config_in_cluster(struct kube_config **ret, struct error *error);

struct kube_config *kube_config_free(struct kube_config *config);
DEFINE_CLEANUP(struct kube_config *, kube_config_free);

/* Borrowed. The namespace of the context or of the pod; "default" where there is none. */
const char *kube_config_namespace(const struct kube_config *config);

/* "https://host:port", without a slash at its end. */
const char *kube_config_server(const struct kube_config *config);

/* For the client; borrowed. */
const struct endpoint *kube_config_endpoint(const struct kube_config *config);
struct credential *kube_config_credential(const struct kube_config *config);

/* Takes over what is in `endpoint` and `source`. `namespace` NULL or "": "default". */
int kube_config_new(struct kube_config **ret, struct endpoint *endpoint, struct credential_source *source,
                    const char *namespace, struct error *error);
