/*
 * What `regionfit lint` finds in policies, against quotas, workloads and each other; the rules are those that the
 * issue of each mistake names, the label syntax that of the Kubernetes documentation.
 */
#include "policy/lint.h"

#include "manifest/workload.h"
#include "objects.h"
#include "policy/resource_policy.h"

#define POLICY(name, spec)                                                         \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n" \
        "metadata: {namespace: default, name: " name "}\nspec: {" spec "}\n---\n"
#define QUOTA(region, pools)                                                                                        \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: " region "}\nspec: {pools: [" pools \
        "]}\n---\n"
#define UNIT(region, series, more)                                                        \
        "{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: " region ", " \
        "alibabacloud.com/gpu-model-series: " series "}" more "}"
#define DEPLOYMENT(match, labels)                                                                            \
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {selector: {matchLabels: {" match \
        "}}, template: {metadata: {labels: {" labels "}}, spec: {containers: [{name: c, image: i}]}}}\n---\n"
#define A10 QUOTA("r", "{gpuModelSeries: A10, gpus: 4}")

static const struct lint_case {
        const char *name;
        const char *yaml;
        enum severity severity;
        const char *path;    /* NULL: nothing is found */
        const char *message; /* its beginning */
} cases[] = {
        {"a good policy", A10 POLICY("p", "units: [" UNIT("r", "A10", "") "]"), 0, NULL, NULL},
        {"a region without a quota", POLICY("p", "units: [" UNIT("r", "A10", "") "]"), SEVERITY_WARNING,
         "spec.units[0]", "the region r has no RegionQuota"},
        {"a series that the region does not offer", A10 POLICY("p", "units: [" UNIT("r", "T4", "") "]"),
         SEVERITY_WARNING, "spec.units[0]", "never fits: the quota of r lists neither T4 nor \"*\""},
        {"a series that belongs to the others",
         QUOTA("r", "{gpuModelSeries: \"*\", gpus: 4}") POLICY("p", "units: [" UNIT("r", "T4", "") "]"), 0, NULL,
         NULL},
        {"a quota of nothing",
         QUOTA("r", "{gpuModelSeries: A10, gpus: 0}") POLICY("p", "units: [" UNIT("r", "A10", "") "]"),
         SEVERITY_WARNING, "spec.units[0]", "never fits: the quota of r for A10 is 0"},
        {"a unit that names no region", POLICY("p", "units: [{resource: acs}]"), SEVERITY_WARNING, "spec.units[0]",
         "names no region"},
        {"real nodes need no region", POLICY("p", "units: [{resource: ecs}]"), 0, NULL, NULL},
        {"max 0", A10 POLICY("p", "units: [" UNIT("r", "A10", ", max: 0") "]"), SEVERITY_WARNING, "spec.units[0].max",
         "never fits: max is 0"},
        {"labels and node selector that name two regions",
         A10 POLICY("p", "units: [" UNIT("r", "A10", ", nodeSelector: {topology.kubernetes.io/region: s}") "]"),
         SEVERITY_ERROR, "spec.units[0]", "never fits: podLabels name the region r, nodeSelector s"},
        {"a unit behind one without bounds",
         POLICY("p", "units: [{resource: ecs}, {resource: elastic, podLabels: {a: b}}]"), SEVERITY_WARNING,
         "spec.units[1]", "can hardly be reached: units[0] has no bound"},
        {"a unit behind one with a bound",
         POLICY("p", "units: [{resource: ecs, max: 3}, {resource: elastic, podLabels: {a: b}}]"), 0, NULL, NULL},
        {"a unit that is there twice", A10 POLICY("p", "units: [" UNIT("r", "A10", "") ", " UNIT("r", "A10", "") "]"),
         SEVERITY_WARNING, "spec.units[1]", "can hardly be reached: units[0] is the same"},
        {"a label value with a blank", POLICY("p", "units: [{resource: ecs, podLabels: {a: b c}}]"), SEVERITY_ERROR,
         "spec.units[0].podLabels[a]", "the value \"b c\""},
        {"a label key with two slashes", POLICY("p", "units: [{resource: ecs, podLabels: {a/b/c: d}}]"),
         SEVERITY_ERROR, "spec.units[0].podLabels[a/b/c]", "the key \"a/b/c\""},
        {"a label value of 64 characters",
         POLICY("p", "units: [{resource: ecs, nodeSelector: {a: "
                     "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd}}]"),
         SEVERITY_ERROR, "spec.units[0].nodeSelector[a]", "the value \"abcdefghij"},
        {"an annotation may hold anything", POLICY("p", "units: [{resource: ecs, podAnnotations: {a: b c}}]"), 0,
         NULL, NULL},
        {"an annotation that regionfit writes itself",
         POLICY("p", "units: [{resource: ecs, podAnnotations: {regionfit.io/reservation: a}}]"), SEVERITY_WARNING,
         "spec.units[0].podAnnotations[regionfit.io/reservation]", "has no effect: regionfit writes this annotation"},
        {"the other one", POLICY("p", "units: [{resource: ecs, podAnnotations: {regionfit.io/placement: a}}]"),
         SEVERITY_WARNING, "spec.units[0].podAnnotations[regionfit.io/placement]",
         "has no effect: regionfit writes this annotation"},
        {"a bad key of matchLabelKeys", POLICY("p", "matchLabelKeys: [-a], units: [{resource: ecs}]"), SEVERITY_ERROR,
         "spec.matchLabelKeys[0]", "the key \"-a\""},
        {"two policies that select everything",
         POLICY("p", "units: [{resource: ecs}]") POLICY("q", "units: [{resource: ecs}]"), SEVERITY_WARNING,
         "spec.selector", "overlaps with ResourcePolicy default/p (test.yaml): of two that select a pod the older"},
        {"a policy that selects a part of another's pods",
         POLICY("p", "units: [{resource: ecs}]") POLICY("q", "selector: {a: b}, units: [{resource: ecs}]"),
         SEVERITY_WARNING, "spec.selector",
         "overlaps with ResourcePolicy default/p (test.yaml): of two that select a pod this one"},
        {"policies for other pods",
         POLICY("p", "selector: {a: c}, units: [{resource: ecs}]")
                 POLICY("q", "selector: {a: b}, units: [{resource: ecs}]"),
         0, NULL, NULL},
        {"a label that the workload's selector does not allow",
         POLICY("p",
                "units: [{resource: ecs, podLabels: {a: x}}]") "apiVersion: apps/v1\nkind: Deployment\nmetadata: "
                                                               "{name: d}\nspec: {selector: {matchExpressions: "
                                                               "[{key: a, operator: DoesNotExist}]}, template: "
                                                               "{metadata: {labels: {b: c}}, spec: {containers: "
                                                               "[{name: c, "
                                                               "image: i}]}}}\n---\n",
         SEVERITY_ERROR, "spec.selector", "does not match pods with the label a=x, which units[0]"},
        {"a workload that selects its pods by compute-class",
         DEPLOYMENT("alibabacloud.com/compute-class: gpu", "alibabacloud.com/compute-class: gpu"), SEVERITY_WARNING,
         "spec.selector", "selects pods by alibabacloud.com/compute-class"},
        {"a workload that selects its pods by compute-qos",
         DEPLOYMENT("alibabacloud.com/compute-qos: default", "alibabacloud.com/compute-qos: default"),
         SEVERITY_WARNING, "spec.selector", "selects pods by alibabacloud.com/compute-qos"},
        {"a workload whose pods contradict every unit",
         POLICY("p", "units: [{resource: ecs, podLabels: {a: x}}]") DEPLOYMENT("b: c", "b: c, a: w"),
         SEVERITY_WARNING, "", "its pods' label a=w contradicts every unit of ResourcePolicy default/p"},
        {"a workload whose pods lack a matchLabelKey",
         POLICY("p", "matchLabelKeys: [rev], units: [{resource: ecs}]") DEPLOYMENT("b: c", "b: c"), SEVERITY_ERROR,
         "", "its pods lack the label rev"},
        {"pod-template-hash comes with the ReplicaSet",
         POLICY("p", "matchLabelKeys: [pod-template-hash], units: [{resource: ecs}]") DEPLOYMENT("b: c", "b: c"), 0,
         NULL, NULL},
        {"a workload that two policies select",
         POLICY("p", "selector: {b: c}, units: [{resource: ecs}]")
                 POLICY("q", "selector: {d: e}, units: [{resource: ecs}]") DEPLOYMENT("b: c", "b: c, d: e"),
         SEVERITY_WARNING, "", "is selected by ResourcePolicy p and q"},
        {"a workload that the policy does not select",
         POLICY("p", "selector: {x: w}, units: [{resource: ecs, podLabels: {b: z}}]") DEPLOYMENT("b: c", "b: c"), 0,
         NULL, NULL},
};

