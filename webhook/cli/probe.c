/*
 * `regionfit probe`: asks the API server, and not a replica, as only that shows the whole way: the registration, its
 * selectors and conditions, the Service, the certificate, and the webhook behind it. Nothing is created (dryRun=All),
 * and nothing promised.
 *
 * One pod stands for all of a workload. It is sent as its controller would send it, but for two things: it has no
 * owner, whose uid would have to be known, and a generated name, as one that is taken would be refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command_line.h"
#include "cli/input.h"
#include "cli/kube_options.h"
#include "cli/probe_result.h"
#include "kube/client.h"
#include "kube/config.h"
#include "manifest/diagnostics.h"
#include "manifest/manifest.h"
#include "manifest/workload.h"
#include "util/error.h"

#define COMMAND "probe"

static const char help[] =
        "Usage: regionfit probe -f PATH... [-o FORM] [OPTIONS]\n"
        "\n"
        "Has the API server create a pod of each given workload as a dry run, and says what regionfit made of it:\n"
        "placed, let through, refused, or that it was not asked. Nothing is created, and nothing is promised.\n"
        "\n"
        "  -f, --filename PATH       a file, a folder, or - for standard input; may be repeated\n"
        "  -o, --output FORM         text (default), or json: one object per pod\n"
        "  -n, --namespace NAME      for workloads that name none (default: that of the context or the\n"
        "                            pod)\n" KUBE_OPTIONS_HELP "  -h, --help\n"
        "\n"
        "Exit status: 0 regionfit was asked about every pod, 1 it was not, or that cannot be known, 2 wrong usage.\n";

static const struct option long_options[] = {
        {"filename", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"namespace", required_argument, NULL, 'n'},
        KUBE_OPTIONS,
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct run {
        const char *namespace;
        bool json;
        struct kube_options kube;
        struct kube_config *config; /* owned */
        struct kube_client *client; /* owned */
        struct manifests manifests;
        struct diagnostics diagnostics;
        struct error error;
        size_t n_paths, n_pods, n_asked;
};

static void run_clear(struct run *run)
{
        kube_client_free(run->client);
        kube_config_free(run->config);
        manifests_clear(&run->manifests);
        diagnostics_clear(&run->diagnostics);
        error_clear(&run->error);
}

static int take_option(void *userdata, int option, const char *value)
{
        struct run *run = userdata;

        switch (option) {
        case 'f':
                run->n_paths++;
                return input_read(COMMAND, value, &run->manifests, &run->diagnostics);
        case 'n':
                run->namespace = value;
                return 0;
        case 'o':
                run->json = !strcmp(value, "json");
                if (run->json || !strcmp(value, "text"))
                        return 0;
                return cli_usage_error(COMMAND, "-o must be text or json, not \"%s\"", value);
        default:
                kube_options_take(&run->kube, option, value);
                return 0;
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

/* The name that it generates, or that begins with its own; a pod with neither cannot be created as it is. */
static int generate_name(json_t *metadata)
{
        const char *name = json_string_value(json_object_get(metadata, "name"));
        bool generated = json_is_string(json_object_get(metadata, "generateName"));

        if ((name || !generated) &&
            json_object_set_new(metadata, "generateName", json_sprintf("%s-", name ? name : "pod")) < 0)
                return -ENOMEM;
        json_object_del(metadata, "name");
        json_object_del(metadata, "ownerReferences");
        return 0;
}

/* Sends the pod; what is answered is in `ret`. A negative errno where there was no answer. */
static int create(struct run *run, const char *namespace, json_t *pod, struct probe_result *ret)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(freep) char *path = kube_path("/api/v1/namespaces/%s/pods?dryRun=All", namespace);
        _cleanup_(freep) char *body = json_dumps(pod, JSON_COMPACT);
        struct kube_call call = {.method = KUBE_POST, .path = path, .body = body};
        int r;

        if (!path || !body)
                return error_oom(&run->error);
        call.size = strlen(body);
        r = kube_call(run->client, &call, &response, &run->error);
        if (r < 0 && !response.status)
                return r;
        r = probe_result_read(ret, r, &response, &run->error);
        return r < 0 ? error_oom(&run->error) : 0;
}

static int show(const struct run *run, const struct probe_result *result, const char *name)
{
        json_auto_t *object = NULL;

        if (!run->json) {
                probe_result_print(result, name, stdout);
                return 0;
        }
        object = probe_result_json(result, name);
        if (!object || json_dumpf(object, stdout, JSON_COMPACT) < 0)
                return -ENOMEM;
        putchar('\n');
        return 0;
}

/* The first pod of a workload. */
static int probe(void *userdata, json_t *pod, size_t number, size_t total)
{
        struct run *run = userdata;
        _cleanup_(probe_result_clear) struct probe_result result = PROBE_RESULT_INIT;
        json_t *metadata = json_object_get(pod, "metadata");
        const char *namespace = json_string_value(json_object_get(metadata, "namespace"));
        _cleanup_(freep) char *name = NULL;
        int r;

        (void)total;
        if (number > 1)
                return 0;
        run->n_pods++;
        r = generate_name(metadata);
        if (r >= 0)
                r = probe_mark(pod);
        if (r < 0 ||
            asprintf(&name, "%s/%s", namespace, json_string_value(json_object_get(metadata, "generateName"))) < 0)
                return error_oom(&run->error);
        r = create(run, namespace, pod, &result);
        if (r < 0)
                return r;
        run->n_asked += probe_asked(&result);
        r = show(run, &result, name);
        return r < 0 ? error_oom(&run->error) : 0;
}

static int probe_all(struct run *run)
{
        int r = kube_options_connect(&run->kube, &run->config, &run->client, &run->error);

        if (r >= 0 && !run->namespace)
                run->namespace = kube_config_namespace(run->config);
        for (size_t i = 0; i < run->manifests.count && r >= 0; i++)
                if (workload_is(&run->manifests.items[i]))
                        r = workload_expand(&run->manifests.items[i], run->namespace, probe, run, &run->diagnostics);
        return r;
}

int cli_probe(int argc, char **argv)
{
        _cleanup_(run_clear) struct run run = {0};
        int r;

        r = command_line_parse(&command_line, &run, argc, argv);
        if (r)
                return r < 0 ? cli_flush(COMMAND) : r;
        r = probe_all(&run);
        diagnostics_print_errors(&run.diagnostics, stderr);
        if (r < 0) {
                cli_print_error(COMMAND, &run.error);
                return EXIT_STATUS_FAILURE;
        }
        if (!run.n_pods)
                fputs("regionfit probe: there is no pod in what was given\n", stderr);
        if (cli_flush(COMMAND) != EXIT_STATUS_OK || run.diagnostics.n_errors)
                return EXIT_STATUS_FAILURE;
        return run.n_pods && run.n_asked == run.n_pods ? EXIT_STATUS_OK : EXIT_STATUS_FAILURE;
}
