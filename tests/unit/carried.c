/*
 * Since when the configuration has which CA, with the clock given.
 */
#include "trust/carried.h"

#include <string.h>

#include "registrations.h"

#define CAS 2

/* What two entries trust, by bits, one look after another; and since when which CA has been carried. */
static const struct carried_case {
        const char *name;
        struct {
                unsigned first, second;
                enum { SEEN, NONE, AFTER_GAP } how; /* NONE: there is no configuration */
        } looks[4];                                 /* at 10, 20, 30, 40 */
        size_t n_looks;
        int64_t since[CAS]; /* 0: not carried */
} cases[] = {
        {"a CA counts from the first look at it", {{1, 1, SEEN}, {1, 1, SEEN}}, 2, {10, 0}},
        {"one that is added counts from then", {{1, 1, SEEN}, {3, 3, SEEN}, {3, 3, SEEN}}, 3, {10, 20}},
        {"only what all entries have counts", {{3, 1, SEEN}, {3, 1, SEEN}}, 2, {10, 0}},
        {"from when all of them have it", {{3, 1, SEEN}, {3, 3, SEEN}}, 2, {10, 20}},
        {"one that is dropped loses its time", {{3, 3, SEEN}, {1, 1, SEEN}, {3, 3, SEEN}}, 3, {10, 30}},
        {"by one entry alone as well", {{3, 3, SEEN}, {3, 1, SEEN}, {3, 3, SEEN}}, 3, {10, 30}},
        {"all lose it with the configuration", {{3, 3, SEEN}, {0, 0, NONE}, {3, 3, SEEN}}, 3, {30, 30}},
        {"all lose it where something else may have been in between", {{3, 3, SEEN}, {1, 1, AFTER_GAP}}, 2, {20, 0}},
        {"an empty caBundle carries nothing", {{3, 3, SEEN}, {0, 0, SEEN}}, 2, {0, 0}},
};

START_TEST(counts_since)
{
        const struct carried_case *c = &cases[_i];
        _cleanup_carried_ struct carried carried = {0};

        for (size_t i = 0; i < c->n_looks; i++) {
                _cleanup_(registration_freep) struct registration *registration =
                        registered(c->looks[i].first, c->looks[i].second);

                ck_assert_int_eq(carried_update(&carried, c->looks[i].how == NONE ? NULL : registration,
                                                c->looks[i].how == AFTER_GAP, 10 * ((int)i + 1)),
                                 0);
        }
        for (unsigned i = 0; i < CAS; i++) {
                _cleanup_(certificates_freep) STACK_OF(X509) *one = bundle_of(1u << i);

                ck_assert_msg(carried_covers(&carried, one, 40) == (c->since[i] > 0), "%s, CA %u", c->name, i);
                if (!c->since[i])
                        continue;
                ck_assert_msg(carried_covers(&carried, one, c->since[i]), "%s, CA %u", c->name, i);
                ck_assert_msg(!carried_covers(&carried, one, c->since[i] - 1), "%s, CA %u", c->name, i);
        }
}
END_TEST

START_TEST(covers_no_empty_bundle)
{
        _cleanup_carried_ struct carried carried = {0};
        _cleanup_(certificates_freep) STACK_OF(X509) *none = bundle_of(0);

        ck_assert(!carried_covers(&carried, none, INT64_MAX));
        ck_assert(!carried_covers(&carried, NULL, INT64_MAX));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, counts_since, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, covers_no_empty_bundle);
}

int main(void)
{
        return unit_main("carried", add);
}
