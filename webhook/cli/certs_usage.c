/*
 * Verbs and options are tables. The help of a verb, the options that getopt_long(3) accepts for it and the check for
 * strays come from the rows, so that an option that a verb does not list does not exist for it, and one that is
 * added to the table is in the help at once.
 */
#include "cli/certs_usage.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/san.h"
#include "cli/cli.h"
#include "util/error.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* As bits, for options that several verbs share. */
enum {
        CREATE = 1 << CERTS_CREATE,
        RENEW = 1 << CERTS_RENEW,
        ROTATE = 1 << CERTS_ROTATE_CA,
        SHOW = 1 << CERTS_SHOW,
        EVERY = CREATE | RENEW | ROTATE | SHOW,
};

static const char create_text[] =
        "Makes the folder (0700) with a CA, a server certificate for the names given, and their keys (0600).\n"
        "A folder that has a CA is left alone, unless --force: then everything is made anew, and clients\n"
        "that trust the old CA are refused until they have the new bundle. `rotate-ca` spares them that.\n"
        "\n"
        "    regionfit certs create /etc/regionfit/certs --san regionfit.gpu.svc --san 127.0.0.1\n";

static const char renew_text[] =
        "Issues a new server certificate with a new key when a third of its life or less is left, when it\n"
        "is damaged, or when its names are not those given with --san; otherwise says that nothing was due.\n"
        "Names are kept unless --san is given. It is meant to be run every day from a timer; `regionfit\n"
        "serve` looks after the certificate in its own state folder by itself.\n";

static const char rotate_text[] =
        "Clients must trust a new CA before anything is signed by it, and regionfit cannot see whether they\n"
        "do. So it is done in steps:\n"
        "\n"
        "  1. regionfit certs rotate-ca DIR              makes the next CA, adds it to ca-bundle.crt\n"
        "  2. regionfit certs show DIR --ca-bundle       give this bundle to the API server (caBundle)\n"
        "  3. regionfit certs rotate-ca DIR --finish     the next CA becomes the CA and signs a new server\n"
        "                                                certificate; the old CA stays in the bundle\n"
        "  4. regionfit certs rotate-ca DIR --drop-old   once all servers show the new certificate; or never:\n"
        "                                                the old CA leaves the bundle when it has expired\n"
        "\n"
        "Every step is done wholly or not at all, and may be repeated: what was done already is said, not\n"
        "done again. Until step 3 nothing that clients see has changed.\n";

static const char show_text[] =
        "Shows the server certificate, every CA in the bundle, and what there is to do.\n"
        "\n"
        "    regionfit certs show DIR --ca-bundle             the bundle in PEM, for curl --cacert\n"
        "    regionfit certs show DIR --ca-bundle --base64    one line, for caBundle of a webhook\n";

static const struct verb {
        const char *name;
        const char *synopsis;
        const char *summary;
        const char *text;
} verbs[] = {
        [CERTS_CREATE] = {"create", "DIR --san NAME [--san NAME...]", "make a CA and a server certificate",
                          create_text},
        [CERTS_RENEW] = {"renew", "DIR", "renew the server certificate, if it is due", renew_text},
        [CERTS_ROTATE_CA] = {"rotate-ca", "DIR", "replace the CA, step by step", rotate_text},
        [CERTS_SHOW] = {"show", "DIR", "show certificates and trusted CAs, or print the bundle", show_text},
};

enum {
        OPTION_SAN = 256,
        OPTION_DAYS,
        OPTION_CA_DAYS,
        OPTION_FORCE,
        OPTION_FINISH,
        OPTION_DROP_OLD,
        OPTION_CA_BUNDLE,
        OPTION_BASE64,
        OPTION_OUTPUT = 'o',
        OPTION_HELP = 'h',
};

static const struct option_row {
        unsigned int verbs;
        int id;
        const char *name;
        const char *argument;
        const char *text;
} options[] = {
        {CREATE | RENEW, OPTION_SAN, "san", "NAME", "DNS name or IP address of the server; may be repeated"},
        {CREATE | RENEW | ROTATE, OPTION_DAYS, "days", "N", "life of the server certificate (default 90)"},
        {CREATE | ROTATE, OPTION_CA_DAYS, "ca-days", "N", "life of a new CA (default 3650)"},
        {CREATE, OPTION_FORCE, "force", NULL, "replace the CA that is there"},
        {RENEW, OPTION_FORCE, "force", NULL, "renew even if nothing is due"},
        {ROTATE, OPTION_FINISH, "finish", NULL, "let the next CA sign"},
        {ROTATE, OPTION_DROP_OLD, "drop-old", NULL, "take earlier CAs out of the bundle"},
        {SHOW, OPTION_CA_BUNDLE, "ca-bundle", NULL, "print the bundle of trusted CAs (PEM) and nothing else"},
        {SHOW, OPTION_BASE64, "base64", NULL, "with --ca-bundle: in base64, on one line"},
        {SHOW, OPTION_OUTPUT, "output", "FORMAT", "text (default) or json; short: -o"},
        {EVERY, OPTION_HELP, "help", NULL, "this text"},
};

