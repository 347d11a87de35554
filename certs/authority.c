/*
 * The steps in the life of an authority, in memory; each ends in a state that is whole, and folder.c writes whole
 * states only.
 *
 * A CA is rotated in steps with a person in between. The order that keeps clients connected is: everybody trusts
 * the next CA, then it signs. Whether everybody does (whether the bundle has reached the API server) cannot be seen
 * from here, so the second step is a call of its own and never a repetition of the first:
 *
 *     stage     a next CA exists and is in the bundle; the old one signs. Again: nothing happens.
 *     finish    the next CA signs and is the CA; the old one stays in the bundle, as servers that have not read
 *               their files again still show certificates from it. Again: nothing happens.
 *     drop old  the bundle has the CA alone. Otherwise old CAs leave it by themselves, when they have expired.
 *
 * So a step whose outcome is unknown, after a crash or a lost connection, is simply repeated. authority_maintain()
 * stages unasked, which harms nobody, and finishes unasked only after the CA has expired, when nothing can be lost.
 */
#include "certs/authority.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "certs/bundle.h"
#include "certs/key.h"
#include "certs/openssl.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY 86400

void authority_clear(struct authority *authority)
{
        pair_clear(&authority->ca);
        pair_clear(&authority->next);
        pair_clear(&authority->server);
        free(authority->server_fault);
        certificates_free(authority->bundle);
        *authority = (struct authority){0};
}

static int64_t request_now(const struct certs_request *request)
{
        return request->now ? request->now : clock_unix();
}

static unsigned int request_days(const struct certs_request *request)
{
        return request->days ? request->days : CERTS_DEFAULT_DAYS;
}

static unsigned int request_ca_days(const struct certs_request *request)
{
        return request->ca_days ? request->ca_days : CERTS_DEFAULT_CA_DAYS;
}

static int check_days(const struct certs_request *request, struct error *error)
{
        if (request->days > CERTS_MAX_DAYS || request->ca_days > CERTS_MAX_DAYS)
                return error_set(error, EINVAL, "a certificate's life is %d days at most", CERTS_MAX_DAYS);
        return 0;
}

static int wanted_sans(struct sans *ret, const struct authority *authority, const struct certs_request *request,
                       enum san_rule rule, struct error *error)
{
        _cleanup_sans_ struct sans sans = {0};
        int r = 0;

        if (authority->server.certificate && (rule == SAN_ADD || request->n_sans == 0))
                r = certificate_sans(&sans, authority->server.certificate, error);
        if (r == 0)
                r = sans_add_all(&sans, request->sans, request->n_sans, error);
        if (r < 0)
                return r;
        *ret = sans;
        sans = (struct sans){0};
        return 0;
}

static bool has_expired(const X509 *certificate, int64_t now)
{
        return now > certificate_not_after(certificate);
}

/* The CAs to trust: `first`, `second` (may be NULL), and those of `earlier` (may be NULL) that are still valid. */
static int make_bundle(STACK_OF(X509) * *ret, X509 *first, X509 *second, const STACK_OF(X509) * earlier, int64_t now,
                       struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = sk_X509_new_null();
        bool done = bundle && bundle_add(bundle, first) && (!second || bundle_add(bundle, second)) &&
                    bundle_add_valid(bundle, earlier, now);

        if (!done)
                return error_oom(error);
        *ret = steal_pointer(&bundle);
        return 0;
}

static void replace_bundle(struct authority *authority, STACK_OF(X509) * *bundle)
{
        certificates_free(authority->bundle);
        authority->bundle = steal_pointer(bundle);
}

static void replace_pair(struct pair *pair, struct pair *by)
{
        pair_clear(pair);
        *pair = *by;
        *by = (struct pair){0};
}

static void replace_server(struct authority *authority, struct pair *server)
{
        replace_pair(&authority->server, server);
        free(steal_pointer(&authority->server_fault));
}