static void lint_workloads(const struct manifests *manifests, const struct lint_policy *policies, size_t n,
                           struct diagnostics *diagnostics)
{
        for (size_t i = 0; i < manifests->count; i++)
                if (workload_is(&manifests->items[i]))
                        lint_workload(&manifests->items[i], "default", policies, n, diagnostics);
}

static void lint_text(const char *yaml, struct diagnostics *diagnostics)
{
        struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        struct manifests manifests = MANIFESTS_INIT;
        struct lint_policy policies[4];
        struct catalog *catalog;
        size_t n = 0;

        ck_assert_int_eq(manifests_parse(&manifests, "test.yaml", yaml, strlen(yaml), diagnostics), 0);
        ck_assert_int_eq(catalog_objects_read(&objects, &manifests, diagnostics), 0);
        ck_assert_int_eq(catalog_new(&catalog, &objects, NULL, diagnostics), 0);
        ck_assert_uint_eq(diagnostics->count, 0);
        for (size_t i = 0; i < manifests.count; i++)
                if (!strcmp(manifests.items[i].kind, RESOURCE_POLICY_KIND)) {
                        policies[n] = (struct lint_policy){objects.policies[n], &manifests.items[i]};
                        n++;
                }
        for (size_t i = 0; i < n; i++)
                lint_policy(&policies[i], catalog_quotas(catalog), diagnostics);
        lint_overlaps(policies, n, diagnostics);
        lint_workloads(&manifests, policies, n, diagnostics);
        catalog_unref(catalog);
        catalog_objects_clear(&objects);
        manifests_clear(&manifests);
}

START_TEST(finds)
{
        const struct lint_case *test = &cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        const struct diagnostic *found;

        lint_text(test->yaml, &diagnostics);
        ck_assert_msg(diagnostics.count == (test->path ? 1 : 0), "%s: %zu diagnostics, the first: %s", test->name,
                      diagnostics.count, diagnostics.count ? diagnostics.items[0].message : "");
        if (!test->path)
                return;
        found = &diagnostics.items[0];
        ck_assert_msg(found->severity == test->severity, "%s", test->name);
        ck_assert_str_eq(found->path, test->path);
        ck_assert_msg(!strncmp(found->message, test->message, strlen(test->message)), "%s: %s", test->name,
                      found->message);
        ck_assert_uint_ge(found->line, 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, finds, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("lint", add);
}
