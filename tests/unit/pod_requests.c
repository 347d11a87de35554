/*
 * What a pod asks for, by the formulas of KEP-753 (sidecars), KEP-2837 (pod-level resources) and KEP-688 (overhead).
 * tests/golden compares thousands of pods with Kubernetes' own code; these are the ones to read.
 */
#include "admission/pod_requests.h"

#include "json.h"
#include "manifest/field.h"
#include "quota/resources.h"
#include "util/arena.h"

#define GPUS(n) "{'resources': {'limits': {'nvidia.com/gpu': '" #n "'}}}"
#define SIDECAR(n) "{'restartPolicy': 'Always', 'resources': {'limits': {'nvidia.com/gpu': '" #n "'}}}"

static const struct requests_case {
        const char *name;
        const char *spec;
        const char *resource;
        const char *wanted; /* "": none */
} cases[] = {
        {"the containers are summed up", "{'containers': [" GPUS(1) ", " GPUS(2) "]}", "nvidia.com/gpu", "3"},
        {"the largest init container, where it asks for more",
         "{'initContainers': [" GPUS(4) ", " GPUS(2) "], "
                                                     "'containers': [" GPUS(1) "]}",
         "nvidia.com/gpu", "4"},
        {"not the init containers, where the containers ask for more",
         "{'initContainers': [" GPUS(2) "], "
                                        "'containers': [" GPUS(1) ", " GPUS(2) "]}",
         "nvidia.com/gpu", "3"},
        {"a sidecar runs beside the containers", "{'initContainers': [" SIDECAR(1) "], 'containers': [" GPUS(2) "]}",
         "nvidia.com/gpu", "3"},
        {"a sidecar runs beside the init containers after it",
         "{'initContainers': [" SIDECAR(1) ", " GPUS(3) "], "
                                                        "'containers': [" GPUS(1) "]}",
         "nvidia.com/gpu", "4"},
        {"a sidecar does not run beside the init containers before it",
         "{'initContainers': [" GPUS(3) ", " SIDECAR(1) "], 'containers': [" GPUS(1) "]}", "nvidia.com/gpu", "3"},
        {"a request is taken before its limit",
         "{'containers': [{'resources': {'requests': {'cpu': '1'}, "
         "'limits': {'cpu': '4'}}}]}",
         "cpu", "1"},
        {"a missing request is the limit", "{'containers': [{'resources': {'limits': {'cpu': '4'}}}]}", "cpu", "4"},
        {"numbers need no quotes", "{'containers': [{'resources': {'limits': {'cpu': 2}}}]}", "cpu", "2"},
        {"what is finer than 1m is stored as 1m", "{'containers': [{'resources': {'requests': {'cpu': '100u'}}}]}",
         "cpu", "0.001"},
        {"pod-level requests win for cpu",
         "{'resources': {'requests': {'cpu': '1'}}, "
         "'containers': [{'resources': {'requests': {'cpu': '3'}}}]}",
         "cpu", "1"},
        {"pod-level requests do not count for GPUs",
         "{'resources': {'requests': {'nvidia.com/gpu': '8'}}, "
         "'containers': [" GPUS(1) "]}",
         "nvidia.com/gpu", "1"},
        {"a pod-level limit stands in where no container asks",
         "{'resources': {'limits': {'cpu': '4'}}, "
         "'containers': [{}]}",
         "cpu", "4"},
        {"and not where one does",
         "{'resources': {'limits': {'cpu': '4'}}, "
         "'containers': [{'resources': {'requests': {'cpu': '2'}}}]}",
         "cpu", "2"},
        {"overhead is added",
         "{'overhead': {'cpu': '250m'}, 'containers': [{'resources': {'limits': {'cpu': '1'}}}]}", "cpu", "1.25"},
        {"overhead is added to pod-level requests too",
         "{'overhead': {'cpu': '1'}, "
         "'resources': {'requests': {'cpu': '2'}}, 'containers': [{}]}",
         "cpu", "3"},
        {"nothing is asked for", "{'containers': [{}]}", "nvidia.com/gpu", ""},
        {"there are no containers", "{}", "nvidia.com/gpu", ""},
};

START_TEST(adds_up)
{
        const struct requests_case *test = &cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct resources requests = RESOURCES_IN(&arena);
        json_auto_t *spec = json_text(test->spec);
        struct field root = field_root(spec, NULL, &diagnostics);
        char text[QUANTITY_TEXT_MAX] = "";
        const struct quantity *found;

        ck_assert_msg(pod_requests_read(&requests, &root), "%s", test->name);
        found = resources_find(&requests, test->resource);
        if (found)
                quantity_format(*found, text);
        ck_assert_msg(!strcmp(text, test->wanted), "%s: %s", test->name, text);
}
END_TEST

static const struct fault_case {
        const char *name, *spec, *path;
} faults[] = {
        {"containers that are a map", "{'containers': {}}", "containers"},
        {"a container that is a string", "{'containers': ['x']}", "containers[0]"},
        {"a quantity that is none", "{'containers': [{}, {'resources': {'limits': {'cpu': 'x'}}}]}",
         "containers[1].resources.limits.cpu"},
        {"a quantity that is a list", "{'initContainers': [{'resources': {'requests': {'cpu': []}}}]}",
         "initContainers[0].resources.requests.cpu"},
        {"limits that are a list", "{'resources': {'limits': []}}", "resources.limits"},
        {"an overhead that is no quantity", "{'overhead': {'cpu': true}}", "overhead.cpu"},
        {"a restart policy that is a number", "{'initContainers': [{'restartPolicy': 1}]}",
         "initContainers[0].restartPolicy"},
};

START_TEST(names_what_is_wrong)
{
        const struct fault_case *test = &faults[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct resources requests = RESOURCES_IN(&arena);
        json_auto_t *spec = json_text(test->spec);
        struct field root = field_root(spec, NULL, &diagnostics);

        ck_assert_msg(!pod_requests_read(&requests, &root), "%s", test->name);
        ck_assert_uint_eq(diagnostics.n_errors, 1);
        ck_assert_str_eq(diagnostics.items[0].path, test->path);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, adds_up, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, names_what_is_wrong, 0, ARRAY_SIZE(faults));
}

int main(void)
{
        return unit_main("pod_requests", add);
}
