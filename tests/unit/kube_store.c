/*
 * What the ledger's store asks of the API server, and what it makes of the answers.
 *
 * What an outcome means to a compare-and-swap is that of quota/ledger_store.h; the codes are those of kube/client.h.
 */
#include "quota/kube_store.h"

#include <inttypes.h>

#include "fake_client.h"
#include "quota/ledger_store.h"

#define LEDGERS "/apis/regionfit.io/v1alpha1/reservationledgers"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/regionfit/leases"
#define STORED "{\"metadata\":{\"name\":\"regionfit\",\"resourceVersion\":\"7\"}}"

static struct kube_store *store;
static const struct ledger_store *operations;

static void set_up(void)
{
        ck_assert_int_eq(kube_store_new(&store, NULL, "regionfit", "regionfit", "regionfit.io/reservation"), 0);
        operations = kube_store_operations(store);
}

static void tear_down(void)
{
        store = kube_store_free(store);
}

static const struct {
        const char *name;
        struct fake_answer answer;
        int r;
} reads[] = {
        {"an object is what is stored", {.status = 200, .body = STORED}, 0},
        {"there is none", {.status = 404, .r = -ENOENT, .message = "404 Not Found"}, -ENOENT},
        {"the connection is lost", {.r = -EIO, .message = "lost"}, -EIO},
        {"what comes is no JSON", {.status = 200, .body = "<html>"}, -EIO},
        {"what comes is no object", {.status = 200, .body = "[]"}, -EIO},
        {"nothing comes", {.status = 200}, -EIO},
};

START_TEST(reads_the_object)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *object = NULL;

        fake_begin(&reads[_i].answer, 1);
        ck_assert_msg(operations->read(operations->userdata, &object, &error) == reads[_i].r, "%s: %s",
                      reads[_i].name, error_message(&error));
        fake_expect(reads[_i].name, "GET " LEDGERS "/regionfit\n");
        ck_assert_msg(json_is_object(object) == !reads[_i].r, "%s", reads[_i].name);
}
END_TEST

static const struct {
        const char *name, *object;
        struct fake_answer answer;
        const char *story;
        int r;
} writes[] = {
        {"one with a version is replaced",
         STORED,
         {.status = 200, .body = STORED},
         "PUT " LEDGERS "/regionfit " STORED,
         0},
        {"one without a version is created",
         "{\"metadata\":{}}",
         {.status = 201, .body = STORED},
         "POST " LEDGERS " {\"metadata\":{}}",
         0},
        {"another version is stored",
         STORED,
         {.status = 409, .r = -EBUSY, .message = "Conflict"},
         "PUT " LEDGERS "/regionfit " STORED,
         -EBUSY},
        {"somebody has created it already",
         "{\"metadata\":{}}",
         {.status = 409, .r = -EEXIST, .message = "AlreadyExists"},
         "POST " LEDGERS " {\"metadata\":{}}",
         -EBUSY},
        {"nobody knows what became of it",
         STORED,
         {.status = 500, .r = -EIO, .message = "etcd timed out"},
         "PUT " LEDGERS "/regionfit " STORED,
         -EIO},
        {"what was stored does not arrive whole",
         STORED,
         {.status = 200, .body = "{\"meta"},
         "PUT " LEDGERS "/regionfit " STORED,
         -EIO},
        {"it is not allowed",
         STORED,
         {.status = 403, .r = -EACCES, .message = "Forbidden"},
         "PUT " LEDGERS "/regionfit " STORED,
         -EACCES},
        {"it was never sent",
         STORED,
         {.r = -EAGAIN, .message = "refused"},
         "PUT " LEDGERS "/regionfit " STORED,
         -EAGAIN},
};

START_TEST(writes_once)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *object = json_loads(writes[_i].object, 0, NULL), *stored = NULL;
        char story[512];

        fake_begin(&writes[_i].answer, 1);
        ck_assert_msg(operations->write(operations->userdata, object, &stored, &error) == writes[_i].r, "%s: %s",
                      writes[_i].name, error_message(&error));
        snprintf(story, sizeof(story), "%s\n", writes[_i].story);
        fake_expect(writes[_i].name, story);
        ck_assert_msg(json_is_object(stored) == !writes[_i].r, "%s", writes[_i].name);
}
END_TEST

static void tell_found(void *userdata, const char *id, uint64_t version)
{
        (void)userdata;
        fake_tell("%s %" PRIu64 "\n", id, version);
}

#define POD(version, annotations) \
        "{\"metadata\":{\"resourceVersion\":\"" version "\",\"annotations\":{" annotations "}}}"
