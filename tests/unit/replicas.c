/*
 * The replicas as their Leases tell: who leads, how long ago each was heard of, and how far its view is behind.
 */
#include "cluster/replicas.h"

#include <errno.h>

#include "cluster/pod_changes.h"
#include "fake_kube.h"
#include "json.h"

#define NOW 1767225600 /* 2026-01-01T00:00:00Z */

/* A replica of the namespace "system", last heard of ten seconds before. */
#define REPLICA(name, annotations)                                                                               \
        "{'metadata': {'namespace': 'system', 'name': 'regionfit-" name "', 'annotations': {" annotations "}}, " \
        "'spec': {'holderIdentity': '" name "', 'renewTime': '2025-12-31T23:59:50.123456Z'}}"
#define LEADER(name, renewed) \
        "{'spec': {'holderIdentity': '" name "', 'leaseDurationSeconds': 15, 'renewTime': '" renewed "'}}"

/* The newest pod before the replicas were heard of, and one that was changed since. */
static struct pod_change items[] = {{NOW - 100, 600}, {NOW - 20, 650}, {NOW - 5, 900}};
static const struct pod_changes changes = {.items = items, .count = 3};

static const char *leases, *leader; /* what is stored; NULL: none */

static char *quote(const char *text)
{
        char *copy = strdup(text);

        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        return copy;
}

static int serve(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)index;
        ck_assert_int_eq(call->method, KUBE_GET);
        if (!strcmp(call->path, "/apis/coordination.k8s.io/v1/leases?labelSelector=regionfit.io/component=replica")) {
                if (!leases)
                        return -EACCES;
                *ret_body = quote(leases);
                return 0;
        }
        ck_assert_str_eq(call->path, "/apis/coordination.k8s.io/v1/namespaces/system/leases/regionfit");
        if (!leader)
                return -ENOENT;
        *ret_body = quote(leader);
        return 0;
}

static const struct replica_case {
        const char *name;
        const char *leases, *leader;
        const char *replicas;
} cases[] = {
        {"nobody serves", "{'items': []}", NULL, "[]"},
        {"a replica that leads and is not behind",
         "{'items': [" REPLICA("a", "'regionfit.io/view': '700', 'regionfit.io/ledger': '690', "
                                    "'regionfit.io/version': '0.1.0'") "]}",
         LEADER("a", "2025-12-31T23:59:50.000000Z"),
         "[{'namespace': 'system', 'identity': 'a', 'leader': true, 'version': '0.1.0', "
         "'renewTime': '2025-12-31T23:59:50.123456Z', 'age': 10, 'view': '700', 'ledger': '690', 'lag': 0}]"},
        {"one that is behind, one that has seen nothing, and an old leader",
         "{'items': [" REPLICA("a", "'regionfit.io/view': '500'") "," REPLICA("b", "") "]}",
         LEADER("a", "2025-12-31T23:59:40.000000Z"),
         "[{'namespace': 'system', 'identity': 'a', 'leader': false, 'version': '', "
         "'renewTime': '2025-12-31T23:59:50.123456Z', 'age': 10, 'view': '500', 'ledger': '', 'lag': 150},"
         "{'namespace': 'system', 'identity': 'b', 'leader': false, 'version': '', "
         "'renewTime': '2025-12-31T23:59:50.123456Z', 'age': 10, 'view': '', 'ledger': '', 'lag': null}]"},
        {"nobody has ever led", "{'items': [" REPLICA("a", "'regionfit.io/view': '900'") "]}", NULL,
         "[{'namespace': 'system', 'identity': 'a', 'leader': false, 'version': '', "
         "'renewTime': '2025-12-31T23:59:50.123456Z', 'age': 10, 'view': '900', 'ledger': '', 'lag': 0}]"},
};

