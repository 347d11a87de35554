/*
 * `regionfit serve`: puts the parts together in the order in which they depend on each other, and takes them apart
 * in the opposite one. Everything that can be wrong with what was given is found before the first request.
 *
 * What differs between standing alone (serve_alone.c) and serving a cluster (serve_cluster.c) is where policies,
 * quotas and the ledger come from.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "admission/admission.h"
#include "admission/pod.h"
#include "cli/cli.h"
#include "cli/serve.h"
#include "cli/serve_options.h"
#include "daemon/address.h"
#include "daemon/keypair.h"
#include "daemon/policies.h"
#include "daemon/server.h"
#include "daemon/tls.h"
#include "daemon/watch.h"
#include "quota/ledger.h"
#include "trust/trust.h"
#include "util/error.h"
#include "util/log.h"

#define HEAP_STEP (256 * 1024)
#define HEAP_KEPT (4 * 1024 * 1024)

#define COMMAND "serve"

const char *const *serve_gpu_resources(const struct serve_options *options)
{
        return options->placement.gpu_resources ? options->placement.gpu_resources : pod_default_gpu_resources;
}

static int new_keypair(struct keypair **ret, const struct serve_options *options, struct trust *trust,
                       struct error *error)
{
        _cleanup_(freep) char *folder = NULL;
        char host[ADDRESS_TEXT_MAX];
        struct keypair_options wanted = {
                .cert = options->tls.cert,
                .key = options->tls.key,
                .ca = options->tls.ca,
                .host = address_host(options->listen, host),
                .trust = trust,
                .stand_in = options->tls.secret,
        };

        if (!options->tls.cert && options->state) {
                if (asprintf(&folder, "%s/certs", options->state) < 0)
                        return error_oom(error);
                wanted.folder = folder;
        }
        return keypair_new(ret, &wanted, error);
}

int serve_new_admission(struct admission **ret, const struct serve_options *options, struct ledger *ledger,
                        serve_decided *decided, void *userdata, struct error *error)
{
        const struct admission_options wanted = {
                .decide = options->placement.decide,
                .gpu_resources = serve_gpu_resources(options),
                .audit = options->audit_only ? stdout : NULL,
                .decided = decided,
                .userdata = userdata,
        };

        return admission_new(ret, ledger, &wanted, error);
}

int serve_until_stopped(const struct serve_options *options, const struct serve_parts *parts, struct error *error)
{
        _cleanup_(keypair_freep) struct keypair *keypair = NULL;
        _cleanup_(server_freep) struct server *server = NULL;
        const struct server_options wanted = {
                .listen = options->listen,
                .request_timeout = options->request_timeout,
                .metrics = options->metrics,
                .cluster = parts->cluster,
                .trust = parts->trust,
        };
        int r;

        r = new_keypair(&keypair, options, parts->trust, error);
        if (r >= 0 && parts->trust)
                r = trust_start(parts->trust, error);
        if (r >= 0)
                r = server_new(&server, &wanted, parts->admission, parts->ledger, error);
        if (r < 0)
                return r;
        log_info("serving", log_string("address", server_address(server)),
                 log_integer("reservations", (int64_t)ledger_count(parts->ledger)),
                 log_string("version", REGIONFIT_VERSION));
        r = watch_until_stopped(parts->policies, keypair, WATCH_FOREVER, error);
        if (r < 0)
                return r;
        server_retire(server);
        return watch_until_stopped(parts->policies, keypair, options->shutdown_delay, error);
}

/*
 * glibc gives each thread a heap of its own, which it makes larger by one page at a time, with a system call for
 * each: what reservations need would cost one call for every few of them. The common heap grows by as much as it is
 * told, and nearly all that a request asks for comes from what its thread keeps at hand anyway. Large bodies stay in
 * the heap, too, instead of being mapped and cleared anew by the kernel for each request.
 */
static void prepare_heap(void)
{
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_TOP_PAD, HEAP_STEP);
        mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
        mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
}

int cli_serve(int argc, char **argv)
{
        _cleanup_(serve_options_clear) struct serve_options options = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        r = serve_options_parse(&options, argc, argv);
        if (r)
                return r < 0 ? cli_flush(COMMAND) : r;
        if (options.manifests && options.tls.cert)
                serve_replace(argc, argv);
        prepare_heap();
        log_setup(options.log_level, options.log_format);
        r = watch_block_signals(&error);
        if (r >= 0)
                r = options.manifests ? serve_alone(&options, &error) : serve_cluster(&options, &error);
        tls_forget();
        if (r < 0) {
                cli_print_error(COMMAND, &error);
                return EXIT_STATUS_FAILURE;
        }
        log_info("stopped");
        return EXIT_STATUS_OK;
}