static void print_help(void)
{
        printf("Usage: regionfit certs VERB DIR [OPTION...]\n\n"
               "Certificates of a webhook in a folder: a CA of its own, and a server certificate that it signs.\n\n");
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                printf("  %-11s%s\n", verbs[i].name, verbs[i].summary);
        printf("\nThe folder has\n"
               "  tls.crt tls.key            what the server shows, as in a kubernetes.io/tls Secret\n"
               "  ca.crt ca.key              the CA that signs\n"
               "  ca-bundle.crt              every CA to trust: for caBundle\n"
               "  ca-next.crt ca-next.key    the next CA, while it replaces the old one\n"
               "All of them are links into a hidden folder and change in one step.\n\n"
               "`regionfit certs VERB --help` tells more. Exit status: 0 fine, 1 failure, 2 wrong usage.\n");
}

static void print_verb_help(enum certs_verb id)
{
        const struct verb *verb = &verbs[id];

        printf("Usage: regionfit certs %s %s [OPTION...]\n\n%s\n", verb->name, verb->synopsis, verb->text);
        for (size_t i = 0; i < N_ELEMENTS(options); i++) {
                const struct option_row *row = &options[i];
                char name[32];

                if (!(row->verbs & 1U << id))
                        continue;
                snprintf(name, sizeof(name), "--%s%s%s", row->name, row->argument ? " " : "",
                         row->argument ? row->argument : "");
                printf("  %-18s%s\n", name, row->text);
        }
}

int certs_usage_print(const struct certs_invocation *invocation)
{
        if (invocation->verb == CERTS_N_VERBS)
                print_help();
        else
                print_verb_help(invocation->verb);
        return 0;
}

/* The verb's rows as getopt_long(3) takes them; `ret` has room for all and an empty one. */
static void select_options(struct option *ret, enum certs_verb verb)
{
        for (size_t i = 0; i < N_ELEMENTS(options); i++)
                if (options[i].verbs & 1U << verb)
                        *ret++ = (struct option){.name = options[i].name,
                                                 .has_arg = options[i].argument ? required_argument : no_argument,
                                                 .val = options[i].id};
        *ret = (struct option){0};
}

static bool parse_days(unsigned int *ret, const char *text)
{
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || *end || *text < '0' || *text > '9' || value < 1 || value > CERTS_MAX_DAYS)
                return false;
        *ret = (unsigned int)value;
        return true;
}

static int apply_san(struct certs_invocation *invocation, const char *name)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_sans_ struct sans sans = {0};

        if (sans_add(&sans, name, &error) < 0)
                return cli_usage_error(invocation->command, "--san: %s", error_message(&error));
        invocation->sans[invocation->request.n_sans++] = name;
        return EXIT_STATUS_OK;
}

static int apply_days(struct certs_invocation *invocation, unsigned int *days, const char *name, const char *value)
{
        if (parse_days(days, value))
                return EXIT_STATUS_OK;
        return cli_usage_error(invocation->command, "--%s must be a number of days from 1 to %d, not \"%s\"", name,
                               CERTS_MAX_DAYS, value);
}

static int apply_step(struct certs_invocation *invocation, enum certs_rotation step)
{
        if (invocation->step != CERTS_ROTATION_STAGE && invocation->step != step)
                return cli_usage_error(invocation->command, "--finish and --drop-old are steps of their own: "
                                                            "the server's clients need time in between");
        invocation->step = step;
        return EXIT_STATUS_OK;
}

static int apply_output(struct certs_invocation *invocation, const char *format)
{
        if (strcmp(format, "text") && strcmp(format, "json"))
                return cli_usage_error(invocation->command, "--output must be text or json, not \"%s\"", format);
        invocation->json = !strcmp(format, "json");
        return EXIT_STATUS_OK;
}

