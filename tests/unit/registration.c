/*
 * A MutatingWebhookConfiguration as an API server reads it (admissionregistration.k8s.io/v1 WebhookClientConfig): the
 * name that it asks for, whom it trusts, and the patch that changes that alone (Server-Side Apply).
 */
#include "trust/registration.h"

#include <errno.h>
#include <string.h>

#include "fake_kube.h"
#include "json.h"
#include "registrations.h"
#include "util/text.h"

#define METADATA "'metadata': {'name': 'regionfit', 'uid': '12-34', 'resourceVersion': '7'}"

__attribute__((format(printf, 1, 2))) static json_t *object_of(const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = text_format_list(format, arguments);
        va_end(arguments);
        return json_text(text);
}

static const struct host_case {
        const char *name, *client, *host;
} host_cases[] = {
        {"a Service", "'service': {'name': 'regionfit', 'namespace': 'gpu'}", "regionfit.gpu.svc"},
        {"a Service with a port",
         "'service': {'name': 'regionfit', 'namespace': 'gpu', 'port': 8443, 'path': '/mutate'}",
         "regionfit.gpu.svc"},
        {"a url", "'url': 'https://regionfit.example/mutate'", "regionfit.example"},
        {"a url with a port", "'url': 'https://regionfit.example:8443/mutate'", "regionfit.example"},
        {"an address", "'url': 'https://127.0.0.1:8443/mutate'", "127.0.0.1"},
        {"an IPv6 address", "'url': 'https://[::1]:8443/mutate'", "::1"},
};

START_TEST(knows_under_which_name_it_is_asked)
{
        const struct host_case *c = &host_cases[_i];
        _cleanup_(registration_freep) struct registration *registration = NULL;
        json_auto_t *object =
                object_of("{" METADATA ", 'webhooks': [{'name': 'a', 'clientConfig': {%s}}]}", c->client);

        ck_assert_int_eq(registration_new(&registration, object, NULL), 0);
        ck_assert_msg(!strcmp(registration->entries[0].host, c->host), "%s: %s", c->name,
                      registration->entries[0].host);
}
END_TEST

static const struct malformed_case {
        const char *name, *object, *sentence;
} malformed_cases[] = {
        {"without a name", "{'metadata': {'uid': '12', 'resourceVersion': '7'}}", "name is missing"},
        {"without a uid", "{'metadata': {'name': 'regionfit', 'resourceVersion': '7'}}", "uid is missing"},
        {"with an entry without a name", "{" METADATA ", 'webhooks': [{'clientConfig': {'url': 'https://a/'}}]}",
         "webhooks[0]: name is missing"},
        {"with an entry that is nowhere", "{" METADATA ", 'webhooks': [{'name': 'a', 'clientConfig': {}}]}",
         "webhooks[0]: clientConfig has neither a service nor a url with a host"},
        {"with half a Service",
         "{" METADATA ", 'webhooks': [{'name': 'a', 'clientConfig': {'service': {'name': 'regionfit'}}}]}",
         "webhooks[0]: clientConfig.service lacks its name or namespace"},
};

START_TEST(says_what_is_malformed)
{
        const struct malformed_case *c = &malformed_cases[_i];
        _cleanup_(registration_freep) struct registration *registration = NULL;
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *object = object_of("%s", c->object);

        ck_assert_int_eq(registration_new(&registration, object, &error), -EINVAL);
        ck_assert_str_eq(error_message(&error), c->sentence);
}
END_TEST

static const struct trust_case {
        const char *name;
        unsigned first, second;
        const char *host; /* of both entries; NULL: HOST */
        int64_t now;
        const char *sentence; /* NULL: it is trusted */
} trust_cases[] = {
        {"its CA in every entry", 1, 1, NULL, NOW, NULL},
        {"its CA among others", 3, 1, NULL, NOW, NULL},
        {"another CA", 2, 2, NULL, NOW,
         "webhook one.regionfit.io: its caBundle does not verify the certificate for regionfit.gpu.svc: unable to "
         "get "
         "local issuer certificate"},
        {"another CA in one of the entries", 1, 2, NULL, NOW,
         "webhook two.regionfit.io: its caBundle does not verify the certificate for regionfit.gpu.svc: unable to "
         "get "
         "local issuer certificate"},
        {"no caBundle", 0, 1, NULL, NOW, "webhook one.regionfit.io: it has no caBundle"},
        {"after its end", 1, 1, NULL, NOW + 31 * DAY,
         "webhook one.regionfit.io: its caBundle does not verify the certificate for regionfit.gpu.svc: certificate "
         "has "
         "expired"},
};

