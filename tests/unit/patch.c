/*
 * Patches: RFC 6902 operations and RFC 6901 pointers, worked out by hand from the pod and the unit.
 */
#include "admission/patch.h"

#include "admission/admission.h"
#include "admission/decide.h"
#include "objects.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"

#define POLICY(unit)                                                               \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n" \
        "metadata: {name: p, namespace: default}\nspec: {units: [" unit "]}\n"
#define TOLERATION "{'key': 'virtual-kubelet.io/provider', 'operator': 'Exists', 'effect': 'NoSchedule'}"

/* In expected patches, "ID" stands for the reservation's id. */
static const struct patch_case {
        const char *name;
        const char *objects;
        const char *pod;
        const char *patch;
} cases[] = {
        {"missing maps and lists are added whole", POLICY("{resource: acs, podLabels: {a: b}, nodeSelector: {c: d}}"),
         "{'metadata': {'name': 'x'}, 'spec': {}}",
         "[{'op': 'add', 'path': '/metadata/labels', 'value': {'a': 'b', 'alibabacloud.com/acs': 'true'}},"
         " {'op': 'add', 'path': '/metadata/annotations', 'value': {'regionfit.io/placement': 'default/p#0', "
         "'regionfit.io/reservation': 'ID'}},"
         " {'op': 'add', 'path': '/spec/nodeSelector', 'value': {'c': 'd'}},"
         " {'op': 'add', 'path': '/spec/tolerations', 'value': [" TOLERATION "]}]"},
        {"entries are added to the maps that are there, with escaped keys",
         POLICY("{resource: acs, podLabels: {\"x/y\": b}, podAnnotations: {\"n\": m}, nodeSelector: {c: d}}"),
         "{'metadata': {'name': 'x', 'labels': {'l': 'm'}, 'annotations': {'o': 'p'}}, 'spec': {'nodeSelector': "
         "{'q': "
         "'r'}, 'tolerations': [{'key': 'k'}]}}",
         "[{'op': 'add', 'path': '/metadata/labels/alibabacloud.com~1acs', 'value': 'true'},"
         " {'op': 'add', 'path': '/metadata/labels/x~1y', 'value': 'b'},"
         " {'op': 'add', 'path': '/metadata/annotations/n', 'value': 'm'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'},"
         " {'op': 'add', 'path': '/spec/nodeSelector/c', 'value': 'd'},"
         " {'op': 'add', 'path': '/spec/tolerations/-', 'value': " TOLERATION "}]"},
        {"what the author wrote already is not written again, an annotation of another value neither",
         POLICY("{resource: ecs, podLabels: {a: b}, podAnnotations: {note: m}, nodeSelector: {c: d}}"),
         "{'metadata': {'name': 'x', 'labels': {'a': 'b'}, 'annotations': {'note': 'other'}}, 'spec': "
         "{'nodeSelector': "
         "{'c': 'd'}}}",
         "[{'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'}]"},
        {"a virtual node's taint that is tolerated already is not tolerated twice",
         POLICY("{resource: eci, podLabels: {a: b}}"),
         "{'metadata': {'name': 'x', 'labels': {'a': 'b'}}, 'spec': {'tolerations': [{'operator': 'Exists'}]}}",
         "[{'op': 'add', 'path': '/metadata/annotations', 'value': {'regionfit.io/placement': 'default/p#0', "
         "'regionfit.io/reservation': 'ID'}}]"},
        {"a toleration of another effect does not count", POLICY("{resource: eci}"),
         "{'metadata': {'name': 'x', 'annotations': {}}, 'spec': {'tolerations': [{'key': "
         "'virtual-kubelet.io/provider', 'operator': 'Exists', 'effect': 'NoExecute'}]}}",
         "[{'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'},"
         " {'op': 'add', 'path': '/spec/tolerations/-', 'value': " TOLERATION "}]"},
        {"real nodes need no toleration", POLICY("{resource: ecs, podLabels: {a: b}}"),
         "{'metadata': {'name': 'x', 'labels': {}, 'annotations': {}}, 'spec': {}}",
         "[{'op': 'add', 'path': '/metadata/labels/a', 'value': 'b'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'}]"},
        {"annotations of ours that came with the pod are replaced", POLICY("{resource: ecs}"),
         "{'metadata': {'name': 'x', 'annotations': {'regionfit.io/placement': 'forged', 'regionfit.io/reservation': "
         "'forged'}}, 'spec': {}}",
         "[{'op': 'replace', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'replace', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'}]"},
        {"annotations of ours that a policy names are what regionfit makes of them",
         POLICY("{resource: ecs, podAnnotations: {regionfit.io/placement: forged, regionfit.io/reservation: forged, "
                "note: m}}"),
         "{'metadata': {'name': 'x', 'annotations': {}}, 'spec': {}}",
         "[{'op': 'add', 'path': '/metadata/annotations/note', 'value': 'm'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'}]"},
        {"and so they are where the pod has no annotations",
         POLICY("{resource: ecs, podAnnotations: {regionfit.io/placement: forged, regionfit.io/reservation: "
                "forged}}"),
         "{'metadata': {'name': 'x'}, 'spec': {}}",
         "[{'op': 'add', 'path': '/metadata/annotations', 'value': {'regionfit.io/placement': 'default/p#0', "
         "'regionfit.io/reservation': 'ID'}}]"},
        {"a forged reservation of a pod that no policy selects is emptied",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec: {pools: []}\n",
         "{'metadata': {'name': 'x', 'annotations': {'regionfit.io/reservation': 'forged'}}, 'spec': {}}",
         "[{'op': 'replace', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': ''}]"},
        {"a pod that no policy selects is not patched",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec: {pools: []}\n",
         "{'metadata': {'name': 'x'}, 'spec': {}}", "[]"},
        {"a pod that names its own region gets its reservation and nothing else",
         "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: r}\nspec: {pools: []}\n",
         "{'metadata': {'name': 'x', 'labels': {'alibabacloud.com/serverless-region-id': 'r'}}, 'spec': "
         "{'containers': "
         "[{'resources': {'limits': {'nvidia.com/gpu': 1}}}]}}",
         "[{'op': 'add', 'path': '/metadata/annotations', 'value': {'regionfit.io/reservation': 'ID'}}]"},
        {"the vendor's scheduler stays unless asked for", POLICY("{resource: ecs}"),
         "{'metadata': {'name': 'x', 'annotations': {}}, 'spec': {'schedulerName': 'ack-co-scheduler'}}",
         "[{'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'}]"},
};

