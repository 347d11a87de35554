/*
 * `regionfit serve`: which of the ways it is.
 *
 * Policies from files and a certificate that is given need nothing of clusters and of making certificates: that way
 * is gone by a program of its own (serve_replace.c) where there is one.
 */
#include "cli/serve.h"

#include "cli/cli.h"
#include "cli/own_certificate.h"
#include "cli/serve_options.h"
#include "daemon/certificate_files.h"

static int serve_from(const struct serve_options *options, const struct keypair_source *certificate,
                      struct error *error)
{
        return options->manifests ? serve_alone(options, certificate, error)
                                  : serve_cluster(options, certificate, error);
}

static int serve_with_own(const struct serve_options *options, struct error *error)
{
        _cleanup_own_certificate_ struct own_certificate own = {0};
        struct keypair_source certificate;
        int r;

        r = own_certificate_init(&own, options, error);
        if (r < 0)
                return r;
        certificate = own_certificate_source(&own);
        return serve_from(options, &certificate, error);
}

static int serve_with_given(const struct serve_options *options, struct error *error)
{
        const struct certificate_files files = serve_certificate_files(options);
        const struct keypair_source certificate = certificate_files_source(&files);

        return serve_from(options, &certificate, error);
}

int cli_serve(int argc, char **argv)
{
        _cleanup_(serve_options_clear) struct serve_options options = {0};
        int r = serve_options_parse(&options, argc, argv);

        if (r)
                return r < 0 ? cli_flush("serve") : r;
        log_setup(options.log_level, options.log_format);
        if (options.manifests && options.tls.cert)
                serve_replace(argc, argv);
        return serve_run(&options, options.tls.cert ? serve_with_given : serve_with_own);
}
