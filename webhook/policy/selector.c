/*
 * A selector is a flat list of requirements that must all hold. Plain labels, matchLabels and matchExpressions
 * become the same thing while they are read, so that matching and indexing know only one form.
 *
 * Values are sorted once; a requirement is then one binary search in the labels and one in its values. What
 * Kubernetes would refuse (labels.NewRequirement) is refused here too: a selector that its author cannot have
 * meant must not quietly select nothing.
 */
#include "policy/selector.h"

#include <string.h>

#include "manifest/field.h"
#include "policy/label_syntax.h"
#include "util/labels.h"

struct selector {
        struct requirement *requirements; /* owned */
        size_t count, capacity;
};

static const char *const operator_names[] = {
        [SELECTOR_IN] = "In",
        [SELECTOR_NOT_IN] = "NotIn",
        [SELECTOR_EXISTS] = "Exists",
        [SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
        NULL,
};

static void requirement_clear(struct requirement *requirement)
{
        for (size_t i = 0; i < requirement->n_values; i++)
                free(requirement->values[i]);
        free(requirement->values);
        free(requirement->key);
        *requirement = (struct requirement){0};
}

struct selector *selector_free(struct selector *selector)
{
        if (!selector)
                return NULL;
        for (size_t i = 0; i < selector->count; i++)
                requirement_clear(&selector->requirements[i]);
        free(selector->requirements);
        free(selector);
        return NULL;
}

static int compare_values(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool out_of_memory(const struct field *field)
{
        return field_error(field, "out of memory");
}

/* A new requirement at the end, without values; it counts only once the caller raises selector->count. */
static struct requirement *selector_grow(struct selector *selector)
{
        struct requirement *requirements;
        size_t capacity = selector->capacity ? selector->capacity * 2 : 4;

        if (selector->count == selector->capacity) {
                requirements = reallocarray(selector->requirements, capacity, sizeof(*requirements));
                if (!requirements)
                        return NULL;
                selector->requirements = requirements;
                selector->capacity = capacity;
        }
        selector->requirements[selector->count] = (struct requirement){0};
        return &selector->requirements[selector->count];
}

static bool check_key(const struct field *field, const char *key)
{
        const char *fault = label_key_fault(key);

        return !fault || field_error(field, "the key \"%s\" %s", key, fault);
}

static bool check_value(const struct field *field, const char *value)
{
        const char *fault = label_value_fault(value);

        return !fault || field_error(field, "the value \"%s\" %s", value, fault);
}

/* key In [value] */
static bool read_label(struct selector *selector, const struct field *field, const char *key)
{
        struct requirement *requirement;
        const char *value = NULL;

        if (!field_string(field, &value) || !check_key(field, key))
                return false;
        if (!value)
                return field_must_be(field, "a string");
        if (!check_value(field, value))
                return false;

        requirement = selector_grow(selector);
        if (!requirement)
                return out_of_memory(field);
        selector->count++;
        requirement->key = strdup(key);
        requirement->values = calloc(1, sizeof(*requirement->values));
        if (!requirement->key || !requirement->values)
                return out_of_memory(field);
        requirement->values[0] = strdup(value);
        requirement->n_values = 1;
        return requirement->values[0] || out_of_memory(field);
}

static bool read_labels(struct selector *selector, const struct field *field)
{
        const char *key;
        json_t *value;
        bool good = field_object(field);

        json_object_foreach (field->value, key, value) {
                struct field member = field_member(field, key);

                good &= read_label(selector, &member, key);
        }
        return good;
}

static bool read_values(struct requirement *requirement, const struct field *field)
{
        size_t n = field_count(field);
        bool good = field_array(field);

        requirement->values = calloc(n ? n : 1, sizeof(*requirement->values));
        if (!requirement->values)
                return out_of_memory(field);
        for (size_t i = 0; i < n; i++) {
                struct field item = field_item(field, i);
                const char *value = NULL;

                if (!field_string(&item, &value) || (value && !check_value(&item, value)))
                        return false;
                if (!value)
                        return field_must_be(&item, "a string");
                requirement->values[requirement->n_values] = strdup(value);
                if (!requirement->values[requirement->n_values++])
                        return out_of_memory(&item);
        }
        qsort(requirement->values, n, sizeof(*requirement->values), compare_values);
        return good;
}

static bool check_values(const struct requirement *requirement, const struct field *values)
{
        const char *name = operator_names[requirement->relation];
        bool wants = requirement->relation == SELECTOR_IN || requirement->relation == SELECTOR_NOT_IN;

        if (wants && !requirement->n_values)
                return field_error(values, "must name at least one value for operator %s", name);
        if (!wants && requirement->n_values)
                return field_error(values, "must be empty for operator %s", name);
        return true;
}

static bool read_expression(struct selector *selector, const struct field *field)
{
        static const char *const known[] = {"key", "operator", "values", NULL};
        struct field key = field_member(field, "key");
        struct field relation = field_member(field, "operator");
        struct field values = field_member(field, "values");
        struct requirement *requirement;
        const char *name = NULL;
        int index = -1;

        if (!field_object(field) || !field_string(&key, &name) || !field_enum(&relation, operator_names, &index))
                return false;
        field_warn_unknown(field, known);
        if (!name)
                return field_must_be(&key, "a label key");
        if (index < 0)
                return field_must_be(&relation, "In, NotIn, Exists or DoesNotExist");
        if (!check_key(&key, name))
                return false;

        requirement = selector_grow(selector);
        if (!requirement)
                return out_of_memory(field);
        selector->count++;
        requirement->relation = (enum selector_operator)index;
        requirement->key = strdup(name);
        if (!requirement->key)
                return out_of_memory(field);
        return read_values(requirement, &values) && check_values(requirement, &values);
}

static bool read_expressions(struct selector *selector, const struct field *field)
{
        bool good = field_array(field);

        for (size_t i = 0; i < field_count(field); i++) {
                struct field item = field_item(field, i);

                good &= read_expression(selector, &item);
        }
        return good;
}

/* A member of the selector object: one of the LabelSelector's own, told by its type, or a plain label. */
static bool read_member(struct selector *selector, const struct field *field)
{
        if (!strcmp(field->key, "matchLabels") && !json_is_string(field->value))
                return read_labels(selector, field);
        if (!strcmp(field->key, "matchExpressions") && !json_is_string(field->value))
                return read_expressions(selector, field);
        return read_label(selector, field, field->key);
}

bool selector_read(struct selector **ret, const struct field *field, const struct field *expressions)
{
        _cleanup_(selector_freep) struct selector *selector = calloc(1, sizeof(*selector));
        bool good = field_object(field);
        const char *key;
        json_t *value;

        if (!selector)
                return out_of_memory(field);
        json_object_foreach (field->value, key, value) {
                struct field member = field_member(field, key);

                good &= read_member(selector, &member);
        }
        if (expressions)
                good &= read_expressions(selector, expressions);
        if (good)
                *ret = steal_pointer(&selector);
        return good;
}

size_t selector_count(const struct selector *selector)
{
        return selector->count;
}

const struct requirement *selector_at(const struct selector *selector, size_t i)
{
        return &selector->requirements[i];
}

static bool has_value(const struct requirement *requirement, const char *value)
{
        return bsearch(&value, requirement->values, requirement->n_values, sizeof(*requirement->values),
                       compare_values);
}

bool requirement_match(const struct requirement *requirement, const char *value)
{
        switch (requirement->relation) {
        case SELECTOR_IN:
                return value && has_value(requirement, value);
        case SELECTOR_NOT_IN:
                return !value || !has_value(requirement, value);
        case SELECTOR_EXISTS:
                return value;
        case SELECTOR_DOES_NOT_EXIST:
                return !value;
        }
        return false;
}

bool selector_match(const struct selector *selector, const struct labels *labels)
{
        for (size_t i = 0; i < selector->count; i++) {
                const struct requirement *requirement = &selector->requirements[i];

                if (!requirement_match(requirement, labels_get(labels, requirement->key)))
                        return false;
        }
        return true;
}
