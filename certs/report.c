/*
 * A report copies out of the certificates what a person or a script looks at, so that the command that prints it
 * needs no OpenSSL. The problems come from the same functions that decide about renewal: what `certs show` says is
 * due is what `certs renew` would do.
 */
#include "certs/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "certs/authority.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

static void description_clear(struct certs_description *description)
{
        free(description->subject);
        free(description->issuer);
        free(description->fingerprint);
        sans_clear(&description->sans);
}

void certs_report_clear(struct certs_report *report)
{
        for (size_t i = 0; i < report->n_certificates; i++)
                description_clear(&report->certificates[i]);
        for (size_t i = 0; i < report->n_problems; i++)
                free(report->problems[i]);
        free(report->certificates);
        free(report->problems);
        free(report->ca_bundle);
        *report = (struct certs_report){0};
}

int certs_report_add_problem(struct certs_report *report, struct error *error, const char *format, ...)
{
        char **problems, *sentence;
        va_list arguments;

        problems = reallocarray(report->problems, report->n_problems + 1, sizeof(*problems));
        if (!problems)
                return error_oom(error);
        report->problems = problems;

        va_start(arguments, format);
        sentence = text_format_list(format, arguments);
        va_end(arguments);
        if (!sentence)
                return error_oom(error);
        problems[report->n_problems++] = sentence;
        return 0;
}

/* Fills the next of the slots that certs_report_describe() has made. */
static int add_certificate(struct certs_report *report, X509 *certificate, enum certs_role role, struct error *error)
{
        struct certs_description *description = &report->certificates[report->n_certificates++];
        int r;

        description->role = role;
        description->validity = (struct certs_validity){
                .not_before = certificate_not_before(certificate),
                .not_after = certificate_not_after(certificate),
        };
        r = certificate_subject(&description->subject, certificate, error);
        if (r == 0)
                r = certificate_issuer(&description->issuer, certificate, error);
        if (r == 0)
                r = certificate_fingerprint(&description->fingerprint, certificate, error);
        if (r == 0)
                r = certificate_sans(&description->sans, certificate, error);
        return r;
}

static enum certs_role role_of(const X509 *certificate, const struct authority *authority)
{
        if (X509_cmp(certificate, authority->ca.certificate) == 0)
                return CERTS_ROLE_SIGNS;
        if (authority->next.certificate && X509_cmp(certificate, authority->next.certificate) == 0)
                return CERTS_ROLE_NEXT;
        return CERTS_ROLE_OLD;
}

static int add_certificates(struct certs_report *report, const struct authority *authority, struct error *error)
{
        int n = sk_X509_num(authority->bundle), r = 0;

        report->certificates = calloc((size_t)n + 1, sizeof(*report->certificates));
        if (!report->certificates)
                return error_oom(error);
        if (authority->server.certificate)
                r = add_certificate(report, authority->server.certificate, CERTS_ROLE_SERVER, error);
        for (int i = 0; r == 0 && i < n; i++) {
                X509 *certificate = sk_X509_value(authority->bundle, i);

                r = add_certificate(report, certificate, role_of(certificate, authority), error);
        }
        return r;
}

static int add_server_problem(struct certs_report *report, const struct authority *authority, int64_t now,
                              struct error *error)
{
        const struct certs_request request = {.now = now};
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = authority_due(&reason, authority, &request, SAN_ADD, error);
        if (r == 0 && reason)
                r = certs_report_add_problem(report, error, "the server certificate should be renewed: %s", reason);
        return r;
}

static int add_ca_problem(struct certs_report *report, const struct authority *authority, int64_t now,
                          struct error *error)
{
        const X509 *ca = authority->ca.certificate;
        struct certs_validity life = {certificate_not_before(ca), certificate_not_after(ca)};

        if (now > life.not_after)
                return certs_report_add_problem(report, error, "the CA has expired; nobody trusts what it signed");
        if (certs_renewal_due(&life, now))
                return certs_report_add_problem(report, error,
                                                "the CA should be rotated: it expires in %" PRId64 " days",
                                                (life.not_after - now) / 86400);
        if (!authority->ca.key)
                return certs_report_add_problem(report, error, "ca.key is missing: without it nothing can be signed");
        return 0;
}

int certs_report_describe(struct certs_report *report, const struct authority *authority, int64_t now,
                          struct error *error)
{
        int r;

        now = now ? now : clock_unix();
        r = add_certificates(report, authority, error);
        if (r == 0)
                r = certificates_print(&report->ca_bundle, authority->bundle, error);
        if (r == 0)
                r = add_server_problem(report, authority, now, error);
        if (r == 0)
                r = add_ca_problem(report, authority, now, error);
        return r;
}
