/*
 * `regionfit status`: a snapshot of the cluster, counted by the same code that decides. It needs no replica to ask:
 * what pods hold and what is promised is in the cluster, and so is what the replicas say of themselves.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission/catalog.h"
#include "admission/pod.h"
#include "cli/cli.h"
#include "cli/command_line.h"
#include "cli/kube_options.h"
#include "cli/placement_options.h"
#include "cli/status_forms.h"
#include "cluster/overview.h"
#include "cluster/replicas.h"
#include "cluster/snapshot.h"
#include "kube/client.h"
#include "kube/config.h"
#include "manifest/diagnostics.h"
#include "util/clock.h"
#include "util/error.h"

#define COMMAND "status"
#define INTERVAL 2 /* seconds between two rounds of --watch */

static const char help[] =
        "Usage: regionfit status [-o FORM] [--watch] [OPTIONS]\n"
        "\n"
        "Shows what a cluster's pools hold, which units of policies its pods are on, and how the replicas fare.\n"
        "Reads policies, quotas, pods, nodes, the ledger and Leases; writes nothing.\n"
        "\n"
        "  -o, --output FORM         table (default), json or yaml\n"
        "  -w, --watch               again every 2 seconds, until SIGINT\n" KUBE_OPTIONS_HELP
        "      --gpu-resource NAME   a resource that counts as GPUs, as in `serve`; may be repeated\n"
        "  -h, --help\n";

static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'},
        {"watch", no_argument, NULL, 'w'},
        KUBE_OPTIONS,
        {"gpu-resource", required_argument, NULL, OPTION_GPU_RESOURCE},
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct run {
        const struct status_form *form;
        bool watch;
        struct kube_options kube;
        struct placement_options placement; /* only the resources that count as GPUs */
        struct kube_config *config;         /* owned */
        struct kube_client *client;         /* owned */
};

static void run_clear(struct run *run)
{
        kube_client_free(run->client);
        kube_config_free(run->config);
        placement_options_clear(&run->placement);
}

static int take_option(void *userdata, int option, const char *value)
{
        struct run *run = userdata;
        int r;

        switch (option) {
        case 'o':
                run->form = status_form_find(value);
                if (run->form)
                        return 0;
                return cli_usage_error(COMMAND, "-o must be table, json or yaml, not \"%s\"", value);
        case 'w':
                run->watch = true;
                return 0;
        default:
                if (kube_options_take(&run->kube, option, value))
                        return 0;
                r = placement_options_take(&run->placement, COMMAND, option, value);
                return r < 0 ? -r : 0;
        }
}

static const struct command_line command_line = {
        .command = COMMAND,
        .help = help,
        .short_options = "o:wh",
        .options = long_options,
        .take = take_option,
};

/* What is malformed, as [{object, field, message}]; new, or NULL. */
static json_t *describe_faults(const struct diagnostics *diagnostics)
{
        json_t *faults = json_array();

        for (size_t i = 0; i < diagnostics->count; i++) {
                const struct diagnostic *item = &diagnostics->items[i];

                if (item->severity == SEVERITY_ERROR)
                        json_array_append_new(faults, json_pack("{s:s, s:s, s:s}", "object", item->file, "field",
                                                                item->path, "message", item->message));
        }
        if (json_array_size(faults) == diagnostics->n_errors)
                return faults;
        json_decref(faults);
        return NULL;
}

/* Pools and policies, and what is malformed of them. */
static int describe(json_t **ret, struct snapshot *snapshot, const struct manifests *manifests, struct error *error)
{
        _cleanup_(catalog_objects_clear) struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(catalog_unrefp) struct catalog *catalog = NULL;
        json_auto_t *status = NULL;
        int r;

        r = catalog_objects_read(&objects, manifests, &diagnostics);
        if (r >= 0)
                r = catalog_new(&catalog, &objects, snapshot->nodes, &diagnostics);
        if (r >= 0)
                r = overview_make(&status, catalog, snapshot->ledger);
        if (r >= 0 && json_object_set_new(status, "faults", describe_faults(&diagnostics)) < 0)
                r = -ENOMEM;
        if (r < 0)
                return error_oom(error);
        *ret = steal_pointer(&status);
        return 0;
}

static int read_status(struct run *run, json_t **ret, struct error *error)
{
        const char *const *names = run->placement.gpu_resources;
        _cleanup_(snapshot_clear) struct snapshot snapshot = SNAPSHOT_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        json_auto_t *status = NULL;
        json_t *replicas;
        int r;

        r = snapshot_read(&snapshot, &manifests, run->client, names ? names : pod_default_gpu_resources, error);
        if (r >= 0)
                r = describe(&status, &snapshot, &manifests, error);
        if (r >= 0)
                r = replicas_read(&replicas, run->client, &snapshot.changes, clock_unix(), error);
        if (r < 0)
                return r;
        if (json_object_set_new(status, "replicas", replicas) < 0)
                return error_oom(error);
        *ret = steal_pointer(&status);
        return 0;
}

static int show(struct run *run, struct error *error)
{
        json_auto_t *status = NULL;
        int r = read_status(run, &status, error);

        if (r >= 0) {
                r = run->form->show(stdout, status);
                if (r < 0)
                        error_set_errno(error, -r, "cannot write to standard output");
        }
        return r;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

/* A second SIGINT ends it at once, should the API server not answer. */
static void watch_signals(void)
{
        const struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND};

        sigaction(SIGINT, &action, NULL);
}

/* On a terminal each round takes the place of the last one; elsewhere they follow each other. */
static int show_again(struct run *run)
{
        watch_signals();
        while (!interrupted) {
                _cleanup_error_ struct error error = ERROR_INIT;

                if (isatty(STDOUT_FILENO))
                        fputs("\033[H\033[2J", stdout);
                if (show(run, &error) < 0 && !interrupted)
                        cli_print_error(COMMAND, &error);
                if (cli_flush(COMMAND) != EXIT_STATUS_OK)
                        return EXIT_STATUS_FAILURE;
                if (!interrupted)
                        sleep(INTERVAL);
        }
        return EXIT_STATUS_OK;
}

int cli_status(int argc, char **argv)
{
        _cleanup_(run_clear) struct run run = {.form = status_form_find("table")};
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        r = command_line_parse(&command_line, &run, argc, argv);
        if (r)
                return r < 0 ? cli_flush(COMMAND) : r;
        r = kube_options_connect(&run.kube, &run.config, &run.client, &error);
        if (r >= 0 && run.watch)
                return show_again(&run);
        if (r >= 0)
                r = show(&run, &error);
        if (r < 0) {
                cli_print_error(COMMAND, &error);
                return EXIT_STATUS_FAILURE;
        }
        return cli_flush(COMMAND);
}
