/*
 * Verdicts as people read them. A denial is often all that a user sees of regionfit, in an event of a
 * ReplicaSet: each unit's part names the unit, its pool, and the numbers that were compared.
 */
#include "admission/verdict.h"

#include <stdlib.h>

#include "policy/resource_policy.h"
#include "util/cleanup.h"
#include "util/text.h"

const char *const verdict_names[] = {
        [VERDICT_FITS] = "fits",
        [VERDICT_CONFLICT] = "conflict",
        [VERDICT_NOT_OFFERED] = "not offered",
        [VERDICT_POOL_FULL] = "full",
        [VERDICT_REGION_FULL] = "full",
        [VERDICT_NO_NODE] = "no node",
        [VERDICT_NODES_FULL] = "full",
        [VERDICT_MAX_REACHED] = "max reached",
        [VERDICT_RESOURCES_FULL] = "maxResources reached",
        [VERDICT_NOT_REACHED] = "not reached",
};

static const char *plural(struct quantity quantity)
{
        return quantity_compare(quantity, quantity_whole(1)) ? "s" : "";
}

/* A pool may hold more than its limit (lowered since, or pods that named the region themselves). */
static struct quantity remaining(const struct verdict *verdict)
{
        struct quantity rest = quantity_subtract(verdict->limit, verdict->used);

        return quantity_compare(rest, quantity_whole(0)) < 0 ? quantity_whole(0) : rest;
}

char *verdict_numbers(const struct verdict *verdict)
{
        char wanted[QUANTITY_TEXT_MAX], rest[QUANTITY_TEXT_MAX], limit[QUANTITY_TEXT_MAX], used[QUANTITY_TEXT_MAX];

        quantity_format(verdict->wanted, wanted);
        quantity_format(verdict->limit, limit);
        quantity_format(verdict->used, used);
        quantity_format(remaining(verdict), rest);

        switch (verdict->kind) {
        case VERDICT_FITS:
                if (verdict->limited)
                        return text_format("%s GPU%s wanted, %s of %s remaining", wanted, plural(verdict->wanted),
                                           rest, limit);
                return text_format("%s GPU%s wanted, no quota", wanted, plural(verdict->wanted));
        case VERDICT_POOL_FULL:
                return text_format("%s GPU%s wanted, %s of %s remaining", wanted, plural(verdict->wanted), rest,
                                   limit);
        case VERDICT_NOT_OFFERED:
                return text_format("the quota of %s lists no GPU model series %s", verdict->region,
                                   *verdict->series ? verdict->series : "*");
        case VERDICT_REGION_FULL:
                return text_format("%s GPU%s wanted, %s of %s remaining on the region's virtual nodes", wanted,
                                   plural(verdict->wanted), rest, limit);
        case VERDICT_NO_NODE:
                return text_format("no schedulable node matches the unit's nodeSelector");
        case VERDICT_NODES_FULL:
                return text_format("%s: %s wanted, %s of %s free on the unit's nodes", verdict->resource, wanted,
                                   rest, limit);
        case VERDICT_MAX_REACHED:
                return text_format("%s of max %s pods", used, limit);
        case VERDICT_RESOURCES_FULL:
                return text_format("%s: %s wanted, %s of %s used", verdict->resource, wanted, used, limit);
        case VERDICT_CONFLICT:
                return text_format("%s", verdict->detail ? verdict->detail : "");
        case VERDICT_NOT_REACHED:
                break;
        }
        return text_format("%s", "");
}

char *verdict_format(const struct verdict *verdict, size_t index, const struct unit *unit)
{
        _cleanup_(freep) char *numbers = verdict_numbers(verdict);

        if (!numbers)
                return NULL;
        return text_format("units[%zu] %s%s%s%s%s: %s%s%s", index, unit_resource_names[unit->resource],
                           *verdict->region ? " " : "", verdict->region, *verdict->series ? "/" : "", verdict->series,
                           verdict_names[verdict->kind], *numbers ? ": " : "", numbers);
}

void verdict_clear(struct verdict *verdict)
{
        free(verdict->detail);
        verdict->detail = NULL;
}