START_TEST(verifies_as_the_api_server_would)
{
        const struct trust_case *c = &trust_cases[_i];
        _cleanup_(registration_freep) struct registration *registration = registered(c->first, c->second);
        _cleanup_(certificates_freep) STACK_OF(X509) *chain = sk_X509_new_null();
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        ck_assert(bundle_add(chain, servers[0].certificate));
        r = registration_verify(registration, chain, NULL, c->now, &error);
        ck_assert_msg(r == (c->sentence ? -EKEYREJECTED : 0), "%s: %d", c->name, r);
        ck_assert_msg(!c->sentence || !strcmp(c->sentence, error_message(&error)), "%s: %s", c->name,
                      error_message(&error));
}
END_TEST

START_TEST(without_webhooks_nobody_asks)
{
        _cleanup_(registration_freep) struct registration *registration = NULL;
        _cleanup_(certificates_freep) STACK_OF(X509) *chain = sk_X509_new_null();
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *object = object_of("{" METADATA "}");

        ck_assert(bundle_add(chain, servers[0].certificate));
        ck_assert_int_eq(registration_new(&registration, object, NULL), 0);
        ck_assert_int_eq(registration_verify(registration, chain, NULL, NOW, &error), -EKEYREJECTED);
        ck_assert_str_eq(error_message(&error), "it has no webhooks");
}
END_TEST

static const char *const unreadable[] = {"bm90aGluZw==", "***", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="};

/* An API server takes whatever is there, and fails to use it. */
START_TEST(a_bundle_that_cannot_be_read_is_none)
{
        _cleanup_(registration_freep) struct registration *registration = NULL;
        json_auto_t *object = object_of("{" METADATA ", 'webhooks': [{'name': 'a', 'clientConfig': {"
                                        "'url': 'https://a/', 'caBundle': '%s'}}]}",
                                        unreadable[_i]);

        ck_assert_int_eq(registration_new(&registration, object, NULL), 0);
        ck_assert_ptr_null(registration->entries[0].cas);
}
END_TEST

START_TEST(compares_all_entries)
{
        unsigned first = (unsigned)_i & 3, second = (unsigned)_i >> 2 & 3, wanted = (unsigned)_i >> 4;
        _cleanup_(registration_freep) struct registration *registration = registered(first, second);
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = bundle_of(wanted), *all = bundle_of(0);

        ck_assert(registration_covers(registration, bundle) == ((first & second & wanted) == wanted));
        ck_assert(registration_is_within(registration, bundle) == !((first | second) & ~wanted));
        ck_assert(registration_add_to(registration, all, NOW));
        ck_assert_int_eq(sk_X509_num(all), __builtin_popcount(first | second));
}
END_TEST

static int answer(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)call, (void)ret_body;
        return index ? -EBUSY : 0;
}

/* "caBundle": base64 of "bundle" (RFC 4648 4). */
START_TEST(applies_the_bundle_and_nothing_else)
{
        _cleanup_(registration_freep) struct registration *registration = registered(1, 1);
        const struct fake_call *call = &fake_kube.calls[0];

        fake_kube.answer = answer;
        ck_assert_int_eq(registration_apply(registration, NULL, "bundle", NULL, NULL), 0);
        ck_assert_int_eq(call->method, KUBE_PATCH);
        ck_assert_str_eq(call->content_type, "application/apply-patch+yaml");
        ck_assert_str_eq(call->path, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/regionfit"
                                     "?fieldManager=regionfit&force=true");
        ck_assert_str_eq(
                call->body,
                "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"MutatingWebhookConfiguration\","
                "\"metadata\":{\"name\":\"regionfit\",\"uid\":\"12-34\",\"resourceVersion\":\"7\"},"
                "\"webhooks\":[{\"name\":\"one.regionfit.io\",\"clientConfig\":{\"caBundle\":\"YnVuZGxl\"}},"
                "{\"name\":\"two.regionfit.io\",\"clientConfig\":{\"caBundle\":\"YnVuZGxl\"}}]}");
        ck_assert_int_eq(registration_apply(registration, NULL, "bundle", NULL, NULL), -EBUSY);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, knows_under_which_name_it_is_asked, 0, ARRAY_SIZE(host_cases));
        tcase_add_loop_test(tests, says_what_is_malformed, 0, ARRAY_SIZE(malformed_cases));
        tcase_add_loop_test(tests, verifies_as_the_api_server_would, 0, ARRAY_SIZE(trust_cases));
        tcase_add_test(tests, without_webhooks_nobody_asks);
        tcase_add_loop_test(tests, a_bundle_that_cannot_be_read_is_none, 0, ARRAY_SIZE(unreadable));
        tcase_add_loop_test(tests, compares_all_entries, 0, 64);
        tcase_add_test(tests, applies_the_bundle_and_nothing_else);
}

int main(void)
{
        return unit_main("registration", add);
}
