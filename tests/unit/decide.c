/*
 * Decisions: the rules of design section 7, one case each. Numbers are worked out by hand.
 */
#include "admission/decide.h"

#include <errno.h>

#include "admission/admission.h"
#include "objects.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/error.h"

#define POLICY(spec)                                         \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\n" \
        "kind: ResourcePolicy\n"                             \
        "metadata: {name: p, namespace: default}\n"          \
        "spec: " spec "\n"
#define QUOTA(name, pools)                                                                  \
        "---\napiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: " name \
        "}\nspec: {pools: [" pools "]}\n"

#define BEIJING                                                                           \
        "{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: cn-beijing, " \
        "alibabacloud.com/gpu-model-series: GU8TF}}"
#define HANGZHOU                                                                           \
        "{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: cn-hangzhou, " \
        "alibabacloud.com/gpu-model-series: GU8TF}}"
#define TWO_REGIONS "units: [" BEIJING ", " HANGZHOU "]"

#define POD(metadata, spec)                                          \
        "{'metadata': {'name': 'x', 'namespace': 'default'" metadata \
        "}, 'spec': {'containers': [{'resources': {'limits': {'nvidia.com/gpu': '1'}}}]" spec "}}"
#define APP ", 'labels': {'app': 'a'}"

static const struct decide_case {
        const char *name;
        const char *objects;
        const char *pod;
        struct decide_options options;
        enum outcome outcome;
        const char *reason;
        size_t unit;               /* where PLACED */
        enum verdict_kind verdict; /* of the first unit, where there is a policy that decides by its units */
        const char *message;       /* a part of the message; NULL: there is none */
} cases[] = {
        {"a pod that no policy selects is left alone", POLICY("{selector: {app: b}, " TWO_REGIONS "}"), POD(APP, ""),
         .outcome = OUTCOME_UNTOUCHED, .reason = "no-policy"},
        {"a policy of another namespace does not select",
         "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
         "metadata: {name: p, namespace: other}\nspec: {" TWO_REGIONS "}\n",
         POD(APP, ""), .outcome = OUTCOME_UNTOUCHED, .reason = "no-policy"},
        {"a mirror pod is left alone", POLICY("{" TWO_REGIONS "}"),
         POD(", 'annotations': {'kubernetes.io/config.mirror': 'x'}", ""), .outcome = OUTCOME_UNTOUCHED,
         .reason = "mirror-pod"},
        {"a pod that opted out by annotation is left alone", POLICY("{" TWO_REGIONS "}"),
         POD(", 'annotations': {'regionfit.io/ignore': 'true'}", ""), .outcome = OUTCOME_UNTOUCHED,
         .reason = "ignored"},
        {"a pod that opted out by label is left alone", POLICY("{" TWO_REGIONS "}"),
         POD(", 'labels': {'regionfit.io/ignore': 'true'}", ""), .outcome = OUTCOME_UNTOUCHED, .reason = "ignored"},
        {"the first unit is taken where it fits", POLICY("{" TWO_REGIONS "}"), POD(APP, ""),
         .outcome = OUTCOME_PLACED, .reason = "placed", .verdict = VERDICT_FITS},
        {"a full first region falls back to the second",
         POLICY("{" TWO_REGIONS "}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"), POD(APP, ""),
         .outcome = OUTCOME_PLACED, .reason = "placed", .unit = 1, .verdict = VERDICT_POOL_FULL},
        {"a region that does not list the series does not offer it",
         POLICY("{" TWO_REGIONS "}") QUOTA("cn-beijing", "{gpuModelSeries: T4, gpus: 8}"), POD(APP, ""),
         .outcome = OUTCOME_PLACED, .reason = "placed", .unit = 1, .verdict = VERDICT_NOT_OFFERED},
        {"the pool * takes a series that is not listed",
         POLICY("{" TWO_REGIONS "}")
                 QUOTA("cn-beijing", "{gpuModelSeries: T4, gpus: 0}, {gpuModelSeries: \"*\", gpus: 1}"),
         POD(APP, ""), .outcome = OUTCOME_PLACED, .reason = "placed", .verdict = VERDICT_FITS},
        {"the pool * does not lend to a series that is listed",
         POLICY("{" TWO_REGIONS "}")
                 QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}, {gpuModelSeries: \"*\", gpus: 9}"),
         POD(APP, ""), .outcome = OUTCOME_PLACED, .reason = "placed", .unit = 1, .verdict = VERDICT_POOL_FULL},
        {"a pod that asks for no GPU is charged none, full pool or not",
         POLICY("{" TWO_REGIONS "}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         "{'metadata': {'name': 'x'}, 'spec': {'containers': [{}]}}", .outcome = OUTCOME_PLACED, .reason = "placed",
         .verdict = VERDICT_FITS},
        {"strategy required denies where nothing fits",
         POLICY("{strategy: required, units: [" BEIJING "]}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         POD(APP, ""), .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL,
         .message = "no unit of ResourcePolicy default/p fits: units[0] acs cn-beijing/GU8TF: full: 1 GPU wanted, "
                    "0 of 0 remaining"},
        {"strategy prefer lets the pod through where nothing fits",
         POLICY("{units: [" BEIJING "]}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"), POD(APP, ""),
         .outcome = OUTCOME_UNPLACED, .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL, .message = "full"},
        {"the operator's default denies for prefer",
         POLICY("{units: [" BEIJING "]}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"), POD(APP, ""),
         .options = {.when_nothing_fits = NOTHING_FITS_DENY}, .outcome = OUTCOME_DENIED, .reason = "nothing-fits",
         .verdict = VERDICT_POOL_FULL, .message = "full"},
        {"the policy's annotation overrides strategy required",
         "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
         "metadata: {name: p, annotations: {regionfit.io/when-nothing-fits: allow}}\n"
         "spec: {strategy: required, units: [" BEIJING "]}\n" QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         POD(APP, ""), .outcome = OUTCOME_UNPLACED, .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL,
         .message = "full"},
        {"the policy's annotation overrides the operator's default",
         "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
         "metadata: {name: p, annotations: {regionfit.io/when-nothing-fits: allow}}\n"
         "spec: {units: [" BEIJING "]}\n" QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         POD(APP, ""), .options = {.when_nothing_fits = NOTHING_FITS_DENY}, .outcome = OUTCOME_UNPLACED,
         .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL, .message = "full"},
        {"a pod whose label names a region fits only that region", POLICY("{" TWO_REGIONS "}"),
         POD(", 'labels': {'alibabacloud.com/serverless-region-id': 'cn-hangzhou'}", ""), .outcome = OUTCOME_PLACED,
         .reason = "placed", .unit = 1, .verdict = VERDICT_CONFLICT},
        {"a pod whose nodeSelector names a region fits only that region", POLICY("{" TWO_REGIONS "}"),
         POD(APP, ", 'nodeSelector': {'topology.kubernetes.io/region': 'cn-hangzhou'}"), .outcome = OUTCOME_PLACED,
         .reason = "placed", .unit = 1, .verdict = VERDICT_CONFLICT},
        {"a pod whose required affinity names a region fits only that region", POLICY("{" TWO_REGIONS "}"),
         POD(APP, ", 'affinity': {'nodeAffinity': {'requiredDuringSchedulingIgnoredDuringExecution': "
                  "{'nodeSelectorTerms': [{'matchExpressions': [{'key': 'topology.kubernetes.io/region', 'operator': "
                  "'In', 'values': ['cn-hangzhou']}]}]}}}"),
         .outcome = OUTCOME_PLACED, .reason = "placed", .unit = 1, .verdict = VERDICT_CONFLICT},
        {"affinity with one alternative that allows the unit is no conflict", POLICY("{" TWO_REGIONS "}"),
         POD(APP, ", 'affinity': {'nodeAffinity': {'requiredDuringSchedulingIgnoredDuringExecution': "
                  "{'nodeSelectorTerms': [{'matchExpressions': [{'key': 'topology.kubernetes.io/region', 'operator': "
                  "'In', 'values': ['cn-hangzhou']}]}, {'matchExpressions': [{'key': 'disk', 'operator': "
                  "'Exists'}]}]}}}"),
         .outcome = OUTCOME_PLACED, .reason = "placed", .verdict = VERDICT_FITS},
        {"a pod that names a series fits only units of that series", POLICY("{strategy: required, " TWO_REGIONS "}"),
         POD(", 'labels': {'alibabacloud.com/gpu-model-series': 'A10'}", ""), .outcome = OUTCOME_DENIED,
         .reason = "nothing-fits", .verdict = VERDICT_CONFLICT,
         .message = "conflict: the pod asks for GPU model series A10, the unit is GU8TF"},
        {"a unit that names no series takes the pod's own",
         POLICY("{strategy: required, units: [{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: "
                "cn-beijing}}]}") QUOTA("cn-beijing", "{gpuModelSeries: A10, gpus: 0}"),
         POD(", 'labels': {'alibabacloud.com/gpu-model-series': 'A10'}", ""), .outcome = OUTCOME_DENIED,
         .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL, .message = "cn-beijing/A10"},
        {"where neither names a series the pool is *",
         POLICY("{strategy: required, units: [{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: "
                "cn-beijing}}]}")
                 QUOTA("cn-beijing", "{gpuModelSeries: \"*\", gpus: 0}, {gpuModelSeries: A10, gpus: 9}"),
         POD(APP, ""), .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL,
         .message = "0 of 0 remaining"},
        {"class gpu-hpn carries the model in the nodeSelector",
         POLICY("{strategy: required, units: [{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: "
                "cn-beijing, alibabacloud.com/compute-class: gpu-hpn}, nodeSelector: "
                "{alibabacloud.com/gpu-model-series: P16EN}}]}")
                 QUOTA("cn-beijing", "{gpuModelSeries: P16EN, gpus: 0}"),
         POD(APP, ""), .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL,
         .message = "cn-beijing/P16EN"},
        {"a pod with another value for a label of the unit conflicts",
         POLICY("{strategy: required, units: [{resource: ecs, podLabels: {tier: gold}}]}"),
         POD(", 'labels': {'tier': 'silver'}", ""), .outcome = OUTCOME_DENIED, .reason = "nothing-fits",
         .verdict = VERDICT_CONFLICT, .message = "the pod's label tier is \"silver\", the unit's \"gold\""},
        {"a pod with another nodeSelector value conflicts",
         POLICY("{strategy: required, units: [{resource: ecs, nodeSelector: {disk: ssd}}]}"),
         POD(APP, ", 'nodeSelector': {'disk': 'hdd'}"), .outcome = OUTCOME_DENIED, .reason = "nothing-fits",
         .verdict = VERDICT_CONFLICT, .message = "nodeSelector disk"},
        {"a pod that names a serverless region is not for real nodes",
         POLICY("{strategy: required, units: [{resource: ecs}]}"),
         POD(", 'labels': {'alibabacloud.com/serverless-region-id': 'cn-beijing'}", ""), .outcome = OUTCOME_DENIED,
         .reason = "nothing-fits", .verdict = VERDICT_CONFLICT, .message = "real nodes"},
        {"a unit with max 0 holds no pod", POLICY("{strategy: required, units: [{resource: ecs, max: 0}]}"),
         POD(APP, ""), .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .verdict = VERDICT_MAX_REACHED,
         .message = "max reached: 0 of max 0 pods"},
        {"maxResources bounds what a unit's pods ask for",
         POLICY("{strategy: required, units: [{resource: ecs, maxResources: {nvidia.com/gpu: 500m}}]}"), POD(APP, ""),
         .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .verdict = VERDICT_RESOURCES_FULL,
         .message = "nvidia.com/gpu: 1 wanted, 0 of 0.5 used"},
        {"a pod that lacks a matchLabelKeys label is denied, whatever the strategy",
         POLICY("{matchLabelKeys: [hash], " TWO_REGIONS "}"), POD(APP, ""), .outcome = OUTCOME_DENIED,
         .reason = "missing-label", .message = "hash"},
        {"whenTryNextUnits ExceedMax keeps a pod from going on past a bounded unit that lacks GPUs",
         POLICY("{strategy: required, whenTryNextUnits: {policy: ExceedMax}, units: [{resource: acs, max: 5, "
                "podLabels: "
                "{alibabacloud.com/serverless-region-id: cn-beijing}}, " HANGZHOU "]}")
                 QUOTA("cn-beijing", "{gpuModelSeries: \"*\", gpus: 0}"),
         POD(APP, ""), .outcome = OUTCOME_DENIED, .reason = "nothing-fits", .verdict = VERDICT_POOL_FULL,
         .message = "units[1] acs cn-hangzhou/GU8TF: not reached"},
        {"whenTryNextUnits ExceedMax goes on past a unit without bounds",
         POLICY("{whenTryNextUnits: {policy: ExceedMax}, " TWO_REGIONS "}")
                 QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         POD(APP, ""), .outcome = OUTCOME_PLACED, .reason = "placed", .unit = 1, .verdict = VERDICT_POOL_FULL},
        {"a pod that names its own region is charged, and never denied for it",
         QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         POD(", 'labels': {'alibabacloud.com/serverless-region-id': 'cn-beijing', "
             "'alibabacloud.com/gpu-model-series': 'GU8TF'}",
             ""),
         .outcome = OUTCOME_CHARGED, .reason = "static-region"},
        {"--enforce-static denies it where its pool is full", QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         POD(", 'labels': {'alibabacloud.com/serverless-region-id': 'cn-beijing', "
             "'alibabacloud.com/gpu-model-series': 'GU8TF'}",
             ""),
         .options = {.enforce_static = true}, .outcome = OUTCOME_DENIED, .reason = "static-region-full",
         .message = "cn-beijing/GU8TF: full: 1 GPU wanted, 0 of 0 remaining"},
        {"--enforce-static denies it where its series is not offered",
         QUOTA("cn-beijing", "{gpuModelSeries: T4, gpus: 9}"),
         POD(", 'labels': {'alibabacloud.com/serverless-region-id': 'cn-beijing', "
             "'alibabacloud.com/gpu-model-series': 'GU8TF'}",
             ""),
         .options = {.enforce_static = true}, .outcome = OUTCOME_DENIED, .reason = "static-region-full",
         .message = "not offered"},
        {"a pod that names its own region but asks for no GPU is left alone",
         QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 0}"),
         "{'metadata': {'name': 'x', 'labels': {'alibabacloud.com/serverless-region-id': 'cn-beijing'}}, 'spec': "
         "{'containers': [{}]}}",
         .outcome = OUTCOME_UNTOUCHED, .reason = "no-policy"},
};