#define PODS                                                                                                     \
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"90\"},\"items\":[" POD( \
                "5",                                                                                             \
                "\"regionfit.io/reservation\":\"one\"") "," POD("6",                                             \
                                                                "") "," POD("7",                                 \
                                                                            "\"regionfit.io/"                    \
                                                                            "reservation\":\"\"") "," POD("8",   \
                                                                                                          "\"r"  \
                                                                                                          "egi"  \
                                                                                                          "onf"  \
                                                                                                          "it."  \
                                                                                                          "io/"  \
                                                                                                          "res"  \
                                                                                                          "erv"  \
                                                                                                          "ati"  \
                                                                                                          "on"   \
                                                                                                          "\":"  \
                                                                                                          "\"t"  \
                                                                                                          "wo"   \
                                                                                                          "\"") "]}"

static const struct {
        const char *name, *namespace;
        struct fake_answer answer;
        const char *story;
        int r;
} lists[] = {
        {"pods that carry a reservation are found, with their versions",
         "default",
         {.status = 200, .body = PODS},
         "GET /api/v1/namespaces/default/pods?limit=500\none 5\ntwo 8\n",
         0},
        {"those of all namespaces are found together",
         NULL,
         {.status = 200, .body = PODS},
         "GET /api/v1/pods?limit=500\none 5\ntwo 8\n",
         0},
        {"a list that is refused has found nothing",
         "default",
         {.status = 403, .r = -EACCES, .message = "Forbidden"},
         "GET /api/v1/namespaces/default/pods?limit=500\n",
         -EACCES},
        {"a list that breaks off is a failure",
         "default",
         {.status = 200, .body = "{\"items\":["},
         "GET /api/v1/namespaces/default/pods?limit=500\n",
         -EIO},
};

START_TEST(lists_pods)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        fake_begin(&lists[_i].answer, 1);
        r = operations->list(operations->userdata, lists[_i].namespace, tell_found, NULL, &error);
        ck_assert_msg(lists[_i].r ? r < 0 : r == 0, "%s: %d %s", lists[_i].name, r, error_message(&error));
        fake_expect(lists[_i].name, lists[_i].story);
}
END_TEST

#define QUOTA(version) "{\"metadata\":{\"resourceVersion\":\"" version "\"}}"
#define QUOTAS(items) "{\"kind\":\"RegionQuotaList\",\"metadata\":{\"resourceVersion\":\"90\"},\"items\":[" items "]}"

static const struct {
        const char *name;
        struct fake_answer answer;
        uint64_t newest;
        int r;
} quotas[] = {
        {"the newest of them counts, wherever it stands",
         {.status = 200, .body = QUOTAS(QUOTA("30") "," QUOTA("41") "," QUOTA("7"))},
         41,
         0},
        {"where there is none, no version is asked for", {.status = 200, .body = QUOTAS("")}, 0, 0},
        {"a list that is refused is a failure", {.status = 403, .r = -EACCES, .message = "Forbidden"}, 0, -EACCES},
};

START_TEST(finds_the_newest_quota)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        uint64_t newest = 1;
        int r;

        fake_begin(&quotas[_i].answer, 1);
        r = operations->quotas(operations->userdata, &newest, &error);
        ck_assert_msg(r == quotas[_i].r, "%s: %s", quotas[_i].name, error_message(&error));
        ck_assert_msg(newest == quotas[_i].newest, "%s: %" PRIu64, quotas[_i].name, newest);
        fake_expect(quotas[_i].name, "GET /apis/regionfit.io/v1alpha1/regionquotas?limit=500\n");
}
END_TEST

static const struct {
        const char *name;
        struct fake_answer answer;
        int r;
} firsts[] = {
        {"who makes the Lease is the first", {.status = 201, .body = "{}"}, 1},
        {"where there is one, somebody else was", {.status = 409, .r = -EEXIST, .message = "AlreadyExists"}, 0},
        {"who may not make one does not know", {.status = 403, .r = -EACCES, .message = "Forbidden"}, -EACCES},
        {"who gets no answer does not know", {.r = -EIO, .message = "lost"}, -EIO},
};

START_TEST(one_replica_alone_is_the_first)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        fake_begin(&firsts[_i].answer, 1);
        ck_assert_msg(operations->is_first(operations->userdata, &error) == firsts[_i].r, "%s: %s", firsts[_i].name,
                      error_message(&error));
        fake_expect(firsts[_i].name,
                    "POST " LEASES " {\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                    "\"metadata\":{\"name\":\"regionfit\",\"namespace\":\"regionfit\"},\"spec\":{}}\n");
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_loop_test(tests, reads_the_object, 0, ARRAY_SIZE(reads));
        tcase_add_loop_test(tests, writes_once, 0, ARRAY_SIZE(writes));
        tcase_add_loop_test(tests, lists_pods, 0, ARRAY_SIZE(lists));
        tcase_add_loop_test(tests, finds_the_newest_quota, 0, ARRAY_SIZE(quotas));
        tcase_add_loop_test(tests, one_replica_alone_is_the_first, 0, ARRAY_SIZE(firsts));
}

int main(void)
{
        return unit_main("kube_store", add);
}
