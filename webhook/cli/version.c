/*
 * `regionfit version`: what runs here, in one line that scripts can read.
 */
#include <stdio.h>

#include "cli/cli.h"

int cli_version(int argc, char **argv)
{
        (void)argv;
        if (argc > 1)
                return cli_usage_error("version", "takes no arguments");
        puts("regionfit " REGIONFIT_VERSION);
        return cli_flush("version");
}
