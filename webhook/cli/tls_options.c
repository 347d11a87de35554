/*
 * There are three ways to a certificate: files that somebody else looks after, the Secret that the replicas share, or
 * one of this server's own. The rules below keep them apart, so that no option is given in vain.
 */
#include "cli/tls_options.h"

#include <stdlib.h>

#include "certs/certs.h"
#include "cli/cli.h"
#include "util/clock.h"
#include "util/duration.h"

void tls_options_clear(struct tls_options *options)
{
        free(options->sans);
}

static int take_san(struct tls_options *options, const char *command, const char *name)
{
        const char **sans = reallocarray(options->sans, options->n_sans + 1, sizeof(*sans));

        if (!sans) {
                cli_print_error(command, NULL);
                return -EXIT_STATUS_FAILURE;
        }
        options->sans = sans;
        sans[options->n_sans++] = name;
        return 1;
}

static int take_days(unsigned *to, const char *command, const char *option, const char *value)
{
        char *end;
        unsigned long days = strtoul(value, &end, 10);

        if (*value < '0' || *value > '9' || *end || !days || days > CERTS_MAX_DAYS)
                return -cli_usage_error(command, "--%s must be a number of days, 1 to %d, not \"%s\"", option,
                                        CERTS_MAX_DAYS, value);
        *to = (unsigned)days;
        return 1;
}

static int take_overlap(struct tls_options *options, const char *command, const char *value)
{
        if (duration_parse(&options->overlap, value) < 0 || options->overlap < NS_PER_SECOND)
                return -cli_usage_error(command, "--ca-overlap must be a duration of at least 1s, not \"%s\"", value);
        return 1;
}

static int take_text(struct tls_options *options, int option, const char *value)
{
        const struct {
                int option;
                const char **to;
        } texts[] = {
                {OPTION_TLS_CERT, &options->cert},
                {OPTION_TLS_KEY, &options->key},
                {OPTION_TLS_CA, &options->ca},
                {OPTION_TLS_SECRET, &options->secret},
                {OPTION_WEBHOOK_CONFIGURATION, &options->configuration},
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (texts[i].option == option) {
                        *texts[i].to = value;
                        return 1;
                }
        return 0;
}

int tls_options_take(struct tls_options *options, const char *command, int option, const char *value)
{
        switch (option) {
        case OPTION_TLS_SAN:
                return take_san(options, command, value);
        case OPTION_TLS_DAYS:
                return take_days(&options->days, command, "tls-days", value);
        case OPTION_CA_DAYS:
                return take_days(&options->ca_days, command, "ca-days", value);
        case OPTION_CA_OVERLAP:
                return take_overlap(options, command, value);
        default:
                return take_text(options, option, value);
        }
}

/* The complaint, or NULL. */
static const char *find_fault(const struct tls_options *options, bool manifests, const char *state)
{
        bool cluster = options->secret || options->configuration || options->ca;

        if (!options->cert != !options->key)
                return "--tls-cert and --tls-key go together";
        if (manifests && cluster)
                return "--manifests is for serving without a cluster: it does not go with --tls-secret, --tls-ca or "
                       "--webhook-configuration";
        if (options->secret && (options->cert || state))
                return "--tls-secret does not go with --tls-cert or --state: certificates come from one of them";
        if (options->secret && !options->configuration)
                return "--tls-secret needs --webhook-configuration, where its CA is registered";
        if (options->secret && !options->n_sans)
                return "--tls-secret needs --tls-san, the names that its certificate is for";
        if (!options->secret && (options->n_sans || options->days || options->ca_days))
                return "--tls-san, --tls-days and --ca-days are about the certificates of --tls-secret";
        if (options->ca && (!options->cert || !options->configuration))
                return "--tls-ca needs --tls-cert, and --webhook-configuration, where it is registered";
        if (options->configuration && !options->secret && !options->cert)
                return "--webhook-configuration needs --tls-secret, or --tls-cert and --tls-key";
        if (options->overlap && !options->configuration)
                return "--ca-overlap needs --webhook-configuration";
        return NULL;
}

int tls_options_check(const struct tls_options *options, const char *command, bool manifests, const char *state)
{
        const char *fault = find_fault(options, manifests, state);

        return fault ? cli_usage_error(command, "%s", fault) : 0;
}
