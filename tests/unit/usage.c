/*
 * Usage: pods by uid, counted by what they have in common, whatever order things come in.
 */
#include "quota/usage.h"

#include <errno.h>
#include <malloc.h>

#include "quota/entries.h"
#include "reservations.h"

#define UUID "0b5f1a52-7c1d-4d7e-9a50-6f2f0f3f8c11"

static struct usage *usage;

static void setup(void)
{
        struct classifier classifier = BY_REGION(1);

        ck_assert_int_eq(usage_new(&usage), 0);
        ck_assert_int_eq(usage_classify(usage, &classifier), 0);
}

static void teardown(void)
{
        usage = usage_free(usage);
}

static int put(const char *uid, const char *region, int64_t gpus, bool terminating)
{
        _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", region, "", gpus);

        return usage_put(usage, uid, pod, 7, terminating);
}

/* What counts toward a key; nothing where there is no such counter. */
static void assert_counter(const char *key, int64_t gpus, int64_t pods, int64_t terminating)
{
        static const struct counter none;
        const struct counter *counter = usage_counter(usage, key);

        counter = counter ? counter : &none;
        ck_assert_int_eq(quantity_value(counter->gpus), gpus);
        ck_assert_int_eq(counter->pods, pods);
        ck_assert_int_eq(counter->terminating_pods, terminating);
}

START_TEST(pods_are_counted_and_taken_out)
{
        ck_assert_int_eq(put("a", "r", 2, false), 1);
        ck_assert_int_eq(put("b", "r", 2, true), 1);
        ck_assert_int_eq(put("c", "s", 1, false), 1);
        ck_assert_uint_eq(usage_count(usage), 3);
        assert_counter("all", 5, 3, 1);
        assert_counter("r", 4, 2, 1);
        ck_assert_int_eq(usage_remove(usage, "b"), 1);
        ck_assert_int_eq(usage_remove(usage, "b"), 0);
        ck_assert(!usage_has(usage, "b"));
        assert_counter("r", 2, 1, 0);
        ck_assert_int_eq(usage_remove(usage, "a"), 1);
        ck_assert_ptr_null(usage_counter(usage, "r"));
        ck_assert_ptr_eq(usage_counter(usage, "all"), counters_find(usage_counters(usage), "all"));
}
END_TEST

START_TEST(a_pod_that_comes_again_counts_once_as_it_is_now)
{
        ck_assert_int_eq(put(UUID, "r", 2, false), 1);
        ck_assert_int_eq(put(UUID, "r", 2, false), 0);
        assert_counter("all", 2, 1, 0);
        ck_assert_int_eq(put(UUID, "r", 2, true), 0);
        assert_counter("all", 2, 1, 1);
        ck_assert_int_eq(put(UUID, "s", 3, true), 0);
        assert_counter("r", 0, 0, 0);
        assert_counter("s", 3, 1, 1);
        ck_assert_uint_eq(usage_count(usage), 1);
}
END_TEST

/* Any two of them differ. The last is spelled like the bytes of the first, as far as a string can be. */
static const char *const uids[] = {
        UUID,
        "0b5f1a527c1d4d7e9a506f2f0f3f8c11",
        "0B5F1A52-7C1D-4D7E-9A50-6F2F0F3F8C11",
        "0b5f1a52-7c1d-4d7e-9a506-f2f0f3f8c11",
        "0b5f1a52-7c1d-4d7e-9a50-6f2f0f3f8c1",
        "0b5f1a52-7c1d-4d7e-9a50-6f2f0f3f8c110",
        "0b5f1a52-7c1d-4d7e-9a50-6f2f0f3f8c12",
        "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000000000",
        "x",
        "",
        "mirror-of-a-pod-that-the-kubelet-read-from-its-folder-of-manifests",
        "\x0b\x5f\x1a\x52\x7c\x1d\x4d\x7e\x9a\x50\x6f\x2f\x0f\x3f\x8c\x11\x02",
};

static int find_uid(void *userdata, const struct usage_pod *pod)
{
        bool *seen = userdata;

        for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
                if (!strcmp(uids[i], pod->uid)) {
                        ck_assert(!seen[i]);
                        seen[i] = true;
                        ck_assert_int_eq(pod->pod->gpus, (int64_t)i + 1);
                        return 0;
                }
        ck_abort_msg("%s was never given", pod->uid);
}

