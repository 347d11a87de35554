/*
 * What a status looks like to a person and to a script.
 */
#include "cli/status_forms.h"

#include "json.h"
#include "util/cleanup.h"

static const char *const full =
        "{'pools': [{'region': 'cn-beijing', 'gpuModelSeries': 'GU8TF', 'limit': 16, 'used': 6, 'reserved': 2, "
        "'remaining': 8}, {'region': 'cn-hangzhou', 'gpuModelSeries': '*', 'limit': null, 'used': 1, 'reserved': 0, "
        "'remaining': null}],"
        "'policies': [{'namespace': 'default', 'name': 'p', 'units': ["
        "{'unit': 0, 'resource': 'acs', 'region': 'cn-beijing', 'gpuModelSeries': 'GU8TF', 'group': {'app': 'a'}, "
        "'pods': 3, 'max': 5, 'resources': [{'name': 'cpu', 'used': '1.5', 'limit': '4'}, {'name': 'memory', 'used': "
        "'0', 'limit': '8'}]},"
        "{'unit': 1, 'resource': 'ecs', 'region': '', 'gpuModelSeries': '', 'group': {}, 'pods': 0, 'max': null, "
        "'resources': []}]}],"
        "'replicas': [{'namespace': 'system', 'identity': 'regionfit-0', 'leader': true, 'version': '0.1.0', 'age': "
        "2, "
        "'lag': 0}, {'namespace': 'system', 'identity': 'regionfit-1', 'leader': false, 'version': '0.1.0', 'age': "
        "1, "
        "'lag': null}],"
        "'faults': [{'object': 'default/q', 'field': 'spec.units', 'message': 'must list at least one unit'}]}";

static const char *const full_table =
        "REGION        SERIES   LIMIT   USED   RESERVED   REMAINING\n"
        "cn-beijing    GU8TF    16      6      2          8\n"
        "cn-hangzhou   *        -       1      0          -\n"
        "\n"
        "POLICY      UNIT   WHERE                  GROUP   PODS   MAX   RESOURCES\n"
        "default/p   0      acs cn-beijing/GU8TF   app=a   3      5     cpu 1.5/4, memory 0/8\n"
        "            1      ecs                            0      -\n"
        "\n"
        "NAMESPACE   REPLICA       LEADER   VERSION   RENEWED   LAG\n"
        "system      regionfit-0   yes      0.1.0     2s ago    0\n"
        "system      regionfit-1            0.1.0     1s ago    -\n"
        "\n"
        "MALFORMED   FIELD        WHAT IS WRONG\n"
        "default/q   spec.units   must list at least one unit\n";

static const char *const empty = "{'pools': [], 'policies': [], 'replicas': [], 'faults': []}";

static const struct form_case {
        const char *name;
        const char *form;
        const char *const *status;
        const char *output;
} cases[] = {
        {"tables, one below the other", "table", &full, NULL},
        {"what there is none of is said in a line", "table", &empty,
         "no pools: there is no RegionQuota\n\nno policies: there is no ResourcePolicy\n\n"
         "no replicas: regionfit does not serve in this cluster\n"},
        {"YAML is a document", "yaml", &empty, "---\nfaults: []\npolicies: []\npools: []\nreplicas: []\n"},
        {"JSON is an object", "json", &empty,
         "{\n  \"pools\": [],\n  \"policies\": [],\n  \"replicas\": [],\n  \"faults\": []\n}\n"},
};

START_TEST(a_form_shows_a_status)
{
        const struct form_case *test = &cases[_i];
        json_auto_t *status = json_text(*test->status);
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_int_eq(status_form_find(test->form)->show(stream, status), 0);
        ck_assert_int_eq(fclose(stream), 0);
        ck_assert_msg(!strcmp(text, test->output ? test->output : full_table), "%s:\n%s", test->name, text);
}
END_TEST

START_TEST(there_are_no_other_forms)
{
        ck_assert_ptr_null(status_form_find("wide"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, a_form_shows_a_status, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, there_are_no_other_forms);
}

int main(void)
{
        return unit_main("status_forms", add);
}
