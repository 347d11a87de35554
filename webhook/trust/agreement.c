/*
 * Replicas tell what they serve every few seconds, so one answer is an old truth already; only that it has been the
 * same for a while counts. An answer that was not to be had begins the while anew.
 */
#include "trust/agreement.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#define ASK_EVERY_MOST (10 * NS_PER_SECOND)

void agreement_clear(struct agreement *agreement)
{
        free(agreement->fingerprint);
        *agreement = (struct agreement){0};
}

static int begin(struct agreement *agreement, const char *fingerprint, struct error *error)
{
        char *copy = strdup(fingerprint);

        if (!copy)
                return error_oom(error);
        agreement_clear(agreement);
        agreement->fingerprint = copy;
        return 0;
}

static bool is_time_to_ask(const struct agreement *agreement, int64_t duration, int64_t now)
{
        int64_t pause = duration / 10 < ASK_EVERY_MOST ? duration / 10 : ASK_EVERY_MOST;

        return !agreement->asked_at || now - agreement->asked_at >= pause;
}

int agreement_holds(struct agreement *agreement, const char *fingerprint, int64_t duration, int64_t now,
                    agreement_ask *ask, void *userdata, struct error *error)
{
        int r = 0;

        if (!agreement->fingerprint || strcmp(agreement->fingerprint, fingerprint) != 0)
                r = begin(agreement, fingerprint, error);
        if (r < 0)
                return r;
        if (is_time_to_ask(agreement, duration, now)) {
                agreement->asked_at = now;
                r = ask(userdata, fingerprint, error);
                if (r > 0 && !agreement->reached)
                        agreement->since = now;
                agreement->reached = r > 0;
        }
        if (r < 0)
                return r;
        return agreement->reached && now - agreement->since >= duration;
}
