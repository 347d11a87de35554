/*
 * The authority in a Secret, from its first day to its last, with the clock given; and what becomes of a Secret that
 * is lost, damaged, or raced for.
 */
#include "trust/shared_authority.h"

#include "authorities.h"
#include "certs/bundle.h"
#include "kube/secret.h"
#include "trust_server.h"

#define NAME "regionfit.ns.svc"

static const char *const names[] = {NAME};
static const struct certificate_secret_place place = {.namespace = "ns", .name = "certs"};
static const struct shared_authority_view follows = {0};
static const struct shared_authority_view leads = {.leads = true};
static const struct shared_authority_view settled = {.leads = true, .settled = true};
static const struct shared_authority_view served = {.leads = true, .settled = true, .served = true};

static struct shared_authority *begin(int64_t now)
{
        const struct certs_request request = request_at(now, names, 1);
        struct shared_authority *shared = NULL;

        ck_assert_int_eq(shared_authority_new(&shared, &place, &request, NULL), 0);
        return shared;
}

/* Shows it what is stored. */
static int look(struct shared_authority *shared)
{
        json_auto_t *secret = server_get(SECRET);

        return shared_authority_take(shared, secret, NULL);
}

static int work(struct shared_authority *shared, const struct shared_authority_view *view)
{
        return shared_authority_work(shared, view, NULL);
}

/* One look and one step, at that time, by a replica that has just started. */
static int step(int64_t now, const struct shared_authority_view *view)
{
        _cleanup_(shared_authority_freep) struct shared_authority *shared = begin(now);

        ck_assert_int_eq(look(shared), 0);
        return work(shared, view);
}

/* What is stored, decoded; NULL: there is no such key. The caller's own. */
static char *stored(const char *key)
{
        json_auto_t *secret = server_get(SECRET);
        const char *encoded = json_string_value(member_of(member_of(secret, "data"), key));
        char *text = NULL;

        if (encoded)
                ck_assert_int_eq(secret_from_base64(&text, encoded), 0);
        return text;
}

static void put_value(const char *key, const char *value)
{
        json_t *secret = server_get(SECRET);

        json_object_set_new(member_of(secret, "data"), key, json_string(value));
        server_put(SECRET, secret);
}

static void put_request(const char *what)
{
        json_t *secret = server_get(SECRET), *metadata = member_of(secret, "metadata");

        json_object_set_new(metadata, "annotations",
                            json_pack("{s:s, s:s}", CERTIFICATE_SECRET_REQUEST, what, "a", "b"));
        server_put(SECRET, secret);
}

static int count(const char *key)
{
        _cleanup_(freep) char *text = stored(key);
        int n = 0;

        for (const char *c = text; c && (c = strstr(c, "-----BEGIN CERT")); c++)
                n++;
        return n;
}

static bool is_changed(const char *key, const char *before)
{
        _cleanup_(freep) char *now = stored(key);

        return strcmp(now, before) != 0;
}

START_TEST(whoever_comes_first_creates_it)
{
        _cleanup_(shared_authority_freep) struct shared_authority *first = begin(NOW), *second = begin(NOW);
        const char *chain, *key;
        json_auto_t *secret = NULL;
        _cleanup_(freep) char *expected = NULL;

        ck_assert_int_eq(work(first, &follows), 0); /* nothing has been seen yet */
        ck_assert_int_eq(look(first), 0);
        ck_assert_int_eq(look(second), 0);
        ck_assert_int_eq(work(second, &follows), 1);
        ck_assert_int_eq(work(first, &follows), -EEXIST);
        ck_assert_int_eq(look(first), 0);
        expected = stored("tls.crt");
        ck_assert(shared_authority_server(first, &chain, &key));
        ck_assert_str_eq(chain, expected);
        ck_assert_int_eq(work(first, &leads), 0);
        secret = server_get(SECRET);
        ck_assert_str_eq(json_string_value(member_of(secret, "type")), "kubernetes.io/tls");
        ck_assert_uint_eq(json_object_size(member_of(secret, "data")), 5);
}
END_TEST

