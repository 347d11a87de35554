/*
 * Policies are filed by one thing that a pod must have for them to match: namespace and one label (key and value of
 * an In requirement, or the key of an Exists one). A pod looks up its own labels, so what it costs depends on its
 * labels and on the policies that share one with it, not on how many policies there are; a label whose key no policy
 * of the namespace asks for costs one look.
 *
 * A policy is filed once for each value of the requirement with the fewest values. One whose requirements all
 * hold for missing keys (NotIn, DoesNotExist, or none at all) is filed under the namespace alone. What is found
 * is a candidate; selector_match() decides. One policy is met at most once: a pod has one value for a key.
 *
 * Keys of the tables are borrowed from the policies.
 */
#include "policy/index.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "policy/resource_policy.h"
#include "policy/selector.h"
#include "util/labels.h"
#include "util/map.h"

/* Policies that are filed under the same thing. */
struct bucket {
        const struct resource_policy **policies; /* owned array, borrowed policies */
        size_t count, capacity;
};

struct label_value {
        struct bucket policies;
        UT_hash_handle hh;
};

struct label_key {
        struct bucket any;          /* policies for whatever value */
        struct label_value *values; /* owned */
        UT_hash_handle hh;
};

struct scope {
        struct bucket all;      /* policies for whatever labels */
        struct label_key *keys; /* owned */
        UT_hash_handle hh;
};

struct policy_index {
        struct scope *scopes;              /* owned; by namespace */
        struct resource_policy **policies; /* owned references, by namespace and name */
        size_t count;
};

static void label_key_free(struct label_key *key)
{
        struct label_value *value, *next;

        HASH_ITER (hh, key->values, value, next) {
                HASH_DEL(key->values, value);
                free(value->policies.policies);
                free(value);
        }
        free(key->any.policies);
        free(key);
}

static void scope_free(struct scope *scope)
{
        struct label_key *key, *next;

        HASH_ITER (hh, scope->keys, key, next) {
                HASH_DEL(scope->keys, key);
                label_key_free(key);
        }
        free(scope->all.policies);
        free(scope);
}

struct policy_index *policy_index_free(struct policy_index *index)
{
        struct scope *scope, *next;

        if (!index)
                return NULL;
        HASH_ITER (hh, index->scopes, scope, next) {
                HASH_DEL(index->scopes, scope);
                scope_free(scope);
        }
        for (size_t i = 0; i < index->count; i++)
                resource_policy_unref(index->policies[i]);
        free(index->policies);
        free(index);
        return NULL;
}

/* The item of a table with this name, made where there is none; NULL where memory ran out. */
#define GET_ITEM(table, name, item)                                                   \
        do {                                                                          \
                HASH_FIND_STR(table, name, item);                                     \
                if (!(item)) {                                                        \
                        (item) = calloc(1, sizeof(*(item)));                          \
                        if (item)                                                     \
                                HASH_ADD_KEYPTR(hh, table, name, strlen(name), item); \
                        if ((item) && !(item)->hh.tbl)                                \
                                free(steal_pointer(&(item)));                         \
                }                                                                     \
        } while (0)

/* The bucket for a label; `label` and `value` may be NULL: then it is for any. */
static struct bucket *get_bucket(struct policy_index *index, const char *namespace, const char *label,
                                 const char *value)
{
        struct scope *scope = NULL;
        struct label_key *key = NULL;
        struct label_value *found = NULL;

        GET_ITEM(index->scopes, namespace, scope);
        if (!scope || !label)
                return scope ? &scope->all : NULL;
        GET_ITEM(scope->keys, label, key);
        if (!key || !value)
                return key ? &key->any : NULL;
        GET_ITEM(key->values, value, found);
        return found ? &found->policies : NULL;
}

static int bucket_add(struct bucket *bucket, const struct resource_policy *policy)
{
        const struct resource_policy **policies;
        size_t capacity = bucket->capacity ? bucket->capacity * 2 : 1;

        if (bucket->count == bucket->capacity) {
                policies = reallocarray(bucket->policies, capacity, sizeof(*policies));
                if (!policies)
                        return -ENOMEM;
                bucket->policies = policies;
                bucket->capacity = capacity;
        }
        bucket->policies[bucket->count++] = policy;
        return 0;
}

static int file_under(struct policy_index *index, const struct resource_policy *policy, const char *label,
                      const char *value)
{
        struct bucket *bucket = get_bucket(index, policy->namespace, label, value);

        return bucket ? bucket_add(bucket, policy) : -ENOMEM;
}

static bool tells_more(const struct requirement *requirement, const struct requirement *than)
{
        if (requirement->relation == SELECTOR_EXISTS)
                return !than;
        return requirement->relation == SELECTOR_IN &&
               (!than || than->relation == SELECTOR_EXISTS || requirement->n_values < than->n_values);
}

/* The requirement to file a policy under: In with the fewest values, else Exists, else NULL. */
static const struct requirement *most_telling(const struct selector *selector)
{
        const struct requirement *best = NULL;

        for (size_t i = 0; i < selector_count(selector); i++)
                if (tells_more(selector_at(selector, i), best))
                        best = selector_at(selector, i);
        return best;
}

