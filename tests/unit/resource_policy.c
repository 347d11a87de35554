/*
 * ResourcePolicy objects: every field of design section 6, its default, and what is said of a wrong one.
 */
#include "policy/resource_policy.h"

#include "check.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "manifest/manifest.h"
#include "policy/selector.h"
#include "util/labels.h"

#define HEAD "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"

/* Reads the one policy of the text; NULL where it is refused. */
static struct resource_policy *read_policy(const char *yaml, struct diagnostics *diagnostics)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;

        ck_assert_int_eq(manifests_parse(&manifests, "p.yaml", yaml, strlen(yaml), diagnostics), 0);
        ck_assert_uint_eq(manifests.count, 1);
        return resource_policy_read(&manifests.items[0], diagnostics);
}

START_TEST(reads_every_field)
{
        static const char *const yaml = HEAD
                "metadata:\n  name: p\n  namespace: left\n  creationTimestamp: \"2026-01-02T03:04:05Z\"\n"
                "  annotations: {regionfit.io/when-nothing-fits: deny}\n"
                "spec:\n  selector: {app: a}\n  matchExpressions: [{key: tier, operator: Exists}]\n"
                "  strategy: required\n  ignorePreviousPod: true\n  ignoreTerminatingPod: false\n"
                "  matchLabelKeys: [pod-template-hash]\n  preemptPolicy: BeforeNextUnit\n"
                "  whenTryNextUnits: {policy: TimeoutOrExceedMax, timeout: 1m30s}\n"
                "  units:\n"
                "  - resource: acs\n    max: 3\n    maxResources: {cpu: 1500m}\n"
                "    podLabels: {alibabacloud.com/serverless-region-id: r, alibabacloud.com/gpu-model-series: s}\n"
                "    podAnnotations: {a: b}\n    nodeSelector: {type: virtual-kubelet}\n"
                "  - resource: ecs\n"
                "    nodeSelector: {topology.kubernetes.io/region: elsewhere}\n";
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(resource_policy_unrefp) struct resource_policy *policy = read_policy(yaml, &diagnostics);
        const struct unit *unit;

        ck_assert_ptr_nonnull(policy);
        ck_assert_uint_eq(diagnostics.count, 0);
        ck_assert_str_eq(policy->namespace, "left");
        ck_assert_str_eq(policy->name, "p");
        ck_assert_int_eq(policy->created_at, 1767323045); /* date -u -d 2026-01-02T03:04:05Z +%s */
        ck_assert_uint_eq(selector_count(policy->selector), 2);
        ck_assert_int_eq(policy->strategy, STRATEGY_REQUIRED);
        ck_assert_int_eq(policy->when_nothing_fits, NOTHING_FITS_DENY);
        ck_assert(policy->ignore_previous_pod && !policy->ignore_terminating_pod);
        ck_assert_uint_eq(policy->n_match_label_keys, 1);
        ck_assert_str_eq(policy->match_label_keys[0], "pod-template-hash");
        ck_assert_int_eq(policy->preempt, PREEMPT_BEFORE_NEXT_UNIT);
        ck_assert_int_eq(policy->try_next, TRY_NEXT_TIMEOUT_OR_EXCEED_MAX);
        ck_assert_int_eq(policy->try_next_timeout, 90);

        ck_assert_uint_eq(policy->n_units, 2);
        unit = &policy->units[0];
        ck_assert_int_eq(unit->resource, UNIT_ACS);
        ck_assert_int_eq(unit->max, 3);
        ck_assert_int_eq(quantity_compare(unit->max_resources.items[0].quantity, (struct quantity){1500000000}), 0);
        ck_assert_str_eq(labels_get(unit->pod_labels, LABEL_ACS), "true");
        ck_assert_str_eq(labels_get(unit->pod_annotations, "a"), "b");
        ck_assert_str_eq(labels_get(unit->node_selector, "type"), "virtual-kubelet");
        ck_assert_str_eq(unit->region, "r");
        ck_assert_str_eq(unit->series, "s");
        /* Real nodes belong to no pool, whatever region they are in. */
        ck_assert_str_eq(policy->units[1].region, "");
}
END_TEST