/* With --rewrite-scheduler. */
static const struct patch_case rewrite_cases[] = {
        {"the vendor's scheduler is replaced when asked for", POLICY("{resource: ecs}"),
         "{'metadata': {'name': 'x', 'annotations': {}}, 'spec': {'schedulerName': 'ack-co-scheduler'}}",
         "[{'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'},"
         " {'op': 'replace', 'path': '/spec/schedulerName', 'value': 'default-scheduler'}]"},
        {"another scheduler is left alone", POLICY("{resource: ecs}"),
         "{'metadata': {'name': 'x', 'annotations': {}}, 'spec': {'schedulerName': 'volcano'}}",
         "[{'op': 'add', 'path': '/metadata/annotations/regionfit.io~1placement', 'value': 'default/p#0'},"
         " {'op': 'add', 'path': '/metadata/annotations/regionfit.io~1reservation', 'value': 'ID'}]"},
};

/* Decides on `object` and makes the patch. The reservation's id is "ID" in it. */
static json_t *patch_for(const char *objects, json_t *object, bool rewrite_scheduler, bool reserve)
{
        const struct admission_options options = {.gpu_resources = pod_default_gpu_resources};
        const struct decide_options how = {.rewrite_scheduler = rewrite_scheduler};
        struct catalog *catalog = catalog_text(objects);
        struct decision decision = DECISION_INIT;
        struct admission *admission;
        struct pod pod = POD_INIT;
        struct ledger *ledger;
        json_t *patch;

        ck_assert_int_eq(embedded_ledger_new(&ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&admission, ledger, &options, NULL), 0);
        ck_assert_int_eq(admission_use(admission, catalog, NULL), 0);
        pod_from(&pod, object);
        ck_assert_int_eq(decide(&decision, catalog, ledger, &how, &pod, reserve, NULL), 0);
        if (*decision.reservation)
                strcpy(decision.reservation, "ID");
        ck_assert_int_eq(patch_new(&patch, &pod, &decision, &how), 0);
        decision_clear(&decision);
        pod = POD_INIT;
        admission_free(admission);
        ledger_free(ledger);
        catalog_unref(catalog);
        return patch;
}

