/*
 * The Secret as an object: what is read from it, what is changed in it, and how it is sent (core/v1 Secret; base64 is
 * RFC 4648 4).
 */
#include "trust/certificate_secret.h"

#include <errno.h>

#include "fake_kube.h"
#include "json.h"
#include "util/cleanup.h"
#include "util/error.h"

static const struct read_case {
        const char *name, *object;
        enum certs_file file;
        const char *text;  /* NULL: there is none */
        const char *fault; /* NULL: it is good */
} read_cases[] = {
        {"a value", "{'data': {'ca.crt': 'Y2E='}}", CERTS_CA_CRT, "ca", NULL},
        {"a value with line breaks", "{'data': {'ca.crt': 'Y2\\nE='}}", CERTS_CA_CRT, "ca", NULL},
        {"no value", "{'data': {'ca.key': 'Y2E='}}", CERTS_CA_CRT, NULL, NULL},
        {"an empty value", "{'data': {'ca.crt': ''}}", CERTS_CA_CRT, NULL, NULL},
        {"no data", "{}", CERTS_CA_CRT, NULL, NULL},
        {"a value that is not base64", "{'data': {'ca.key': '*'}}", CERTS_CA_KEY, NULL,
         "ca.key is not base64 of a text"},
        {"a value with a NUL", "{'data': {'ca-bundle.crt': 'AAAA'}}", CERTS_BUNDLE, NULL,
         "ca-bundle.crt is not base64 of a text"},
        {"a number", "{'data': {'ca-next.crt': 1}}", CERTS_NEXT_CRT, NULL, "ca-next.crt is not base64 of a text"},
        {"a server certificate that is not base64", "{'data': {'tls.crt': '*'}}", CERTS_TLS_CRT, "", NULL},
        {"a server key that is a number", "{'data': {'tls.key': 1}}", CERTS_TLS_KEY, "", NULL},
};

START_TEST(reads)
{
        const struct read_case *c = &read_cases[_i];
        _cleanup_certs_files_ struct certs_files files = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *object = json_text(c->object);
        int r = certificate_secret_read(&files, object, &error);

        ck_assert_msg(r == (c->fault ? -EINVAL : 0), "%s: %d", c->name, r);
        if (c->fault)
                ck_assert_str_eq(error_message(&error), c->fault);
        else if (c->text)
                ck_assert_str_eq(files.texts[c->file], c->text);
        else
                ck_assert_msg(!files.texts[c->file], "%s", c->name);
}
END_TEST

static const struct request_case {
        const char *name, *object;
        enum rotation_request request;
        const char *fault;
} request_cases[] = {
        {"nothing", "{'metadata': {}}", ROTATION_REQUEST_NONE, NULL},
        {"a renewal", "{'metadata': {'annotations': {'regionfit.io/request': 'renew'}}}", ROTATION_REQUEST_RENEW,
         NULL},
        {"a rotation", "{'metadata': {'annotations': {'regionfit.io/request': 'rotate-ca'}}}",
         ROTATION_REQUEST_ROTATE_CA, NULL},
        {"something else", "{'metadata': {'annotations': {'regionfit.io/request': 'Renew'}}}", ROTATION_REQUEST_NONE,
         "the annotation regionfit.io/request must be renew or rotate-ca, not \"Renew\""},
};

START_TEST(asks_for)
{
        const struct request_case *c = &request_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *object = json_text(c->object);
        enum rotation_request request = ROTATION_REQUEST_RENEW;

        ck_assert_int_eq(certificate_secret_request(&request, object, &error), c->fault ? -EINVAL : 0);
        ck_assert_int_eq(request, c->request);
        if (c->fault)
                ck_assert_str_eq(error_message(&error), c->fault);
}
END_TEST