/* EXIT_STATUS_OK or EXIT_STATUS_USAGE. */
static int apply_option(struct certs_invocation *invocation, int id, char *value)
{
        switch (id) {
        case OPTION_SAN:
                return apply_san(invocation, value);
        case OPTION_DAYS:
                return apply_days(invocation, &invocation->request.days, "days", value);
        case OPTION_CA_DAYS:
                return apply_days(invocation, &invocation->request.ca_days, "ca-days", value);
        case OPTION_FORCE:
                invocation->force = true;
                return EXIT_STATUS_OK;
        case OPTION_FINISH:
                return apply_step(invocation, CERTS_ROTATION_FINISH);
        case OPTION_DROP_OLD:
                return apply_step(invocation, CERTS_ROTATION_DROP_OLD);
        case OPTION_CA_BUNDLE:
                invocation->ca_bundle = true;
                return EXIT_STATUS_OK;
        case OPTION_BASE64:
                invocation->base64 = true;
                return EXIT_STATUS_OK;
        default:
                return apply_output(invocation, value);
        }
}

static int check_usage(const struct certs_invocation *invocation, int argc, char **argv)
{
        const char *command = invocation->command;

        if (optind >= argc)
                return cli_usage_error(command, "name the folder of the certificates");
        if (optind + 1 < argc)
                return cli_usage_error(command, "one folder at a time: \"%s\" is one too many", argv[optind + 1]);
        if (invocation->verb == CERTS_CREATE && invocation->request.n_sans == 0)
                return cli_usage_error(command, "name the server with --san, by DNS name or IP address");
        if (invocation->base64 && !invocation->ca_bundle)
                return cli_usage_error(command, "--base64 is a form of --ca-bundle");
        if (invocation->json && invocation->ca_bundle)
                return cli_usage_error(command, "--ca-bundle prints PEM, not JSON");
        return EXIT_STATUS_OK;
}

static int refuse_option(const struct certs_invocation *invocation, int answer, char **argv)
{
        const char *word = argv[optind - 1];

        if (answer == ':')
                return cli_usage_error(invocation->command, "%s needs a value", word);
        if (optopt && optopt < OPTION_SAN && strncmp(word, "--", 2))
                return cli_usage_error(invocation->command, "there is no option -%c", optopt);
        return cli_usage_error(invocation->command, "there is no option %s, or it takes no value", word);
}

static int parse_verb(struct certs_invocation *invocation, int argc, char **argv)
{
        const char *short_options = invocation->verb == CERTS_SHOW ? ":ho:" : ":h";
        struct option long_options[N_ELEMENTS(options) + 1];
        int id, status;

        select_options(long_options, invocation->verb);
        optind = 0; /* glibc: start anew, whatever was parsed before */
        while ((id = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0) {
                if (id == OPTION_HELP) {
                        invocation->help = true;
                        return EXIT_STATUS_OK;
                }
                status = id == '?' || id == ':' ? refuse_option(invocation, id, argv)
                                                : apply_option(invocation, id, optarg);
                if (status != EXIT_STATUS_OK)
                        return status;
        }
        invocation->folder = argv[optind];
        invocation->request.sans = invocation->sans;
        return check_usage(invocation, argc, argv);
}

void certs_invocation_clear(struct certs_invocation *invocation)
{
        free(invocation->sans);
        *invocation = (struct certs_invocation){0};
}

static enum certs_verb find_verb(const char *name)
{
        enum certs_verb verb = 0;

        while (verb < CERTS_N_VERBS && strcmp(verbs[verb].name, name))
                verb++;
        return verb;
}

int certs_usage_parse(struct certs_invocation *ret, int argc, char **argv)
{
        const char *word = argc > 1 ? argv[1] : "";
        struct certs_invocation *invocation = ret;

        *invocation = (struct certs_invocation){.verb = find_verb(word), .command = "certs"};
        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
                invocation->help = true;
                return EXIT_STATUS_OK;
        }
        if (argc < 2)
                return cli_usage_error("certs", "say what to do: create, renew, rotate-ca or show");
        if (invocation->verb == CERTS_N_VERBS)
                return cli_usage_error("certs", "there is no \"%s\"; say create, renew, rotate-ca or show", word);

        snprintf(invocation->command, sizeof(invocation->command), "certs %s", word);
        invocation->sans = calloc((size_t)argc, sizeof(*invocation->sans));
        if (!invocation->sans) {
                cli_print_error(invocation->command, NULL);
                return EXIT_STATUS_FAILURE;
        }
        return parse_verb(invocation, argc - 1, argv + 1);
}