static void assert_json(const char *name, json_t *have, json_t *want)
{
        char *have_text, *want_text;

        if (json_equal(have, want))
                return;
        have_text = json_dumps(have, JSON_INDENT(1));
        want_text = json_dumps(want, JSON_INDENT(1));
        ck_abort_msg("%s:\nhave %s\nwant %s", name, have_text, want_text);
}

START_TEST(patches)
{
        const struct patch_case *test = &cases[_i];
        json_auto_t *object = json_text(test->pod), *want = json_text(test->patch);
        json_auto_t *patch = patch_for(test->objects, object, false, true);

        assert_json(test->name, patch, want);
}
END_TEST

START_TEST(rewrites_the_scheduler)
{
        const struct patch_case *test = &rewrite_cases[_i];
        json_auto_t *object = json_text(test->pod), *want = json_text(test->patch);
        json_auto_t *patch = patch_for(test->objects, object, true, true);

        assert_json(test->name, patch, want);
}
END_TEST

START_TEST(deciding_again_changes_only_our_annotations)
{
        const struct patch_case *test = &cases[_i];
        json_auto_t *object = json_text(test->pod), *patched = NULL, *again = NULL, *twice = NULL;
        json_auto_t *patch = patch_for(test->objects, object, false, true);

        ck_assert_int_eq(patch_apply(&patched, object, patch), 0);
        again = patch_for(test->objects, patched, false, true);
        ck_assert_int_eq(patch_apply(&twice, patched, again), 0);
        assert_json(test->name, twice, patched);
}
END_TEST

START_TEST(a_dry_run_writes_no_reservation)
{
        json_auto_t *object = json_text("{'metadata': {'name': 'x'}, 'spec': {}}"), *want = NULL;
        json_auto_t *patch = patch_for(POLICY("{resource: ecs}"), object, false, false);

        want = json_text("[{'op': 'add', 'path': '/metadata/annotations', 'value': {'regionfit.io/placement': "
                         "'default/p#0'}}]");
        assert_json("dry run", patch, want);
}
END_TEST

START_TEST(applying_leaves_the_original_alone)
{
        json_auto_t *object = json_text("{'a': {'b/c': '1', 'd~e': '2'}, 'l': []}"), *copy = json_deep_copy(object);
        json_auto_t *patch = json_text("[{'op': 'replace', 'path': '/a/b~1c', 'value': '3'},"
                                       " {'op': 'add', 'path': '/a/d~0e', 'value': '4'},"
                                       " {'op': 'add', 'path': '/l/-', 'value': 5}]");
        json_auto_t *want = json_text("{'a': {'b/c': '3', 'd~e': '4'}, 'l': [5]}"), *patched = NULL;

        ck_assert_int_eq(patch_apply(&patched, object, patch), 0);
        assert_json("patched", patched, want);
        assert_json("original", object, copy);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, patches, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, rewrites_the_scheduler, 0, ARRAY_SIZE(rewrite_cases));
        tcase_add_loop_test(tests, deciding_again_changes_only_our_annotations, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, a_dry_run_writes_no_reservation);
        tcase_add_test(tests, applying_leaves_the_original_alone);
}

int main(void)
{
        return unit_main("patch", add);
}
