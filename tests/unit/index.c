/*
 * The index finds what a look at every policy would find, in the order of precedence.
 */
#include "policy/index.h"

#include "objects.h"
#include "policy/resource_policy.h"
#include "policy/selector.h"

static const struct sample {
        const char *namespace, *name, *spec;
} samples[] = {
        {"left", "all", "selector: {}"},
        {"left", "app-a", "selector: {app: a}"},
        {"left", "app-a-tier-b", "selector: {app: a, tier: b}"},
        {"left", "in", "matchExpressions: [{key: app, operator: In, values: [a, c]}]"},
        {"left", "not-in", "matchExpressions: [{key: app, operator: NotIn, values: [a]}]"},
        {"left", "exists", "matchExpressions: [{key: tier, operator: Exists}]"},
        {"left", "missing", "matchExpressions: [{key: app, operator: DoesNotExist}]"},
        {"right", "elsewhere", "selector: {}"},
        {"twice", "twice", "matchExpressions: [{key: app, operator: In, values: [a, a, b]}]"},
};

static void write_policy(FILE *stream, const struct sample *sample)
{
        fprintf(stream,
                "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
                "metadata: {name: %s, namespace: %s}\nspec: {%s, units: [{resource: ecs}]}\n---\n",
                sample->name, sample->namespace, sample->spec);
}

static struct catalog *sample_catalog(void)
{
        struct catalog *catalog;
        char *yaml;
        size_t size;
        FILE *stream = open_memstream(&yaml, &size);

        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                write_policy(stream, &samples[i]);
        fclose(stream);
        catalog = catalog_text(yaml);
        free(yaml);
        return catalog;
}

static const struct find_case {
        const char *name;
        const char *namespace;
        struct label labels[3];
        const char *found; /* names, in order, each with a space behind it */
} cases[] = {
        {"a pod without labels", "left", {{0}}, "missing not-in all "},
        {"one label", "left", {{"app", "a"}}, "app-a in all "},
        {"two labels: the most terms come first",
         "left",
         {{"app", "a"}, {"tier", "b"}},
         "app-a-tier-b app-a exists in all "},
        {"another value of In", "left", {{"app", "c"}}, "in not-in all "},
        {"a key that has only to exist", "left", {{"tier", "x"}}, "exists missing not-in all "},
        {"another namespace", "right", {{"app", "a"}}, "elsewhere "},
        {"a namespace without policies", "o", {{"app", "a"}}, ""},
        {"a policy with several values of a key is found once", "twice", {{"app", "a"}}, "twice "},
};

START_TEST(finds)
{
        const struct find_case *test = &cases[_i];
        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
        _cleanup_(labels_freep) struct labels *labels = NULL;
        struct catalog *catalog = sample_catalog();
        char found[256] = "";
        size_t n = 0;

        while (test->labels[n].key)
                n++;
        ck_assert_int_eq(labels_new(&labels, test->labels, n), 0);
        ck_assert_int_eq(policy_index_find(catalog_policies(catalog), test->namespace, labels, &matches), 0);
        for (size_t i = 0; i < matches.count; i++) {
                strcat(found, matches.items[i]->name);
                strcat(found, " ");
        }
        /* Of one number of terms and no age, the name decides. */
        ck_assert_msg(!strcmp(found, test->found), "%s: %s", test->name, found);
        catalog_unref(catalog);
}
END_TEST

START_TEST(gets_a_policy_by_name)
{
        struct catalog *catalog = sample_catalog();
        const struct policy_index *index = catalog_policies(catalog);

        ck_assert_str_eq(policy_index_get(index, "left", "app-a#1", 5)->name, "app-a");
        ck_assert_str_eq(policy_index_get(index, "left", "app-a-tier-b", 12)->name, "app-a-tier-b");
        ck_assert_str_eq(policy_index_get(index, "right", "elsewhere", 9)->namespace, "right");
        ck_assert_ptr_null(policy_index_get(index, "left", "app", 3));
        ck_assert_ptr_null(policy_index_get(index, "o", "all", 3));
        for (size_t i = 0; i < policy_index_count(index); i++) {
                const struct resource_policy *policy = policy_index_at(index, i);

                ck_assert_ptr_eq(policy_index_get(index, policy->namespace, policy->name, strlen(policy->name)),
                                 policy);
        }
        catalog_unref(catalog);
}
END_TEST

