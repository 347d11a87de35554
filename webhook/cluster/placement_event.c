/*
 * A denial has its sentence already. A pod that goes to a later unit gets one that says why each earlier unit did not
 * fit: that is what its owner asks when the bill names another region than expected.
 */
#include "cluster/placement_event.h"

#include <stdio.h>
#include <stdlib.h>

#include "admission/decide.h"
#include "admission/pod.h"
#include "admission/verdict.h"
#include "kube/event_recorder.h"
#include "policy/resource_policy.h"
#include "util/cleanup.h"

/* "placed on units[1] of ResourcePolicy default/p: units[0] acs cn-beijing/GU8TF: full: ..."; new. */
static char *describe_placement(const struct decision *decision)
{
        const struct resource_policy *policy = decision->policy;
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        fprintf(stream, "placed on units[%zu] of ResourcePolicy %s/%s", decision->unit, policy->namespace,
                policy->name);
        if (*decision->region)
                fprintf(stream, ", in %s%s%s", decision->region, *decision->series ? "/" : "", decision->series);
        for (size_t i = 0; i < decision->unit; i++) {
                _cleanup_(freep) char *part = verdict_format(&decision->verdicts[i], i, &policy->units[i]);

                fprintf(stream, "%s%s", i ? "; " : ": ", part ? part : "");
        }
        if (fclose(stream) == 0)
                return text;
        free(text);
        return NULL;
}

static void record(struct event_recorder *recorder, const struct pod *pod, enum event_type type, const char *reason,
                   const char *message)
{
        const struct event_object owner = {
                .api_version = pod->owner_api_version,
                .kind = pod->owner_kind,
                .namespace = pod->namespace,
                .name = pod->owner_name,
                .uid = pod->owner_uid,
        };

        event_recorder_record(recorder, &owner, type, reason, message ? message : "");
}

void placement_event_record(void *userdata, const struct pod *pod, const struct decision *decision)
{
        _cleanup_(freep) char *placement = NULL;

        if (!*pod->owner_uid)
                return;
        if (decision->outcome == OUTCOME_DENIED)
                record(userdata, pod, EVENT_WARNING, "PlacementDenied", decision->message);
        if (decision->outcome == OUTCOME_UNPLACED)
                record(userdata, pod, EVENT_WARNING, "NotPlaced", decision->message);
        if (decision->outcome == OUTCOME_PLACED && decision->unit > 0) {
                placement = describe_placement(decision);
                record(userdata, pod, EVENT_NORMAL, "PlacedOnLaterUnit", placement);
        }
}
