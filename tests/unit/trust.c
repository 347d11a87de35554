/*
 * Replicas that share a Secret and a configuration, each with its own threads. Whatever they do, the test looks at
 * each moment at which something changes: what any replica serves must be verified, by OpenSSL, with every caBundle
 * that was registered within the overlap.
 */
#include "trust/trust.h"

#include <openssl/x509_vfy.h>
#include <stdatomic.h>

#include "authorities.h"
#include "certs/bundle.h"
#include "kube/secret.h"
#include "trust_server.h"

#define REPLICAS 3
#define BUNDLES 64
#define OVERLAP (300 * NS_PER_MS)
#define HOST "regionfit.ns.svc"

static struct replica {
        struct trust *trust;
        char *chain; /* that it serves; guarded by the server's lock */
} replicas[REPLICAS];
static atomic_int leader;

/* What was registered; guarded by the server's lock, as is the next. */
static struct {
        STACK_OF(X509) * cas; /* NULL: none */
        int64_t until;        /* when it was replaced; 0: it is registered */
} bundles[BUNDLES];
static size_t n_bundles;
static char violation[256];

static bool verifies(STACK_OF(X509) * cas, const char *chain)
{
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509 *certificate = NULL;
        bool good;

        ck_assert_int_eq(certificate_parse(&certificate, chain, NULL), 0);
        for (int i = 0; i < sk_X509_num(cas); i++)
                ck_assert_int_eq(X509_STORE_add_cert(store, sk_X509_value(cas, i)), 1);
        ck_assert_int_eq(X509_STORE_CTX_init(context, store, certificate, NULL), 1);
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), NOW);
        good = X509_verify_cert(context) == 1;
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
        certificate_free(certificate);
        return good;
}

/* An empty caBundle is somebody else's doing. Half the overlap is left for threads that are slow to run. */
static void judge(void)
{
        int64_t oldest = clock_monotonic() - OVERLAP / 2;

        for (size_t i = 0; i < n_bundles; i++)
                for (size_t k = 0; k < REPLICAS; k++)
                        if (bundles[i].cas && (!bundles[i].until || bundles[i].until > oldest) && replicas[k].chain &&
                            !verifies(bundles[i].cas, replicas[k].chain))
                                snprintf(violation, sizeof(violation),
                                         "replica %zu, bundle %zu of %zu, which has %d CAs and ended %" PRId64
                                         " ms ago",
                                         k, i, n_bundles, sk_X509_num(bundles[i].cas),
                                         bundles[i].until ? (clock_monotonic() - bundles[i].until) / NS_PER_MS : 0);
}

static void note_bundle(enum kind kind, const json_t *object)
{
        const json_t *entry = json_array_get(member_of(object, "webhooks"), 0);
        const char *encoded = json_string_value(member_of(member_of(entry, "clientConfig"), "caBundle"));
        char *text = NULL;

        if (kind == SECRET)
                return;
        ck_assert_uint_lt(n_bundles, BUNDLES);
        if (n_bundles)
                bundles[n_bundles - 1].until = clock_monotonic();
        if (encoded && *encoded) {
                ck_assert_int_eq(secret_from_base64(&text, encoded), 0);
                ck_assert_int_eq(certificates_parse(&bundles[n_bundles].cas, text, NULL), 0);
        }
        free(text);
        n_bundles++;
        judge();
}

static int use(int which, const char *chain)
{
        pthread_mutex_lock(&server.lock);
        free(replicas[which].chain);
        replicas[which].chain = strdup(chain);
        judge();
        pthread_mutex_unlock(&server.lock);
        return 0;
}

#define DEFINE_USE(i)                                                              \
        static int use##i(const char *chain, const char *key, struct error *error) \
        {                                                                          \
                (void)key, (void)error;                                            \
                return use(i, chain);                                              \
        }                                                                          \
        _Static_assert(1, "takes the semicolon")
DEFINE_USE(0);
DEFINE_USE(1);
DEFINE_USE(2);
static serving_use *const uses[REPLICAS] = {use0, use1, use2};

static bool leads(void *userdata)
{
        return userdata == &replicas[leader];
}

