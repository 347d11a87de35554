/*
 * Two faces of one report. The text answers the questions that a person has in the order in which they come up: is
 * it the right certificate, how long is it good, who is trusted, is there something to do. The JSON has the same
 * facts under the names that X.509 tools use (notBefore, notAfter), with times as RFC 3339 in UTC.
 */
#include "cli/certs_show.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "certs/report.h"
#include "util/error.h"

#define SECONDS_PER_DAY 86400

static const struct role {
        const char *name;  /* in JSON */
        const char *words; /* for a person */
} roles[] = {
        [CERTS_ROLE_SERVER] = {"server", "shown to clients"},
        [CERTS_ROLE_SIGNS] = {"signs", "signs now"},
        [CERTS_ROLE_NEXT] = {"next", "will sign after `rotate-ca --finish`"},
        [CERTS_ROLE_OLD] = {"old", "signs no more, trusted until it expires or `rotate-ca --drop-old`"},
};

struct moment {
        char text[32];
};

/* RFC 3339, in UTC. */
static struct moment format_time(int64_t time)
{
        struct moment moment = {{0}};
        time_t seconds = time;
        struct tm tm;

        if (gmtime_r(&seconds, &tm))
                strftime(moment.text, sizeof(moment.text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        return moment;
}

/* To the minute, as nobody reads seconds here. */
static struct moment format_minute(int64_t time)
{
        struct moment moment = {{0}};
        time_t seconds = time;
        struct tm tm;

        if (gmtime_r(&seconds, &tm))
                strftime(moment.text, sizeof(moment.text), "%Y-%m-%d %H:%M", &tm);
        return moment;
}

/* Whole days that are left, downwards: -1 where it expired a moment ago. */
static int64_t days_left(const struct certs_validity *validity, int64_t now)
{
        int64_t seconds = validity->not_after - now;

        return seconds >= 0 ? seconds / SECONDS_PER_DAY : (seconds + 1) / SECONDS_PER_DAY - 1;
}

static void print_life(const struct certs_validity *validity, int64_t now)
{
        int64_t days = days_left(validity, now);

        printf("    valid        %s until %s UTC ", format_minute(validity->not_before).text,
               format_minute(validity->not_after).text);
        if (days < 0)
                printf("(EXPIRED)\n");
        else
                printf("(%" PRId64 " %s left)\n", days, days == 1 ? "day" : "days");
}

static void print_names(const struct sans *sans)
{
        printf("    names        ");
        for (size_t i = 0; i < sans->count; i++)
                printf("%s%s", i ? ", " : "", sans->names[i]);
        printf("\n");
}

static void print_certificate(const struct certs_description *certificate, int64_t now)
{
        printf("  %s: %s\n", certificate->subject, roles[certificate->role].words);
        if (certificate->role == CERTS_ROLE_SERVER) {
                print_names(&certificate->sans);
                printf("    signed by    %s\n", certificate->issuer);
        }
        print_life(&certificate->validity, now);
        printf("    SHA-256      %s\n", certificate->fingerprint);
}

void certs_show_text(const struct certs_report *report, const char *folder, int64_t now)
{
        size_t i = 0;

        printf("Certificates in %s\n\nServer (tls.crt)\n", folder);
        if (report->n_certificates && report->certificates[0].role == CERTS_ROLE_SERVER)
                print_certificate(&report->certificates[i++], now);

        printf("\nTrusted CAs (ca-bundle.crt)\n");
        for (; i < report->n_certificates; i++)
                print_certificate(&report->certificates[i], now);

        if (report->n_problems)
                printf("\nTo do\n");
        for (i = 0; i < report->n_problems; i++)
                printf("  - %s\n", report->problems[i]);
}

/* DNS names and addresses stand apart, as verifiers never compare one with the other. */
static json_t *pack_names(const struct sans *sans, bool addresses)
{
        json_t *names = json_array();
        uint8_t octets[16];

        for (size_t i = 0; i < sans->count; i++)
                if ((san_address(sans->names[i], octets) > 0) == addresses)
                        json_array_append_new(names, json_string(sans->names[i]));
        return names;
}

static json_t *pack_certificate(const struct certs_description *certificate, int64_t now)
{
        json_t *object;

        object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "role", roles[certificate->role].name, "subject",
                           certificate->subject, "issuer", certificate->issuer, "notBefore",
                           format_time(certificate->validity.not_before).text, "notAfter",
                           format_time(certificate->validity.not_after).text, "daysLeft",
                           (json_int_t)days_left(&certificate->validity, now), "fingerprintSHA256",
                           certificate->fingerprint);
        if (object && certificate->role == CERTS_ROLE_SERVER) {
                json_object_set_new(object, "dnsNames", pack_names(&certificate->sans, false));
                json_object_set_new(object, "ipAddresses", pack_names(&certificate->sans, true));
        }
        return object;
}

static json_t *pack_report(const struct certs_report *report, const char *folder, int64_t now)
{
        json_t *server = NULL, *bundle = json_array(), *problems = json_array();

        for (size_t i = 0; i < report->n_certificates; i++) {
                json_t *certificate = pack_certificate(&report->certificates[i], now);

                if (report->certificates[i].role == CERTS_ROLE_SERVER)
                        server = certificate;
                else
                        json_array_append_new(bundle, certificate);
        }
        for (size_t i = 0; i < report->n_problems; i++)
                json_array_append_new(problems, json_string(report->problems[i]));
        return json_pack("{s:s, s:o?, s:o, s:o}", "folder", folder, "server", server, "caBundle", bundle, "problems",
                         problems);
}

int certs_show_json(const struct certs_report *report, const char *folder, int64_t now, struct error *error)
{
        json_t *object = pack_report(report, folder, now);
        int r;

        if (!object)
                return error_oom(error);
        r = json_dumpf(object, stdout, JSON_INDENT(2));
        json_decref(object);
        printf("\n");
        return r < 0 ? error_oom(error) : 0;
}
