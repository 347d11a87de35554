/*
 * Answers the oracle's cases with our own code, and tells where the two differ.
 *
 *     oracle quantities | compare quantities
 *
 * One JSON object a line comes in (tests/golden/oracle says what is in it); a line goes out for each difference, and
 * the exit status is 1 if there was one. What Kubernetes itself leaves open is not compared: quantities of more than
 * 2^63-1 units.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/pod.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "manifest/yaml.h"
#include "policy/selector.h"
#include "quota/quantity.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/labels.h"

static bool wanted(const json_t *test, const char *key)
{
        return json_is_true(json_object_get(test, key));
}

/* A number of any length, in units of 1e-9. */
static quantity_nano nano(const json_t *value)
{
        const char *digits = json_string_value(value);
        bool negative = *digits == '-';
        quantity_nano result = 0;

        for (digits += negative; *digits; digits++)
                result = result * 10 + (*digits - '0');
        return negative ? -result : result;
}

static bool same_quantity(const json_t *test)
{
        struct quantity quantity;

        if (quantity_parse(&quantity, json_string_value(json_object_get(test, "text"))) < 0)
                return !wanted(test, "valid");
        return wanted(test, "valid") &&
               (wanted(test, "huge") || quantity.nano == nano(json_object_get(test, "nano")));
}

static bool same_selector(const json_t *test)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(selector_freep) struct selector *selector = NULL;
        _cleanup_(labels_freep) struct labels *labels = NULL;
        struct field selector_field = field_root(json_object_get(test, "selector"), NULL, &diagnostics);
        struct field labels_field = field_root(json_object_get(test, "labels"), NULL, &diagnostics);
        struct field expressions = field_root(NULL, NULL, &diagnostics);

        if (!field_labels(&labels_field, &labels))
                return false;
        if (!selector_read(&selector, &selector_field, &expressions))
                return !wanted(test, "valid");
        return wanted(test, "valid") && selector_match(selector, labels) == wanted(test, "match");
}

/* A resource that is missing asks for as much as one of 0. */
static quantity_nano request(const struct pod *pod, const char *name)
{
        const struct quantity *quantity = resources_find(&pod->requests, name);

        return quantity ? quantity->nano : 0;
}

static bool same_requests(const json_t *test)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        struct pod pod = POD_INIT;
        struct field root = field_root(json_object_get(test, "pod"), NULL, &diagnostics);
        json_t *requests = json_object_get(test, "requests"), *value;
        const char *name;

        if (!pod_read(&pod, &root, "default", pod_default_gpu_resources, &arena))
                return !wanted(test, "valid");
        json_object_foreach (requests, name, value)
                if (request(&pod, name) != nano(value))
                        return false;
        return wanted(test, "valid") && pod.requests.count <= json_object_size(requests);
}

/* As json_equal(), but 1 and 1.0 are the same number, as they are in Go's JSON. */
static bool same_json(const json_t *a, const json_t *b)
{
        const char *key;
        json_t *member;
        size_t i;

        if (json_is_number(a) && json_is_number(b))
                return json_number_value(a) == json_number_value(b);
        if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
                json_array_foreach (a, i, member)
                        if (!same_json(member, json_array_get(b, i)))
                                return false;
                return true;
        }
        if (json_is_object(a) && json_is_object(b) && json_object_size(a) == json_object_size(b)) {
                json_object_foreach ((json_t *)a, key, member)
                        if (!same_json(member, json_object_get(b, key)))
                                return false;
                return true;
        }
        return json_equal(a, b);
}

static bool same_yaml(const json_t *test)
{
        json_auto_t *documents = NULL;
        const char *text = json_string_value(json_object_get(test, "yaml"));
        const json_t *json = json_object_get(test, "json");

        if (yaml_parse(&documents, text, strlen(text), NULL) < 0)
                return !wanted(test, "valid") || wanted(test, "duplicate") || wanted(test, "fraction");
        if (!wanted(test, "valid") || wanted(test, "duplicate"))
                return false;
        return json_array_size(documents) ? same_json(json_array_get(documents, 0), json) : json_is_null(json);
}

static const struct kind {
        const char *name;
        bool (*same)(const json_t *test);
} kinds[] = {
        {"quantities", same_quantity},
        {"requests", same_requests},
        {"selectors", same_selector},
        {"yaml", same_yaml},
};

static const struct kind *find_kind(const char *name)
{
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
                if (!strcmp(kinds[i].name, name))
                        return &kinds[i];
        return NULL;
}

int main(int argc, char **argv)
{
        const struct kind *kind = argc == 2 ? find_kind(argv[1]) : NULL;
        _cleanup_(freep) char *line = NULL;
        size_t size = 0, n_cases = 0, n_differences = 0;
        ssize_t length;

        if (!kind) {
                fprintf(stderr, "usage: compare quantities|requests|selectors|yaml < CASES\n");
                return 2;
        }
        while ((length = getline(&line, &size, stdin)) > 0) {
                json_auto_t *test = json_loadb(line, (size_t)length, JSON_ALLOW_NUL, NULL);

                n_cases++;
                if (!test || !kind->same(test)) {
                        n_differences++;
                        printf("differs: %s", line);
                }
        }
        printf("%zu cases, %zu differences\n", n_cases, n_differences);
        return n_cases == 0 || n_differences ? EXIT_FAILURE : EXIT_SUCCESS;
}
