/*
 * `regionfit serve`: puts the parts together in the order in which they depend on each other, and takes them apart
 * in the opposite one. Everything that can be wrong with what was given is found before the first request.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "admission/pod.h"
#include "cli/cli.h"
#include "cli/placement_options.h"
#include "daemon/address.h"
#include "daemon/keypair.h"
#include "daemon/policies.h"
#include "daemon/server.h"
#include "daemon/tls.h"
#include "daemon/watch.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/error.h"
#include "util/log.h"

#define COMMAND "serve"

static const char help[] =
        "Usage: regionfit serve --manifests DIR [OPTIONS]\n"
        "\n"
        "Answers AdmissionReviews over HTTPS on POST /mutate, and health on /livez and /readyz.\n"
        "\n"
        "      --manifests DIR       ResourcePolicies and RegionQuotas, as *.yaml, *.yml or *.json; followed\n"
        "                            as they change. A malformed file keeps its last good version in force\n"
        "      --state DIR           where the ledger and a certificate of its own are kept; made if missing.\n"
        "                            Without it they live in memory and are lost at the end\n"
        "      --listen ADDR:PORT    default 0.0.0.0:8443; [ADDR]:PORT for IPv6, port 0 for any free one\n"
        "      --tls-cert FILE       certificate chain and private key (PEM), read again when they change;\n"
        "      --tls-key FILE        without them a CA and a certificate are made, kept in STATE/certs, and\n"
        "                            renewed: `regionfit certs show STATE/certs --ca-bundle`\n"
        "      --request-timeout D   the longest that a request may take (default 10s); a caller's shorter\n"
        "                            ?timeout= wins\n"
        "      --dry-run             audit only: decide, print each decision and its patch as a line of JSON,\n"
        "                            and let every pod through as it is\n" PLACEMENT_OPTIONS_HELP
        "      --log-level LEVEL     debug (a line per decision), info (default), warn or error\n"
        "      --log-format FORMAT   logfmt (default) or json\n"
        "  -h, --help\n"
        "\n"
        "SIGTERM finishes what came in and exits; SIGHUP reads manifests and certificates again.\n";

struct options {
        const char *manifests, *state, *listen, *cert, *key;
        int64_t request_timeout;
        bool audit_only;
        enum log_level log_level;
        enum log_format log_format;
        struct placement_options placement;
};

static void options_clear(struct options *options)
{
        placement_options_clear(&options->placement);
}

enum {
        OPTION_MANIFESTS = 1,
        OPTION_STATE,
        OPTION_LISTEN,
        OPTION_TLS_CERT,
        OPTION_TLS_KEY,
        OPTION_REQUEST_TIMEOUT,
        OPTION_DRY_RUN,
        OPTION_LOG_LEVEL,
        OPTION_LOG_FORMAT,
};

static const struct option long_options[] = {
        {"manifests", required_argument, NULL, OPTION_MANIFESTS},
        {"state", required_argument, NULL, OPTION_STATE},
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
        {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
        {"request-timeout", required_argument, NULL, OPTION_REQUEST_TIMEOUT},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
        {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
        PLACEMENT_OPTIONS,
        {"help", no_argument, NULL, 'h'},
        {0},
};

static int take_timeout(struct options *options, const char *value)
{
        if (duration_parse(&options->request_timeout, value) < 0 || options->request_timeout < 100 * NS_PER_MS)
                return cli_usage_error(COMMAND, "--request-timeout must be a duration of at least 100ms, not \"%s\"",
                                       value);
        return 0;
}

/* 0 to go on, else an exit status. */
static int take_option(struct options *options, int option, const char *value)
{
        int r;

        switch (option) {
        case OPTION_MANIFESTS:
                options->manifests = value;
                return 0;
        case OPTION_STATE:
                options->state = value;
                return 0;
        case OPTION_LISTEN:
                options->listen = value;
                return 0;
        case OPTION_TLS_CERT:
                options->cert = value;
                return 0;
        case OPTION_TLS_KEY:
                options->key = value;
                return 0;
        case OPTION_REQUEST_TIMEOUT:
                return take_timeout(options, value);
        case OPTION_DRY_RUN:
                options->audit_only = true;
                return 0;
        case OPTION_LOG_LEVEL:
                if (log_level_parse(&options->log_level, value) >= 0)
                        return 0;
                return cli_usage_error(COMMAND, "--log-level must be debug, info, warn or error, not \"%s\"", value);
        case OPTION_LOG_FORMAT:
                if (log_format_parse(&options->log_format, value) >= 0)
                        return 0;
                return cli_usage_error(COMMAND, "--log-format must be logfmt or json, not \"%s\"", value);
        default:
                r = placement_options_take(&options->placement, COMMAND, option, value);
                return r < 0 ? -r : r ? 0 : cli_usage_error(COMMAND, "wrong usage");
        }
}

