/*
 * Which Events are one, and which are too many.
 */
#include "kube/event_correlator.h"

#include <string.h>

#include "check.h"
#include "kube/event.h"
#include "util/clock.h"

#define NOW (1000 * NS_PER_SECOND)
#define MINUTES (60 * NS_PER_SECOND)

static struct event_correlator *correlator;

static void setup(void)
{
        correlator = event_correlator_new();
        ck_assert_ptr_nonnull(correlator);
}

static void teardown(void)
{
        event_correlator_free(correlator);
}

struct what {
        const char *kind, *namespace, *name, *uid;
        enum event_type type;
        const char *reason, *message;
};

/* Whether it is to be written; *ret_count, and the name in `name`. */
static int add_event(const struct what *what, int64_t now, int64_t *ret_count, char name[static 256])
{
        const struct event_object object = {
                .api_version = "v1",
                .kind = what->kind,
                .namespace = what->namespace,
                .name = what->name,
                .uid = what->uid,
        };
        struct event *event = event_new(&object, what->type, what->reason, what->message, now / NS_PER_SECOND);
        struct event_series *series = NULL;
        int r;

        ck_assert_ptr_nonnull(event);
        r = event_correlator_add(correlator, event, now, &series);
        ck_assert_int_ge(r, 0);
        *ret_count = series->count;
        snprintf(name, 256, "%s", series->name);
        event_free(event);
        return r;
}

static const struct what first = {"Pod", "ns", "a", "1", EVENT_NORMAL, "R", "m"};

static const struct same_case {
        const char *name;
        struct what other;
        int64_t later; /* ns */
        bool same;
} same_cases[] = {
        {"the same", {"Pod", "ns", "a", "1", EVENT_NORMAL, "R", "m"}, 0, true},
        {"the same ten minutes later", {"Pod", "ns", "a", "1", EVENT_NORMAL, "R", "m"}, 10 * MINUTES, true},
        {"the same after more than ten minutes",
         {"Pod", "ns", "a", "1", EVENT_NORMAL, "R", "m"},
         10 * MINUTES + 1,
         false},
        {"another kind", {"Job", "ns", "a", "1", EVENT_NORMAL, "R", "m"}, 0, false},
        {"another namespace", {"Pod", "ns2", "a", "1", EVENT_NORMAL, "R", "m"}, 0, false},
        {"another name", {"Pod", "ns", "b", "1", EVENT_NORMAL, "R", "m"}, 0, false},
        {"another uid: an object of the same name that came later",
         {"Pod", "ns", "a", "2", EVENT_NORMAL, "R", "m"},
         0,
         false},
        {"another type", {"Pod", "ns", "a", "1", EVENT_WARNING, "R", "m"}, 0, false},
        {"another reason", {"Pod", "ns", "a", "1", EVENT_NORMAL, "R2", "m"}, 0, false},
        {"another message", {"Pod", "ns", "a", "1", EVENT_NORMAL, "R", "m2"}, 0, false},
};

START_TEST(the_same_is_counted)
{
        const struct same_case *test = &same_cases[_i];
        char name[256], other[256];
        int64_t count;

        ck_assert_int_eq(add_event(&first, NOW, &count, name), 1);
        ck_assert_int_eq(count, 1);
        ck_assert_int_eq(add_event(&test->other, NOW + test->later, &count, other), 1);
        ck_assert_msg(count == (test->same ? 2 : 1), "%s", test->name);
        ck_assert_msg(!strcmp(name, other) == test->same, "%s", test->name);
}
END_TEST

START_TEST(the_ten_minutes_begin_when_it_was_seen_last)
{
        char name[256];
        int64_t count;

        for (int i = 0; i < 5; i++)
                add_event(&first, NOW + i * 9 * MINUTES, &count, name);
        ck_assert_int_eq(count, 5);
}
END_TEST

START_TEST(of_one_object_25_are_written_and_then_one_each_five_minutes)
{
        struct what what = first, other = first;
        char message[32], name[256];
        int64_t count;

        what.message = message;
        other.name = "b";
        for (int i = 0; i < 30; i++) {
                snprintf(message, sizeof(message), "%d", i);
                ck_assert_int_eq(add_event(&what, NOW, &count, name), i < 25);
        }
        ck_assert_int_eq(add_event(&other, NOW, &count, name), 1);
        ck_assert_int_eq(add_event(&first, NOW + 5 * MINUTES - 1, &count, name), 0);
        ck_assert_int_eq(add_event(&first, NOW + 5 * MINUTES, &count, name), 1);
        ck_assert_int_eq(count, 2);
        ck_assert_int_eq(add_event(&first, NOW + 5 * MINUTES, &count, name), 0);
}
END_TEST

/* The first is used again and again; what is used least goes. */
START_TEST(it_remembers_what_was_used_last)
{
        struct what what = first;
        char object[32], name[256];
        int64_t count;

        what.name = object;
        for (int i = 0; i < 3 * EVENT_CORRELATOR_MOST; i++) {
                snprintf(object, sizeof(object), "%d", i);
                add_event(&what, NOW, &count, name);
                ck_assert_int_eq(count, 1);
                add_event(&first, NOW, &count, name);
                ck_assert_int_eq(count, i + 1);
        }
        snprintf(object, sizeof(object), "%d", 0);
        add_event(&what, NOW, &count, name);
        ck_assert_int_eq(count, 1);
        snprintf(object, sizeof(object), "%d", 3 * EVENT_CORRELATOR_MOST - 1);
        add_event(&what, NOW, &count, name);
        ck_assert_int_eq(count, 2);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, the_same_is_counted, 0, ARRAY_SIZE(same_cases));
        tcase_add_test(tests, the_ten_minutes_begin_when_it_was_seen_last);
        tcase_add_test(tests, of_one_object_25_are_written_and_then_one_each_five_minutes);
        tcase_add_test(tests, it_remembers_what_was_used_last);
}

int main(void)
{
        return unit_main("event_correlator", add);
}