struct bench {
        struct catalog *catalog;
        struct ledger *ledger;
        struct admission *admission;
};

static void bench_open(struct bench *bench, const char *objects)
{
        const struct admission_options options = {.gpu_resources = pod_default_gpu_resources};

        bench->catalog = catalog_text(objects);
        ck_assert_int_eq(embedded_ledger_new(&bench->ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&bench->admission, bench->ledger, &options, NULL), 0);
        ck_assert_int_eq(admission_use(bench->admission, bench->catalog, NULL), 0);
}

static void bench_close(struct bench *bench)
{
        admission_free(bench->admission);
        ledger_free(bench->ledger);
        catalog_unref(bench->catalog);
}

START_TEST(decides)
{
        const struct decide_case *test = &cases[_i];
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        struct pod pod = POD_INIT;
        json_auto_t *object = json_text(test->pod);
        struct bench bench;

        bench_open(&bench, test->objects);
        pod_from(&pod, object);
        ck_assert_int_eq(decide(&decision, bench.catalog, bench.ledger, &test->options, &pod, true, NULL), 0);
        ck_assert_msg(decision.outcome == test->outcome, "%s: %s: %s", test->name, outcome_names[decision.outcome],
                      decision.message ? decision.message : "");
        ck_assert_msg(!strcmp(decision.reason, test->reason), "%s: %s", test->name, decision.reason);
        if (decision.outcome == OUTCOME_PLACED)
                ck_assert_msg(decision.unit == test->unit, "%s: unit %zu", test->name, decision.unit);
        if (decision.n_verdicts)
                ck_assert_msg(decision.verdicts[0].kind == test->verdict, "%s: %s", test->name,
                              verdict_names[decision.verdicts[0].kind]);
        ck_assert_msg(!test->message == !decision.message, "%s: %s", test->name, decision.message);
        if (test->message)
                ck_assert_msg(strstr(decision.message, test->message), "%s: %s", test->name, decision.message);
        decision_clear(&decision);
        bench_close(&bench);
}
END_TEST

