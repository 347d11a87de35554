/*
 * Every subcommand complains in the same form: who, what, and for wrong usage where the help is.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "util/error.h"

void cli_print_error(const char *command, const struct error *error)
{
        fprintf(stderr, "regionfit %s: %s\n", command, error_message(error));
}

int cli_usage_error(const char *command, const char *format, ...)
{
        va_list arguments;

        fprintf(stderr, "regionfit %s: ", command);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fprintf(stderr, "; see `regionfit %s --help`\n", command);
        return EXIT_STATUS_USAGE;
}

int cli_option_error(const char *command, char **argv)
{
        return cli_usage_error(command, "\"%s\" is no option, or lacks its value, or takes none", argv[optind - 1]);
}

int cli_flush(const char *command)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return EXIT_STATUS_OK;
        fprintf(stderr, "regionfit %s: cannot write to standard output\n", command);
        return EXIT_STATUS_FAILURE;
}
