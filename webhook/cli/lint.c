/*
 * `regionfit lint`: everything that reading finds, then what holding objects against each other finds, in the order
 * of the files. Of objects that are both in files and in the cluster, those in files count; what is wrong in the
 * cluster alone is nothing that whoever lints files could mend.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/pod.h"
#include "cli/cli.h"
#include "cli/command_line.h"
#include "cli/input.h"
#include "cli/kube_options.h"
#include "cluster/snapshot.h"
#include "kube/client.h"
#include "kube/config.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "manifest/manifest.h"
#include "manifest/workload.h"
#include "policy/lint.h"
#include "policy/resource_policy.h"
#include "util/arena.h"
#include "util/error.h"

#define COMMAND "lint"

static const char help[] =
        "Usage: regionfit lint -f PATH... [--kubeconfig FILE] [--context NAME]\n"
        "\n"
        "Says what is wrong with policies, quotas and workloads, as `file:line: error: field: what would be right`:\n"
        "malformed and unknown fields, units that are never reached or never fit, regions without a quota and\n"
        "series that a region does not offer, overlapping policies, podLabels that a workload's own selector does\n"
        "not allow, illegal labels.\n"
        "With --kubeconfig or --context, files are held against the policies and quotas of the cluster that they do\n"
        "not define; without files, those are what is looked at, as `namespace/name: error: ...`.\n"
        "\n"
        "  -f, --filename PATH   a file, a folder, or - for standard input; may be repeated\n" KUBE_OPTIONS_HELP
        "  -h, --help\n"
        "\n"
        "Exit status: 0 no errors (there may be warnings), 1 errors, 2 wrong usage.\n";

static const struct option long_options[] = {
        {"filename", required_argument, NULL, 'f'},
        KUBE_OPTIONS,
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct run {
        struct manifests manifests;
        struct diagnostics diagnostics;
        struct catalog_objects objects;
        struct lint_policy *policies; /* owned; what they point to is in the lists above */
        size_t n_policies, n_paths;
        size_t n_from_files; /* so many of the manifests, the first ones; the others are the cluster's */
        struct kube_options kube;
};

static void run_clear(struct run *run)
{
        free(run->policies);
        catalog_objects_clear(&run->objects);
        manifests_clear(&run->manifests);
        diagnostics_clear(&run->diagnostics);
}

static int take_option(void *userdata, int option, const char *value)
{
        struct run *run = userdata;

        if (kube_options_take(&run->kube, option, value))
                return 0;
        run->n_paths++;
        return input_read(COMMAND, value, &run->manifests, &run->diagnostics);
}

static int check(const void *userdata)
{
        const struct run *run = userdata;

        if (run->n_paths || kube_options_given(&run->kube))
                return 0;
        return cli_usage_error(COMMAND, "nothing to read: -f is missing, or --kubeconfig");
}

static const struct command_line command_line = {
        .command = COMMAND,
        .help = help,
        .short_options = "f:h",
        .options = long_options,
        .hint = "; files are given with -f",
        .take = take_option,
        .check = check,
};

static int read_cluster(struct run *run, struct error *error)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_(kube_client_freep) struct kube_client *client = NULL;
        uint64_t version;
        int r;

        run->n_from_files = run->manifests.count;
        if (!kube_options_given(&run->kube))
                return 0;
        r = kube_options_connect(&run->kube, &config, &client, error);
        return r < 0 ? r : snapshot_objects(&run->manifests, client, &version, error);
}

/* Reads one object into the lists; notes where each policy was written. */
static int read_object(struct run *run, const struct manifest *manifest)
{
        const struct manifests one = {.items = (struct manifest *)manifest, .count = 1};
        size_t before = run->objects.n_policies;
        int r = catalog_objects_read(&run->objects, &one, &run->diagnostics);

        if (r >= 0 && run->objects.n_policies > before)
                run->policies[run->n_policies++] =
                        (struct lint_policy){.policy = run->objects.policies[before], .manifest = manifest};
        return r;
}

/* Pods of a workload, for the faults that reading one shows. */
static int read_pod(void *userdata, json_t *object, size_t number, size_t total)
{
        struct diagnostics *diagnostics = userdata;
        struct field root = field_root(object, NULL, diagnostics);
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct pod pod = POD_INIT;

        (void)total;
        if (number == 1)
                (void)!pod_read(&pod, &root, "default", pod_default_gpu_resources, &arena);
        return 0;
}

