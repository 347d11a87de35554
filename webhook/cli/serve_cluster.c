/*
 * Policies, quotas and the ledger are those of a cluster, which other replicas serve as well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admission/admission.h"
#include "cli/kube_options.h"
#include "cli/serve.h"
#include "cli/serve_options.h"
#include "cluster/cluster.h"
#include "cluster/placement_event.h"
#include "daemon/keypair.h"
#include "daemon/tls.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/event_recorder.h"
#include "quota/reservation.h"
#include "trust/trust.h"
#include "util/error.h"

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
                .gpu_resources = serve_gpu_resources(options),
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

static int is_trusted(void *userdata, struct error *error)
{
        return trust_check(userdata, error);
}

static int offer(void *userdata, const struct keypair_pem *pem, struct error *error)
{
        const struct certs_pem offered = {.ca_bundle = pem->ca_bundle, .chain = pem->chain, .key = pem->key};

        return trust_offer(userdata, &offered, error);
}

/* What others have signed is shown once API servers trust it; what is our own at once, be it until there is another
 * in the Secret, which `trust` looks for only then. */
static int new_keypair(struct keypair **ret, const struct serve_options *options,
                       const struct keypair_source *certificate, struct trust *trust, struct error *error)
{
        bool offered = trust && options->tls.cert;
        int r = keypair_new(ret, certificate, offered ? offer : NULL, trust, error);

        return r >= 0 && trust ? trust_start(trust, error) : r;
}

/* What is in a cluster and of it. */
struct place {
        const char *namespace;
        struct kube_client *client;
        struct cluster *cluster;
        const struct keypair_source *certificate;
};

/* Ends before the cluster that `trust` asks who leads. */
static int serve_followed(const struct serve_options *options, const struct place *place, struct admission *admission,
                          struct error *error)
{
        _cleanup_(trust_freep) struct trust *trust = NULL;
        _cleanup_(keypair_freep) struct keypair *keypair = NULL;
        int r;

        r = cluster_follow(place->cluster, admission, error);
        if (r >= 0)
                r = new_trust(&trust, options, place->namespace, place->client, place->cluster, error);
        if (r >= 0)
                r = new_keypair(&keypair, options, place->certificate, trust, error);
        if (r < 0)
                return r;
        return serve_until_stopped(options,
                                   &(struct serve_parts){
                                           .admission = admission,
                                           .ledger = cluster_ledger(place->cluster),
                                           .keypair = keypair,
                                           .trusted = trust ? is_trusted : NULL,
                                           .userdata = trust,
                                   },
                                   error);
}

int serve_cluster(const struct serve_options *options, const struct keypair_source *certificate, struct error *error)
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
                r = serve_new_admission(&admission, options, cluster_ledger(cluster), placement_event_record,
                                        recorder, error);
        if (r >= 0)
                r = serve_followed(options,
                                   &(struct place){namespace_of(options, config), client, cluster, certificate},
                                   admission, error);
        if (cluster)
                cluster_stop(cluster);
        return r;
}
