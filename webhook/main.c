/*
 * The table of subcommands.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
        const char *summary;
} commands[] = {
        {"serve", cli_serve, "answer the API server's reviews over HTTPS"},
        {"dry-run", cli_dry_run, "place workloads from files, on nothing or on what a cluster holds"},
        {"lint", cli_lint, "say what is wrong with policies, quotas and workloads"},
        {"status", cli_status, "show what a cluster's pools hold and how the replicas fare"},
        {"probe", cli_probe, "create pods as a dry run, and say what regionfit made of them"},
        {"certs", cli_certs, "make, renew, rotate and show certificates"},
        {"version", cli_version, "print the version"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
        fputs("regionfit places GPU pods in the first region whose GPU model and remaining quota fit.\n\n"
              "Usage: regionfit COMMAND [OPTIONS]\n\n",
              stream);
        for (size_t i = 0; i < N_COMMANDS; i++)
                fprintf(stream, "  %-8s  %s\n", commands[i].name, commands[i].summary);
        fputs("\n`regionfit COMMAND --help` describes each of them.\n", stream);
}

int main(int argc, char **argv)
{
        const char *name = argc > 1 ? argv[1] : "";

        if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
                print_help(stdout);
                return cli_flush("help");
        }
        if (!strcmp(name, "--version"))
                name = "version";
        for (size_t i = 0; i < N_COMMANDS; i++)
                if (!strcmp(commands[i].name, name))
                        return commands[i].run(argc - 1, argv + 1);
        if (*name)
                fprintf(stderr, "regionfit: there is no command \"%s\"\n\n", name);
        print_help(stderr);
        return EXIT_STATUS_USAGE;
}
