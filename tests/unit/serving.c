/*
 * When a new pair is put in force. The rule is that of issue 5: what is served is verified by every caBundle that an
 * API server may still use; and where that is lost already, the newest is served.
 */
#include "trust/serving.h"

#include <errno.h>
#include <string.h>

#include "registrations.h"
#include "trust/carried.h"

#define OVERLAP 100
#define SOON (NOW + DAY)
#define LATE (NOW + 31 * DAY) /* when the servers' certificates have expired */

static char *used; /* the chain that was put in force last */
static int used_result;

static int use(const char *chain, const char *key, struct error *error)
{
        ck_assert_ptr_nonnull(key);
        if (used_result < 0)
                return error_set(error, -used_result, "it is of no use");
        free(used);
        used = strdup(chain);
        return 0;
}

static int offer(struct serving *serving, unsigned which)
{
        _cleanup_(freep) char *chain = pem_of(servers[which].certificate);
        char *key = NULL;
        int r;

        ck_assert_int_eq(key_print(&key, servers[which].key, NULL), 0);
        r = serving_offer(serving, chain, key, NULL);
        secret_free(key);
        return r;
}

/* A new certificate for the first CA, in the place of the one that was served. */
static void renew(void)
{
        _cleanup_sans_ struct sans sans = {0};

        ck_assert_int_eq(sans_add(&sans, HOST, NULL), 0);
        pair_clear(&servers[1]);
        ck_assert_int_eq(certificate_issue_server(&servers[1], &cas[0], &sans, NOW, 30, NULL), 0);
}

enum { NONE = 8, UNKNOWN = 9 }; /* what is registered, beside the bits of CAs */

static const struct settle_case {
        const char *name;
        unsigned before, registered; /* CAs that have been registered for OVERLAP, and now */
        int64_t now;
        bool renewed; /* the CA stays */
        bool taken;
} cases[] = {
        {"a pair whose CA has been registered for the overlap", 3, 3, SOON, false, true},
        {"a pair whose CA has not been registered for so long", 1, 3, SOON, false, false},
        {"a pair whose CA is not registered", 1, 1, SOON, false, false},
        {"a pair of the CA that is in use", 1, 1, SOON, true, true},
        {"a pair of the CA that is in use, where all was written anew", 0, 1, SOON, true, true},
        {"a pair whose CA alone is registered", 1, 2, SOON, false, true},
        {"any pair, where the registered caBundle is empty", 1, 0, SOON, false, true},
        {"any pair, where there is no configuration", 1, NONE, SOON, false, true},
        {"no pair, where nobody knows what is registered", 1, UNKNOWN, SOON, false, false},
        {"any pair, where the former one has expired", 1, UNKNOWN, LATE, false, true},
        {"any pair, where both have expired", 1, 1, LATE, false, true},
};

START_TEST(puts_in_force)
{
        const struct settle_case *c = &cases[_i];
        struct serving serving = {.use = use};
        _cleanup_carried_ struct carried carried = {0};
        _cleanup_(registration_freep) struct registration *earlier = registered(c->before, c->before);
        _cleanup_(registration_freep) struct registration *later =
                c->registered < NONE ? registered(c->registered, c->registered) : NULL;
        const struct serving_view nothing = {.carried = &carried, .now = NOW};
        struct serving_view view = {.known = c->registered != UNKNOWN,
                                    .registration = later,
                                    .carried = &carried,
                                    .before = OVERLAP,
                                    .now = c->now};
        _cleanup_(freep) char *expected = NULL;

        if (c->renewed)
                renew();
        ck_assert_int_eq(carried_update(&carried, earlier, false, 0), 0);
        ck_assert_int_eq(carried_update(&carried, later, false, OVERLAP + 1), 0);
        ck_assert_int_eq(offer(&serving, 0), 0);
        ck_assert_int_eq(serving_settle(&serving, &nothing, NULL), 1);
        ck_assert_int_eq(offer(&serving, 1), 0);

        ck_assert_msg(serving_settle(&serving, &view, NULL) == c->taken, "%s", c->name);
        expected = pem_of(servers[c->taken].certificate);
        ck_assert_msg(!strcmp(used, expected), "%s", c->name);
        free(expected);
        expected = pem_of(servers[1].certificate);
        ck_assert_str_eq(serving_newest(&serving), expected);
        serving_clear(&serving);
}
END_TEST

START_TEST(the_first_is_put_in_force_at_once)
{
        struct serving serving = {.use = use};
        _cleanup_carried_ struct carried carried = {0};
        const struct serving_view view = {.carried = &carried, .now = NOW};

        ck_assert_ptr_null(serving_newest(&serving));
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), 0);
        ck_assert_int_eq(offer(&serving, 0), 0);
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), 1);
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), 0);
        serving_clear(&serving);
}
END_TEST

/* Somebody restored the files that were there before: what waits must not come. */
START_TEST(what_is_served_already_takes_the_place_of_what_waits)
{
        struct serving serving = {.use = use};
        _cleanup_carried_ struct carried carried = {0};
        _cleanup_(registration_freep) struct registration *both = registered(3, 3);
        struct serving_view view = {.carried = &carried, .now = NOW};
        _cleanup_(freep) char *first = pem_of(servers[0].certificate);

        ck_assert_int_eq(offer(&serving, 0), 0);
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), 1);
        ck_assert_int_eq(offer(&serving, 1), 0);
        ck_assert_int_eq(offer(&serving, 0), 0);
        ck_assert_int_eq(carried_update(&carried, both, false, 0), 0);
        view = (struct serving_view){
                .known = true, .registration = both, .carried = &carried, .before = 1, .now = NOW};
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), 0);
        ck_assert_str_eq(used, first);
        serving_clear(&serving);
}
END_TEST

START_TEST(what_is_of_no_use_changes_nothing)
{
        struct serving serving = {.use = use};
        _cleanup_(freep) char *chain = pem_of(servers[0].certificate);
        char *key = NULL;

        ck_assert_int_eq(key_print(&key, servers[1].key, NULL), 0);
        ck_assert_int_eq(serving_offer(&serving, chain, key, NULL), -EKEYREJECTED);
        ck_assert_int_eq(serving_offer(&serving, "nothing", key, NULL), -EINVAL);
        ck_assert_int_eq(serving_offer(&serving, chain, "nothing", NULL), -EINVAL);
        ck_assert_ptr_null(serving_newest(&serving));
        secret_free(key);
        serving_clear(&serving);
}
END_TEST

START_TEST(what_cannot_be_put_in_force_waits)
{
        struct serving serving = {.use = use};
        _cleanup_carried_ struct carried carried = {0};
        const struct serving_view view = {.carried = &carried, .now = NOW};

        ck_assert_int_eq(offer(&serving, 0), 0);
        used_result = -EINVAL;
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), -EINVAL);
        ck_assert_ptr_null(serving.served.chain);
        used_result = 0;
        ck_assert_int_eq(serving_settle(&serving, &view, NULL), 1);
        serving_clear(&serving);
}
END_TEST

static void forget(void)
{
        teardown();
        free(used);
        used = NULL;
}

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, forget);
        tcase_add_loop_test(tests, puts_in_force, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, the_first_is_put_in_force_at_once);
        tcase_add_test(tests, what_is_served_already_takes_the_place_of_what_waits);
        tcase_add_test(tests, what_is_of_no_use_changes_nothing);
        tcase_add_test(tests, what_cannot_be_put_in_force_waits);
}

int main(void)
{
        return unit_main("serving", add);
}