/* A write whose answer is lost was done or not: what is seen tells. */
START_TEST(an_answer_that_is_lost_does_no_harm)
{
        _cleanup_(shared_authority_freep) struct shared_authority *shared = begin(NOW);
        _cleanup_(freep) char *server_before = NULL;

        ck_assert_int_eq(look(shared), 0);
        server_fail(0, EIO);
        ck_assert_int_eq(work(shared, &leads), -EIO);
        ck_assert_int_eq(work(shared, &leads), -EEXIST);
        ck_assert_int_eq(look(shared), 0);
        server_before = stored("tls.crt");
        put_request("renew");
        ck_assert_int_eq(look(shared), 0);
        server_fail(0, EIO);
        ck_assert_int_eq(work(shared, &leads), -EIO);
        ck_assert_int_eq(work(shared, &leads), -EBUSY);
        ck_assert_int_eq(look(shared), 0);
        ck_assert_int_eq(work(shared, &leads), 0);
        ck_assert(is_changed("tls.crt", server_before));
        ck_assert_uint_eq(server_writes(SECRET), 2);
}
END_TEST

START_TEST(only_the_leader_changes_it)
{
        ck_assert_int_eq(step(NOW, &follows), 1);
        put_request("renew");
        ck_assert_int_eq(step(NOW, &follows), 0);
        ck_assert_int_eq(step(NOW + 25 * DAY, &follows), 0);
        ck_assert_int_eq(step(NOW, &leads), 1);
}
END_TEST

START_TEST(a_request_is_answered_with_its_work)
{
        _cleanup_(freep) char *server_before = NULL;
        json_auto_t *secret = NULL;

        ck_assert_int_eq(step(NOW, &follows), 1);
        server_before = stored("tls.crt");
        put_request("renew");
        ck_assert_int_eq(step(NOW, &leads), 1);
        ck_assert(is_changed("tls.crt", server_before));
        secret = server_get(SECRET);
        ck_assert_str_eq(json_string_value(member_of(member_of(member_of(secret, "metadata"), "annotations"), "a")),
                         "b");
        ck_assert_uint_eq(json_object_size(member_of(member_of(secret, "metadata"), "annotations")), 1);
        ck_assert_int_eq(step(NOW, &leads), 0);
}
END_TEST

START_TEST(a_request_that_is_not_understood_is_left_alone)
{
        ck_assert_int_eq(step(NOW, &follows), 1);
        put_request("rotate");
        ck_assert_int_eq(step(NOW, &leads), 0);
}
END_TEST

static const struct time_case {
        const char *name;
        int64_t now;
        bool server, ca; /* what changes */
        int bundle;      /* CAs in the bundle, afterwards */
} time_cases[] = {
        {"with more than a third of the life left", NOW + 19 * DAY, false, false, 1},
        {"with a third of the life left", NOW + 20 * DAY, true, false, 1},
        {"after the server's end", NOW + 31 * DAY, true, false, 1},
        {"after the CA's end", NOW + 301 * DAY, true, true, 1},
};

START_TEST(renews_in_time)
{
        const struct time_case *c = &time_cases[_i];
        _cleanup_(freep) char *server_before = NULL;
        _cleanup_(freep) char *ca_before = NULL;

        ck_assert_int_eq(step(NOW, &follows), 1);
        server_before = stored("tls.crt");
        ca_before = stored("ca.crt");
        ck_assert_msg(step(c->now, &leads) == (c->server ? 1 : 0), "%s", c->name);
        ck_assert_msg(is_changed("tls.crt", server_before) == c->server, "%s", c->name);
        ck_assert_msg(is_changed("ca.crt", ca_before) == c->ca, "%s", c->name);
        ck_assert_msg(count("ca-bundle.crt") == c->bundle, "%s", c->name);
}
END_TEST

