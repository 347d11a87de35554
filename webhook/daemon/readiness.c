/*
 * A ledger that waits for its view to catch up does so for milliseconds, many times a day, and requests wait with it.
 * Only one that has not been able to decide for a while makes the server unready.
 */
#include "daemon/readiness.h"

#include <stdio.h>
#include <stdlib.h>

#include "admission/admission.h"
#include "daemon/request.h"
#include "daemon/tls.h"
#include "quota/ledger.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#define LEDGER_PATIENCE (3 * NS_PER_SECOND)

/* Each returns why it has failed, in words of its own or those of `error`; NULL: it has passed. */
typedef const char *check_fn(const struct request_context *context, struct error *error);

static const char *check_policies(const struct request_context *context, struct error *error)
{
        (void)error;
        return admission_ready(context->admission) ? NULL : "they have not been read yet";
}

static const char *check_ledger(const struct request_context *context, struct error *error)
{
        int64_t since = 0;
        const char *obstacle = ledger_obstacle(context->ledger, &since);

        (void)error;
        return obstacle && clock_monotonic() - since > LEDGER_PATIENCE ? obstacle : NULL;
}

/* Trust first: it knows why there is none yet, and only a stand-in. */
static const char *check_certificate(const struct request_context *context, struct error *error)
{
        struct tls_certificate certificate;
        int64_t now = clock_unix();

        if (context->trusted && context->trusted(context->userdata, error) < 0)
                return error_message(error);
        if (!tls_current(&certificate))
                return "there is none";
        if (now < certificate.not_before)
                return "it is not valid yet";
        return now > certificate.not_after ? "it has expired" : NULL;
}

static const char *check_serving(const struct request_context *context, struct error *error)
{
        (void)error;
        return __atomic_load_n(&context->draining, __ATOMIC_RELAXED) ? "shutting down" : NULL;
}

static const struct {
        const char *name;
        check_fn *check;
} checks[] = {
        {"policies", check_policies},
        {"ledger", check_ledger},
        {"certificate", check_certificate},
        {"serving", check_serving},
};

static bool run_checks(const struct request_context *context, FILE *stream)
{
        bool good = true;

        for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
                _cleanup_error_ struct error error = ERROR_INIT;
                const char *failure = checks[i].check(context, &error);

                good = good && !failure;
                fprintf(stream, "[%c]%s %s%s\n", failure ? '-' : '+', checks[i].name, failure ? "failed: " : "ok",
                        failure ? failure : "");
        }
        fprintf(stream, "readyz check %s", good ? "passed" : "failed");
        return good;
}

bool readiness(const struct request_context *context, char **ret)
{
        size_t size = 0;
        FILE *stream = open_memstream(ret, &size);
        bool good;

        if (!stream) {
                *ret = NULL;
                return false;
        }
        good = run_checks(context, stream);
        if (!fclose(stream))
                return good;
        free(*ret);
        *ret = NULL;
        return false;
}
