/*
 * Reservations: what is written down comes back, and a record that is wrong says where.
 */
#include "quota/reservation.h"

#include <errno.h>

#include "json.h"
#include "manifest/writer.h"
#include "reservations.h"
#include "util/error.h"

#define ID "0123456789abcdef0123456789abcdef"

/* As the ledger's file has it. */
static const char record[] = "{'id': '" ID "', 'namespace': 'ns', 'labels': {'app': 'a', 'empty': ''}, "
                             "'nodeSelector': {'zone': 'z'}, 'region': 'r', 'series': 'A10', 'gpus': 2, "
                             "'resources': {'cpu': '1.5', 'memory': '1073741824'}, 'placement': 'ns/p#0', "
                             "'createdAt': 1767225600, 'terminating': true}";

/* What is written, read by jansson. */
static json_t *to_json(const struct reservation *reservation, bool terminating)
{
        _cleanup_(writer_clear) struct writer text;
        json_error_t error;
        json_t *json;

        writer_init(&text, NULL, 0);
        writer_raw(&text, "{");
        reservation_write(&text, reservation, terminating);
        writer_raw(&text, "}");
        json = json_loadb(text.bytes, text.size, JSON_REJECT_DUPLICATES, &error);
        ck_assert_msg(json != NULL, "%s", error.text);
        return json;
}

START_TEST(a_new_one_has_an_id_and_nothing_else)
{
        _cleanup_(reservation_freep) struct reservation *a = NULL, *b = NULL;

        ck_assert_int_eq(reservation_new(&a), 0);
        ck_assert_int_eq(reservation_new(&b), 0);
        ck_assert_uint_eq(strlen(a->id), 32);
        ck_assert_uint_eq(strspn(a->id, "0123456789abcdef"), 32);
        ck_assert_str_ne(a->id, b->id);
        ck_assert_str_eq(a->namespace, "");
        ck_assert_str_eq(a->region, "");
        ck_assert_str_eq(a->series, "");
        ck_assert_str_eq(a->placement, "");
        ck_assert_uint_eq(labels_count(a->labels), 0);
        ck_assert_uint_eq(labels_count(a->node_selector), 0);
        ck_assert_int_eq(a->gpus, 0);
        ck_assert_uint_eq(a->resources.count, 0);
}
END_TEST

START_TEST(reads_every_field)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        json_auto_t *json = json_text(record);
        bool terminating = false;

        ck_assert_int_eq(reservation_from_json(&reservation, &terminating, json, NULL), 0);
        ck_assert_str_eq(reservation->id, ID);
        ck_assert_str_eq(reservation->namespace, "ns");
        ck_assert_uint_eq(labels_count(reservation->labels), 2);
        ck_assert_str_eq(labels_get(reservation->labels, "app"), "a");
        ck_assert_str_eq(labels_get(reservation->labels, "empty"), "");
        ck_assert_str_eq(labels_get(reservation->node_selector, "zone"), "z");
        ck_assert_str_eq(reservation->region, "r");
        ck_assert_str_eq(reservation->series, "A10");
        ck_assert_str_eq(reservation->placement, "ns/p#0");
        ck_assert_int_eq(reservation->gpus, 2);
        ck_assert_int_eq((int64_t)resources_find(&reservation->resources, "cpu")->nano, 1500000000);
        ck_assert_int_eq(quantity_value(*resources_find(&reservation->resources, "memory")), 1073741824);
        ck_assert_int_eq(reservation->created_at, 1767225600);
        ck_assert(terminating);
}
END_TEST

START_TEST(writes_what_it_read)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        json_auto_t *json = json_text(record), *again;
        bool terminating;

        ck_assert_int_eq(reservation_from_json(&reservation, &terminating, json, NULL), 0);
        again = to_json(reservation, terminating);
        ck_assert(json_equal(json, again));
        json_object_set_new(json, "terminating", json_false());
        json_decref(again);
        again = to_json(reservation, false);
        ck_assert(json_equal(json, again));
}
END_TEST

/* Finer than a double could say, and beyond int64. */
static const char *const exact_quantities[] = {"0.000000001", "9223372036854775807.999999999", "10000000000000000000",
                                               "0", "-1.5"};