/* A name that is asked for from now on, as after an upgrade. */
START_TEST(adds_a_name)
{
        const struct certs_request request = request_at(NOW, NAMES(NAME, "regionfit.ns"), 2);
        struct shared_authority *shared = NULL;

        ck_assert_int_eq(step(NOW, &follows), 1);
        ck_assert_int_eq(shared_authority_new(&shared, &place, &request, NULL), 0);
        ck_assert_int_eq(look(shared), 0);
        ck_assert_int_eq(work(shared, &leads), 1);
        ck_assert_int_eq(look(shared), 0);
        ck_assert_int_eq(work(shared, &leads), 0);
        shared_authority_free(shared);
}
END_TEST

/* Each step by another leader, who knows nothing but what is in the Secret. */
START_TEST(a_rotation_goes_on_whoever_leads)
{
        _cleanup_(freep) char *ca_before = NULL;
        int64_t now = NOW + 200 * DAY; /* the CA is in its last third */

        ck_assert_int_eq(step(NOW, &follows), 1);
        ca_before = stored("ca.crt");
        ck_assert_int_eq(step(now, &leads), 1); /* the server's certificate, which is due as well */
        ck_assert_int_eq(step(now, &leads), 1);
        ck_assert_int_eq(count("ca-bundle.crt"), 2);
        ck_assert(!is_changed("ca.crt", ca_before));
        ck_assert_int_eq(step(now, &leads), 0);
        ck_assert_int_eq(step(now, &settled), 1);
        ck_assert(is_changed("ca.crt", ca_before));
        ck_assert_int_eq(count("ca-bundle.crt"), 2);
        ck_assert_int_eq(count("ca-next.crt"), 0);
        ck_assert_int_eq(step(now, &settled), 0);
        ck_assert_int_eq(step(now, &served), 1);
        ck_assert_int_eq(count("ca-bundle.crt"), 1);
        ck_assert_int_eq(step(now, &served), 0);
}
END_TEST

START_TEST(one_that_is_deleted_is_made_again_by_the_leader_as_it_was)
{
        _cleanup_(shared_authority_freep) struct shared_authority *shared = begin(NOW);
        json_auto_t *before = NULL;
        json_auto_t *after = NULL;

        ck_assert_int_eq(step(NOW, &follows), 1);
        ck_assert_int_eq(look(shared), 0);
        before = server_get(SECRET);
        server_put(SECRET, NULL);
        ck_assert_int_eq(look(shared), 0);
        ck_assert_int_eq(work(shared, &follows), 0);
        ck_assert_int_eq(work(shared, &leads), 1);
        after = server_get(SECRET);
        ck_assert(json_equal(member_of(before, "data"), member_of(after, "data")));
}
END_TEST

START_TEST(one_that_was_made_empty_is_filled_by_the_leader)
{
        server_put(SECRET, json_pack("{s:{s:s}, s:{s:s, s:s}}", "metadata", "name", "certs", "data", "tls.crt", "",
                                     "tls.key", ""));
        ck_assert_int_eq(step(NOW, &follows), 0);
        ck_assert_int_eq(step(NOW, &leads), 1);
        ck_assert_int_eq(count("ca.crt"), 1);
        ck_assert_int_eq(count("tls.crt"), 1);
}
END_TEST

static const struct damage_case {
        const char *name, *key, *value; /* NULL: the key goes */
        bool renewed;                   /* it is the server's alone, and issued again */
        const char *sentence;
} damage_cases[] = {
        {"a CA that is no certificate", "ca.crt", "bm90aGluZw==", false, "ca.crt: "},
        {"a CA that is no base64", "ca.crt", "***", false, "ca.crt is not base64 of a text"},
        {"a CA that is missing", "ca.crt", NULL, false, "ca.crt is missing"},
        {"a key of the CA that is none", "ca.key", "bm90aGluZw==", false, "ca.key: "},
        {"a bundle that is none", "ca-bundle.crt", "bm90aGluZw==", false, "ca-bundle.crt: "},
        {"a server certificate that is none", "tls.crt", "bm90aGluZw==", true, NULL},
        {"a server certificate that is no base64", "tls.crt", "***", true, NULL},
        {"a server certificate that is missing", "tls.crt", NULL, true, NULL},
        {"a server key that is none", "tls.key", "bm90aGluZw==", true, NULL},
};

