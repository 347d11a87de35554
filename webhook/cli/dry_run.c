/*
 * `regionfit dry-run`: reads everything first, since policies may come after the workloads that they select, then
 * places pod after pod on a ledger in memory, which of a cluster begins with what its pods hold. The decisions are
 * those of `serve`, made by the same function; what is different is where pods come from and that nobody is waiting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "admission/catalog.h"
#include "admission/patch.h"
#include "admission/pod.h"
#include "admission/review.h"
#include "cli/cli.h"
#include "cli/command_line.h"
#include "cli/input.h"
#include "cli/kube_options.h"
#include "cli/output.h"
#include "cli/placement_options.h"
#include "cluster/snapshot.h"
#include "kube/client.h"
#include "kube/config.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "manifest/manifest.h"
#include "manifest/workload.h"
#include "quota/cluster_ledger.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/arena.h"
#include "util/error.h"

#define COMMAND "dry-run"

static const char help[] =
        "Usage: regionfit dry-run -f PATH... [-o FORM] [OPTIONS]\n"
        "\n"
        "Places every pod that the given workloads would create, in order, each seeing the reservations of\n"
        "those before it. Policies, quotas and workloads may be in any files, in any order. A DaemonSet counts\n"
        "as one pod, a CronJob as one run. AdmissionReviews are answered as `serve` would answer them.\n"
        "With --kubeconfig or --context, policies and quotas of the cluster that the files do not define count as\n"
        "well, as do its pods and what is promised there. Nothing is written.\n"
        "\n"
        "  -f, --filename PATH       a file, a folder, or - for standard input; may be repeated\n"
        "  -o, --output FORM         patch (default): one JSON object per pod, {\"pod\": ..., \"patch\": [...]}\n"
        "                            explain: a table of every unit's verdict with its numbers\n"
        "                            yaml, json: the pods as they would be stored, refused ones as they are\n"
        "                            diff: what changes in each pod\n"
        "                            review: the AdmissionReview that answers for each pod\n"
        "  -n, --namespace NAME      for workloads that name none (default: that of the context, or\n"
        "                            default)\n" KUBE_OPTIONS_HELP PLACEMENT_OPTIONS_HELP "  -h, --help\n"
        "\n"
        "Exit status: 0 every pod has its place, 3 a pod fits nowhere, 1 something could not be read (the rest\n"
        "is placed nevertheless), 2 wrong usage.\n";

static const struct option long_options[] = {
        {"filename", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"namespace", required_argument, NULL, 'n'},
        KUBE_OPTIONS,
        PLACEMENT_OPTIONS,
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct run {
        const struct output_form *form;
        const char *namespace;
        struct placement_options placement;
        struct kube_options kube;
        struct kube_config *config; /* owned */
        struct kube_client *client; /* owned; NULL: files are all there is */
        struct snapshot snapshot;
        struct manifests manifests;
        struct diagnostics diagnostics;
        struct catalog *catalog;     /* owned */
        struct ledger *embedded;     /* owned; without a cluster */
        struct ledger *ledger;       /* borrowed: that one, or the snapshot's */
        struct admission *admission; /* owned */
        struct output *output;       /* owned */
        size_t n_paths, n_pods;
        bool unplaced;
};

static void run_clear(struct run *run)
{
        output_free(run->output);
        admission_free(run->admission);
        ledger_free(run->embedded);
        snapshot_clear(&run->snapshot);
        kube_client_free(run->client);
        kube_config_free(run->config);
        catalog_unref(run->catalog);
        manifests_clear(&run->manifests);
        diagnostics_clear(&run->diagnostics);
        placement_options_clear(&run->placement);
}

static int take_option(void *userdata, int option, const char *value)
{
        struct run *run = userdata;
        int r;

        switch (option) {
        case 'f':
                run->n_paths++;
                return input_read(COMMAND, value, &run->manifests, &run->diagnostics);
        case 'n':
                run->namespace = value;
                return 0;
        case 'o':
                run->form = output_find(value);
                if (run->form)
                        return 0;
                return cli_usage_error(COMMAND, "-o must be patch, explain, yaml, json, diff or review, not \"%s\"",
                                       value);
        default:
                if (kube_options_take(&run->kube, option, value))
                        return 0;
                r = placement_options_take(&run->placement, COMMAND, option, value);
                return r < 0 ? -r : 0;
        }
}

static int check(const void *userdata)
{
        const struct run *run = userdata;

        return run->n_paths ? 0 : cli_usage_error(COMMAND, "nothing to read: -f is missing");
}

static const struct command_line command_line = {
        .command = COMMAND,
        .help = help,
        .short_options = "f:o:n:h",
        .options = long_options,
        .hint = "; files are given with -f",
        .take = take_option,
        .check = check,
};

static const char *const *gpu_resources(const struct run *run)
{
        return run->placement.gpu_resources ? run->placement.gpu_resources : pod_default_gpu_resources;
}

/* What pods hold: nothing, or what they hold in the cluster, whose policies and quotas come with it. */
static int read_cluster(struct run *run, struct error *error)
{
        int r;

        if (!kube_options_given(&run->kube)) {
                r = embedded_ledger_new(&run->embedded, NULL, error);
                run->ledger = run->embedded;
                return r;
        }
        r = kube_options_connect(&run->kube, &run->config, &run->client, error);
        if (r >= 0)
                r = snapshot_read(&run->snapshot, &run->manifests, run->client, gpu_resources(run), error);
        if (r < 0)
                return r;
        if (!run->namespace)
                run->namespace = kube_config_namespace(run->config);
        run->ledger = cluster_ledger_base(run->snapshot.ledger);
        return 0;
}

