/*
 * Policies are filed by one thing that a pod must have for them to match: namespace and one label ("key=value"
 * of an In requirement, or "key" of an Exists one). A pod looks up its own labels, so what it costs depends on
 * its labels and on the policies that share one with it, not on how many policies there are.
 *
 * A policy is filed once for each value of the requirement with the fewest values. One whose requirements all
 * hold for missing keys (NotIn, DoesNotExist, or none at all) is filed under the namespace alone. What is found
 * is a candidate; selector_match() decides. One policy is met at most once: a pod has one value for a key.
 */
#include "policy/index.h"

#include <errno.h>
#include <string.h>

#include "policy/resource_policy.h"
#include "policy/selector.h"
#include "util/labels.h"
#include "util/map.h"

struct bucket {
        char *key; /* owned; the parts of bucket_key(), with their NULs */
        size_t key_size;
        const struct resource_policy **policies; /* owned array, borrowed policies */
        size_t count, capacity;
        UT_hash_handle hh;
};

struct policy_index {
        struct bucket *buckets;            /* owned */
        struct resource_policy **policies; /* owned references, by namespace and name */
        size_t count;
};

static void bucket_free(struct bucket *bucket)
{
        free(bucket->key);
        free(bucket->policies);
        free(bucket);
}

struct policy_index *policy_index_free(struct policy_index *index)
{
        struct bucket *bucket, *next;

        if (!index)
                return NULL;
        HASH_ITER (hh, index->buckets, bucket, next) {
                HASH_DEL(index->buckets, bucket);
                bucket_free(bucket);
        }
        for (size_t i = 0; i < index->count; i++)
                resource_policy_unref(index->policies[i]);
        free(index->policies);
        free(index);
        return NULL;
}

/* A lookup key: the parts one after the other, each with its NUL so that no two keys read the same. */
struct bucket_key {
        char inline_space[256];
        char *heap; /* owned; where the parts are longer */
        const char *bytes;
        size_t size;
};

static void bucket_key_clear(struct bucket_key *key)
{
        free(key->heap);
}

/* `label` and `value` may be NULL: then the key has no such part. */
static int bucket_key(struct bucket_key *key, const char *namespace, const char *label, const char *value)
{
        const char *parts[] = {namespace, label, value};
        char *space = key->inline_space;
        size_t size = 0;

        for (size_t i = 0; i < 3 && parts[i]; i++)
                size += strlen(parts[i]) + 1;
        key->heap = NULL;
        if (size > sizeof(key->inline_space)) {
                space = key->heap = malloc(size);
                if (!space)
                        return -ENOMEM;
        }
        key->bytes = space;
        key->size = size;
        for (size_t i = 0; i < 3 && parts[i]; i++)
                space = stpcpy(space, parts[i]) + 1;
        return 0;
}

static struct bucket *index_find_bucket(const struct policy_index *index, const struct bucket_key *key)
{
        struct bucket *bucket;

        HASH_FIND(hh, index->buckets, key->bytes, key->size, bucket);
        return bucket;
}

static struct bucket *index_add_bucket(struct policy_index *index, const struct bucket_key *key)
{
        struct bucket *bucket = calloc(1, sizeof(*bucket));

        if (!bucket)
                return NULL;
        bucket->key = malloc(key->size);
        if (bucket->key) {
                memcpy(bucket->key, key->bytes, key->size);
                bucket->key_size = key->size;
                HASH_ADD_KEYPTR(hh, index->buckets, bucket->key, bucket->key_size, bucket);
        }
        if (!bucket->hh.tbl) {
                bucket_free(bucket);
                return NULL;
        }
        return bucket;
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
        _cleanup_(bucket_key_clear) struct bucket_key key;
        struct bucket *bucket;
        int r = bucket_key(&key, policy->namespace, label, value);

        if (r < 0)
                return r;
        bucket = index_find_bucket(index, &key);
        if (!bucket)
                bucket = index_add_bucket(index, &key);
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
        free(matches->items);
        *matches = (struct policy_matches){0};
}

static int matches_add(struct policy_matches *matches, const struct resource_policy *policy)
{
        const struct resource_policy **items;
        size_t capacity = matches->capacity ? matches->capacity * 2 : 2;

        if (matches->count == matches->capacity) {
                items = reallocarray(matches->items, capacity, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                matches->items = items;
                matches->capacity = capacity;
        }
        matches->items[matches->count++] = policy;
        return 0;
}

static int add_from_bucket(const struct policy_index *index, const char *namespace, const char *label,
                           const char *value, const struct labels *labels, struct policy_matches *matches)
{
        _cleanup_(bucket_key_clear) struct bucket_key key;
        const struct bucket *bucket;
        int r = bucket_key(&key, namespace, label, value);

        if (r < 0)
                return r;
        bucket = index_find_bucket(index, &key);
        for (size_t i = 0; bucket && i < bucket->count && r >= 0; i++)
                if (selector_match(bucket->policies[i]->selector, labels))
                        r = matches_add(matches, bucket->policies[i]);
        return r;
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
        int r = add_from_bucket(index, namespace, NULL, NULL, labels, ret);

        for (size_t i = 0; i < labels_count(labels) && r >= 0; i++) {
                struct label label = labels_at(labels, i);

                r = add_from_bucket(index, namespace, label.key, label.value, labels, ret);
                if (r >= 0)
                        r = add_from_bucket(index, namespace, label.key, NULL, labels, ret);
        }
        if (r < 0) {
                policy_matches_clear(ret);
                return r;
        }
        if (ret->count > 1)
                qsort(ret->items, ret->count, sizeof(*ret->items), compare_precedence);
        return 0;
}