START_TEST(damage_is_mended_only_where_nobody_trusts_it)
{
        const struct damage_case *c = &damage_cases[_i];
        _cleanup_(shared_authority_freep) struct shared_authority *shared = begin(NOW);
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *damaged = NULL;
        const char *chain, *key;
        int r;

        ck_assert_int_eq(step(NOW, &follows), 1);
        ck_assert_int_eq(look(shared), 0);
        if (c->value) {
                put_value(c->key, c->value);
        } else {
                json_t *secret = server_get(SECRET);

                json_object_del(member_of(secret, "data"), c->key);
                server_put(SECRET, secret);
        }
        damaged = server_get(SECRET);
        r = shared_authority_take(shared, damaged, &error);
        ck_assert_msg(r == (c->renewed ? 0 : -EINVAL), "%s: %d", c->name, r);
        ck_assert_msg(!c->sentence || !strncmp(error_message(&error), c->sentence, strlen(c->sentence)), "%s: %s",
                      c->name, error_message(&error));
        ck_assert_msg(work(shared, &served) == c->renewed, "%s", c->name);
        /* What was there before stays, and the whole of it comes back with the Secret. */
        ck_assert_ptr_nonnull(shared_authority_bundle(shared));
        ck_assert(shared_authority_server(shared, &chain, &key) == !c->renewed);
        if (c->renewed) {
                ck_assert_int_eq(look(shared), 0);
                ck_assert(shared_authority_server(shared, &chain, &key));
        }
}
END_TEST

/* What was signed with a key that is kept elsewhere goes on, and nothing new can be signed. */
START_TEST(without_the_key_of_the_ca_nothing_is_signed)
{
        _cleanup_(shared_authority_freep) struct shared_authority *shared = begin(NOW);
        _cleanup_error_ struct error error = ERROR_INIT;
        json_t *secret;

        ck_assert_int_eq(step(NOW, &follows), 1);
        secret = server_get(SECRET);
        json_object_del(member_of(secret, "data"), "ca.key");
        server_put(SECRET, secret);
        put_request("renew");
        ck_assert_int_eq(look(shared), 0);
        ck_assert_int_eq(shared_authority_work(shared, &leads, &error), -ENOKEY);
        ck_assert_str_eq(error_message(&error), "ca.key is missing: without it nothing can be signed");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, NULL, server_reset);
        tcase_add_test(tests, whoever_comes_first_creates_it);
        tcase_add_test(tests, an_answer_that_is_lost_does_no_harm);
        tcase_add_test(tests, only_the_leader_changes_it);
        tcase_add_test(tests, a_request_is_answered_with_its_work);
        tcase_add_test(tests, a_request_that_is_not_understood_is_left_alone);
        tcase_add_loop_test(tests, renews_in_time, 0, ARRAY_SIZE(time_cases));
        tcase_add_test(tests, adds_a_name);
        tcase_add_test(tests, a_rotation_goes_on_whoever_leads);
        tcase_add_test(tests, one_that_is_deleted_is_made_again_by_the_leader_as_it_was);
        tcase_add_test(tests, one_that_was_made_empty_is_filled_by_the_leader);
        tcase_add_loop_test(tests, damage_is_mended_only_where_nobody_trusts_it, 0, ARRAY_SIZE(damage_cases));
        tcase_add_test(tests, without_the_key_of_the_ca_nothing_is_signed);
}

int main(void)
{
        return unit_main("shared_authority", add);
}
