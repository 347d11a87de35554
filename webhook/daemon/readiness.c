/*
 * A ledger that waits for its view to catch up does so for milliseconds, many times a day, and requests wait with it.
 * Only one that has not been able to decide for a while makes the server unready.
 */
#include "daemon/readiness.h"

#include <stdio.h>
#include <stdlib.h>

#include "admission/admission.h"
#include "daemon/request.h"
#include "quota/ledger.h"
#include "util/clock.h"

#define LEDGER_PATIENCE (3 * NS_PER_SECOND)

/* Each returns why it has failed; NULL: it has passed. */
static const char *check_policies(const struct request_context *context)
{
        return admission_ready(context->admission) ? NULL : "they have not been read yet";
}

static const char *check_ledger(const struct request_context *context)
{
        int64_t since = 0;
        const char *obstacle = ledger_obstacle(context->ledger, &since);

        return obstacle && clock_monotonic() - since > LEDGER_PATIENCE ? obstacle : NULL;
}

static const char *check_serving(const struct request_context *context)
{
        return __atomic_load_n(&context->draining, __ATOMIC_RELAXED) ? "shutting down" : NULL;
}

static const struct {
        const char *name;
        const char *(*check)(const struct request_context *context);
} checks[] = {{"policies", check_policies}, {"ledger", check_ledger}, {"serving", check_serving}};

static bool run_checks(const struct request_context *context, FILE *stream)
{
        bool good = true;

        for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
                const char *failure = checks[i].check(context);

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
