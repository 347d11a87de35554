/*
 * What is known of all objects follows lists and events; half a list is never seen, and a status is no change.
 */
#include "cluster/known_objects.h"

#include <errno.h>

#include "cluster_objects.h"
#include "quota/region_quota.h"

static struct known_objects *objects;

static void setup(void)
{
        ck_assert_int_eq(known_objects_new(&objects, &known_quota), 0);
}

static void teardown(void)
{
        known_objects_free(objects);
}

static int item(json_t *object)
{
        int r = known_objects_item(objects, object);

        json_decref(object);
        return r;
}

static int event(enum reflector_event kind, json_t *object, uint64_t version)
{
        int r = known_objects_event(objects, kind, object, version);

        json_decref(object);
        return r;
}

/* "name=gpus name=gpus" of what is known, by name. */
static const char *known(void)
{
        static char text[256];
        struct known_object **all;
        size_t n, length = 0;

        ck_assert_int_eq(known_objects_all(objects, &all, &n), 0);
        text[0] = '\0';
        for (size_t i = 0; i < n; i++) {
                const struct region_quota *quota = all[i]->value;
                int gpus = quota ? (int)quota->pools[0].gpus : -1;

                length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s=%d", i ? " " : "", all[i]->key,
                                           gpus);
                known_object_unref(all[i]);
        }
        free(all);
        return text;
}

static void list_two(void)
{
        ck_assert_int_eq(known_objects_begin(objects), 0);
        ck_assert_int_eq(item(quota_object("b", 2, 8, 1)), 0);
        ck_assert_int_eq(item(quota_object("a", 1, 5, 1)), 0);
        ck_assert_int_eq(known_objects_end(objects, 10), 1);
}

START_TEST(nothing_is_known_before_the_list_ends)
{
        known_objects_begin(objects);
        item(quota_object("a", 1, 5, 1));
        ck_assert_str_eq(known(), "");
        ck_assert(!known_objects_listed(objects));
        ck_assert_int_eq(known_objects_end(objects, 10), 1);
        ck_assert_str_eq(known(), "a=1");
        ck_assert(known_objects_listed(objects));
        ck_assert_uint_eq(known_objects_version(objects), 10);
        ck_assert_uint_eq(known_objects_spec_version(objects), 5);
}
END_TEST

START_TEST(an_empty_first_list_is_a_change)
{
        known_objects_begin(objects);
        ck_assert_int_eq(known_objects_end(objects, 10), 1);
}
END_TEST

START_TEST(a_list_that_breaks_off_leaves_no_trace)
{
        list_two();
        known_objects_begin(objects);
        item(quota_object("c", 9, 11, 1));
        ck_assert_str_eq(known(), "a=1 b=2");
        known_objects_begin(objects);
        item(quota_object("a", 1, 5, 1));
        item(quota_object("b", 2, 8, 1));
        ck_assert_int_eq(known_objects_end(objects, 12), 0);
        ck_assert_str_eq(known(), "a=1 b=2");
        ck_assert_uint_eq(known_objects_version(objects), 12);
        ck_assert_uint_eq(known_objects_spec_version(objects), 8);
}
END_TEST

START_TEST(what_is_missing_in_a_new_list_was_deleted_at_its_version_at_the_latest)
{
        list_two();
        known_objects_begin(objects);
        item(quota_object("a", 1, 5, 1));
        ck_assert_int_eq(known_objects_end(objects, 20), 1);
        ck_assert_str_eq(known(), "a=1");
        ck_assert_uint_eq(known_objects_spec_version(objects), 20);
}
END_TEST

START_TEST(a_new_list_brings_what_changed_and_what_came)
{
        list_two();
        known_objects_begin(objects);
        item(quota_object("a", 7, 15, 2));
        item(quota_object("b", 2, 8, 1));
        item(quota_object("c", 3, 14, 1));
        ck_assert_int_eq(known_objects_end(objects, 20), 1);
        ck_assert_str_eq(known(), "a=7 b=2 c=3");
        ck_assert_uint_eq(known_objects_spec_version(objects), 15);
}
END_TEST