START_TEST(two_uids_are_never_taken_for_one_and_come_back_as_they_were)
{
        bool seen[ARRAY_SIZE(uids)] = {0};

        for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
                ck_assert_int_eq(put(uids[i], "r", (int64_t)i + 1, false), 1);
        ck_assert_uint_eq(usage_count(usage), ARRAY_SIZE(uids));
        ck_assert_int_eq(usage_visit(usage, find_uid, seen), 0);
        for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
                ck_assert(seen[i]);
                ck_assert_int_eq(usage_remove(usage, uids[i]), 1);
                ck_assert(!usage_has(usage, uids[i]));
        }
        ck_assert_uint_eq(usage_count(usage), 0);
        ck_assert_ptr_null(usage_counter(usage, "r"));
}
END_TEST

static int keep_pod(void *userdata, const struct usage_pod *pod)
{
        struct usage_pod *kept = userdata;

        *kept = *pod;
        kept->id = strdup(pod->id);
        return -EINTR;
}

static const struct id_case {
        const char *name, *id, *expected;
} ids[] = {
        {"32 digits", "00ff1a527c1d4d7e9a506f2f0f3f8c11", "00ff1a527c1d4d7e9a506f2f0f3f8c11"},
        {"32 zeros", "00000000000000000000000000000000", "00000000000000000000000000000000"},
        {"none", "", ""},
        {"what is no id", "00ff", ""},
};

START_TEST(version_and_reservation_are_those_of_when_it_was_first_seen)
{
        const struct id_case *test = &ids[_i];
        _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", "r", "", 1);
        struct usage_pod kept;

        strcpy(pod->id, test->id);
        pod->created_at = 50;
        ck_assert_int_eq(usage_put(usage, UUID, pod, 7, false), 1);
        strcpy(pod->id, "ffffffffffffffffffffffffffffffff");
        ck_assert_int_eq(usage_put(usage, UUID, pod, 9, true), 0);
        ck_assert_int_eq(usage_visit(usage, keep_pod, &kept), -EINTR);
        ck_assert_uint_eq(kept.version, 7);
        ck_assert_int_eq(kept.created_at, 50);
        ck_assert(kept.terminating);
        ck_assert_msg(!strcmp(kept.id, test->expected), "%s: %s", test->name, kept.id);
        free((char *)kept.id);
}
END_TEST

static int classify_since(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)reservation;
        return counter_keys_add(ret, "since", *(int64_t *)userdata);
}

START_TEST(pods_of_one_shape_count_by_their_own_age)
{
        _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", "r", "", 1);
        int64_t since = 100;
        struct classifier classifier = {.generation = 2, .classify = classify_since, .userdata = &since};

        pod->created_at = 99;
        ck_assert_int_eq(usage_put(usage, "old", pod, 1, false), 1);
        ck_assert_int_eq(usage_classify(usage, &classifier), 0);
        pod->created_at = 100;
        ck_assert_int_eq(usage_put(usage, "new", pod, 1, false), 1);
        assert_counter("since", 1, 1, 0);
        ck_assert_int_eq(usage_remove(usage, "old"), 1);
        assert_counter("since", 1, 1, 0);
        ck_assert_int_eq(usage_remove(usage, "new"), 1);
        assert_counter("since", 0, 0, 0);
}
END_TEST

static int classify_by_all(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        _cleanup_(freep) char *key = NULL;

        (void)userdata;
        ck_assert_int_ge(asprintf(&key, "%s|%s|%s|%s|%s|%s", reservation->namespace, reservation->region,
                                  reservation->series, reservation->placement,
                                  labels_get(reservation->labels, "a") ? "labels" : "",
                                  labels_get(reservation->node_selector, "a") ? "nodeSelector" : ""),
                         0);
        return counter_keys_add(ret, key, 0);
}

static struct labels *one_label(void)
{
        struct labels *labels;

        ck_assert_int_eq(labels_new(&labels, &(struct label){"a", "b"}, 1), 0);
        return labels;
}

