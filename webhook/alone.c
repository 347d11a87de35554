/*
 * The program that stands alone: `serve` with policies from files and a certificate that is given. It is what
 * `regionfit serve` becomes then (cli/serve_replace.c), and nothing else is to start it.
 *
 * It is linked from the same library. What serves knows of clusters, of whether API servers trust the webhook, and of
 * how certificates are made, only what it is given (cli/serve.h, daemon/keypair.h); here it is given nothing of that,
 * so that neither is linked in, nor the libraries that they take.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/serve.h"
#include "cli/serve_options.h"

static int serve(const struct serve_options *options, struct error *error)
{
        const struct certificate_files files = serve_certificate_files(options);
        const struct keypair_source certificate = certificate_files_source(&files);

        return serve_alone(options, &certificate, error);
}

static int refuse(void)
{
        return cli_usage_error("serve", "regionfit-alone is started by regionfit");
}

int main(int argc, char **argv)
{
        _cleanup_(serve_options_clear) struct serve_options options = {0};
        int r;

        if (argc < 2 || strcmp(argv[1], "serve"))
                return refuse();
        r = serve_options_parse(&options, argc - 1, argv + 1);
        if (r)
                return r < 0 ? cli_flush("serve") : r;
        if (!options.manifests || !options.tls.cert)
                return refuse();
        log_setup(options.log_level, options.log_format);
        return serve_run(&options, serve);
}