/* A server certificate from `ca`, for the names that the authority's has and those of the request. */
static int issue_server(struct pair *ret, const struct authority *authority, const struct pair *ca,
                        const struct certs_request *request, enum san_rule rule, struct error *error)
{
        _cleanup_sans_ struct sans sans = {0};
        int r;

        r = check_days(request, error);
        if (r == 0)
                r = wanted_sans(&sans, authority, request, rule, error);
        if (r < 0)
                return r;
        return certificate_issue_server(ret, ca, &sans, request_now(request), request_days(request), error);
}

int authority_create(struct authority *authority, const struct certs_request *request, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        _cleanup_pair_ struct pair ca = {0}, server = {0};
        int r;

        r = check_days(request, error);
        if (r == 0)
                r = certificate_issue_ca(&ca, request_now(request), request_ca_days(request), error);
        if (r == 0)
                r = issue_server(&server, authority, &ca, request, SAN_ADD, error);
        if (r == 0)
                r = make_bundle(&bundle, ca.certificate, NULL, NULL, 0, error);
        if (r < 0)
                return r;

        replace_pair(&authority->ca, &ca);
        pair_clear(&authority->next);
        replace_server(authority, &server);
        replace_bundle(authority, &bundle);
        return 0;
}

/* Why the pair is of no use, whatever the names and times; NULL: it is fine. */
static const char *find_fault(const struct authority *authority)
{
        if (authority->server_fault)
                return authority->server_fault;
        if (!certificate_is_issued_by(authority->server.certificate, authority->ca.certificate))
                return "it was not signed by the CA in ca.crt";
        return NULL;
}