START_TEST(pods_that_differ_in_anything_count_each_as_it_is)
{
        struct classifier classifier = {.generation = 2, .classify = classify_by_all};
        struct reservation *pods[] = {
                new_reservation("n", "r", "s", 1), new_reservation("n", "rs", "", 1),
                new_reservation("nr", "", "s", 1), new_reservation("n", "r", "s", 2),
                new_reservation("n", "r", "s", 1), new_reservation("n", "r", "s", 1),
                new_reservation("n", "r", "s", 1), new_reservation("n", "r", "s", 1),
        };

        set_text(&pods[4]->placement, "n/p#0");
        pods[5]->labels = one_label();
        pods[6]->node_selector = one_label();
        set_resource(pods[7], "cpu", "2");
        for (size_t i = 0; i < ARRAY_SIZE(pods); i++)
                ck_assert_int_eq(usage_put(usage, uids[i], pods[i], 1, false), 1);
        ck_assert_int_eq(usage_classify(usage, &classifier), 0);
        assert_counter("n|r|s|||", 4, 3, 0);
        assert_counter("n|rs||||", 1, 1, 0);
        assert_counter("nr||s|||", 1, 1, 0);
        assert_counter("n|r|s|n/p#0||", 1, 1, 0);
        assert_counter("n|r|s||labels|", 1, 1, 0);
        assert_counter("n|r|s|||nodeSelector", 1, 1, 0);
        ck_assert_int_eq(quantity_value(*resources_find(&usage_counter(usage, "n|r|s|||")->resources, "cpu")), 2);
        for (size_t i = 0; i < ARRAY_SIZE(pods); i++)
                reservation_free(pods[i]);
}
END_TEST

/* Fails at the shape number *userdata. */
static int classify_until(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        int *left = userdata;

        return (*left)-- > 0 ? counter_keys_add(ret, reservation->namespace, 0) : -ENOMEM;
}

START_TEST(a_classifier_that_fails_changes_nothing)
{
        int left = _i;
        struct classifier next = {.generation = 2, .classify = classify_until, .userdata = &left};

        put("a", "r", 1, false);
        put("b", "s", 2, true);
        ck_assert_int_eq(usage_classify(usage, &next), -ENOMEM);
        assert_counter("r", 1, 1, 0);
        assert_counter("s", 2, 1, 1);
        assert_counter("ns", 0, 0, 0);
        put("c", "r", 4, false);
        assert_counter("r", 5, 2, 0);
}
END_TEST

START_TEST(what_cannot_be_classified_is_not_counted)
{
        int left = 1;
        struct classifier next = {.generation = 2, .classify = classify_until, .userdata = &left};

        ck_assert_int_eq(usage_classify(usage, &next), 0);
        ck_assert_int_eq(put("a", "r", 1, false), 1);
        ck_assert_int_eq(put("b", "s", 1, false), -ENOMEM);
        ck_assert_int_eq(put("a", "s", 1, false), -ENOMEM);
        ck_assert(!usage_has(usage, "b"));
        assert_counter("ns", 1, 1, 0);
}
END_TEST

START_TEST(without_a_classifier_nothing_counts_yet)
{
        struct classifier classifier = BY_REGION(1);

        teardown();
        ck_assert_int_eq(usage_new(&usage), 0);
        put("a", "r", 1, false);
        ck_assert_uint_eq(usage_count(usage), 1);
        assert_counter("all", 0, 0, 0);
        ck_assert_int_eq(usage_classify(usage, &classifier), 0);
        assert_counter("all", 1, 1, 0);
}
END_TEST

static int classify_by_index(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        const char *index = labels_get(reservation->labels, "apps.kubernetes.io/pod-index");
        const char *app = labels_get(reservation->labels, "app");

        (void)userdata;
        return counter_keys_add(ret, index ? index : app, 0);
}

static bool reads_index(void *userdata, const char *label)
{
        (void)userdata;
        return !strcmp(label, "apps.kubernetes.io/pod-index");
}

static bool reads_no_own(void *userdata, const char *label)
{
        (void)userdata;
        return !strcmp(label, "app");
}

/* The pod of a StatefulSet with this index. */
static void put_indexed(const char *index)
{
        const struct label labels[] = {{"app", "web"},
                                       {"apps.kubernetes.io/pod-index", index},
                                       {"statefulset.kubernetes.io/pod-name", index}};
        _cleanup_(reservation_freep) struct reservation *pod = new_reservation("ns", "r", "", 1);

        ck_assert_int_eq(labels_new(&pod->labels, labels, ARRAY_SIZE(labels)), 0);
        ck_assert_int_ge(usage_put(usage, index, pod, 1, false), 0);
}

