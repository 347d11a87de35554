/*
 * The program that stands alone: `serve` with policies from files and a certificate that is given. It is what
 * `regionfit serve` becomes then (cli/serve_replace.c), and nothing else is to start it.
 *
 * It is linked from the same library. The functions below stand in for those that would bring the cluster and OpenSSL
 * with them; its options never lead to any but the first two.
 */
#include <errno.h>
#include <string.h>

#include "certs/folder.h"
#include "cli/cli.h"
#include "cli/serve.h"
#include "cluster/cluster.h"
#include "trust/trust.h"
#include "util/error.h"

void serve_replace(int argc, char **argv)
{
        (void)argc, (void)argv;
}

uint64_t cluster_late_pods(struct cluster *cluster)
{
        (void)cluster;
        return 0;
}

static int refuse(struct error *error)
{
        return error_set(error, ENOTSUP,
                         "this program stands alone, with a certificate that is given: run regionfit");
}

int serve_cluster(const struct serve_options *options, struct error *error)
{
        (void)options;
        return refuse(error);
}

int trust_start(struct trust *trust, struct error *error)
{
        (void)trust;
        return refuse(error);
}

int trust_offer(struct trust *trust, const struct certs_pem *pem, struct error *error)
{
        (void)trust, (void)pem;
        return refuse(error);
}

int trust_check(struct trust *trust, struct error *error)
{
        (void)trust;
        return refuse(error);
}

int certs_make(struct certs_pem *ret, const struct certs_request *request, struct error *error)
{
        (void)ret, (void)request;
        return refuse(error);
}

int certs_base64(char **ret, const char *text, struct error *error)
{
        (void)ret, (void)text;
        return refuse(error);
}

int certs_folder_ensure(const char *folder, const struct certs_request *request, bool *ret_changed,
                        struct error *error)
{
        (void)folder, (void)request, (void)ret_changed;
        return refuse(error);
}

int certs_folder_read(struct certs_pem *ret, const char *folder, struct error *error)
{
        (void)ret, (void)folder;
        return refuse(error);
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "serve"))
                return cli_serve(argc - 1, argv + 1);
        return cli_usage_error("serve", "regionfit-alone is started by regionfit");
}
