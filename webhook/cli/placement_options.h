/*
 * The options by which `serve` and `dry-run` decide, which must mean the same in both.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "admission/decide.h"

struct placement_options {
        struct decide_options decide;
        const char **gpu_resources; /* owned array of borrowed names, NULL-terminated; NULL: the default */
        size_t n_gpu_resources;
};

#define PLACEMENT_OPTIONS_INIT ((struct placement_options){0})
void placement_options_clear(struct placement_options *options);

/* Rows for getopt_long(3) and lines for --help. */
enum {
        OPTION_ENFORCE_STATIC = 0x1000,
        OPTION_REWRITE_SCHEDULER,
        OPTION_WHEN_NOTHING_FITS,
        OPTION_GPU_RESOURCE,
        OPTION_CAPACITY_FROM_NODES,
};
/* clang-format off */
#define PLACEMENT_OPTIONS                                                                                            \
        {"enforce-static", no_argument, NULL, OPTION_ENFORCE_STATIC},                                                \
        {"rewrite-scheduler", no_argument, NULL, OPTION_REWRITE_SCHEDULER},                                          \
        {"when-nothing-fits", required_argument, NULL, OPTION_WHEN_NOTHING_FITS},                                    \
        {"gpu-resource", required_argument, NULL, OPTION_GPU_RESOURCE},                                              \
        {"capacity-from-nodes", no_argument, NULL, OPTION_CAPACITY_FROM_NODES}
/* clang-format on */
#define PLACEMENT_OPTIONS_HELP                                                                                 \
        "      --when-nothing-fits allow|deny   for policies of strategy prefer whose units are all full:\n"   \
        "                            let the pod through as it is, or refuse it (default: allow)\n"            \
        "      --enforce-static      refuse a pod that names its own region where that region's pool is\n"     \
        "                            full; otherwise it is let through and charged\n"                          \
        "      --rewrite-scheduler   give placed pods with schedulerName ack-co-scheduler to the\n"            \
        "                            default-scheduler\n"                                                      \
        "      --gpu-resource NAME   a resource that counts as GPUs; may be repeated, and then replaces\n"     \
        "                            the default (nvidia.com/gpu and alibabacloud.com/ppu)\n"                  \
        "      --capacity-from-nodes in a cluster: a region gives no more GPUs than its virtual nodes have,\n" \
        "                            of a series or of all together, whatever its quota says\n"

/* Takes one of these options. Returns 1; 0 where it is none of them; negative exit status after a complaint. */
int placement_options_take(struct placement_options *options, const char *command, int option, const char *value);
