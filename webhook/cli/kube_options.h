/*
 * The options that say which API server a command talks to, and as whom; the same in all commands.
 */
#pragma once

#include <stdbool.h>

struct error;
struct kube_client;
struct kube_config;

struct kube_options {
        const char *kubeconfig; /* borrowed, as is the next; NULL: not given */
        const char *context;
};

#define KUBE_OPTIONS_INIT ((struct kube_options){0})

/* Rows for getopt_long(3) and lines for --help. */
enum {
        OPTION_KUBECONFIG = 0x2000,
        OPTION_CONTEXT,
};
/* clang-format off */
#define KUBE_OPTIONS                                                                                                 \
        {"kubeconfig", required_argument, NULL, OPTION_KUBECONFIG},                                                  \
        {"context", required_argument, NULL, OPTION_CONTEXT}
/* clang-format on */
#define KUBE_OPTIONS_HELP                                                                                     \
        "      --kubeconfig FILE     the cluster's API server, and who we are to it (default: $KUBECONFIG,\n" \
        "                            the pod's service account, or ~/.kube/config)\n"                         \
        "      --context NAME        of the kubeconfig, instead of its current-context\n"

/* Takes one of these options. True where it is one. */
bool kube_options_take(struct kube_options *options, int option, const char *value);

/* True where one of them was given. */
bool kube_options_given(const struct kube_options *options);

/*
 * The kubeconfig where one is named, by an option or by $KUBECONFIG; else the pod's service account, where we run in
 * a pod; else ~/.kube/config. The client borrows the configuration: free it first. Nothing has been sent yet, but a
 * credential plugin has been run. The errors of kube_config_load(), kube_config_in_cluster() and kube_client_new().
 */
int kube_options_connect(const struct kube_options *options, struct kube_config **ret_config,
                         struct kube_client **ret_client, struct error *error);