static int all_serve(void *userdata, const char *fingerprint, struct error *error)
{
        bool all = true;

        (void)userdata, (void)error;
        pthread_mutex_lock(&server.lock);
        for (size_t i = 0; i < REPLICAS; i++) {
                char *served = NULL;

                if (replicas[i].chain)
                        ck_assert_int_eq(certs_fingerprint(&served, replicas[i].chain, NULL), 0);
                all = all && (!replicas[i].trust || (served && !strcmp(served, fingerprint)));
                free(served);
        }
        pthread_mutex_unlock(&server.lock);
        return all;
}

static void start(size_t which, bool secret)
{
        static const char *const names[] = {HOST};
        const struct trust_options options = {
                .namespace = "ns",
                .secret = secret ? "certs" : NULL,
                .request = request_at(NOW, names, 1),
                .configuration = "regionfit",
                .overlap = OVERLAP,
                .use = uses[which],
                .leads = leads,
                .all_serve = all_serve,
                .userdata = &replicas[which],
        };
        struct trust *trust = NULL;

        ck_assert_int_eq(trust_new(&trust, NULL, &options, NULL), 0);
        pthread_mutex_lock(&server.lock);
        replicas[which].trust = trust;
        pthread_mutex_unlock(&server.lock);
        if (secret)
                ck_assert_int_eq(trust_start(trust, NULL), 0);
}

/* As a process that ends: what it served is served no more. */
static void end(size_t which)
{
        trust_free(replicas[which].trust);
        pthread_mutex_lock(&server.lock);
        replicas[which].trust = NULL;
        free(replicas[which].chain);
        replicas[which].chain = NULL;
        pthread_mutex_unlock(&server.lock);
}

static json_t *configuration(const char *uid)
{
        return json_pack("{s:{s:s, s:s}, s:[{s:s, s:{s:{s:s, s:s}}}]}", "metadata", "name", "regionfit", "uid", uid,
                         "webhooks", "name", "placement.regionfit.io", "clientConfig", "service", "name", "regionfit",
                         "namespace", "ns");
}

static void setup(void)
{
        server.written = note_bundle;
        server_put(CONFIGURATION, configuration("one"));
}

static void teardown(void)
{
        for (size_t i = 0; i < REPLICAS; i++)
                end(i);
        server_reset();
        for (size_t i = 0; i < n_bundles; i++)
                certificates_free(bundles[i].cas);
        memset(bundles, 0, sizeof(bundles));
        n_bundles = 0;
        ck_assert_str_eq(violation, "");
}

static bool all_are_trusted(void)
{
        for (size_t i = 0; i < REPLICAS; i++)
                if (replicas[i].trust && trust_check(replicas[i].trust, NULL) < 0)
                        return false;
        return true;
}

static int count_registered(void)
{
        int n;

        pthread_mutex_lock(&server.lock);
        n = n_bundles && bundles[n_bundles - 1].cas ? sk_X509_num(bundles[n_bundles - 1].cas) : 0;
        pthread_mutex_unlock(&server.lock);
        return n;
}

/* One CA is registered, and all serve what it has signed and the Secret has. */
static bool is_quiet(void)
{
        json_auto_t *secret = server_get(SECRET);
        const char *encoded = json_string_value(member_of(member_of(secret, "data"), "tls.crt"));
        char *text = NULL;
        bool quiet = encoded && !member_of(member_of(secret, "data"), "ca-next.crt") && count_registered() == 1;

        if (quiet)
                ck_assert_int_eq(secret_from_base64(&text, encoded), 0);
        pthread_mutex_lock(&server.lock);
        for (size_t i = 0; quiet && i < REPLICAS; i++)
                quiet = !replicas[i].trust || (replicas[i].chain && !strcmp(replicas[i].chain, text));
        pthread_mutex_unlock(&server.lock);
        free(text);
        return quiet && all_are_trusted();
}

static bool both_are_registered(void)
{
        return count_registered() == 2;
}

static char *ca(void)
{
        json_auto_t *secret = server_get(SECRET);
        const char *encoded = json_string_value(member_of(member_of(secret, "data"), "ca.crt"));

        return strdup(encoded ? encoded : "");
}

static char *former; /* CA */

static bool another_signs(void)
{
        _cleanup_(freep) char *now = ca();

        return *now && strcmp(now, former) != 0;
}

static void ask_for(const char *what)
{
        json_t *secret = server_get(SECRET);

        json_object_set_new(member_of(secret, "metadata"), "annotations",
                            json_pack("{s:s}", "regionfit.io/request", what));
        server_put(SECRET, secret);
}