static int index_add(struct policy_index *index, const struct resource_policy *policy)
{
        const struct requirement *requirement = most_telling(policy->selector);
        int r = 0;

        if (!requirement)
                return file_under(index, policy, NULL, NULL);
        if (requirement->relation == SELECTOR_EXISTS)
                return file_under(index, policy, requirement->key, NULL);
        for (size_t i = 0; i < requirement->n_values && r >= 0; i++)
                if (!i || strcmp(requirement->values[i - 1], requirement->values[i]))
                        r = file_under(index, policy, requirement->key, requirement->values[i]);
        return r;
}

static int compare_names(const void *a, const void *b)
{
        const struct resource_policy *x = *(struct resource_policy *const *)a,
                                     *y = *(struct resource_policy *const *)b;
        int order = strcmp(x->namespace, y->namespace);

        return order ? order : strcmp(x->name, y->name);
}

int policy_index_new(struct policy_index **ret, struct resource_policy *const *policies, size_t n)
{
        _cleanup_(policy_index_freep) struct policy_index *index = calloc(1, sizeof(*index));
        int r;

        if (!index)
                return -ENOMEM;
        index->policies = calloc(n ? n : 1, sizeof(struct resource_policy *));
        if (!index->policies)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                index->policies[index->count++] = resource_policy_ref(policies[i]);
        qsort(index->policies, n, sizeof(struct resource_policy *), compare_names);
        for (size_t i = 0; i < n; i++) {
                r = index_add(index, index->policies[i]);
                if (r < 0)
                        return r;
        }
        *ret = steal_pointer(&index);
        return 0;
}

size_t policy_index_count(const struct policy_index *index)
{
        return index->count;
}

const struct resource_policy *policy_index_at(const struct policy_index *index, size_t i)
{
        return index->policies[i];
}

const struct resource_policy *policy_index_get(const struct policy_index *index, const char *namespace,
                                               const char *name, size_t name_length)
{
        size_t low = 0, high = index->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct resource_policy *policy = index->policies[middle];
                int order = strcmp(namespace, policy->namespace);

                if (!order)
                        order = strncmp(name, policy->name, name_length);
                if (!order && !policy->name[name_length])
                        return policy;
                if (order <= 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

void policy_matches_clear(struct policy_matches *matches)
{
        if (matches->items != matches->few)
                free(matches->items);
        matches->items = NULL;
        matches->count = matches->capacity = 0;
}

/* The first few need nothing of the heap. */
static int matches_grow(struct policy_matches *matches)
{
        bool on_heap = matches->items && matches->items != matches->few;
        size_t capacity = matches->items ? 2 * matches->capacity : POLICY_MATCHES_FEW;
        const struct resource_policy **items = matches->few;

        if (matches->items)
                items = reallocarray(on_heap ? matches->items : NULL, capacity, sizeof(*items));
        if (!items)
                return -ENOMEM;
        if (matches->items && !on_heap)
                memcpy(items, matches->few, sizeof(matches->few));
        matches->items = items;
        matches->capacity = capacity;
        return 0;
}

static int matches_add(struct policy_matches *matches, const struct resource_policy *policy)
{
        if (matches->count == matches->capacity && matches_grow(matches) < 0)
                return -ENOMEM;
        matches->items[matches->count++] = policy;
        return 0;
}

static int add_from_bucket(const struct bucket *bucket, const struct labels *labels, struct policy_matches *matches)
{
        int r = 0;

        for (size_t i = 0; i < bucket->count && r >= 0; i++)
                if (selector_match(bucket->policies[i]->selector, labels))
                        r = matches_add(matches, bucket->policies[i]);
        return r;
}

static int add_by_label(const struct scope *scope, struct label label, const struct labels *labels,
                        struct policy_matches *matches)
{
        const struct label_value *value;
        const struct label_key *key;
        int r;

        HASH_FIND_STR(scope->keys, label.key, key);
        if (!key)
                return 0;
        r = add_from_bucket(&key->any, labels, matches);
        if (r < 0)
                return r;
        HASH_FIND_STR(key->values, label.value, value);
        return value ? add_from_bucket(&value->policies, labels, matches) : 0;
}

static int compare_precedence(const void *a, const void *b)
{
        const struct resource_policy *x = *(const struct resource_policy *const *)a;
        const struct resource_policy *y = *(const struct resource_policy *const *)b;
        size_t terms_x = selector_count(x->selector), terms_y = selector_count(y->selector);

        if (terms_x != terms_y)
                return terms_x > terms_y ? -1 : 1;
        if (x->created_at != y->created_at) {
                if (!x->created_at || !y->created_at)
                        return x->created_at ? -1 : 1;
                return x->created_at < y->created_at ? -1 : 1;
        }
        return strcmp(x->name, y->name);
}

int policy_index_find(const struct policy_index *index, const char *namespace, const struct labels *labels,
                      struct policy_matches *ret)
{
        const struct scope *scope;
        int r;

        HASH_FIND_STR(index->scopes, namespace, scope);
        if (!scope)
                return 0;
        r = add_from_bucket(&scope->all, labels, ret);
        for (size_t i = 0; i < labels_count(labels) && r >= 0; i++)
                r = add_by_label(scope, labels_at(labels, i), labels, ret);
        if (r < 0) {
                policy_matches_clear(ret);
                return r;
        }
        if (ret->count > 1)
                qsort(ret->items, ret->count, sizeof(*ret->items), compare_precedence);
        return 0;
}