START_TEST(quantities_stay_exact)
{
        _cleanup_(reservation_freep) struct reservation *reservation = new_reservation("ns", "r", "", 1),
                                                        *again = NULL;
        json_auto_t *json = NULL;
        bool terminating;

        set_resource(reservation, "cpu", exact_quantities[_i]);
        json = to_json(reservation, false);
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "resources"), "cpu")),
                         exact_quantities[_i]);
        ck_assert_int_eq(reservation_from_json(&again, &terminating, json, NULL), 0);
        ck_assert_int_eq(quantity_compare(*resources_find(&again->resources, "cpu"),
                                          *resources_find(&reservation->resources, "cpu")),
                         0);
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *change; /* of the record; null takes a field away */
        const char *error;  /* how the sentence begins */
} fault_cases[] = {
        {"no id", "{'id': null}", "id: must be 32 hexadecimal digits; it is missing"},
        {"an id that is a number", "{'id': 1}", "id: must be 32 hexadecimal digits, not 1"},
        {"an id that is too short", "{'id': '0123'}", "id: must be 32 hexadecimal digits, not \"0123\""},
        {"an id that is too long", "{'id': '" ID "0'}", "id: must be 32 hexadecimal digits, not"},
        {"an id that is not hexadecimal", "{'id': '0123456789abcdef0123456789abcdeg'}",
         "id: must be 32 hexadecimal digits, not"},
        {"no namespace", "{'namespace': null}", "namespace: must be a string"},
        {"a namespace that is a number", "{'namespace': 1}", "namespace: must be a string, not 1"},
        {"no region", "{'region': null}", "region: must be a string"},
        {"no series", "{'series': null}", "series: must be a string"},
        {"no placement", "{'placement': null}", "placement: must be a string"},
        {"labels that are a list", "{'labels': []}", "labels: must be an object, not a list"},
        {"a label that is a number", "{'labels': {'app': 1}}", "labels.app: must be a string, not 1"},
        {"a selector's value that is a boolean", "{'nodeSelector': {'zone': true}}",
         "nodeSelector.zone: must be a string, not true"},
        {"GPUs below zero", "{'gpus': -1}", "gpus: must be a non-negative integer, not -1"},
        {"GPUs in words", "{'gpus': 'two'}", "gpus: must be a non-negative integer, not \"two\""},
        {"half a GPU", "{'gpus': 0.5}", "gpus: must be a non-negative integer, not 0.5"},
        {"resources that are a string", "{'resources': 'cpu'}", "resources: must be an object, not \"cpu\""},
        {"a resource that is no quantity", "{'resources': {'cpu': 'x'}}", "resources.cpu: must be a quantity"},
        {"a moment before 1970", "{'createdAt': -1}", "createdAt: must be a non-negative integer, not -1"},
        {"a word that is neither true nor false", "{'terminating': 'no'}",
         "terminating: must be true or false, not \"no\""},
};

START_TEST(what_is_wrong_names_its_field)
{
        const struct fault_case *test = &fault_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *json = json_text(record), *change = json_text(test->change);
        struct reservation *reservation = NULL;
        bool terminating;

        ck_assert_int_eq(json_object_update(json, change), 0);
        ck_assert_msg(reservation_from_json(&reservation, &terminating, json, &error) == -EINVAL, "%s", test->name);
        ck_assert_ptr_null(reservation);
        ck_assert_msg(!strncmp(error_message(&error), test->error, strlen(test->error)), "%s: %s", test->name,
                      error_message(&error));
}
END_TEST

START_TEST(a_copy_has_everything_of_its_own)
{
        _cleanup_(reservation_freep) struct reservation *original = NULL, *copy = NULL;
        json_auto_t *json = json_text(record), *written = NULL;
        bool terminating;

        ck_assert_int_eq(reservation_from_json(&original, &terminating, json, NULL), 0);
        original->node = strdup("n");
        ck_assert_int_eq(reservation_copy(&copy, original), 0);
        ck_assert_str_eq(copy->node, "n");
        original = reservation_free(original);
        written = to_json(copy, terminating);
        json_object_del(json, "op");
        ck_assert(json_equal(written, json));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, a_new_one_has_an_id_and_nothing_else);
        tcase_add_test(tests, reads_every_field);
        tcase_add_test(tests, writes_what_it_read);
        tcase_add_test(tests, a_copy_has_everything_of_its_own);
        tcase_add_loop_test(tests, quantities_stay_exact, 0, ARRAY_SIZE(exact_quantities));
        tcase_add_loop_test(tests, what_is_wrong_names_its_field, 0, ARRAY_SIZE(fault_cases));
}

int main(void)
{
        return unit_main("reservation", add);
}