static int lint_pods(struct run *run, const struct manifest *manifest)
{
        _cleanup_(diagnostics_clear) struct diagnostics faults = DIAGNOSTICS_INIT;
        int r = workload_expand(manifest, "default", read_pod, &faults, &run->diagnostics);

        for (size_t i = 0; i < faults.count; i++)
                diagnostics_add(&run->diagnostics, faults.items[i].severity, manifest, "", "its pods: %s: %s",
                                faults.items[i].path, faults.items[i].message);
        return r;
}

static int lint_all(struct run *run)
{
        _cleanup_(catalog_unrefp) struct catalog *catalog = NULL;
        int r = 0;

        run->policies = calloc(run->manifests.count + 1, sizeof(*run->policies));
        if (!run->policies)
                return -ENOMEM;
        for (size_t i = run->n_from_files; i < run->manifests.count && r >= 0; i++)
                r = read_object(run, &run->manifests.items[i]);
        for (size_t i = 0; i < run->n_from_files && r >= 0; i++)
                r = read_object(run, &run->manifests.items[i]);
        if (r >= 0)
                r = catalog_new(&catalog, &run->objects, NULL, &run->diagnostics);
        if (r < 0)
                return r;
        for (size_t i = 0; i < run->n_policies; i++)
                lint_policy(&run->policies[i], catalog_quotas(catalog), &run->diagnostics);
        lint_overlaps(run->policies, run->n_policies, &run->diagnostics);
        for (size_t i = 0; i < run->manifests.count && r >= 0; i++) {
                const struct manifest *manifest = &run->manifests.items[i];

                if (!workload_is(manifest))
                        continue;
                r = lint_pods(run, manifest);
                lint_workload(manifest, workload_namespace(manifest, "default"), run->policies, run->n_policies,
                              &run->diagnostics);
        }
        return r;
}

/* Whether a file that was given goes by this name. */
static bool is_from_file(const struct run *run, const struct diagnostic *diagnostic)
{
        for (size_t i = run->n_from_files; diagnostic->file && i < run->manifests.count; i++)
                if (!strcmp(run->manifests.items[i].file, diagnostic->file))
                        return false;
        return true;
}

static int compare_diagnostics(const void *a, const void *b)
{
        const struct diagnostic *x = a, *y = b;
        int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");

        if (!order)
                order = (x->line > y->line) - (x->line < y->line);
        return order ? order : strcmp(x->path, y->path);
}

/* "file:line: error: field: sentence" */
static void print_diagnostic(const struct diagnostic *diagnostic)
{
        printf("%s", diagnostic->file ? diagnostic->file : "");
        if (diagnostic->line)
                printf(":%u", diagnostic->line);
        printf(": %s: %s%s%s\n", diagnostic->severity == SEVERITY_ERROR ? "error" : "warning", diagnostic->path,
               *diagnostic->path ? ": " : "", diagnostic->message);
}

/* Where files are linted, what is wrong in the cluster alone is left out. Returns how many errors were printed. */
static size_t print_all(struct run *run)
{
        struct diagnostics *diagnostics = &run->diagnostics;
        size_t n[] = {[SEVERITY_ERROR] = 0, [SEVERITY_WARNING] = 0};

        if (diagnostics->count)
                qsort(diagnostics->items, diagnostics->count, sizeof(*diagnostics->items), compare_diagnostics);
        for (size_t i = 0; i < diagnostics->count; i++) {
                if (run->n_paths && !is_from_file(run, &diagnostics->items[i]))
                        continue;
                print_diagnostic(&diagnostics->items[i]);
                n[diagnostics->items[i].severity]++;
        }
        printf("%zu error%s, %zu warning%s\n", n[SEVERITY_ERROR], n[SEVERITY_ERROR] == 1 ? "" : "s",
               n[SEVERITY_WARNING], n[SEVERITY_WARNING] == 1 ? "" : "s");
        return n[SEVERITY_ERROR];
}

int cli_lint(int argc, char **argv)
{
        _cleanup_(run_clear) struct run run = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        size_t n_errors;
        int r;

        r = command_line_parse(&command_line, &run, argc, argv);
        if (r)
                return r < 0 ? cli_flush(COMMAND) : r;
        r = read_cluster(&run, &error);
        if (r >= 0 && (lint_all(&run) < 0 || run.diagnostics.failure))
                r = error_oom(&error);
        if (r < 0) {
                cli_print_error(COMMAND, &error);
                return EXIT_STATUS_FAILURE;
        }
        n_errors = print_all(&run);
        r = cli_flush(COMMAND);
        return n_errors ? EXIT_STATUS_FAILURE : r;
}
