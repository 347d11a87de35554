/*
 * One table of options, and the rules of which go together: with --manifests the server stands alone, without it is
 * one of the replicas that serve a cluster.
 */
#include "cli/serve_options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command_line.h"
#include "cluster/presence.h"
#include "util/clock.h"
#include "util/duration.h"

#define COMMAND "serve"

static const char help[] =
        "Usage: regionfit serve [--kubeconfig FILE] [OPTIONS]\n"
        "       regionfit serve --manifests DIR [OPTIONS]\n"
        "\n"
        "Answers AdmissionReviews over HTTPS on POST /mutate, and health on /livez and /readyz.\n"
        "\n"
        "Policies, quotas, pods and the ledger are objects of a cluster, which any number of replicas share; or,\n"
        "with --manifests, policies and quotas are files, and the ledger is this server's own.\n"
        "\n" KUBE_OPTIONS_HELP
        "      --namespace NAME      where the replicas' Leases are (default: that of the pod or the context)\n"
        "      --identity NAME       of this replica, unique among them (default: the host's name and a random\n"
        "                            number)\n"
        "      --ledger-ttl D        how long a pod that was admitted may take to appear before what was\n"
        "                            promised to it is given to others (default 75s); must be longer than a\n"
        "                            request to the API server can live\n"
        "\n"
        "      --manifests DIR       ResourcePolicies and RegionQuotas, as *.yaml, *.yml or *.json; followed\n"
        "                            as they change. A malformed file keeps its last good version in force\n"
        "      --state DIR           where the ledger and a certificate of its own are kept; made if missing.\n"
        "                            Without it they live in memory and are lost at the end\n"
        "      --listen ADDR:PORT    default 0.0.0.0:8443; [ADDR]:PORT for IPv6, port 0 for any free one\n"
        "      --metrics ADDR:PORT   plain HTTP: GET /metrics for Prometheus, /livez, /readyz\n" TLS_OPTIONS_HELP
        "      --request-timeout D   the longest that a request may take (default 10s); a caller's shorter\n"
        "                            ?timeout= wins\n"
        "      --shutdown-delay D    after SIGTERM, how long to go on answering while /readyz fails, until nobody\n"
        "                            sends requests here any more (default 0s); a second SIGTERM ends it\n"
        "      --dry-run             audit only: decide, print each decision and its patch as a line of JSON,\n"
        "                            and let every pod through as it is\n" PLACEMENT_OPTIONS_HELP
        "      --log-level LEVEL     debug (a line per decision), info (default), warn or error\n"
        "      --log-format FORMAT   logfmt (default) or json\n"
        "  -h, --help\n"
        "\n"
        "SIGTERM makes it unready, finishes what came in and exits; SIGHUP reads manifests and certificates again.\n";

void serve_options_clear(struct serve_options *options)
{
        placement_options_clear(&options->placement);
        tls_options_clear(&options->tls);
}

enum {
        OPTION_MANIFESTS = 1,
        OPTION_STATE,
        OPTION_LISTEN,
        OPTION_METRICS,
        OPTION_REQUEST_TIMEOUT,
        OPTION_SHUTDOWN_DELAY,
        OPTION_DRY_RUN,
        OPTION_LOG_LEVEL,
        OPTION_LOG_FORMAT,
        OPTION_NAMESPACE,
        OPTION_IDENTITY,
        OPTION_LEDGER_TTL,
};

static const struct option long_options[] = {
        {"manifests", required_argument, NULL, OPTION_MANIFESTS},
        {"state", required_argument, NULL, OPTION_STATE},
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"metrics", required_argument, NULL, OPTION_METRICS},
        {"request-timeout", required_argument, NULL, OPTION_REQUEST_TIMEOUT},
        {"shutdown-delay", required_argument, NULL, OPTION_SHUTDOWN_DELAY},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
        {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
        {"namespace", required_argument, NULL, OPTION_NAMESPACE},
        {"identity", required_argument, NULL, OPTION_IDENTITY},
        {"ledger-ttl", required_argument, NULL, OPTION_LEDGER_TTL},
        KUBE_OPTIONS,
        TLS_OPTIONS,
        PLACEMENT_OPTIONS,
        {"help", no_argument, NULL, 'h'},
        {0},
};

static int take_duration(int64_t *to, const char *option, const char *least, const char *value)
{
        int64_t bound = 0;

        duration_parse(&bound, least);
        if (duration_parse(to, value) < 0 || *to < bound)
                return cli_usage_error(COMMAND, "--%s must be a duration of at least %s, not \"%s\"", option, least,
                                       value);
        return 0;
}