static void start_all(void)
{
        leader = 0;
        for (size_t i = 0; i < REPLICAS; i++)
                start(i, true);
        await("all serve what the first made", is_quiet);
}

START_TEST(all_agree_on_what_the_first_makes)
{
        start_all();
        ck_assert_uint_eq(server_writes(SECRET), 1);
        ck_assert_uint_eq(server_writes(CONFIGURATION), 1);
}
END_TEST

static const struct rotation_case {
        const char *name;
        bool (*moment)(void); /* at which the leader ends; NULL: it lives */
} rotation_cases[] = {
        {"with one leader", NULL},
        {"with a leader that ends once both are registered", both_are_registered},
        {"with a leader that ends once the next one signs", another_signs},
};

START_TEST(a_rotation_is_never_noticed)
{
        const struct rotation_case *c = &rotation_cases[_i];

        start_all();
        former = ca();
        ask_for("rotate-ca");
        if (c->moment) {
                await(c->name, c->moment);
                end(0);
                leader = 1;
                start(0, true);
        }
        await("the next one signs", another_signs);
        await("the old one is gone", is_quiet);
        free(former);
}
END_TEST

static bool one_is_registered(void)
{
        return count_registered() == 1;
}

START_TEST(what_somebody_takes_out_of_the_configuration_is_put_back)
{
        start_all();
        server_put(CONFIGURATION, configuration("one"));
        await("it is registered again", one_is_registered);
        await("all are trusted", all_are_trusted);
        ck_assert_uint_eq(server_writes(SECRET), 1);
}
END_TEST

static bool none_is_trusted(void)
{
        for (size_t i = 0; i < REPLICAS; i++)
                if (trust_check(replicas[i].trust, NULL) == 0)
                        return false;
        return true;
}

START_TEST(a_configuration_that_is_deleted_is_not_made_again)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        start_all();
        server_put(CONFIGURATION, NULL);
        await("nobody is trusted", none_is_trusted);
        ck_assert_int_lt(trust_check(replicas[0].trust, &error), 0);
        ck_assert_str_eq(error_message(&error), "MutatingWebhookConfiguration regionfit: there is none");
        ck_assert_uint_eq(server_writes(CONFIGURATION), 1);
        server_put(CONFIGURATION, configuration("two"));
        await("the next one has it", one_is_registered);
}
END_TEST

/* Another CA than the one that is in use, in a Secret that somebody restored: the same overlap as in a rotation. */
START_TEST(a_secret_that_is_replaced_is_taken_over_step_by_step)
{
        json_t *earlier;

        start_all();
        earlier = server_get(SECRET);
        former = ca();
        ask_for("rotate-ca");
        await("the next one signs", another_signs);
        await("the old one is gone", is_quiet);
        server_put(SECRET, earlier);
        await("both are registered", both_are_registered);
        await("the restored one is served", is_quiet);
        ck_assert(!another_signs());
        free(former);
}
END_TEST

START_TEST(a_secret_that_is_lost_is_made_again_as_it_was)
{
        start_all();
        former = ca();
        server_put(SECRET, NULL);
        await("it is there again", is_quiet);
        ck_assert(!another_signs());
        free(former);
}
END_TEST

static bool refuses(void)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        return trust_check(replicas[0].trust, &error) < 0 && strstr(error_message(&error), "Permission denied");
}

static bool knows_no_secret(void)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        return trust_check(replicas[0].trust, &error) < 0 &&
               !strcmp(error_message(&error), "Secret certs: ca.crt: no certificate in PEM");
}

START_TEST(says_why_there_is_no_certificate)
{
        server_fail(EACCES, 0);
        start(0, true);
        await("it says that it may not read", refuses);
        server_put(SECRET,
                   json_pack("{s:{s:s}, s:{s:s}}", "metadata", "name", "certs", "data", "ca.crt", "bm90aGluZw=="));
        server_fail(0, 0);
        await("it says what is damaged", knows_no_secret);
        ck_assert_uint_eq(server_writes(SECRET), 0);
}
END_TEST

static void offer(size_t which, const char *which_ca, const char *chain, const char *key)
{
        const struct certs_pem pem = {.ca_bundle = (char *)which_ca, .chain = (char *)chain, .key = (char *)key};

        ck_assert_int_eq(trust_offer(replicas[which].trust, &pem, NULL), 0);
}