/* Decides on `n` like pods, and tells how many were placed on each of the first two units. */
static void place(struct bench *bench, const char *text, int n, int placed[2])
{
        const struct decide_options options = {0};
        json_auto_t *object = json_text(text);

        placed[0] = placed[1] = 0;
        for (int i = 0; i < n; i++) {
                _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
                struct pod pod = POD_INIT;

                pod_from(&pod, object);
                ck_assert_int_eq(decide(&decision, bench->catalog, bench->ledger, &options, &pod, true, NULL), 0);
                if (decision.outcome == OUTCOME_PLACED)
                        placed[decision.unit]++;
        }
}

static const struct fill_case {
        const char *name;
        const char *objects;
        const char *pod;
        int pods;
        int placed[2];
} fills[] = {
        {"pools fill in the order of the units",
         POLICY("{strategy: required, " TWO_REGIONS "}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 2}")
                 QUOTA("cn-hangzhou", "{gpuModelSeries: GU8TF, gpus: 3}"),
         POD(APP, ""),
         6,
         {2, 3}},
        {"a pod of eight GPUs does not fit into seven",
         POLICY("{strategy: required, " TWO_REGIONS "}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 7}")
                 QUOTA("cn-hangzhou", "{gpuModelSeries: GU8TF, gpus: 17}"),
         "{'metadata': {'name': 'x'}, 'spec': {'containers': [{'resources': {'limits': {'nvidia.com/gpu': '8'}}}]}}",
         4,
         {0, 2}},
        {"max counts pods",
         POLICY("{strategy: required, units: [{resource: ecs, max: 3}, {resource: eci, max: 1}]}"),
         POD(APP, ""),
         9,
         {3, 1}},
        {"maxResources sums up requests",
         POLICY("{strategy: required, units: [{resource: ecs, maxResources: {cpu: 1500m}}, {resource: eci, max: "
                "1}]}"),
         "{'metadata': {'name': 'x'}, 'spec': {'containers': [{'resources': {'requests': {'cpu': '500m'}}}]}}",
         9,
         {3, 1}},
        {"units with the same labels share their count",
         POLICY("{strategy: required, units: [{resource: acs, max: 2}, {resource: acs, max: 2}]}"),
         POD(APP, ""),
         9,
         {2, 0}},
        {"a unit that adds nothing counts only the pods placed on it",
         POLICY("{strategy: required, units: [{resource: ecs, max: 2}, {resource: ecs, max: 2}]}"),
         POD(APP, ""),
         9,
         {2, 2}},
};