static int take_log_option(struct serve_options *options, int option, const char *value)
{
        if (option == OPTION_LOG_LEVEL && log_level_parse(&options->log_level, value) < 0)
                return cli_usage_error(COMMAND, "--log-level must be debug, info, warn or error, not \"%s\"", value);
        if (option == OPTION_LOG_FORMAT && log_format_parse(&options->log_format, value) < 0)
                return cli_usage_error(COMMAND, "--log-format must be logfmt or json, not \"%s\"", value);
        return 0;
}

/* Options that are a word or nothing. True where it is one of them. */
static bool take_plain(struct serve_options *options, int option, const char *value)
{
        const struct {
                int option;
                const char **to;
        } words[] = {
                {OPTION_MANIFESTS, &options->manifests}, {OPTION_STATE, &options->state},
                {OPTION_LISTEN, &options->listen},       {OPTION_NAMESPACE, &options->namespace},
                {OPTION_IDENTITY, &options->identity},   {OPTION_METRICS, &options->metrics},
        };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (words[i].option == option) {
                        *words[i].to = value;
                        return true;
                }
        options->audit_only |= option == OPTION_DRY_RUN;
        return option == OPTION_DRY_RUN || kube_options_take(&options->kube, option, value);
}

static int take_option(void *userdata, int option, const char *value)
{
        struct serve_options *options = userdata;
        int r;

        if (take_plain(options, option, value))
                return 0;
        switch (option) {
        case OPTION_REQUEST_TIMEOUT:
                return take_duration(&options->request_timeout, "request-timeout", "100ms", value);
        case OPTION_SHUTDOWN_DELAY:
                return take_duration(&options->shutdown_delay, "shutdown-delay", "0s", value);
        case OPTION_LEDGER_TTL:
                return take_duration(&options->ledger_ttl, "ledger-ttl", "1s", value);
        case OPTION_LOG_LEVEL:
        case OPTION_LOG_FORMAT:
                return take_log_option(options, option, value);
        default:
                r = placement_options_take(&options->placement, COMMAND, option, value);
                if (!r)
                        r = tls_options_take(&options->tls, COMMAND, option, value);
                return r < 0 ? -r : r ? 0 : cli_usage_error(COMMAND, "wrong usage");
        }
}

/* A cluster is served where one was named, or where we run in one. */
static bool names_cluster(const struct serve_options *options)
{
        return kube_options_given(&options->kube) || getenv("KUBECONFIG") || getenv("KUBERNETES_SERVICE_HOST");
}

/* A Lease of this name will say that the replica is there (RFC 1123, a DNS label or several); another one is the
 * leader's. */
static bool is_identity(const char *text)
{
        size_t length = strlen(text);
        bool plain = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length;

        return length && length <= 253 && plain && isalnum((unsigned char)*text) &&
               isalnum((unsigned char)text[length - 1]) && strcmp(text, LEADER_LEASE);
}

/* What does not go together. */
static int check(const void *userdata)
{
        const struct serve_options *options = userdata;

        if (options->manifests && (kube_options_given(&options->kube) || options->namespace || options->identity ||
                                   options->placement.decide.capacity_from_nodes))
                return cli_usage_error(COMMAND, "--manifests is for serving without a cluster: it does not go with "
                                                "--kubeconfig, --context, --namespace, --identity or "
                                                "--capacity-from-nodes");
        if (options->identity && !is_identity(options->identity))
                return cli_usage_error(
                        COMMAND, "--identity must be a DNS name in lower case, and not " LEADER_LEASE ", not \"%s\"",
                        options->identity);
        if (!options->manifests && !names_cluster(options))
                return cli_usage_error(COMMAND, "--manifests or --kubeconfig is missing");
        return tls_options_check(&options->tls, COMMAND, options->manifests, options->state);
}

static const struct command_line command_line = {
        .command = COMMAND,
        .help = help,
        .short_options = "h",
        .options = long_options,
        .take = take_option,
        .check = check,
};

int serve_options_parse(struct serve_options *options, int argc, char **argv)
{
        *options = (struct serve_options){
                .listen = "0.0.0.0:8443",
                .ledger_ttl = 75 * NS_PER_SECOND,
                .request_timeout = 10 * NS_PER_SECOND,
                .log_level = LOG_INFO,
        };
        return command_line_parse(&command_line, options, argc, argv);
}