/* 0 to go on, -1 where the help has been shown, else an exit status. */
static int parse(struct options *options, int argc, char **argv)
{
        int option, r = 0;

        opterr = 0;
        while (!r && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
                if (option == 'h') {
                        fputs(help, stdout);
                        return -1;
                }
                r = option == '?' ? cli_option_error(COMMAND, argv) : take_option(options, option, optarg);
        }
        if (r)
                return r;
        if (optind < argc)
                return cli_usage_error(COMMAND, "takes no argument \"%s\"", argv[optind]);
        if (!options->manifests)
                return cli_usage_error(COMMAND, "--manifests is missing");
        if (!options->cert != !options->key)
                return cli_usage_error(COMMAND, "--tls-cert and --tls-key go together");
        return 0;
}

static int new_keypair(struct keypair **ret, const struct options *options, struct error *error)
{
        _cleanup_(freep) char *folder = NULL;
        char host[ADDRESS_TEXT_MAX];
        struct keypair_options wanted = {
                .cert = options->cert,
                .key = options->key,
                .host = address_host(options->listen, host),
        };

        if (!options->cert && options->state) {
                if (asprintf(&folder, "%s/certs", options->state) < 0)
                        return error_oom(error);
                wanted.folder = folder;
        }
        return keypair_new(ret, &wanted, error);
}

static int new_admission(struct admission **ret, const struct options *options, struct ledger *ledger,
                         struct error *error)
{
        const struct admission_options wanted = {
                .decide = options->placement.decide,
                .gpu_resources = options->placement.gpu_resources ? options->placement.gpu_resources
                                                                  : pod_default_gpu_resources,
                .audit = options->audit_only ? stdout : NULL,
        };

        return admission_new(ret, ledger, &wanted, error);
}

/* The order of the variables is that of dependence: they are freed from the last to the first. */
static int serve(const struct options *options, struct error *error)
{
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_(admission_freep) struct admission *admission = NULL;
        _cleanup_(policies_freep) struct policies *policies = NULL;
        _cleanup_(keypair_freep) struct keypair *keypair = NULL;
        _cleanup_(server_freep) struct server *server = NULL;
        const struct server_options wanted = {.listen = options->listen, .request_timeout = options->request_timeout};
        int r;

        r = watch_block_signals(error);
        if (r >= 0)
                r = embedded_ledger_new(&ledger, options->state, error);
        if (r >= 0)
                r = new_admission(&admission, options, ledger, error);
        if (r >= 0)
                r = policies_new(&policies, options->manifests, admission, error);
        if (r >= 0)
                r = new_keypair(&keypair, options, error);
        if (r >= 0)
                r = server_new(&server, &wanted, admission, ledger, error);
        if (r < 0)
                return r;
        log_info("serving", log_string("address", server_address(server)),
                 log_integer("reservations", (int64_t)ledger_count(ledger)),
                 log_string("version", REGIONFIT_VERSION));
        return watch_until_stopped(policies, keypair, error);
}

int cli_serve(int argc, char **argv)
{
        _cleanup_(options_clear) struct options options = {
                .listen = "0.0.0.0:8443",
                .request_timeout = 10 * NS_PER_SECOND,
                .log_level = LOG_INFO,
        };
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        r = parse(&options, argc, argv);
        if (r)
                return r < 0 ? cli_flush(COMMAND) : r;
        log_setup(options.log_level, options.log_format);
        if (!options.state)
                log_warn("the ledger lives in memory: what is promised is forgotten at the end; --state keeps it");
        r = serve(&options, &error);
        tls_forget();
        if (r < 0) {
                cli_print_error(COMMAND, &error);
                return EXIT_STATUS_FAILURE;
        }
        log_info("stopped");
        return EXIT_STATUS_OK;
}
