/*
 * In a folder, the CA stays while certificates come and go, and whoever registers the webhook finds there what to
 * trust. Nobody can renew one that lives in memory without its clients' trust, so that lives as long as its CA.
 *
 * The CA is never given on with the pair: where a server makes its own, somebody else registers it.
 */
#include "cli/own_certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "certs/folder.h"
#include "cli/serve_options.h"
#include "util/error.h"
#include "util/log.h"

#define NAMES_MAX 5

int own_certificate_init(struct own_certificate *ret, const struct serve_options *options, struct error *error)
{
        *ret = (struct own_certificate){.stand_in = options->tls.secret};
        address_host(options->listen, ret->host);
        if (gethostname(ret->host_name, HOST_NAME_SIZE - 1) < 0)
                ret->host_name[0] = '\0';
        if (!options->state)
                return 0;
        if (asprintf(&ret->folder, "%s/certs", options->state) < 0)
                ret->folder = NULL;
        if (!ret->folder || asprintf(&ret->chain, "%s/tls.crt", ret->folder) < 0) {
                ret->chain = NULL;
                return error_oom(error);
        }
        return 0;
}

void own_certificate_clear(struct own_certificate *own)
{
        free(own->folder);
        free(own->chain);
        *own = (struct own_certificate){0};
}

/* The names that it is for. */
static struct certs_request request_for(const struct own_certificate *own, const char *sans[static NAMES_MAX])
{
        size_t n = 0;

        sans[n++] = "localhost";
        sans[n++] = "127.0.0.1";
        sans[n++] = "::1";
        if (*own->host_name)
                sans[n++] = own->host_name;
        if (*own->host)
                sans[n++] = own->host;
        return (struct certs_request){.sans = sans, .n_sans = n};
}

static int make_in_memory(struct certs_pem *ret, struct certs_request *request, bool stand_in, struct error *error)
{
        _cleanup_(freep) char *bundle = NULL;
        int r;

        request->days = CERTS_DEFAULT_CA_DAYS;
        r = certs_make(ret, request, error);
        if (r < 0 || stand_in)
                return r;
        r = certs_base64(&bundle, ret->ca_bundle, error);
        if (r < 0)
                return r;
        log_warn("the certificate lives in memory and is another at the next start; --state keeps it",
                 log_string("caBundle", bundle));
        return 0;
}

static int load(struct certs_pem *ret, const struct own_certificate *own, struct error *error)
{
        const char *sans[NAMES_MAX];
        struct certs_request request = request_for(own, sans);
        int r;

        if (!own->folder)
                return make_in_memory(ret, &request, own->stand_in, error);
        r = certs_folder_ensure(own->folder, &request, NULL, error);
        return r < 0 ? r : certs_folder_read(ret, own->folder, error);
}

static int read_own(const void *userdata, struct keypair_pem *ret, struct error *error)
{
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        int r = load(&pem, userdata, error);

        if (r < 0)
                return r;
        ret->chain = steal_pointer(&pem.chain);
        ret->key = steal_pointer(&pem.key);
        return 0;
}

struct keypair_source own_certificate_source(const struct own_certificate *own)
{
        return (struct keypair_source){.read = read_own, .userdata = own, .files = {own->chain}};
}
