/*
 * A verdict as people read it in an event; the numbers are the test's own.
 */
#include "admission/verdict.h"

#include "check.h"
#include "policy/resource_policy.h"

static const struct verdict_case {
        const char *name;
        enum unit_resource resource;
        struct verdict verdict;
        int64_t used, limit, wanted;
        const char *text;
} cases[] = {
        {"fits",
         UNIT_ACS,
         {.kind = VERDICT_FITS, .region = "r", .series = "A10", .limited = true},
         1,
         4,
         2,
         "units[3] acs r/A10: fits: 2 GPUs wanted, 3 of 4 remaining"},
        {"fits in a region without a quota",
         UNIT_ACS,
         {.kind = VERDICT_FITS, .region = "r", .series = ""},
         0,
         0,
         1,
         "units[3] acs r: fits: 1 GPU wanted, no quota"},
        {"full",
         UNIT_ECI,
         {.kind = VERDICT_POOL_FULL, .region = "r", .series = "A10", .limited = true},
         4,
         4,
         1,
         "units[3] eci r/A10: full: 1 GPU wanted, 0 of 4 remaining"},
        {"a pool that holds more than its limit has nothing left",
         UNIT_ACS,
         {.kind = VERDICT_POOL_FULL, .region = "r", .series = "A10", .limited = true},
         9,
         4,
         1,
         "units[3] acs r/A10: full: 1 GPU wanted, 0 of 4 remaining"},
        {"not offered",
         UNIT_ACS,
         {.kind = VERDICT_NOT_OFFERED, .region = "r", .series = "T4"},
         0,
         0,
         1,
         "units[3] acs r/T4: not offered: the quota of r lists no GPU model series T4"},
        {"not offered to a pod that names no series",
         UNIT_ACS,
         {.kind = VERDICT_NOT_OFFERED, .region = "r", .series = ""},
         0,
         0,
         1,
         "units[3] acs r: not offered: the quota of r lists no GPU model series *"},
        {"max",
         UNIT_ECS,
         {.kind = VERDICT_MAX_REACHED, .region = "", .series = ""},
         2,
         2,
         1,
         "units[3] ecs: max reached: 2 of max 2 pods"},
        {"maxResources",
         UNIT_ELASTIC,
         {.kind = VERDICT_RESOURCES_FULL, .region = "", .series = "", .resource = "cpu"},
         7,
         8,
         2,
         "units[3] elastic: maxResources reached: cpu: 2 wanted, 7 of 8 used"},
        {"the region's virtual nodes are full",
         UNIT_ACS,
         {.kind = VERDICT_REGION_FULL, .region = "r", .series = "A10"},
         3,
         4,
         2,
         "units[3] acs r/A10: full: 2 GPUs wanted, 1 of 4 remaining on the region's virtual nodes"},
        {"no node",
         UNIT_ECS,
         {.kind = VERDICT_NO_NODE, .region = "", .series = ""},
         0,
         0,
         0,
         "units[3] ecs: no node: no schedulable node matches the unit's nodeSelector"},
        {"the unit's nodes are full",
         UNIT_ECS,
         {.kind = VERDICT_NODES_FULL, .region = "", .series = "", .resource = "nvidia.com/gpu"},
         3,
         4,
         2,
         "units[3] ecs: full: nvidia.com/gpu: 2 wanted, 1 of 4 free on the unit's nodes"},
        {"conflict",
         UNIT_ACS,
         {.kind = VERDICT_CONFLICT, .region = "r", .series = "", .detail = (char *)"the pod wants tea"},
         0,
         0,
         0,
         "units[3] acs r: conflict: the pod wants tea"},
        {"not reached",
         UNIT_ACS,
         {.kind = VERDICT_NOT_REACHED, .region = "r", .series = ""},
         0,
         0,
         0,
         "units[3] acs r: not reached"},
};

START_TEST(reads)
{
        const struct verdict_case *test = &cases[_i];
        const struct unit unit = {.resource = test->resource};
        struct verdict verdict = test->verdict;
        char *text;

        verdict.used = quantity_whole(test->used);
        verdict.limit = quantity_whole(test->limit);
        verdict.wanted = quantity_whole(test->wanted);
        text = verdict_format(&verdict, 3, &unit);
        ck_assert_msg(text && !strcmp(text, test->text), "%s: %s", test->name, text);
        free(text);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, reads, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("verdict", add);
}
