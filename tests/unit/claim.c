/*
 * What is asked of the ledger for one pod: the reservation describes the pod as it will be stored, and the limits are
 * the pool's and the unit's.
 */
#include "admission/claim.h"

#include "objects.h"
#include "policy/index.h"
#include "policy/resource_policy.h"
#include "quota/region_quota.h"
#include "quota/reservation.h"
#include "util/arena.h"

#define POLICY                                                                             \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"         \
        "metadata: {namespace: default, name: p}\nspec: {matchLabelKeys: [rev], units: ["  \
        "{resource: acs, max: 3, maxResources: {cpu: 8, memory: 1Gi}, podLabels: {a: b}, " \
        "nodeSelector: {type: virtual}}, {resource: acs}]}\n"
#define POD(gpus)                                                                                            \
        "{'metadata': {'name': 'x', 'labels': {'rev': '7', 'alibabacloud.com/serverless-region-id': 'r'}}, " \
        "'spec': {'nodeSelector': {'disk': 'ssd'}, 'containers': [{'resources': {'limits': {'cpu': '500m', " \
        "'nvidia.com/gpu': '" gpus "'}}}]}}"

static struct catalog *catalog;
static const struct resource_policy *policy;
static json_t *object;
static struct pod pod;
static struct arena arena;

static void read_pod(const char *text)
{
        pod = POD_INIT;
        json_decref(object);
        pod = POD_INIT;
        object = json_text(text);
        pod_from(&pod, object);
}

static void setup(void)
{
        catalog = catalog_text(POLICY);
        policy = policy_index_at(catalog_policies(catalog), 0);
        read_pod(POD("2"));
}

static void teardown(void)
{
        arena_clear(&arena);
        pod = POD_INIT;
        json_decref(object);
        catalog_unref(catalog);
}

static const struct pool_limit pool_limit = {.limited = true, .offered = true, .series = "*", .gpus = 4};
static const struct pool_limit no_limit = {.limited = false, .offered = true, .series = "A10"};
static const struct claim_bounds pool = {.pool = &pool_limit}, unlimited = {.pool = &no_limit}, unbound;

START_TEST(a_claim_on_a_unit_describes_the_pod_as_it_will_be)
{
        struct claim claim = CLAIM_IN(&arena);
        const struct reservation *reservation;

        ck_assert_int_eq(claim_new_unit(&claim, &pod, policy, 0, "r", "A10", &pool), 0);
        reservation = &claim.reservation;
        ck_assert_uint_eq(strlen(reservation->id), RESERVATION_ID_SIZE - 1);
        ck_assert_str_eq(reservation->namespace, "default");
        ck_assert_str_eq(reservation->region, "r");
        ck_assert_str_eq(reservation->series, "A10");
        ck_assert_str_eq(reservation->placement, "default/p#0");
        ck_assert_str_eq(labels_get(reservation->labels, "a"), "b");
        ck_assert_str_eq(labels_get(reservation->labels, "rev"), "7");
        ck_assert_str_eq(labels_get(reservation->node_selector, "type"), "virtual");
        ck_assert_str_eq(labels_get(reservation->node_selector, "disk"), "ssd");
        ck_assert_int_eq(reservation->gpus, 2);
}
END_TEST

static void check_limit(const struct limit *limit, enum limit_kind kind, const char *key, struct quantity bound)
{
        ck_assert_int_eq(limit->kind, kind);
        ck_assert_str_eq(limit->key, key);
        ck_assert_int_eq(quantity_compare(limit->limit, bound), 0);
}

START_TEST(it_is_bound_by_the_pool_by_max_and_by_maxResources)
{
        struct claim claim = CLAIM_IN(&arena);

        ck_assert_int_eq(claim_new_unit(&claim, &pod, policy, 0, "r", "A10", &pool), 0);
        ck_assert_uint_eq(claim.n_limits, 4);
        check_limit(&claim.limits[0], LIMIT_GPUS, "pool r/*", quantity_whole(4));
        check_limit(&claim.limits[1], LIMIT_PODS, "unit default/p#0,7", quantity_whole(3));
        check_limit(&claim.limits[2], LIMIT_RESOURCE, "unit default/p#0,7", quantity_whole(8));
        check_limit(&claim.limits[3], LIMIT_RESOURCE, "unit default/p#0,7", quantity_whole(1 << 30));
        ck_assert_str_eq(claim.limits[2].resource, "cpu");
        ck_assert(claim.limits[1].ignore_terminating);
}
END_TEST

START_TEST(a_unit_without_bounds_in_an_unlimited_region_binds_nothing)
{
        struct claim claim = CLAIM_IN(&arena);

        ck_assert_int_eq(claim_new_unit(&claim, &pod, policy, 1, "r", "A10", &unlimited), 0);
        ck_assert_uint_eq(claim.n_limits, 0);
        ck_assert_int_eq(claim.reservation.gpus, 2);
}
END_TEST

START_TEST(a_pod_without_gpus_is_not_kept_out_of_a_full_pool)
{
        struct claim claim = CLAIM_IN(&arena);

        read_pod(POD("0"));
        ck_assert_int_eq(claim_new_unit(&claim, &pod, policy, 1, "r", "A10", &pool), 0);
        ck_assert_uint_eq(claim.n_limits, 0);
}
END_TEST

START_TEST(a_unit_without_a_region_charges_no_gpus)
{
        struct claim claim = CLAIM_IN(&arena);

        ck_assert_int_eq(claim_new_unit(&claim, &pod, policy, 1, "", "", &unlimited), 0);
        ck_assert_int_eq(claim.reservation.gpus, 0);
        ck_assert_uint_eq(claim.n_limits, 0);
}
END_TEST

START_TEST(a_pod_that_names_its_region_is_charged_and_bound_only_where_that_is_enforced)
{
        struct claim charged = CLAIM_IN(&arena), bound = CLAIM_IN(&arena);

        ck_assert_int_eq(claim_new_static(&charged, &pod, &unbound), 0);
        ck_assert_uint_eq(charged.n_limits, 0);
        ck_assert_str_eq(charged.reservation.region, "r");
        ck_assert_str_eq(charged.reservation.placement, "");
        ck_assert_int_eq(charged.reservation.gpus, 2);
        ck_assert_int_eq(claim_new_static(&bound, &pod, &pool), 0);
        ck_assert_uint_eq(bound.n_limits, 1);
        check_limit(&bound.limits[0], LIMIT_GPUS, "pool r/*", quantity_whole(4));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, a_claim_on_a_unit_describes_the_pod_as_it_will_be);
        tcase_add_test(tests, it_is_bound_by_the_pool_by_max_and_by_maxResources);
        tcase_add_test(tests, a_unit_without_bounds_in_an_unlimited_region_binds_nothing);
        tcase_add_test(tests, a_pod_without_gpus_is_not_kept_out_of_a_full_pool);
        tcase_add_test(tests, a_unit_without_a_region_charges_no_gpus);
        tcase_add_test(tests, a_pod_that_names_its_region_is_charged_and_bound_only_where_that_is_enforced);
}

int main(void)
{
        return unit_main("claim", add);
}
