/*
 * Leader election: what is written, who holds it, and for how long, with times shortened.
 */
#include "kube/lease.h"

#include "lease_server.h"

#define RETRY (20 * NS_PER_MS)
#define LEASE(holder, duration, transitions)                                                              \
        "{\"metadata\":{\"name\":\"name\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"holderIdentity\":" holder \
        ",\"leaseDurationSeconds\":" duration ",\"leaseTransitions\":" transitions                        \
        ",\"renewTime\":\"2026-01-02T03:04:05.000000Z\",\"strategy\":\"unknown\"}}"

static struct lease *begin(const char *identity, int64_t renewal)
{
        const struct lease_options options = {
                .namespace = "ns",
                .name = "name",
                .identity = identity,
                .duration = 15 * NS_PER_SECOND,
                .renewal = renewal,
                .retry = RETRY,
        };
        struct lease *lease;

        ck_assert_int_eq(lease_new(&lease, NULL, &options, NULL), 0);
        return lease;
}

static bool is_held(const void *userdata)
{
        return lease_held(userdata);
}

static bool is_not_held(const void *userdata)
{
        return !lease_held(userdata);
}

static struct lease *hold(const char *identity, int64_t renewal)
{
        struct lease *lease = begin(identity, renewal);

        ck_assert(wait_true(is_held, lease));
        return lease;
}

START_TEST(the_first_creates_it)
{
        struct lease *lease = hold("one", LEASE_RENEWAL);

        ck_assert_uint_eq(server_calls(KUBE_POST), 1);
        assert_member("kind", "\"Lease\"");
        assert_member("spec/holderIdentity", "\"one\"");
        assert_member("spec/leaseDurationSeconds", "15");
        assert_member("spec/leaseTransitions", "0");
        assert_micro_time("spec/acquireTime");
        assert_micro_time("spec/renewTime");
        lease_free(lease);
}
END_TEST

START_TEST(the_holder_renews_without_reading)
{
        struct lease *lease = hold("one", LEASE_RENEWAL);
        json_t *before = server_get(), *after;
        char a[256], b[256];

        server_await_more(KUBE_PUT, 2);
        after = server_get();
        ck_assert_str_ne(member(before, "spec/renewTime", a), member(after, "spec/renewTime", b));
        ck_assert_str_eq(member(before, "spec/acquireTime", a), member(after, "spec/acquireTime", b));
        assert_member("spec/leaseTransitions", "0");
        ck_assert_uint_eq(server_calls(KUBE_GET), 1);
        json_decref(before);
        json_decref(after);
        lease_free(lease);
}
END_TEST

static const struct take_over_case {
        const char *name;
        const char *lease;
        int64_t wait; /* ns, at least */
        const char *transitions;
} take_over_cases[] = {
        {"a lease that was given up is taken at once", LEASE("\"\"", "1", "3"), 0, "4"},
        {"a lease that nobody ever had is taken at once", LEASE("null", "15", "0"), 0, "1"},
        {"a lease of ours, from before, is taken at once and goes on", LEASE("\"one\"", "15", "3"), 0, "3"},
        {"a lease of another is taken when it was seen unchanged for its duration", LEASE("\"two\"", "1", "3"),
         NS_PER_SECOND, "4"},
};

START_TEST(it_is_taken_over)
{
        const struct take_over_case *test = &take_over_cases[_i];
        int64_t begun = clock_monotonic();
        struct lease *lease;

        server_put(test->lease);
        lease = hold("one", LEASE_RENEWAL);
        ck_assert_msg(clock_monotonic() - begun >= test->wait, "%s", test->name);
        if (!test->wait)
                ck_assert_msg(clock_monotonic() - begun < NS_PER_SECOND, "%s", test->name);
        assert_member("spec/holderIdentity", "\"one\"");
        assert_member("spec/leaseTransitions", test->transitions);
        lease_free(lease);
}
END_TEST

START_TEST(what_others_wrote_stays)
{
        struct lease *lease;

        server_put(LEASE("\"\"", "1", "3"));
        lease = hold("one", LEASE_RENEWAL);
        assert_member("metadata/labels", "{\"a\":\"b\"}");
        assert_member("spec/strategy", "\"unknown\"");
        lease_free(lease);
}
END_TEST

