/*
 * The subcommands. Each takes its own argc and argv (argv[0] is its name) and returns the exit status.
 */
#pragma once

struct error;

enum exit_status {
        EXIT_STATUS_OK = 0,
        EXIT_STATUS_FAILURE = 1,
        EXIT_STATUS_USAGE = 2,
        EXIT_STATUS_UNPLACED = 3, /* dry-run: a pod does not fit anywhere */
};

int cli_serve(int argc, char **argv);
int cli_dry_run(int argc, char **argv);
int cli_lint(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_probe(int argc, char **argv);
int cli_certs(int argc, char **argv);
int cli_version(int argc, char **argv);

/* "regionfit COMMAND: sentence" on standard error. */
void cli_print_error(const char *command, const struct error *error);

/* "regionfit COMMAND: ...", where to find help, and EXIT_STATUS_USAGE. */
int cli_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What getopt_long(3) stumbled over ('?'), in our own words. Set opterr to 0 to keep it from using its own. */
int cli_option_error(const char *command, char **argv);

/* Makes sure that everything printed has arrived; says so and returns EXIT_STATUS_FAILURE where it has not. */
int cli_flush(const char *command);