START_TEST(own_labels_count_for_who_reads_them)
{
        struct classifier blind = {.generation = 2, .classify = classify_by_index, .reads = reads_no_own};
        struct classifier reader = {.generation = 3, .classify = classify_by_index, .reads = reads_index};

        ck_assert_int_eq(usage_classify(usage, &blind), 0);
        put_indexed("0");
        put_indexed("1");
        put_indexed("1");
        assert_counter("web", 2, 2, 0);
        ck_assert_int_eq(usage_classify(usage, &reader), 0);
        assert_counter("web", 0, 0, 0);
        assert_counter("0", 1, 1, 0);
        assert_counter("1", 1, 1, 0);
        put_indexed("2");
        ck_assert_int_eq(usage_remove(usage, "1"), 1);
        assert_counter("1", 0, 0, 0);
        assert_counter("2", 1, 1, 0);
        ck_assert_int_eq(usage_classify(usage, &blind), 0);
        assert_counter("web", 2, 2, 0);
        ck_assert_int_eq(usage_classify(usage, &reader), 0);
        assert_counter("0", 1, 1, 0);
        assert_counter("2", 1, 1, 0);
}
END_TEST

START_TEST(a_classifier_that_reads_more_and_fails_changes_nothing)
{
        int left = _i;
        struct classifier blind = {.generation = 2, .classify = classify_by_index, .reads = reads_no_own};
        struct classifier next = {.generation = 3, .classify = classify_until, .userdata = &left};

        ck_assert_int_eq(usage_classify(usage, &blind), 0);
        put_indexed("0");
        put_indexed("1");
        ck_assert_int_eq(usage_classify(usage, &next), -ENOMEM);
        assert_counter("web", 2, 2, 0);
        assert_counter("ns", 0, 0, 0);
        put_indexed("2");
        assert_counter("web", 3, 3, 0);
        ck_assert_int_eq(usage_remove(usage, "0"), 1);
        assert_counter("web", 2, 2, 0);
}
END_TEST

static size_t heap_bytes(void)
{
        return mallinfo2().uordblks;
}

/* 100,000 pods in well under 40 MB: 250 bytes each. Sanitizers have an allocator of their own, which does not tell.
 */
START_TEST(pods_of_one_template_take_little_memory)
{
        enum { PODS = 10000 };
        size_t before = heap_bytes();

        for (int i = 0; i < PODS; i++) {
                char uid[64];

                snprintf(uid, sizeof(uid), "%08x-7c1d-4d7e-9a50-6f2f0f3f8c11", (unsigned)i);
                ck_assert_int_eq(put(uid, i % 2 ? "r" : "s", 1, false), 1);
        }
        ck_assert_uint_lt(heap_bytes() - before, (size_t)PODS * 250);
        assert_counter("r", PODS / 2, PODS / 2, 0);
}
END_TEST

START_TEST(so_do_those_of_a_statefulset)
{
        enum { PODS = 10000 };
        struct classifier blind = {.generation = 2, .classify = classify_by_index, .reads = reads_no_own};
        size_t before;

        ck_assert_int_eq(usage_classify(usage, &blind), 0);
        before = heap_bytes();
        for (int i = 0; i < PODS; i++) {
                char index[16];

                snprintf(index, sizeof(index), "%d", i);
                put_indexed(index);
        }
        ck_assert_uint_lt(heap_bytes() - before, (size_t)PODS * 250);
        assert_counter("web", PODS, PODS, 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, pods_are_counted_and_taken_out);
        tcase_add_test(tests, a_pod_that_comes_again_counts_once_as_it_is_now);
        tcase_add_test(tests, two_uids_are_never_taken_for_one_and_come_back_as_they_were);
        tcase_add_loop_test(tests, version_and_reservation_are_those_of_when_it_was_first_seen, 0, ARRAY_SIZE(ids));
        tcase_add_test(tests, pods_of_one_shape_count_by_their_own_age);
        tcase_add_test(tests, pods_that_differ_in_anything_count_each_as_it_is);
        tcase_add_loop_test(tests, a_classifier_that_fails_changes_nothing, 0, 2);
        tcase_add_test(tests, what_cannot_be_classified_is_not_counted);
        tcase_add_test(tests, without_a_classifier_nothing_counts_yet);
        tcase_add_test(tests, own_labels_count_for_who_reads_them);
        tcase_add_loop_test(tests, a_classifier_that_reads_more_and_fails_changes_nothing, 0, 2);
        tcase_add_test(tests, pods_of_one_template_take_little_memory);
        tcase_add_test(tests, so_do_those_of_a_statefulset);
}

int main(void)
{
        return unit_main("usage", add);
}