START_TEST(fills_up)
{
        const struct fill_case *test = &fills[_i];
        struct bench bench;
        int placed[2];

        bench_open(&bench, test->objects);
        place(&bench, test->pod, test->pods, placed);
        ck_assert_msg(placed[0] == test->placed[0] && placed[1] == test->placed[1], "%s: %d and %d", test->name,
                      placed[0], placed[1]);
        bench_close(&bench);
}
END_TEST

START_TEST(match_label_keys_count_each_group_by_itself)
{
        struct bench bench;
        int placed[2];

        bench_open(&bench, POLICY("{strategy: required, matchLabelKeys: [hash], units: [{resource: ecs, max: 2}]}"));
        place(&bench, POD(", 'labels': {'hash': 'one'}", ""), 5, placed);
        ck_assert_int_eq(placed[0], 2);
        place(&bench, POD(", 'labels': {'hash': 'two'}", ""), 5, placed);
        ck_assert_int_eq(placed[0], 2);
        bench_close(&bench);
}
END_TEST

START_TEST(a_changed_quota_counts_what_is_there)
{
        struct catalog *wider;
        struct bench bench;
        int placed[2];

        bench_open(&bench, POLICY("{strategy: required, units: [" BEIJING "]}")
                                   QUOTA("cn-beijing", "{gpuModelSeries: \"*\", gpus: 2}"));
        place(&bench, POD(APP, ""), 5, placed);
        ck_assert_int_eq(placed[0], 2);
        wider = catalog_text(POLICY("{strategy: required, units: [" BEIJING "]}") QUOTA(
                "cn-beijing", "{gpuModelSeries: GU8TF, gpus: 5}, {gpuModelSeries: \"*\", gpus: 0}"));
        ck_assert_int_eq(admission_use(bench.admission, wider, NULL), 0);
        catalog_unref(bench.catalog);
        bench.catalog = wider;
        place(&bench, POD(APP, ""), 5, placed);
        ck_assert_int_eq(placed[0], 3);
        bench_close(&bench);
}
END_TEST

