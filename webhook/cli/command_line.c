/*
 * getopt_long(3) knows which options there are; what is said of the others, and of arguments, is ours, so that every
 * subcommand says it in the same words.
 */
#include "cli/command_line.h"

#include <stdio.h>

#include "cli/cli.h"

int command_line_parse(const struct command_line *line, void *userdata, int argc, char **argv)
{
        int option, r = 0;

        opterr = 0;
        while (!r && (option = getopt_long(argc, argv, line->short_options, line->options, NULL)) != -1) {
                if (option == 'h') {
                        fputs(line->help, stdout);
                        return -1;
                }
                r = option == '?' ? cli_option_error(line->command, argv) : line->take(userdata, option, optarg);
        }
        if (r)
                return r;
        if (optind < argc)
                return cli_usage_error(line->command, "takes no argument \"%s\"%s", argv[optind],
                                       line->hint ? line->hint : "");
        return line->check ? line->check(userdata) : 0;
}
