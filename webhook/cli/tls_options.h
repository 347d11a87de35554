/*
 * The options of `serve` that say which certificate it shows, and who makes API servers trust it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_options {
        const char *cert, *key, *ca; /* files; borrowed, as are all strings; NULL: not given */
        const char *secret;          /* where certificates are made and kept; NULL: elsewhere */
        const char *configuration;   /* the MutatingWebhookConfiguration; NULL: none is looked at */
        const char **sans;           /* owned array */
        size_t n_sans;
        unsigned days, ca_days; /* 0: the default */
        int64_t overlap;        /* ns; 0: TLS_OVERLAP_DEFAULT */
};

#define TLS_OVERLAP_DEFAULT (INT64_C(300) * 1000 * 1000 * 1000)

void tls_options_clear(struct tls_options *options);

/* Rows for getopt_long(3) and lines for --help. */
enum {
        OPTION_TLS_CERT = 0x3000,
        OPTION_TLS_KEY,
        OPTION_TLS_CA,
        OPTION_TLS_SECRET,
        OPTION_TLS_SAN,
        OPTION_TLS_DAYS,
        OPTION_CA_DAYS,
        OPTION_CA_OVERLAP,
        OPTION_WEBHOOK_CONFIGURATION,
};
/* clang-format off */
#define TLS_OPTIONS                                                                                                  \
        {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},                                                      \
        {"tls-key", required_argument, NULL, OPTION_TLS_KEY},                                                        \
        {"tls-ca", required_argument, NULL, OPTION_TLS_CA},                                                          \
        {"tls-secret", required_argument, NULL, OPTION_TLS_SECRET},                                                  \
        {"tls-san", required_argument, NULL, OPTION_TLS_SAN},                                                        \
        {"tls-days", required_argument, NULL, OPTION_TLS_DAYS},                                                      \
        {"ca-days", required_argument, NULL, OPTION_CA_DAYS},                                                        \
        {"ca-overlap", required_argument, NULL, OPTION_CA_OVERLAP},                                                  \
        {"webhook-configuration", required_argument, NULL, OPTION_WEBHOOK_CONFIGURATION}
/* clang-format on */
#define TLS_OPTIONS_HELP                                                                                          \
        "      --tls-cert FILE       certificate chain and private key (PEM), read again when they change;\n"     \
        "      --tls-key FILE        without them a CA and a certificate are made, kept in STATE/certs, and\n"    \
        "                            renewed: `regionfit certs show STATE/certs --ca-bundle`\n"                   \
        "      --webhook-configuration NAME   in a cluster: the MutatingWebhookConfiguration whose caBundle\n"    \
        "                            must verify the certificate before /readyz passes\n"                         \
        "      --tls-ca FILE         the CAs (PEM) to keep in that caBundle, where nobody else does\n"            \
        "      --tls-secret NAME     make CA and certificate, keep them in this Secret, renew and rotate them,\n" \
        "                            and keep the caBundle; all replicas share it\n"                              \
        "      --tls-san NAME        a name of the certificate in the Secret; may be repeated\n"                  \
        "      --tls-days N          how long that certificate lives (default 90)\n"                              \
        "      --ca-days N           how long its CA lives (default 3650)\n"                                      \
        "      --ca-overlap D        how long API servers may take to learn what is in the caBundle: a new CA\n"  \
        "                            signs what is served only after that, and an old one is trusted for so\n"    \
        "                            long after its last use (default 5m)\n"

/* Takes one of these options. Returns 1; 0 where it is none of them; negative exit status after a complaint. */
int tls_options_take(struct tls_options *options, const char *command, int option, const char *value);

/* What does not go together; `manifests`: no cluster is served. 0, or an exit status after a complaint. */
int tls_options_check(const struct tls_options *options, const char *command, bool manifests, const char *state);