START_TEST(an_older_catalog_is_stale)
{
        const struct decide_options options = {0};
        struct decision decision = DECISION_INIT;
        struct pod pod = POD_INIT;
        json_auto_t *object = json_text(POD(APP, ""));
        struct catalog *newer;
        struct bench bench;

        bench_open(&bench, POLICY("{" TWO_REGIONS "}"));
        newer = catalog_text(POLICY("{" TWO_REGIONS "}"));
        ck_assert_int_eq(admission_use(bench.admission, newer, NULL), 0);
        pod_from(&pod, object);
        ck_assert_int_eq(decide(&decision, bench.catalog, bench.ledger, &options, &pod, true, NULL), -ESTALE);
        ck_assert_uint_eq(ledger_count(bench.ledger), 0);
        catalog_unref(newer);
        bench_close(&bench);
}
END_TEST

START_TEST(a_dry_run_reserves_nothing)
{
        const struct decide_options options = {0};
        struct pod pod = POD_INIT;
        json_auto_t *object = json_text(POD(APP, ""));
        struct bench bench;

        bench_open(&bench, POLICY("{" TWO_REGIONS "}") QUOTA("cn-beijing", "{gpuModelSeries: GU8TF, gpus: 1}"));
        pod_from(&pod, object);
        for (int i = 0; i < 3; i++) {
                _cleanup_(decision_clear) struct decision decision = DECISION_INIT;

                ck_assert_int_eq(decide(&decision, bench.catalog, bench.ledger, &options, &pod, false, NULL), 0);
                ck_assert_int_eq(decision.outcome, OUTCOME_PLACED);
                ck_assert_uint_eq(decision.unit, 0);
                ck_assert_str_eq(decision.reservation, "");
        }
        ck_assert_uint_eq(ledger_count(bench.ledger), 0);
        bench_close(&bench);
}
END_TEST

