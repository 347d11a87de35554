/*
 * A pod's service account, in the folder in which the kubelet keeps it: token, ca.crt, namespace.
 */
#pragma once

struct error;
struct kube_config;

/* What kube_config_in_cluster() does with the usual folder. */
int service_account_config(struct kube_config **ret, const char *folder, struct error *error);