/* A selector of up to three terms over three keys of three values. */
static void random_spec(char *text, size_t size)
{
        static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
        size_t length = (size_t)snprintf(text, size, "matchExpressions: [");

        for (int i = rand() % 4; i > 0; i--) {
                int relation = rand() % 4;

                length += (size_t)snprintf(text + length, size - length, "{key: k%d, operator: %s%s}%s", rand() % 3,
                                           operators[relation],
                                           relation > 1 ? ""
                                           : rand() % 2 ? ", values: [a]"
                                                        : ", values: [b, c]",
                                           i > 1 ? ", " : "");
        }
        snprintf(text + length, size - length, "]");
}

static struct catalog *random_catalog(size_t n)
{
        struct catalog *catalog;
        char *yaml, name[16], spec[256];
        size_t size;
        FILE *stream = open_memstream(&yaml, &size);

        for (size_t i = 0; i < n; i++) {
                random_spec(spec, sizeof(spec));
                snprintf(name, sizeof(name), "p%zu", i);
                write_policy(stream, &(struct sample){rand() % 2 ? "left" : "right", name, spec});
        }
        fclose(stream);
        catalog = catalog_text(yaml);
        free(yaml);
        return catalog;
}

static size_t count_matches(const struct policy_index *index, const char *namespace, const struct labels *labels)
{
        size_t count = 0;

        for (size_t i = 0; i < policy_index_count(index); i++) {
                const struct resource_policy *policy = policy_index_at(index, i);

                count += !strcmp(policy->namespace, namespace) && selector_match(policy->selector, labels);
        }
        return count;
}

START_TEST(finds_what_a_look_at_every_policy_finds)
{
        static const char *const keys[] = {"k0", "k1", "k2"}, *const values[] = {"a", "b", "c", "d"};
        struct catalog *catalog = random_catalog(300);
        const struct policy_index *index = catalog_policies(catalog);

        for (int round = 0; round < 500; round++) {
                _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
                _cleanup_(labels_freep) struct labels *labels = NULL;
                struct label pairs[3];
                size_t n = (size_t)(rand() % 4);

                for (size_t i = 0; i < n; i++)
                        pairs[i] = (struct label){keys[rand() % 3], values[rand() % 4]};
                ck_assert_int_eq(labels_new(&labels, pairs, n), 0);
                ck_assert_int_eq(policy_index_find(index, "left", labels, &matches), 0);
                ck_assert_uint_eq(matches.count, count_matches(index, "left", labels));
                for (size_t i = 0; i < matches.count; i++)
                        ck_assert(selector_match(matches.items[i]->selector, labels));
        }
        catalog_unref(catalog);
}
END_TEST

START_TEST(as_many_as_there_are_are_found)
{
        struct catalog *catalog = random_catalog(300);
        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
        const struct policy_index *index = catalog_policies(catalog);
        size_t n = count_matches(index, "left", NULL);

        ck_assert_uint_gt(n, 2 * POLICY_MATCHES_FEW);
        ck_assert_int_eq(policy_index_find(index, "left", NULL, &matches), 0);
        ck_assert_uint_eq(matches.count, n);
        for (size_t i = 1; i < matches.count; i++)
                ck_assert_ptr_ne(matches.items[i - 1], matches.items[i]);
        catalog_unref(catalog);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, finds, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, finds_what_a_look_at_every_policy_finds);
        tcase_add_test(tests, gets_a_policy_by_name);
        tcase_add_test(tests, as_many_as_there_are_are_found);
}

int main(void)
{
        return unit_main("index", add);
}
