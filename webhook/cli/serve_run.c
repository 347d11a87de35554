/*
 * What every way to serve has in common: the process, the admission, and the server once there is something to serve.
 *
 * The ways differ in where policies, quotas and the ledger come from (serve_alone.c, serve_cluster.c) and where the
 * certificate does (daemon/keypair.h). Each puts its parts together in the order in which they depend on each other,
 * and takes them apart in the opposite one. Everything that can be wrong with what was given is found before the
 * first request.
 */
#include <malloc.h>
#include <stdio.h>

#include "admission/admission.h"
#include "admission/pod.h"
#include "cli/cli.h"
#include "cli/serve.h"
#include "cli/serve_options.h"
#include "daemon/server.h"
#include "daemon/tls.h"
#include "daemon/watch.h"
#include "quota/ledger.h"
#include "util/cpus.h"
#include "util/error.h"
#include "util/log.h"

#define HEAP_STEP (256 * 1024)
#define HEAP_KEPT (4 * 1024 * 1024)

#define COMMAND "serve"

const char *const *serve_gpu_resources(const struct serve_options *options)
{
        return options->placement.gpu_resources ? options->placement.gpu_resources : pod_default_gpu_resources;
}

struct certificate_files serve_certificate_files(const struct serve_options *options)
{
        return (struct certificate_files){options->tls.cert, options->tls.key, options->tls.ca};
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
        _cleanup_(server_freep) struct server *server = NULL;
        const struct server_options wanted = {
                .listen = options->listen,
                .request_timeout = options->request_timeout,
                .metrics = options->metrics,
                .trusted = parts->trusted,
                .userdata = parts->userdata,
        };
        int r;

        r = server_new(&server, &wanted, parts->admission, parts->ledger, error);
        if (r < 0)
                return r;
        log_info("serving", log_string("address", server_address(server)),
                 log_integer("reservations", (int64_t)ledger_count(parts->ledger)),
                 log_string("version", REGIONFIT_VERSION));
        r = watch_until_stopped(parts->policies, parts->keypair, WATCH_FOREVER, error);
        if (r < 0)
                return r;
        server_retire(server);
        return watch_until_stopped(parts->policies, parts->keypair, options->shutdown_delay, error);
}

/*
 * A heap for each thread that answers, so that none waits for another's lock, and the common one, which grows by as
 * much as it is told: by a page at a time, reading policies would cost a system call for every few of them. Large
 * bodies stay in a heap, too, instead of being mapped and cleared anew by the kernel for each request.
 */
static void prepare_heap(void)
{
        mallopt(M_ARENA_MAX, (int)cpus_available() + 1);
        mallopt(M_TOP_PAD, HEAP_STEP);
        mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
        mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
}

int serve_run(const struct serve_options *options, serve_way *serve)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        prepare_heap();
        r = watch_block_signals(&error);
        if (r >= 0)
                r = serve(options, &error);
        tls_forget();
        if (r < 0) {
                cli_print_error(COMMAND, &error);
                return EXIT_STATUS_FAILURE;
        }
        log_info("stopped");
        return EXIT_STATUS_OK;
}
