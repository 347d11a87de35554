/*
 * A promise as an entry of a ReservationLedger's spec.entries. Of an entry that is stored we keep the JSON as it is:
 * fields that a newer replica has put there are written back.
 */
#include <errno.h>
#include <string.h>

#include "manifest/field.h"
#include "quota/promise.h"
#include "util/error.h"

static bool read_amount(const struct field *entry, struct amount *ret)
{
        struct field gpus = field_member(entry, "gpus");
        struct field pods = field_member(entry, "pods");
        struct field resources = field_member(entry, "resources");
        int64_t count = 0;

        if (!field_count_number(&gpus, &count) || !field_count_number(&pods, &ret->pods) ||
            !resources_read(&ret->resources, &resources))
                return false;
        ret->gpus = quantity_whole(count);
        return true;
}

/* The first thing that is wrong, as an error. */
static int explain(const struct diagnostics *diagnostics, struct error *error)
{
        if (!diagnostics->count)
                return error_oom(error);
        return error_set(error, EINVAL, "%s: %s", diagnostics->items[0].path, diagnostics->items[0].message);
}

static json_t *keys_to_json(const struct counter_keys *keys)
{
        json_auto_t *array = json_array();

        for (size_t i = 0; i < keys->count; i++)
                if (json_array_append_new(array, json_string(keys->items[i].name)) < 0)
                        return NULL;
        return steal_pointer(&array);
}

/* NULL also where nothing is promised of any resource: the member is left out then. */
static json_t *resources_to_json(const struct resources *resources)
{
        json_auto_t *object = resources->count ? json_object() : NULL;
        char text[QUANTITY_TEXT_MAX];

        for (size_t i = 0; i < resources->count; i++)
                if (json_object_set_new(object, resources->items[i].name,
                                        json_string(quantity_format(resources->items[i].quantity, text))) < 0)
                        return NULL;
        return steal_pointer(&object);
}

json_t *promise_to_json(struct promise *promise)
{
        const struct amount *promised = &promise->promised;

        if (promise->state == PROMISE_ENTERED)
                return promise->json;
        json_decref(promise->json);
        promise->json =
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:o*, s:o*}", "id", promise->id, "namespace",
                          promise->namespace, "region", promise->region, "series", promise->series, "placement",
                          promise->placement, "counts", keys_to_json(&promise->counts), "gpus",
                          (json_int_t)quantity_value(promised->gpus), "pods", (json_int_t)promised->pods, "resources",
                          resources_to_json(&promised->resources), "credit", promise->credit ? json_true() : NULL);
        return promise->json;
}

json_t *promise_json_with(const json_t *json, const struct amount *amount, bool resources)
{
        json_auto_t *copy = json_copy((json_t *)json);

        if (!copy || json_object_set_new(copy, "gpus", json_integer(quantity_value(amount->gpus))) < 0 ||
            json_object_set_new(copy, "pods", json_integer(amount->pods)) < 0)
                return NULL;
        if (resources && json_object_set_new(copy, "resources", resources_to_json(&amount->resources)) < 0)
                return NULL;
        json_object_del(copy, "credit");
        return steal_pointer(&copy);
}

static bool read_counts(const struct field *counts, struct counter_keys *ret)
{
        bool good = field_array(counts);

        for (size_t i = 0; i < field_count(counts) && good; i++) {
                struct field item = field_item(counts, i);
                const char *name = NULL;

                good = field_string(&item, &name) && (name || field_must_be(&item, "a string"));
                if (good && counter_keys_add(ret, name, 0) < 0)
                        good = false;
        }
        return good;
}

static bool read_terms(const struct field *entry, const char **ret_id, struct promise_terms *ret,
                       struct counter_keys *ret_counts)
{
        struct field id = field_member(entry, "id");
        struct field namespace = field_member(entry, "namespace");
        struct field region = field_member(entry, "region");
        struct field series = field_member(entry, "series");
        struct field placement = field_member(entry, "placement");
        struct field counts = field_member(entry, "counts");

        *ret_id = json_string_value(id.value);
        if (!*ret_id || strlen(*ret_id) != RESERVATION_ID_SIZE - 1)
                return field_must_be(&id, "32 hexadecimal digits");
        return field_string(&namespace, &ret->namespace) && field_string(&region, &ret->region) &&
               field_string(&series, &ret->series) && field_string(&placement, &ret->placement) &&
               read_counts(&counts, ret_counts);
}

/* The promise that says the same already; most of an object does, as one write changes little of it. */
static struct promise *find_stored(const struct promises *promises, const json_t *json)
{
        const char *id = json_string_value(json_object_get(json, "id"));
        struct promise *promise = id ? promises_find(promises, id) : NULL;

        return promise && promise->state == PROMISE_ENTERED && json_equal(promise->json, json) ? promise : NULL;
}

int promises_enter(struct promises *promises, struct promise **ret, bool *ret_entered, json_t *json,
                   struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(counter_keys_clear) struct counter_keys counts = {0};
        _cleanup_(amount_clear) struct amount amount = {0};
        struct field entry = field_root(json, NULL, &diagnostics);
        struct promise_terms terms = {
                .namespace = "", .region = "", .series = "", .placement = "", .counts = &counts};
        struct promise *promise;
        const char *id = NULL;

        promise = find_stored(promises, json);
        if (promise) {
                *ret = promise;
                *ret_entered = false;
                return 0;
        }
        if (!read_terms(&entry, &id, &terms, &counts) || !read_amount(&entry, &amount))
                return explain(&diagnostics, error);
        promise = promises_find(promises, id);
        *ret_entered = !promise || promise->state != PROMISE_ENTERED;
        if ((!promise && promises_add(promises, &promise, id, &terms) < 0) ||
            promise_set(promises, promise, &terms, &amount) < 0)
                return error_oom(error);
        json_decref(promise->json);
        promise->json = json_incref(json);
        promise_become(promises, promise, PROMISE_ENTERED);
        promise->known = true;
        promise->credit = json_is_true(json_object_get(json, "credit"));
        *ret = promise;
        return 0;
}