static const struct fill_case {
        const char *name, *before;
        bool answered;
        const char *after;
} fill_cases[] = {
        {"one without data", "{'metadata': {}}", false, "{'metadata': {}, 'data': {'ca.crt': 'Y2E='}}"},
        {"what is not there any more goes", "{'metadata': {}, 'data': {'ca.crt': 'b2xk', 'ca-next.crt': 'bmV4dA=='}}",
         false, "{'metadata': {}, 'data': {'ca.crt': 'Y2E='}}"},
        {"what is other people's stays",
         "{'metadata': {'labels': {'a': 'b'}}, 'type': 'Opaque', 'data': {'theirs': 'eA=='}}", false,
         "{'metadata': {'labels': {'a': 'b'}}, 'type': 'Opaque', 'data': {'theirs': 'eA==', 'ca.crt': 'Y2E='}}"},
        {"a request that is not answered stays", "{'metadata': {'annotations': {'regionfit.io/request': 'renew'}}}",
         false, "{'metadata': {'annotations': {'regionfit.io/request': 'renew'}}, 'data': {'ca.crt': 'Y2E='}}"},
        {"one that is answered goes, alone",
         "{'metadata': {'annotations': {'regionfit.io/request': 'renew', 'a': 'b'}}}", true,
         "{'metadata': {'annotations': {'a': 'b'}}, 'data': {'ca.crt': 'Y2E='}}"},
};

START_TEST(fills)
{
        const struct fill_case *c = &fill_cases[_i];
        struct certs_files files = {.texts = {[CERTS_CA_CRT] = (char *)"ca"}};
        json_auto_t *object = json_text(c->before);
        json_auto_t *expected = json_text(c->after);

        ck_assert_int_eq(certificate_secret_fill(object, &files, c->answered), 0);
        ck_assert_msg(json_equal(object, expected), "%s", c->name);
}
END_TEST

static int answer(const struct fake_call *call, size_t index, char **ret_body)
{
        (void)call, (void)ret_body;
        return index == 0 ? 0 : index == 1 ? -EEXIST : -EBUSY;
}

START_TEST(is_sent)
{
        static const struct certificate_secret_place place = {.namespace = "ns", .name = "certs"};
        struct certs_files files = {.texts = {[CERTS_CA_CRT] = (char *)"ca"}};
        json_auto_t *secret = json_text("{'metadata': {'resourceVersion': '7'}}");
        json_auto_t *expected =
                json_text("{'apiVersion': 'v1', 'kind': 'Secret', 'type': 'kubernetes.io/tls', 'metadata': "
                          "{'namespace': 'ns', 'name': 'certs', 'labels': {'app.kubernetes.io/name': "
                          "'regionfit'}}, 'data': {'ca.crt': 'Y2E='}}");
        json_auto_t *sent = NULL;

        fake_kube.answer = answer;
        ck_assert_int_eq(certificate_secret_create(&place, &files, NULL), 0);
        ck_assert_int_eq(fake_kube.calls[0].method, KUBE_POST);
        ck_assert_str_eq(fake_kube.calls[0].path, "/api/v1/namespaces/ns/secrets");
        sent = json_loads(fake_kube.calls[0].body, 0, NULL);
        ck_assert(json_equal(sent, expected));
        ck_assert_int_eq(certificate_secret_create(&place, &files, NULL), -EEXIST);
        ck_assert_int_eq(certificate_secret_update(&place, secret, NULL), -EBUSY);
        ck_assert_int_eq(fake_kube.calls[2].method, KUBE_PUT);
        ck_assert_str_eq(fake_kube.calls[2].path, "/api/v1/namespaces/ns/secrets/certs");
        ck_assert_str_eq(fake_kube.calls[2].body, "{\"metadata\":{\"resourceVersion\":\"7\"}}");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, reads, 0, ARRAY_SIZE(read_cases));
        tcase_add_loop_test(tests, asks_for, 0, ARRAY_SIZE(request_cases));
        tcase_add_loop_test(tests, fills, 0, ARRAY_SIZE(fill_cases));
        tcase_add_test(tests, is_sent);
}

int main(void)
{
        return unit_main("certificate_secret", add);
}
