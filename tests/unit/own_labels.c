/*
 * Labels of a single pod: taken out and put back, they are what they were.
 */
#include "quota/own_labels.h"

#include <string.h>

#include "check.h"
#include "quota/entries.h"
#include "util/labels.h"

static const struct label labels[] = {
        {"app", "web"},   {"apps.kubernetes.io/pod-index", "7"},
        {"job-name", ""}, {"statefulset.kubernetes.io/pod-name", "web-7"},
        {"zone", "a"},
};

static struct labels *make(const struct label *pairs, size_t n)
{
        struct labels *made;

        ck_assert_int_eq(labels_new(&made, pairs, n), 0);
        return made;
}

/* "key=value," of each. */
static void assert_labels(const struct labels *found, const char *expected)
{
        char text[256] = "";

        for (size_t i = 0; i < labels_count(found); i++)
                strcat(strcat(strcat(strcat(text, labels_at(found, i).key), "="), labels_at(found, i).value), ",");
        ck_assert_str_eq(text, expected);
}

static bool reads_name(void *userdata, const char *label)
{
        (void)userdata;
        return !strcmp(label, "statefulset.kubernetes.io/pod-name");
}

START_TEST(come_out_and_go_back)
{
        _cleanup_(labels_freep) struct labels *all = make(labels, ARRAY_SIZE(labels)), *shared = NULL, *joined = NULL;
        _cleanup_(freep) char *own = NULL;

        ck_assert_int_eq(own_labels_split(all, OWN_LABELS_NONE, &shared, &own), 0);
        assert_labels(shared, "app=web,zone=a,");
        ck_assert_int_eq(own_labels_join(&joined, shared, own), 0);
        assert_labels(joined, "app=web,apps.kubernetes.io/pod-index=7,job-name=,"
                              "statefulset.kubernetes.io/pod-name=web-7,zone=a,");
}
END_TEST

START_TEST(stay_where_they_are_read)
{
        struct classifier classifier = {.reads = reads_name};
        _cleanup_(labels_freep) struct labels *all = make(labels, ARRAY_SIZE(labels)), *shared = NULL, *joined = NULL;
        _cleanup_(freep) char *own = NULL;

        ck_assert_int_eq(own_labels_split(all, own_labels_read(&classifier), &shared, &own), 0);
        assert_labels(shared, "app=web,statefulset.kubernetes.io/pod-name=web-7,zone=a,");
        ck_assert_int_eq(own_labels_join(&joined, shared, own), 0);
        ck_assert_uint_eq(labels_count(joined), ARRAY_SIZE(labels));
}
END_TEST

START_TEST(who_may_read_any_reads_all_of_them)
{
        struct classifier classifier = {0};
        _cleanup_(labels_freep) struct labels *all = make(labels, ARRAY_SIZE(labels)), *shared = NULL;
        char *own = NULL;

        ck_assert_int_eq(own_labels_split(all, own_labels_read(&classifier), &shared, &own), 0);
        ck_assert_ptr_null(shared);
        ck_assert_ptr_null(own);
}
END_TEST

START_TEST(there_may_be_none)
{
        _cleanup_(labels_freep) struct labels *some = make(labels, 1), *shared = NULL, *joined = NULL;
        char *own = NULL;

        ck_assert_int_eq(own_labels_split(some, OWN_LABELS_NONE, &shared, &own), 0);
        ck_assert_ptr_null(own);
        ck_assert_int_eq(own_labels_split(NULL, OWN_LABELS_NONE, &shared, &own), 0);
        ck_assert_ptr_null(own);
        ck_assert_int_eq(own_labels_join(&joined, some, own), 0);
        assert_labels(joined, "app=web,");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, come_out_and_go_back);
        tcase_add_test(tests, stay_where_they_are_read);
        tcase_add_test(tests, who_may_read_any_reads_all_of_them);
        tcase_add_test(tests, there_may_be_none);
}

int main(void)
{
        return unit_main("own_labels", add);
}