static const struct event_case {
        const char *name;
        enum reflector_event event;
        const char *object;
        int gpus;
        unsigned generation;
        int result;
        const char *known;
        unsigned spec_version;
} event_cases[] = {
        {"a new object is a change", REFLECTOR_ADDED, "c", 3, 1, 1, "a=1 b=2 c=3", 30},
        {"a new spec is a change", REFLECTOR_MODIFIED, "a", 4, 2, 1, "a=4 b=2", 30},
        {"a status is none", REFLECTOR_MODIFIED, "a", 1, 1, 0, "a=1 b=2", 8},
        {"a deletion is one, of specs too", REFLECTOR_DELETED, "b", 2, 1, 1, "a=1", 30},
        {"the deletion of what is not known is none", REFLECTOR_DELETED, "z", 2, 1, 0, "a=1 b=2", 8},
        {"a malformed version changes no value", REFLECTOR_MODIFIED, "a", -4, 2, 0, "a=1 b=2", 30},
        {"a malformed new object has no value", REFLECTOR_ADDED, "c", -4, 1, 1, "a=1 b=2 c=-1", 30},
};

START_TEST(events_change_what_is_known)
{
        const struct event_case *test = &event_cases[_i];
        int r;

        list_two();
        r = event(test->event, quota_object(test->object, test->gpus, 30, test->generation), 30);
        ck_assert_msg(r == test->result, "%s: %d", test->name, r);
        ck_assert_msg(!strcmp(known(), test->known), "%s: %s", test->name, known());
        ck_assert_msg(known_objects_spec_version(objects) == test->spec_version, "%s", test->name);
        ck_assert_uint_eq(known_objects_version(objects), 30);
        ck_assert_uint_eq(known_objects_faults(objects), test->gpus < 0 ? 1 : 0);
}
END_TEST

START_TEST(a_fault_goes_with_the_next_good_version)
{
        list_two();
        event(REFLECTOR_MODIFIED, quota_object("a", -1, 30, 2), 30);
        ck_assert_int_eq(event(REFLECTOR_MODIFIED, quota_object("a", 6, 31, 3), 31), 1);
        ck_assert_str_eq(known(), "a=6 b=2");
        ck_assert_uint_eq(known_objects_faults(objects), 0);
}
END_TEST

START_TEST(a_bookmark_moves_the_view_alone)
{
        list_two();
        known_objects_bookmark(objects, 40);
        ck_assert_uint_eq(known_objects_version(objects), 40);
        ck_assert_uint_eq(known_objects_spec_version(objects), 8);
}
END_TEST

START_TEST(an_object_without_a_name_is_refused)
{
        list_two();
        ck_assert_int_eq(item(json_text("{'metadata': {}}")), -EINVAL);
        ck_assert_int_eq(event(REFLECTOR_ADDED, json_text("{'metadata': {}}"), 30), -EINVAL);
        ck_assert_int_eq(event(REFLECTOR_DELETED, json_text("{}"), 30), -EINVAL);
        ck_assert_str_eq(known(), "a=1 b=2");
        ck_assert_uint_eq(known_objects_version(objects), 10);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, nothing_is_known_before_the_list_ends);
        tcase_add_test(tests, an_empty_first_list_is_a_change);
        tcase_add_test(tests, a_list_that_breaks_off_leaves_no_trace);
        tcase_add_test(tests, what_is_missing_in_a_new_list_was_deleted_at_its_version_at_the_latest);
        tcase_add_test(tests, a_new_list_brings_what_changed_and_what_came);
        tcase_add_loop_test(tests, events_change_what_is_known, 0, ARRAY_SIZE(event_cases));
        tcase_add_test(tests, a_fault_goes_with_the_next_good_version);
        tcase_add_test(tests, a_bookmark_moves_the_view_alone);
        tcase_add_test(tests, an_object_without_a_name_is_refused);
}

int main(void)
{
        return unit_main("known_objects", add);
}