START_TEST(replicas_are_what_their_leases_say)
{
        const struct replica_case *test = &cases[_i];
        json_auto_t *replicas = NULL, *expected = json_text(test->replicas);
        char *text;

        leases = test->leases;
        leader = test->leader;
        fake_kube.answer = serve;
        ck_assert_int_eq(replicas_read(&replicas, NULL, &changes, NOW, NULL), 0);
        text = json_dumps(replicas, JSON_COMPACT);
        ck_assert_msg(json_equal(replicas, expected), "%s: %s", test->name, text);
        ck_assert_uint_le(fake_kube_count(), 2);
        free(text);
}
END_TEST

START_TEST(who_may_not_list_leases_is_told_so)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        json_t *replicas = NULL;

        leases = NULL;
        fake_kube.answer = serve;
        ck_assert_int_eq(replicas_read(&replicas, NULL, &changes, NOW, &error), -EACCES);
        ck_assert_str_eq(error_message(&error), "the test wants it so");
        ck_assert_ptr_null(replicas);
}
END_TEST

#define SERVES(name, fingerprint, renewed)                                                \
        "{'metadata': {'annotations': {'regionfit.io/certificate': '" fingerprint "'}}, " \
        "'spec': {'holderIdentity': '" name "', 'renewTime': '" renewed "'}}"
#define BEFORE "2025-12-31T23:59:50.000000Z"      /* ten seconds */
#define LONG_BEFORE "2025-12-31T23:54:59.000000Z" /* 301 */

static const struct serve_case {
        const char *name, *leases; /* NULL: they may not be listed */
        int serve;
} serve_cases[] = {
        {"all serve it", "{'items': [" SERVES("a", "AB:CD", BEFORE) "," SERVES("b", "AB:CD", BEFORE) "]}", 1},
        {"one serves another", "{'items': [" SERVES("a", "AB:CD", BEFORE) "," SERVES("b", "AB:CE", BEFORE) "]}", 0},
        {"one does not tell, as it is older", "{'items': [" SERVES("a", "AB:CD", BEFORE) "," REPLICA("b", "") "]}",
         0},
        {"one that served another is long gone",
         "{'items': [" SERVES("a", "AB:CD", BEFORE) "," SERVES("b", "AB:CE", LONG_BEFORE) "]}", 1},
        {"all are long gone", "{'items': [" SERVES("a", "AB:CD", LONG_BEFORE) "]}", 0},
        {"there is nobody", "{'items': []}", 0},
        {"the leases may not be listed", NULL, -EACCES},
};

static int list_of_namespace(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)index;
        ck_assert_str_eq(call->path, "/apis/coordination.k8s.io/v1/namespaces/system/leases"
                                     "?labelSelector=regionfit.io/component=replica");
        if (leases)
                *ret_body = quote(leases);
        return leases ? 0 : -EACCES;
}

START_TEST(all_must_tell_that_they_serve_it)
{
        const struct serve_case *test = &serve_cases[_i];
        int r;

        leases = test->leases;
        fake_kube.answer = list_of_namespace;
        r = replicas_serve(NULL, "system", "AB:CD", NOW, NULL);
        ck_assert_msg(r == test->serve, "%s: %d", test->name, r);
}
END_TEST

START_TEST(an_answer_that_is_no_json_is_an_error)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        json_t *replicas = NULL;

        leases = "<html>";
        fake_kube.answer = serve;
        ck_assert_int_eq(replicas_read(&replicas, NULL, &changes, NOW, &error), -EIO);
        ck_assert_ptr_nonnull(strstr(error_message(&error), "the answer is no JSON"));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, replicas_are_what_their_leases_say, 0, ARRAY_SIZE(cases));
        tcase_add_loop_test(tests, all_must_tell_that_they_serve_it, 0, ARRAY_SIZE(serve_cases));
        tcase_add_test(tests, who_may_not_list_leases_is_told_so);
        tcase_add_test(tests, an_answer_that_is_no_json_is_an_error);
}

int main(void)
{
        return unit_main("replicas", add);
}