static int prepare(struct run *run, struct error *error)
{
        _cleanup_(catalog_objects_clear) struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        const struct admission_options options = {.decide = run->placement.decide,
                                                  .gpu_resources = gpu_resources(run)};
        int r;

        run->placement.decide.explain = true;
        r = read_cluster(run, error);
        if (r < 0)
                return r;
        if (!run->namespace)
                run->namespace = "default";
        r = catalog_objects_read(&objects, &run->manifests, &run->diagnostics);
        if (r >= 0)
                r = catalog_new(&run->catalog, &objects, run->snapshot.nodes, &run->diagnostics);
        if (r < 0)
                return error_oom(error);
        r = admission_new(&run->admission, run->ledger, &options, error);
        if (r >= 0)
                r = admission_use(run->admission, run->catalog, error);
        if (r < 0)
                return r;
        run->output = output_new(run->form, stdout);
        return run->output ? output_begin(run->output) : error_oom(error);
}

/* "namespace/name", and which one it is of several with a generated name; new. */
static char *name_of(const struct pod *pod, size_t number, size_t total)
{
        char *name;
        int n;

        if (pod->generated && total > 1)
                n = asprintf(&name, "%s/%s#%zu", pod->namespace, pod->name, number);
        else
                n = asprintf(&name, "%s/%s", pod->namespace, pod->name);
        return n < 0 ? NULL : name;
}

/* Decides on a pod that has been read, and shows it. */
static int place(struct run *run, const struct pod *pod, const json_t *object, const struct review *review,
                 size_t number, size_t total)
{
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        _cleanup_(freep) char *name = name_of(pod, number, total);
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *patch = NULL;
        bool reserve = !review || !review->dry_run;
        struct placed placed = {.name = name, .object = object, .decision = &decision, .review = review};
        int r;

        r = name ? decide(&decision, run->catalog, run->ledger, &run->placement.decide, pod, reserve, &error)
                 : -ENOMEM;
        if (r >= 0)
                r = patch_new(&patch, pod, &decision, &run->placement.decide);
        if (r < 0)
                return r;
        run->n_pods++;
        run->unplaced |= decision.outcome == OUTCOME_DENIED || decision.outcome == OUTCOME_UNPLACED;
        placed.patch = patch;
        return output_show(run->output, &placed);
}

/* A pod of the workload that is being expanded. */
struct origin {
        struct run *run;
        const struct manifest *manifest;
};

static int place_pod(void *userdata, json_t *object, size_t number, size_t total)
{
        const struct origin *origin = userdata;
        struct run *run = origin->run;
        struct field root = field_root(object, NULL, &run->diagnostics);
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct pod pod = POD_INIT;

        /* All pods of a template have the same faults. */
        if (!pod_read(&pod, &root, run->namespace, gpu_resources(run), &arena)) {
                diagnostics_add(&run->diagnostics, SEVERITY_ERROR, origin->manifest, "",
                                "%s: its pods cannot be read", origin->manifest->kind);
                return 1;
        }
        return place(run, &pod, object, NULL, number, total);
}

static int place_review(struct run *run, const struct manifest *manifest)
{
        _cleanup_(freep) char *body = json_dumps(manifest->object, JSON_COMPACT);
        json_t *object = json_object_get(json_object_get(manifest->object, "request"), "object");
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct review review = REVIEW_INIT;
        struct pod pod = POD_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        struct admission_answer answer = ADMISSION_ANSWER_INIT;
        struct field root;
        int r;

        r = body ? review_parse(&review, body, strlen(body), &arena, &error) : -ENOMEM;
        if (r == -EINVAL) {
                diagnostics_add(&run->diagnostics, SEVERITY_ERROR, manifest, "", "%s", error_message(&error));
                return 0;
        }
        if (r < 0)
                return r;
        if (review.is_pod && review.operation == OPERATION_CREATE && !*review.subresource && review.object) {
                root = field_root(object, manifest, &run->diagnostics);
                if (!pod_read(&pod, &root, review.namespace, gpu_resources(run), &arena))
                        return 0;
                return place(run, &pod, object, &review, 1, 1);
        }
        /* What ends pods gives back, and has no answer worth showing. */
        r = admission_handle(run->admission, body, strlen(body), &answer, &error);
        admission_answer_clear(&answer);
        return r == -EINVAL ? 0 : r;
}

static int place_all(struct run *run)
{
        int r = 0;

        for (size_t i = 0; i < run->manifests.count && r >= 0; i++) {
                const struct manifest *manifest = &run->manifests.items[i];
                struct origin origin = {.run = run, .manifest = manifest};

                if (!strcmp(manifest->kind, "AdmissionReview"))
                        r = place_review(run, manifest);
                else if (workload_is(manifest))
                        r = workload_expand(manifest, run->namespace, place_pod, &origin, &run->diagnostics);
        }
        return r < 0 ? r : output_end(run->output, run->catalog, run->ledger);
}

int cli_dry_run(int argc, char **argv)
{
        _cleanup_(run_clear) struct run run = {.form = output_find("patch")};
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        r = command_line_parse(&command_line, &run, argc, argv);
        if (r)
                return r < 0 ? cli_flush(COMMAND) : r;
        r = prepare(&run, &error);
        if (r >= 0)
                r = place_all(&run);
        if (r < 0) {
                cli_print_error(COMMAND, &error);
                return EXIT_STATUS_FAILURE;
        }
        diagnostics_print_errors(&run.diagnostics, stderr);
        if (!run.n_pods)
                fputs("regionfit dry-run: there is no pod to place in what was given\n", stderr);
        if (cli_flush(COMMAND) != EXIT_STATUS_OK || run.diagnostics.n_errors)
                return EXIT_STATUS_FAILURE;
        return run.unplaced ? EXIT_STATUS_UNPLACED : EXIT_STATUS_OK;
}
