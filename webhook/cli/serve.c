/*
 * `regionfit serve`: puts the parts together in the order in which they depend on each other, and takes them apart
 * in the opposite one. Everything that can be wrong with what was given is found before the first request.
 *
 * What differs between standing alone and serving a cluster is where policies, quotas and the ledger come from.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admission/admission.h"
#include "admission/pod.h"
#include "cli/cli.h"
#include "cli/serve_options.h"
#include "cluster/cluster.h"
#include "cluster/placement_event.h"
#include "daemon/address.h"
#include "daemon/keypair.h"
#include "daemon/policies.h"
#include "daemon/server.h"
#include "daemon/tls.h"
#include "daemon/watch.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/event_recorder.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "quota/reservation.h"
#include "trust/trust.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#define HEAP_STEP (256 * 1024)
#define HEAP_KEPT (4 * 1024 * 1024)

#define COMMAND "serve"

static const char *const *gpu_resources(const struct serve_options *options)
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

/* `recorder`: of Events on workloads; NULL: there are no workloads. */
static int new_admission(struct admission **ret, const struct serve_options *options, struct ledger *ledger,
                         struct event_recorder *recorder, struct error *error)
{
        const struct admission_options wanted = {
                .decide = options->placement.decide,
                .gpu_resources = gpu_resources(options),
                .audit = options->audit_only ? stdout : NULL,
                .decided = recorder ? placement_event_record : NULL,
                .userdata = recorder,
        };

        return admission_new(ret, ledger, &wanted, error);
}

/* What is served; borrowed. */
struct parts {
        struct admission *admission;
        struct ledger *ledger;
        struct cluster *cluster;   /* NULL: none, as are the following */
        struct trust *trust;       /* NULL: it does not matter who trusts us */
        struct policies *policies; /* NULL: they are no files */
};

/* Certificate and server, once there is something to serve; until a signal says to stop. */
static int listen_and_watch(const struct serve_options *options, const struct parts *parts, struct error *error)
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

/* The order of the variables is that of dependence: they are freed from the last to the first. */
static int serve_alone(const struct serve_options *options, struct error *error)
{
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_(admission_freep) struct admission *admission = NULL;
        _cleanup_(policies_freep) struct policies *policies = NULL;
        int r;

        if (!options->state)
                log_warn("the ledger lives in memory: what is promised is forgotten at the end; --state keeps it");
        r = embedded_ledger_new(&ledger, options->state, error);
        if (r >= 0)
                r = new_admission(&admission, options, ledger, NULL, error);
        if (r >= 0)
                r = policies_new(&policies, options->manifests, admission, error);
        if (r < 0)
                return r;
        return listen_and_watch(
                options, &(struct parts){.admission = admission, .ledger = ledger, .policies = policies}, error);
}

/* The pod's name; elsewhere the host's, and a number, as several may run there. */
static int make_identity(char **ret, struct error *error)
{
        char host[256] = "", number[RESERVATION_ID_SIZE];
        const char *pod = getenv("POD_NAME");
        int n;

        if (gethostname(host, sizeof(host) - 1) < 0 || reservation_make_id(number) < 0)
                return error_set_errno(error, errno, "cannot make up a name for this replica");
        n = pod ? asprintf(ret, "%s", pod) : asprintf(ret, "%s-%.8s", host, number);
        return n < 0 ? error_oom(error) : 0;
}

static bool served_certificate(char ret[static PRESENCE_FINGERPRINT_SIZE])
{
        struct tls_certificate certificate;

        if (!tls_current(&certificate))
                return false;
        snprintf(ret, PRESENCE_FINGERPRINT_SIZE, "%s", certificate.fingerprint);
        return true;
}

static const char *namespace_of(const struct serve_options *options, const struct kube_config *config)
{
        return options->namespace ? options->namespace : kube_config_namespace(config);
}

static int new_cluster(struct cluster **ret, const struct serve_options *options, const char *identity,
                       const struct kube_config *config, struct kube_client *client, struct error *error)
{
        const struct cluster_options wanted = {
                .namespace = namespace_of(options, config),
                .identity = identity,
                .gpu_resources = gpu_resources(options),
                .time_to_live = options->ledger_ttl,
                .capacity_from_nodes = options->placement.decide.capacity_from_nodes,
                .certificate = served_certificate,
        };

        return cluster_new(ret, client, &wanted, error);
}

static bool leads(void *userdata)
{
        return cluster_leads(userdata);
}

static int all_serve(void *userdata, const char *fingerprint, struct error *error)
{
        return cluster_serves(userdata, fingerprint, error);
}

static int new_trust(struct trust **ret, const struct serve_options *options, const char *namespace,
                     struct kube_client *client, struct cluster *cluster, struct error *error)
{
        const struct tls_options *tls = &options->tls;
        const struct trust_options wanted = {
                .namespace = namespace,
                .secret = tls->secret,
                .request = {.sans = tls->sans, .n_sans = tls->n_sans, .days = tls->days, .ca_days = tls->ca_days},
                .configuration = tls->configuration,
                .overlap = tls->overlap ? tls->overlap : TLS_OVERLAP_DEFAULT,
                .use = tls_use,
                .leads = leads,
                .all_serve = all_serve,
                .userdata = cluster,
        };

        return tls->configuration ? trust_new(ret, client, &wanted, error) : 0;
}

/* Ends before the cluster that `trust` asks who leads. */
static int serve_followed(const struct serve_options *options, const char *namespace, struct kube_client *client,
                          struct cluster *cluster, struct admission *admission, struct error *error)
{
        _cleanup_(trust_freep) struct trust *trust = NULL;
        int r;

        r = cluster_follow(cluster, admission, error);
        if (r >= 0)
                r = new_trust(&trust, options, namespace, client, cluster, error);
        if (r < 0)
                return r;
        return listen_and_watch(options,
                                &(struct parts){
                                        .admission = admission,
                                        .ledger = cluster_ledger(cluster),
                                        .cluster = cluster,
                                        .trust = trust,
                                },
                                error);
}

static int serve_cluster(const struct serve_options *options, struct error *error)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_(kube_client_freep) struct kube_client *client = NULL;
        _cleanup_(freep) char *identity = NULL;
        _cleanup_(event_recorder_freep) struct event_recorder *recorder = NULL;
        _cleanup_(cluster_freep) struct cluster *cluster = NULL;
        _cleanup_(admission_freep) struct admission *admission = NULL;
        int r;

        r = make_identity(&identity, error);
        if (r >= 0)
                r = kube_options_connect(&options->kube, &config, &client, error);
        if (r >= 0)
                r = new_cluster(&cluster, options, options->identity ? options->identity : identity, config, client,
                                error);
        if (r >= 0)
                r = event_recorder_new(&recorder, client, error);
        if (r >= 0)
                r = new_admission(&admission, options, cluster_ledger(cluster), recorder, error);
        if (r >= 0)
                r = serve_followed(options, namespace_of(options, config), client, cluster, admission, error);
        if (cluster)
                cluster_stop(cluster);
        return r;
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
