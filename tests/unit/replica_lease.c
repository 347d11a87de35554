/*
 * A replica's own Lease: what is in it, that it stays, and that it goes.
 */
#include "kube/replica_lease.h"

#include "lease_server.h"

static json_t *annotations(void *userdata)
{
        unsigned *lag = userdata;

        return lag ? json_pack("{s:o}", "regionfit.io/lag", json_sprintf("%u", ++*lag)) : NULL;
}

static struct replica_lease *begin(unsigned *lag, const char *pod)
{
        const struct replica_lease_options options = {
                .namespace = "ns",
                .name = "name",
                .pod = pod,
                .pod_uid = pod ? "12-34" : NULL,
                .interval = 20 * NS_PER_MS,
                .annotations = annotations,
                .userdata = lag,
        };
        struct replica_lease *lease;

        ck_assert_int_eq(replica_lease_new(&lease, NULL, &options, NULL), 0);
        return lease;
}

START_TEST(it_says_who_and_how)
{
        unsigned lag = 0;
        struct replica_lease *lease = begin(&lag, NULL);

        server_await(KUBE_PUT, 2);
        assert_member("metadata/labels", "{\"regionfit.io/component\":\"replica\"}");
        assert_member("metadata/ownerReferences", "");
        assert_member("spec/holderIdentity", "\"name\"");
        assert_member("spec/leaseDurationSeconds", "40");
        assert_micro_time("spec/renewTime");
        replica_lease_free(lease);
        ck_assert_uint_ge(lag, 3);
}
END_TEST

START_TEST(annotations_are_those_of_the_moment)
{
        unsigned lag = 0;
        struct replica_lease *lease = begin(&lag, NULL);
        json_t *before, *after;
        char a[256], b[256];

        server_await(KUBE_POST, 1);
        before = server_get();
        server_await_more(KUBE_PUT, 1);
        after = server_get();
        ck_assert_str_ne(member(before, "metadata/annotations", a), member(after, "metadata/annotations", b));
        ck_assert_ptr_nonnull(strstr(b, "\"regionfit.io/lag\":"));
        json_decref(before);
        json_decref(after);
        replica_lease_free(lease);
}
END_TEST

START_TEST(it_goes_with_its_pod)
{
        struct replica_lease *lease = begin(NULL, "regionfit-0");

        server_await(KUBE_PUT, 1);
        assert_member("metadata/ownerReferences",
                      "[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"regionfit-0\",\"uid\":\"12-34\"}]");
        replica_lease_free(lease);
}
END_TEST

START_TEST(it_is_deleted_at_the_end)
{
        struct replica_lease *lease = begin(NULL, NULL);

        server_await(KUBE_POST, 1);
        replica_lease_free(lease);
        ck_assert_ptr_null(server_get());
}
END_TEST

static void delete_it(void)
{
        server_put(NULL);
        server_await(KUBE_POST, 2);
}

static void change_it(void)
{
        server_put("{\"metadata\":{\"annotations\":{\"their\":\"own\"}},\"spec\":{}}");
        server_await_more(KUBE_PUT, 2);
}

static void send_it_away(void)
{
        server_fail(EIO, 0);
        server_await_more(KUBE_GET, 2);
        server_fail(0, 0);
        server_await_more(KUBE_PUT, 1);
}

static void lose_an_answer(void)
{
        server_fail(0, EIO);
        server_await_more(KUBE_PUT, 3);
}

static const struct trouble_case {
        const char *name;
        void (*make)(void);
} trouble_cases[] = {
        {"after it was deleted it is created", delete_it},
        {"after somebody changed it it is written again, and what he wrote stays", change_it},
        {"after the server was away it is renewed", send_it_away},
        {"after an answer was lost it is renewed", lose_an_answer},
};

START_TEST(it_stays)
{
        struct replica_lease *lease = begin(NULL, NULL);

        server_await(KUBE_PUT, 1);
        trouble_cases[_i].make();
        assert_member("spec/holderIdentity", "\"name\"");
        if (trouble_cases[_i].make == change_it)
                assert_member("metadata/annotations", "{\"their\":\"own\"}");
        replica_lease_free(lease);
}
END_TEST

START_TEST(one_of_an_earlier_life_is_taken_over)
{
        struct replica_lease *lease;

        server_put("{\"metadata\":{},\"spec\":{\"holderIdentity\":\"name\",\"renewTime\":\"before\"}}");
        lease = begin(NULL, NULL);
        server_await(KUBE_PUT, 1);
        assert_micro_time("spec/renewTime");
        ck_assert_uint_eq(server_calls(KUBE_POST), 0);
        replica_lease_free(lease);
}
END_TEST

START_TEST(it_ends_where_the_server_is_away)
{
        struct replica_lease *lease;

        server_fail(EIO, 0);
        lease = begin(NULL, NULL);
        server_await(KUBE_GET, 1);
        replica_lease_free(lease);
        ck_assert_uint_eq(server_calls(KUBE_DELETE), 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, server_reset, server_reset);
        tcase_add_test(tests, it_says_who_and_how);
        tcase_add_test(tests, annotations_are_those_of_the_moment);
        tcase_add_test(tests, it_goes_with_its_pod);
        tcase_add_test(tests, it_is_deleted_at_the_end);
        tcase_add_loop_test(tests, it_stays, 0, ARRAY_SIZE(trouble_cases));
        tcase_add_test(tests, one_of_an_earlier_life_is_taken_over);
        tcase_add_test(tests, it_ends_where_the_server_is_away);
}

int main(void)
{
        return unit_main("replica_lease", add);
}