/* Returns 1 and a sentence. */
static int describe(char **ret, struct error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int describe(char **ret, struct error *error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        *ret = text_format_list(format, arguments);
        va_end(arguments);
        return *ret ? 1 : error_oom(error);
}

/* As the two below it: 1 with a sentence, 0 where all is well, or a negative errno. */
static int describe_names(char **ret, const struct authority *authority, const struct certs_request *request,
                          enum san_rule rule, struct error *error)
{
        _cleanup_sans_ struct sans present = {0}, wanted = {0};
        const char *missing;
        int r;

        r = certificate_sans(&present, authority->server.certificate, error);
        if (r == 0)
                r = wanted_sans(&wanted, authority, request, rule, error);
        if (r < 0)
                return r;

        missing = sans_find_missing(&present, &wanted);
        if (missing)
                return describe(ret, error, "it lacks the name %s", missing);
        missing = sans_find_missing(&wanted, &present);
        if (missing)
                return describe(ret, error, "it has the name %s, which was not asked for", missing);
        return 0;
}

static int describe_remaining(char **ret, int64_t seconds, struct error *error)
{
        int64_t days = seconds / SECONDS_PER_DAY, hours = seconds / SECONDS_PER_HOUR;

        if (seconds < 0)
                return describe(ret, error, "it has expired");
        if (days > 1)
                return describe(ret, error, "it expires in %" PRId64 " days", days);
        if (hours > 1)
                return describe(ret, error, "it expires in %" PRId64 " hours", hours);
        return describe(ret, error, "it expires in %" PRId64 " minutes", seconds / 60);
}

static int describe_life(char **ret, const struct authority *authority, int64_t now, struct error *error)
{
        const X509 *server = authority->server.certificate;
        struct certs_validity life = {certificate_not_before(server), certificate_not_after(server)};
        bool ends_with_ca = life.not_after >= certificate_not_after(authority->ca.certificate);

        if (now < life.not_before)
                return describe(ret, error, "it is not valid yet");
        if (!certs_renewal_due(&life, now) || (ends_with_ca && now <= life.not_after))
                return 0;
        return describe_remaining(ret, life.not_after - now, error);
}

int authority_due(char **ret, const struct authority *authority, const struct certs_request *request,
                  enum san_rule rule, struct error *error)
{
        const char *fault = find_fault(authority);
        char *reason = NULL;
        int r;

        if (fault) {
                r = describe(&reason, error, "%s", fault);
        } else {
                r = describe_names(&reason, authority, request, rule, error);
                if (r == 0)
                        r = describe_life(&reason, authority, request_now(request), error);
        }
        if (r < 0)
                return r;
        *ret = reason;
        return 0;
}

int authority_renew(struct authority *authority, const struct certs_request *request, enum san_rule rule,
                    struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        _cleanup_pair_ struct pair server = {0};
        int r;

        if (!authority->ca.key)
                return error_set(error, ENOKEY, "ca.key is missing: without it nothing can be signed");
        r = issue_server(&server, authority, &authority->ca, request, rule, error);
        if (r == 0)
                r = make_bundle(&bundle, authority->ca.certificate, authority->next.certificate, authority->bundle,
                                request_now(request), error);
        if (r < 0)
                return r;
        replace_server(authority, &server);
        replace_bundle(authority, &bundle);
        return 0;
}

int authority_stage(struct authority *authority, const struct certs_request *request, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        _cleanup_pair_ struct pair next = {0};
        int r;

        r = check_days(request, error);
        if (r == 0)
                r = certificate_issue_ca(&next, request_now(request), request_ca_days(request), error);
        if (r == 0)
                r = make_bundle(&bundle, authority->ca.certificate, next.certificate, authority->bundle,
                                request_now(request), error);
        if (r < 0)
                return r;
        replace_pair(&authority->next, &next);
        replace_bundle(authority, &bundle);
        return 0;
}

int authority_finish(struct authority *authority, const struct certs_request *request, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        _cleanup_pair_ struct pair server = {0};
        int r;

        r = issue_server(&server, authority, &authority->next, request, SAN_ADD, error);
        if (r == 0)
                r = make_bundle(&bundle, authority->next.certificate, NULL, authority->bundle, request_now(request),
                                error);
        if (r < 0)
                return r;
        replace_pair(&authority->ca, &authority->next);
        replace_server(authority, &server);
        replace_bundle(authority, &bundle);
        return 0;
}

int authority_drop_old(struct authority *authority, const struct certs_request *request, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        const char *fault = find_fault(authority);
        int r;

        if (fault)
                return error_set(error, EINVAL, "renew the server certificate first (%s)", fault);
        r = make_bundle(&bundle, authority->ca.certificate, authority->next.certificate, NULL, request_now(request),
                        error);
        if (r < 0)
                return r;
        replace_bundle(authority, &bundle);
        return 0;
}

bool authority_has_old(const struct authority *authority)
{
        return sk_X509_num(authority->bundle) > (authority->next.certificate ? 2 : 1);
}

static int take_over(struct authority *authority, const struct certs_request *request, struct error *error)
{
        const X509 *next = authority->next.certificate;

        if (next && !has_expired(next, request_now(request)))
                return authority_finish(authority, request, error);
        return authority_create(authority, request, error);
}

bool authority_ca_due(const struct authority *authority, int64_t now)
{
        const X509 *ca = authority->ca.certificate;
        struct certs_validity life = {certificate_not_before(ca), certificate_not_after(ca)};

        return certs_renewal_due(&life, now);
}

bool authority_ca_expired(const struct authority *authority, int64_t now)
{
        return has_expired(authority->ca.certificate, now);
}

int authority_maintain(struct authority *authority, const struct certs_request *request, bool *ret_changed,
                       struct error *error)
{
        _cleanup_(freep) char *reason = NULL;
        bool changed = true;
        int r;

        if (!authority->ca.certificate) {
                r = authority_create(authority, request, error);
        } else if (has_expired(authority->ca.certificate, request_now(request))) {
                r = take_over(authority, request, error);
        } else {
                changed = !authority->next.certificate && authority_ca_due(authority, request_now(request));
                r = changed ? authority_stage(authority, request, error) : 0;
                if (r == 0)
                        r = authority_due(&reason, authority, request, SAN_ADD, error);
                if (r == 0 && reason) {
                        changed = true;
                        r = authority_renew(authority, request, SAN_ADD, error);
                }
        }
        if (r < 0)
                return r;
        *ret_changed = changed;
        return 0;
}
