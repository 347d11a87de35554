/*
 * What is done with them is in kube_connect.c, which the program that stands alone does without.
 */
#include "cli/kube_options.h"

#include <stddef.h>

bool kube_options_take(struct kube_options *options, int option, const char *value)
{
        switch (option) {
        case OPTION_KUBECONFIG:
                options->kubeconfig = value;
                return true;
        case OPTION_CONTEXT:
                options->context = value;
                return true;
        default:
                return false;
        }
}

bool kube_options_given(const struct kube_options *options)
{
        return options->kubeconfig || options->context;
}