START_TEST(a_lease_that_is_renewed_is_never_taken)
{
        struct lease *lease;

        server_put(LEASE("\"two\"", "1", "0"));
        lease = begin("one", LEASE_RENEWAL);
        for (int i = 0; i < 20; i++) {
                usleep(100000);
                server_put(i % 2 ? LEASE("\"two\"", "1", "0") : LEASE("\"two\"", "1", "1"));
                ck_assert(!lease_held(lease));
        }
        assert_member("spec/holderIdentity", "\"two\"");
        lease_free(lease);
        assert_member("spec/holderIdentity", "\"two\"");
}
END_TEST

START_TEST(who_ends_gives_it_up)
{
        lease_free(hold("one", LEASE_RENEWAL));
        assert_member("spec/holderIdentity", "\"\"");
        assert_member("spec/leaseDurationSeconds", "1");
        assert_member("spec/leaseTransitions", "0");
}
END_TEST

START_TEST(who_cannot_renew_stops_believing)
{
        int64_t begun;
        struct lease *lease = hold("one", 300 * NS_PER_MS);

        server_fail(EIO, 0);
        begun = clock_monotonic();
        ck_assert(wait_true(is_not_held, lease));
        ck_assert_int_lt(clock_monotonic() - begun, NS_PER_SECOND);
        server_fail(0, 0);
        ck_assert(wait_true(is_held, lease));
        assert_member("spec/leaseTransitions", "0");
        lease_free(lease);
}
END_TEST

START_TEST(a_renewal_whose_answer_was_lost_is_found)
{
        struct lease *lease = hold("one", LEASE_RENEWAL);

        server_fail(0, EIO);
        server_await_more(KUBE_PUT, 4);
        ck_assert(lease_held(lease));
        assert_member("spec/holderIdentity", "\"one\"");
        assert_member("spec/leaseTransitions", "0");
        ck_assert_uint_eq(server_calls(KUBE_GET), 2);
        lease_free(lease);
}
END_TEST

START_TEST(a_renewal_that_was_cancelled_does_not_keep_it_from_being_given_up)
{
        struct lease *lease = hold("one", LEASE_RENEWAL);

        server_fail(0, ECANCELED);
        server_await_more(KUBE_PUT, 1);
        lease_free(lease);
        assert_member("spec/holderIdentity", "\"\"");
}
END_TEST

START_TEST(who_was_robbed_notices)
{
        struct lease *lease = hold("one", LEASE_RENEWAL);

        server_put(LEASE("\"two\"", "15", "1"));
        ck_assert(wait_true(is_not_held, lease));
        lease_free(lease);
        assert_member("spec/holderIdentity", "\"two\"");
}
END_TEST

START_TEST(a_lease_that_was_deleted_is_created_again)
{
        struct lease *lease = hold("one", LEASE_RENEWAL);

        server_put(NULL);
        server_await(KUBE_POST, 2);
        ck_assert(lease_held(lease));
        assert_member("spec/holderIdentity", "\"one\"");
        lease_free(lease);
}
END_TEST

START_TEST(one_of_two_holds_it)
{
        struct lease *first = hold("one", LEASE_RENEWAL), *second = begin("two", LEASE_RENEWAL);

        server_await_more(KUBE_GET, 5);
        ck_assert(lease_held(first));
        ck_assert(!lease_held(second));
        lease_free(first);
        ck_assert(wait_true(is_held, second));
        assert_member("spec/holderIdentity", "\"two\"");
        assert_member("spec/leaseTransitions", "1");
        lease_free(second);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, server_reset, server_reset);
        tcase_add_test(tests, the_first_creates_it);
        tcase_add_test(tests, the_holder_renews_without_reading);
        tcase_add_loop_test(tests, it_is_taken_over, 0, ARRAY_SIZE(take_over_cases));
        tcase_add_test(tests, what_others_wrote_stays);
        tcase_add_test(tests, a_lease_that_is_renewed_is_never_taken);
        tcase_add_test(tests, who_ends_gives_it_up);
        tcase_add_test(tests, who_cannot_renew_stops_believing);
        tcase_add_test(tests, a_renewal_whose_answer_was_lost_is_found);
        tcase_add_test(tests, a_renewal_that_was_cancelled_does_not_keep_it_from_being_given_up);
        tcase_add_test(tests, who_was_robbed_notices);
        tcase_add_test(tests, a_lease_that_was_deleted_is_created_again);
        tcase_add_test(tests, one_of_two_holds_it);
}

int main(void)
{
        return unit_main("lease", add);
}
