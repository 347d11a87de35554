/*
 * The command line of a subcommand that takes options and no arguments.
 */
#pragma once

#include <getopt.h>

struct command_line {
        const char *command, *help;
        const char *short_options;    /* as getopt(3) takes them; 'h' among them */
        const struct option *options; /* likewise; "help" is 'h' */
        const char *hint;             /* behind the complaint about an argument; NULL: none */

        /* One option. 0 to go on, else an exit status. */
        int (*take)(void *userdata, int option, const char *value);
        /* What was given as a whole, once all is read; likewise. NULL: nothing to check. */
        int (*check)(const void *userdata);
};

/* 0 to go on, -1 where the help has been shown, else an exit status: what was wrong has been said. */
int command_line_parse(const struct command_line *line, void *userdata, int argc, char **argv);