START_TEST(defaults)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(resource_policy_unrefp) struct resource_policy *policy =
                read_policy(HEAD "metadata: {name: p}\nspec: {units: [{resource: eci}]}\n", &diagnostics);

        ck_assert_ptr_nonnull(policy);
        ck_assert_str_eq(policy->namespace, "default");
        ck_assert_uint_eq(selector_count(policy->selector), 0);
        ck_assert_int_eq(policy->strategy, STRATEGY_PREFER);
        ck_assert_int_eq(policy->when_nothing_fits, NOTHING_FITS_UNSET);
        ck_assert(!policy->ignore_previous_pod && policy->ignore_terminating_pod);
        ck_assert_int_eq(policy->try_next, TRY_NEXT_LACK_RESOURCE_OR_EXCEED_MAX);
        ck_assert_int_eq(policy->preempt, PREEMPT_AFTER_ALL_UNITS);
        ck_assert_int_eq(policy->units[0].max, -1);
        ck_assert_ptr_null(labels_get(policy->units[0].pod_labels, LABEL_ACS));
        ck_assert_str_eq(policy->units[0].region, "");
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *yaml;
        unsigned line;
        const char *path;
        const char *message; /* NULL: any */
} faults[] = {
        {"max in words",
         HEAD "metadata: {name: p}\nspec:\n  units:\n  - resource: acs\n  - resource: acs\n    max: x\n", 8,
         "spec.units[1].max", "must be a non-negative integer, not \"x\""},
        {"a negative max", HEAD "metadata: {name: p}\nspec:\n  units:\n  - resource: acs\n    max: -1\n", 7,
         "spec.units[0].max", "must be a non-negative integer, not -1"},
        {"no units", HEAD "metadata: {name: p}\nspec: {selector: {}}\n", 4, "spec.units",
         "must list at least one unit"},
        {"an empty list of units", HEAD "metadata: {name: p}\nspec:\n  units: []\n", 5, "spec.units",
         "must list at least one unit"},
        {"a unit without a resource", HEAD "metadata: {name: p}\nspec:\n  units:\n  - max: 1\n", 6,
         "spec.units[0].resource", NULL},
        {"an unknown resource", HEAD "metadata: {name: p}\nspec:\n  units:\n  - resource: vm\n", 6,
         "spec.units[0].resource", NULL},
        {"an unknown strategy", HEAD "metadata: {name: p}\nspec:\n  strategy: maybe\n  units: [{resource: acs}]\n", 5,
         "spec.strategy", NULL},
        {"a label that YAML reads as a boolean",
         HEAD
         "metadata: {name: p}\nspec:\n  units:\n  - resource: ecs\n    podLabels: {alibabacloud.com/acs: true}\n",
         7, "spec.units[0].podLabels[alibabacloud.com/acs]", "must be a string, not true"},
        {"a quantity that is none",
         HEAD "metadata: {name: p}\nspec:\n  units:\n  - resource: ecs\n    maxResources: {cpu: 1 core}\n", 7,
         "spec.units[0].maxResources.cpu", NULL},
        {"a timeout that is none",
         HEAD "metadata: {name: p}\nspec:\n  whenTryNextUnits: {timeout: soon}\n  units: [{resource: acs}]\n", 5,
         "spec.whenTryNextUnits.timeout", "must be a duration such as \"1m30s\", not \"soon\""},
        {"hold, which does not exist yet",
         HEAD
         "metadata:\n  name: p\n  annotations:\n    regionfit.io/when-nothing-fits: hold\nspec: {units: [{resource: "
         "acs}]}\n",
         6, "metadata.annotations[regionfit.io/when-nothing-fits]",
         "must be allow or deny: \"hold\" does not exist yet"},
        {"another word for when nothing fits",
         HEAD
         "metadata:\n  name: p\n  annotations:\n    regionfit.io/when-nothing-fits: wait\nspec: {units: [{resource: "
         "acs}]}\n",
         6, "metadata.annotations[regionfit.io/when-nothing-fits]", NULL},
        {"no name", HEAD "metadata: {}\nspec: {units: [{resource: acs}]}\n", 3, "metadata.name", NULL},
        {"no spec", HEAD "metadata: {name: p}\n", 1, "spec", NULL},
        {"a creation time that is none",
         HEAD "metadata:\n  name: p\n  creationTimestamp: yesterday\nspec: {units: [{resource: acs}]}\n", 5,
         "metadata.creationTimestamp", NULL},
        {"an empty key in matchLabelKeys",
         HEAD "metadata: {name: p}\nspec:\n  matchLabelKeys: [\"\"]\n  units: [{resource: acs}]\n", 5,
         "spec.matchLabelKeys[0]", NULL},
};

START_TEST(names_the_fault)
{
        const struct fault_case *test = &faults[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;

        ck_assert_msg(!read_policy(test->yaml, &diagnostics), "%s", test->name);
        ck_assert_msg(diagnostics.n_errors == 1, "%s: %zu errors", test->name, diagnostics.n_errors);
        ck_assert_str_eq(diagnostics.items[0].path, test->path);
        ck_assert_msg(diagnostics.items[0].line == test->line, "%s: line %u", test->name, diagnostics.items[0].line);
        if (test->message)
                ck_assert_str_eq(diagnostics.items[0].message, test->message);
}
END_TEST

START_TEST(reports_every_fault_at_once)
{
        static const char *const yaml = HEAD "metadata: {name: p}\nspec:\n  strategy: maybe\n  units:\n"
                                             "  - {resource: vm, max: x}\n  - {resource: acs, max: -1}\n";
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;

        ck_assert_ptr_null(read_policy(yaml, &diagnostics));
        ck_assert_uint_eq(diagnostics.n_errors, 4);
}
END_TEST

START_TEST(unknown_fields_are_warnings)
{
        static const char *const yaml =
                HEAD "metadata: {name: p}\nspec:\n  unit: []\n  units:\n  - {resource: acs, maxx: 1}\nextra: 1\n";
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(resource_policy_unrefp) struct resource_policy *policy = read_policy(yaml, &diagnostics);

        ck_assert_ptr_nonnull(policy);
        ck_assert_uint_eq(diagnostics.n_errors, 0);
        ck_assert_uint_eq(diagnostics.count, 3);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, reads_every_field);
        tcase_add_test(tests, defaults);
        tcase_add_loop_test(tests, names_the_fault, 0, ARRAY_SIZE(faults));
        tcase_add_test(tests, reports_every_fault_at_once);
        tcase_add_test(tests, unknown_fields_are_warnings);
}

int main(void)
{
        return unit_main("resource_policy", add);
}