START_TEST(several_policies_are_decided_by_terms_then_age_then_name)
{
        static const char *const objects = "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
                                           "metadata: {name: young, creationTimestamp: \"2026-02-01T00:00:00Z\"}\n"
                                           "spec: {selector: {app: a, tier: b}, units: [{resource: ecs}]}\n---\n"
                                           "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
                                           "metadata: {name: old, creationTimestamp: \"2026-01-01T00:00:00Z\"}\n"
                                           "spec: {selector: {app: a, tier: b}, units: [{resource: ecs}]}\n---\n"
                                           "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
                                           "metadata: {name: all, creationTimestamp: \"2025-01-01T00:00:00Z\"}\n"
                                           "spec: {units: [{resource: ecs}]}\n";
        const struct decide_options options = {0};
        struct pod pod = POD_INIT;
        json_auto_t *object = json_text(POD(", 'labels': {'app': 'a', 'tier': 'b'}", ""));
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        struct bench bench;

        bench_open(&bench, objects);
        pod_from(&pod, object);
        ck_assert_int_eq(decide(&decision, bench.catalog, bench.ledger, &options, &pod, true, NULL), 0);
        ck_assert_str_eq(decision.policy->name, "old");
        ck_assert_uint_eq(decision.n_warnings, 2);
        ck_assert_ptr_nonnull(strstr(decision.warnings[0], "default/young"));
        ck_assert_ptr_nonnull(strstr(decision.warnings[1], "default/all"));
        decision_clear(&decision);
        bench_close(&bench);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, decides, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, fills_up, 0, ARRAY_SIZE(fills));
        tcase_add_test(tests, match_label_keys_count_each_group_by_itself);
        tcase_add_test(tests, a_changed_quota_counts_what_is_there);
        tcase_add_test(tests, an_older_catalog_is_stale);
        tcase_add_test(tests, a_dry_run_reserves_nothing);
        tcase_add_test(tests, several_policies_are_decided_by_terms_then_age_then_name);
}

int main(void)
{
        return unit_main("decide", add);
}
