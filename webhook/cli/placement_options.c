/*
 * One place for what changes a decision: a pod that `dry-run` places must be placed alike by `serve`.
 */
#include "cli/placement_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void placement_options_clear(struct placement_options *options)
{
        free(options->gpu_resources);
}

static int take_when_nothing_fits(struct placement_options *options, const char *command, const char *value)
{
        if (!strcmp(value, "allow"))
                options->decide.when_nothing_fits = NOTHING_FITS_ALLOW;
        else if (!strcmp(value, "deny"))
                options->decide.when_nothing_fits = NOTHING_FITS_DENY;
        else if (!strcmp(value, "hold"))
                return -cli_usage_error(command,
                                        "--when-nothing-fits must be allow or deny: hold does not exist yet");
        else
                return -cli_usage_error(command, "--when-nothing-fits must be allow or deny, not \"%s\"", value);
        return 1;
}

static int take_gpu_resource(struct placement_options *options, const char *command, const char *name)
{
        const char **names = reallocarray(options->gpu_resources, options->n_gpu_resources + 2, sizeof(*names));

        if (!names) {
                cli_print_error(command, NULL);
                return -EXIT_STATUS_FAILURE;
        }
        options->gpu_resources = names;
        names[options->n_gpu_resources++] = name;
        names[options->n_gpu_resources] = NULL;
        return 1;
}

int placement_options_take(struct placement_options *options, const char *command, int option, const char *value)
{
        switch (option) {
        case OPTION_ENFORCE_STATIC:
                options->decide.enforce_static = true;
                return 1;
        case OPTION_REWRITE_SCHEDULER:
                options->decide.rewrite_scheduler = true;
                return 1;
        case OPTION_WHEN_NOTHING_FITS:
                return take_when_nothing_fits(options, command, value);
        case OPTION_CAPACITY_FROM_NODES:
                options->decide.capacity_from_nodes = true;
                return 1;
        case OPTION_GPU_RESOURCE:
                return take_gpu_resource(options, command, value);
        default:
                return 0;
        }
}
