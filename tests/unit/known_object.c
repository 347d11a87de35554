/*
 * What is known of an object: its last good version, the fault of the present one, and since which resourceVersion
 * its spec is what it is.
 */
#include "cluster/known_object.h"

#include <errno.h>

#include "cluster_objects.h"
#include "policy/resource_policy.h"
#include "quota/region_quota.h"

static struct known_object *read_known(const struct known_kind *kind, json_t *object,
                                       const struct known_object *former)
{
        struct known_object *known = NULL;

        ck_assert_int_eq(known_object_read(&known, kind, object, former), 0);
        json_decref(object);
        return known;
}

START_TEST(a_policy_goes_by_namespace_and_name)
{
        _cleanup_(known_object_unrefp) struct known_object *known =
                read_known(&known_policy, policy_object("p", 3, 17, 1), NULL);
        const struct resource_policy *policy = known->value;

        ck_assert_str_eq(known->key, "default/p");
        ck_assert_str_eq(policy->origin, "default/p");
        ck_assert_int_eq(policy->units[0].max, 3);
        ck_assert_uint_eq(known->version, 17);
        ck_assert_ptr_null(known->fault);
        ck_assert_ptr_null(known->status);
}
END_TEST

START_TEST(a_quota_goes_by_its_name_and_keeps_its_status)
{
        json_t *object = quota_object("cn-beijing", 4, 17, 1);
        _cleanup_(known_object_unrefp) struct known_object *known = NULL;

        json_object_set_new(object, "status", json_text("{'observedGeneration': 1}"));
        known = read_known(&known_quota, object, NULL);
        ck_assert_str_eq(known->key, "cn-beijing");
        ck_assert_int_eq(((struct region_quota *)known->value)->pools[0].gpus, 4);
        ck_assert_int_eq(json_integer_value(json_object_get(known->status, "observedGeneration")), 1);
}
END_TEST

START_TEST(of_a_malformed_version_the_former_stays_and_the_fault_is_told)
{
        _cleanup_(known_object_unrefp) struct known_object *good =
                read_known(&known_quota, quota_object("q", 4, 17, 1), NULL);
        _cleanup_(known_object_unrefp) struct known_object *bad =
                read_known(&known_quota, quota_object("q", -1, 18, 2), good);
        _cleanup_(known_object_unrefp) struct known_object *better =
                read_known(&known_quota, quota_object("q", 5, 19, 3), bad);

        ck_assert_ptr_eq(bad->value, good->value);
        ck_assert_str_eq(bad->fault, "spec.pools[0].gpus: must be a non-negative integer, not -1");
        ck_assert_uint_eq(bad->value_version, 17);
        ck_assert_ptr_null(better->fault);
        ck_assert_int_eq(((struct region_quota *)better->value)->pools[0].gpus, 5);
        ck_assert_uint_eq(better->value_version, 19);
}
END_TEST

START_TEST(what_never_was_good_has_no_value)
{
        _cleanup_(known_object_unrefp) struct known_object *bad =
                read_known(&known_policy, policy_object("p", -2, 17, 1), NULL);

        ck_assert_ptr_null(bad->value);
        ck_assert_str_eq(bad->fault, "spec.units[0].max: must be a non-negative integer, not -2");
}
END_TEST

START_TEST(an_object_without_a_name_is_none)
{
        json_t *object = json_text("{'metadata': {}}");
        struct known_object *known = NULL;

        ck_assert_int_eq(known_object_read(&known, &known_quota, object, NULL), -EINVAL);
        ck_assert_ptr_null(known);
        json_decref(object);
}
END_TEST

/* metadata.generation changes with the spec alone; where there is none, every version is a change. */
static const struct version_case {
        const char *name;
        const char *uid; /* of the later version; the first's is "q" */
        unsigned first, later;
        unsigned spec_version;
} version_cases[] = {
        {"a status leaves the spec's version", "q", 3, 3, 10},
        {"a new generation is a new spec", "q", 3, 4, 20},
        {"without a generation every version is a new spec", "q", 0, 0, 20},
        {"another object of the name is a new spec", "other", 1, 1, 20},
};

START_TEST(the_spec_has_a_version_of_its_own)
{
        const struct version_case *test = &version_cases[_i];
        _cleanup_(known_object_unrefp) struct known_object *first =
                read_known(&known_quota, quota_object("q", 4, 10, test->first), NULL);
        _cleanup_(known_object_unrefp) struct known_object *later = NULL;
        json_t *object = quota_object("q", 4, 20, test->later);

        set_metadata(object, test->uid, 20, test->later);
        later = read_known(&known_quota, object, first);
        ck_assert_uint_eq(first->spec_version, 10);
        ck_assert_msg(later->spec_version == test->spec_version, "%s: %ju", test->name,
                      (uintmax_t)later->spec_version);
}
END_TEST

START_TEST(the_annotation_that_a_policy_goes_by_is_a_change_of_its_value)
{
        _cleanup_(known_object_unrefp) struct known_object *first =
                read_known(&known_policy, policy_object("p", 1, 10, 1), NULL);
        _cleanup_(known_object_unrefp) struct known_object *labelled =
                read_known(&known_policy, policy_object("p", 1, 20, 1), first);
        _cleanup_(known_object_unrefp) struct known_object *annotated = NULL;
        json_t *object = policy_object("p", 1, 30, 1);

        json_object_set_new(json_object_get(object, "metadata"), "annotations",
                            json_text("{'regionfit.io/when-nothing-fits': 'deny'}"));
        annotated = read_known(&known_policy, object, labelled);
        ck_assert_uint_eq(labelled->value_version, 10);
        ck_assert_uint_eq(annotated->value_version, 30);
        ck_assert_int_eq(((struct resource_policy *)annotated->value)->when_nothing_fits, NOTHING_FITS_DENY);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, a_policy_goes_by_namespace_and_name);
        tcase_add_test(tests, a_quota_goes_by_its_name_and_keeps_its_status);
        tcase_add_test(tests, of_a_malformed_version_the_former_stays_and_the_fault_is_told);
        tcase_add_test(tests, what_never_was_good_has_no_value);
        tcase_add_test(tests, an_object_without_a_name_is_none);
        tcase_add_loop_test(tests, the_spec_has_a_version_of_its_own, 0, ARRAY_SIZE(version_cases));
        tcase_add_test(tests, the_annotation_that_a_policy_goes_by_is_a_change_of_its_value);
}

int main(void)
{
        return unit_main("known_object", add);
}
