/*
 * What comes from a source is given on where it is new, and only then; whoever puts it in force may refuse it.
 */
#include "daemon/keypair.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "scratch.h"
#include "util/error.h"

/* A source that has whatever a test says, and one who puts it in force. */
static struct world {
        const char *chain, *key, *ca; /* chain NULL: it cannot be read; ca NULL: none */
        unsigned reads, uses;
        bool refusing;
        char used[32]; /* the chain that was taken last */
        bool with_ca;
} world;

static int read_world(const void *userdata, struct keypair_pem *ret, struct error *error)
{
        ck_assert_ptr_eq(userdata, &world);
        world.reads++;
        if (!world.chain)
                return error_set(error, ENOENT, "it is not there");
        ret->chain = strdup(world.chain);
        ret->key = strdup(world.key);
        ret->ca_bundle = world.ca ? strdup(world.ca) : NULL;
        return 0;
}

static int use_in_world(void *userdata, const struct keypair_pem *pem, struct error *error)
{
        ck_assert_ptr_eq(userdata, &world);
        world.uses++;
        if (world.refusing)
                return error_set(error, EINVAL, "it is of no use");
        snprintf(world.used, sizeof(world.used), "%s", pem->chain);
        world.with_ca = pem->ca_bundle;
        return 0;
}

static struct keypair *start(const char *file)
{
        const struct keypair_source source = {.read = read_world, .userdata = &world, .files = {file}};
        struct keypair *keypair = NULL;

        world = (struct world){.chain = "one", .key = "key"};
        ck_assert_int_eq(keypair_new(&keypair, &source, use_in_world, &world, NULL), 0);
        ck_assert_str_eq(world.used, "one");
        return keypair;
}

static const struct change_case {
        const char *name;
        const char *chain, *key, *ca;
        bool refusing;
        unsigned uses; /* of two looks */
} change_cases[] = {
        {"what is the same is not given on", "one", "key", NULL, false, 0},
        {"another certificate is, once", "two", "key", NULL, false, 1},
        {"another key is", "one", "new", NULL, false, 1},
        {"CAs that were not there are", "one", "key", "ca", false, 1},
        {"what cannot be read is not", NULL, NULL, NULL, false, 0},
        {"what is refused is offered again", "two", "key", NULL, true, 2},
};

START_TEST(what_is_new_is_given_on)
{
        const struct change_case *test = &change_cases[_i];
        const struct scratch_path file = scratch_path("tls.crt");
        _cleanup_(keypair_freep) struct keypair *keypair = start(file.text);

        world = (struct world){.chain = test->chain, .key = test->key, .ca = test->ca, .refusing = test->refusing};
        keypair_refresh(keypair);
        keypair_refresh(keypair);
        ck_assert_msg(world.reads == 2 && world.uses == test->uses, "%s: %u", test->name, world.uses);
        ck_assert_msg(!test->uses || test->refusing || world.with_ca == !!test->ca, "%s", test->name);
}
END_TEST

START_TEST(a_source_without_files_is_read_once)
{
        _cleanup_(keypair_freep) struct keypair *keypair = start(NULL);

        ck_assert_int_eq(keypair_fd(keypair), -1);
        world.chain = "two";
        keypair_refresh(keypair);
        ck_assert_uint_eq(world.reads, 1);
        ck_assert_str_eq(world.used, "one");
}
END_TEST

START_TEST(nothing_starts_with_what_is_of_no_use)
{
        const struct keypair_source source = {.read = read_world, .userdata = &world};
        struct keypair *keypair = NULL;

        world = (struct world){.chain = "one", .key = "key", .refusing = true};
        ck_assert_int_eq(keypair_new(&keypair, &source, use_in_world, &world, NULL), -EINVAL);
        world = (struct world){0};
        ck_assert_int_eq(keypair_new(&keypair, &source, use_in_world, &world, NULL), -ENOENT);
        ck_assert_ptr_null(keypair);
}
END_TEST

START_TEST(a_change_beside_its_files_is_told)
{
        const struct scratch_path file = scratch_path("tls.crt");
        _cleanup_(keypair_freep) struct keypair *keypair = start(file.text);
        struct pollfd event = {.fd = keypair_fd(keypair), .events = POLLIN};

        ck_assert_int_eq(poll(&event, 1, 0), 0);
        scratch_write("tls.key", "new");
        ck_assert_int_eq(poll(&event, 1, 10000), 1);
        keypair_refresh(keypair);
        ck_assert_int_eq(poll(&event, 1, 0), 0);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, what_is_new_is_given_on, 0, ARRAY_SIZE(change_cases));
        tcase_add_test(tests, a_source_without_files_is_read_once);
        tcase_add_test(tests, nothing_starts_with_what_is_of_no_use);
        tcase_add_test(tests, a_change_beside_its_files_is_told);
}

int main(void)
{
        return unit_main("keypair", add);
}
