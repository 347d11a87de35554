/*
 * A denial has its sentence already. A pod that goes to a later unit gets one that says why each earlier unit did not
 * fit: that is what its owner asks when the bill names another region than expected.
 */
#include "cluster/placement_event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/decide.h"
#include "admission/pod.h"
#include "admission/verdict.h"
#include "policy/resource_policy.h"
#include "util/cleanup.h"

#define NOTE_MAX 1024 /* bytes; the API server refuses more */
#define CUT "..."

void placement_event_clear(struct placement_event *event)
{
        free(event->message);
        *event = PLACEMENT_EVENT_INIT;
}

/* Cuts a message that is too long, between two characters. */
static void limit_size(char *message)
{
        size_t end = NOTE_MAX - strlen(CUT);

        if (strlen(message) <= NOTE_MAX)
                return;
        while (end && ((unsigned char)message[end] & 0xc0) == 0x80)
                end--;
        memcpy(message + end, CUT, sizeof(CUT));
}

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

int placement_event_make(struct placement_event *ret, const struct pod *pod, const struct decision *decision)
{
        struct placement_event event = {.warning = true};

        if (!*pod->owner_uid)
                return 0;
        if (decision->outcome == OUTCOME_DENIED)
                event.reason = "PlacementDenied";
        else if (decision->outcome == OUTCOME_UNPLACED)
                event.reason = "NotPlaced";
        else if (decision->outcome == OUTCOME_PLACED && decision->unit > 0)
                event = (struct placement_event){.reason = "PlacedOnLaterUnit"};
        else
                return 0;
        event.message = event.warning ? strdup(decision->message ? decision->message : decision->reason)
                                      : describe_placement(decision);
        if (!event.message)
                return -ENOMEM;
        limit_size(event.message);
        *ret = event;
        return 1;
}
