/*
 * Which version of the pods somebody who looked at a given time must have seen.
 */
#include "cluster/pod_changes.h"

#include "json.h"

#define NOON 1767268800 /* 2026-01-01T12:00:00Z */

static void add_pod(struct pod_changes *changes, const char *version, const char *managers)
{
        json_auto_t *pod = json_pack("{s:{s:s}}", "metadata", "resourceVersion", version);

        if (managers)
                json_object_set_new(json_object_get(pod, "metadata"), "managedFields", json_text(managers));
        ck_assert_int_eq(pod_changes_add(changes, pod), 0);
}

static const struct time_case {
        const char *name;
        int64_t before;
        unsigned newest;
} cases[] = {
        {"nothing had happened yet", NOON - 60, 0},
        {"the first change", NOON + 5, 10},
        {"a change of the same second may not be seen yet", NOON + 10, 10},
        {"nor may one of the second before", NOON + 11, 10},
        {"one that is older must be", NOON + 12, 30},
        {"a pod is as new as the last of its changes", NOON + 100, 40},
};

START_TEST(the_newest_is_that_of_a_time)
{
        const struct time_case *test = &cases[_i];
        struct pod_changes changes = POD_CHANGES_INIT;

        add_pod(&changes, "30", "[{'time': '2026-01-01T12:00:10Z'}]");
        add_pod(&changes, "10", "[{'time': '2026-01-01T12:00:00Z'}, {'time': '2026-01-01T11:00:00Z'}]");
        add_pod(&changes, "40", "[{'time': '2026-01-01T12:00:00Z'}, {'time': '2026-01-01T12:00:50Z'}]");
        add_pod(&changes, "90", NULL);
        add_pod(&changes, "91", "[{'time': 'soon'}, {'manager': 'm'}]");
        ck_assert_msg(pod_changes_newest(&changes, test->before) == test->newest, "%s", test->name);
        pod_changes_clear(&changes);
}
END_TEST

START_TEST(many_pods_find_room)
{
        struct pod_changes changes = POD_CHANGES_INIT;
        char version[16];

        for (int i = 1; i <= 1000; i++) {
                snprintf(version, sizeof(version), "%d", i);
                add_pod(&changes, version, "[{'time': '2026-01-01T12:00:00Z'}]");
        }
        ck_assert_uint_eq(pod_changes_newest(&changes, NOON + 60), 1000);
        pod_changes_clear(&changes);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, the_newest_is_that_of_a_time, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, many_pods_find_room);
}

int main(void)
{
        return unit_main("pod_changes", add);
}