static const char *expected_chain;

static bool all_serve_the_files(void)
{
        bool all = true;

        pthread_mutex_lock(&server.lock);
        for (size_t i = 0; i < REPLICAS; i++)
                all = all && !strcmp(replicas[i].chain, expected_chain);
        pthread_mutex_unlock(&server.lock);
        return all && count_registered() == 1 && all_are_trusted();
}

/* As of a Secret that is mounted, and changes for one replica after another; its CA, too. */
START_TEST(files_with_another_ca_are_taken_over_step_by_step)
{
        const struct certs_request request = request_at(NOW, NAMES(HOST), 1);
        _cleanup_certs_pem_ struct certs_pem first = {0}, second = {0};

        ck_assert_int_eq(certs_make(&first, &request, NULL), 0);
        ck_assert_int_eq(certs_make(&second, &request, NULL), 0);
        leader = 1;
        for (size_t i = 0; i < REPLICAS; i++) {
                start(i, false);
                offer(i, first.ca_bundle, first.chain, first.key);
                ck_assert_int_eq(trust_start(replicas[i].trust, NULL), 0);
        }
        expected_chain = first.chain;
        await("all serve the files", all_serve_the_files);
        for (size_t i = 0; i < REPLICAS; i++)
                offer(i, second.ca_bundle, second.chain, second.key);
        expected_chain = second.chain;
        await("all serve the new ones", all_serve_the_files);
        ck_assert_uint_eq(server_writes(SECRET), 0);
        ck_assert_uint_eq(server_writes(CONFIGURATION), 3);
}
END_TEST

/* cert-manager's cainjector writes it. */
START_TEST(without_a_ca_nothing_is_registered)
{
        const struct certs_request request = request_at(NOW, NAMES(HOST), 1);
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        _cleanup_(freep) char *encoded = NULL;
        json_t *object;

        ck_assert_int_eq(certs_make(&pem, &request, NULL), 0);
        leader = 0;
        start(0, false);
        offer(0, NULL, pem.chain, pem.key);
        ck_assert_int_eq(trust_start(replicas[0].trust, NULL), 0);
        usleep(300000);
        ck_assert_int_lt(trust_check(replicas[0].trust, &error), 0);
        ck_assert_str_eq(error_message(&error),
                         "MutatingWebhookConfiguration regionfit: webhook placement.regionfit.io: it "
                         "has no caBundle");
        ck_assert_uint_eq(server_writes(CONFIGURATION), 0);

        encoded = secret_to_base64(pem.ca_bundle);
        object = server_get(CONFIGURATION);
        json_object_set_new(member_of(json_array_get(member_of(object, "webhooks"), 0), "clientConfig"), "caBundle",
                            json_string(encoded));
        server_put(CONFIGURATION, object);
        await("it is trusted", all_are_trusted);
}
END_TEST

START_TEST(lost_answers_and_a_server_that_is_away_do_no_harm)
{
        start_all();
        former = ca();
        server_fail(0, EIO);
        ask_for("rotate-ca");
        await("both are registered", both_are_registered);
        server_fail(EIO, 0);
        usleep(500000);
        server_fail(0, EIO);
        await("the next one signs", another_signs);
        server_fail(0, EIO);
        await("the old one is gone", is_quiet);
        free(former);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, all_agree_on_what_the_first_makes);
        tcase_add_loop_test(tests, a_rotation_is_never_noticed, 0, ARRAY_SIZE(rotation_cases));
        tcase_add_test(tests, what_somebody_takes_out_of_the_configuration_is_put_back);
        tcase_add_test(tests, a_configuration_that_is_deleted_is_not_made_again);
        tcase_add_test(tests, a_secret_that_is_replaced_is_taken_over_step_by_step);
        tcase_add_test(tests, a_secret_that_is_lost_is_made_again_as_it_was);
        tcase_add_test(tests, says_why_there_is_no_certificate);
        tcase_add_test(tests, files_with_another_ca_are_taken_over_step_by_step);
        tcase_add_test(tests, without_a_ca_nothing_is_registered);
        tcase_add_test(tests, lost_answers_and_a_server_that_is_away_do_no_harm);
}

int main(void)
{
        return unit_main("trust", add);
}
