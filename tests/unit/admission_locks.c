/*
 * Which reviews wait for other threads: none but those that look at what is left, or change it, which takes the
 * ledger's lock. The linker puts the counter below in the place of pthread_mutex_lock(), which is behind every lock
 * of the program (util/thread_safety.h).
 */
#include "admission/admission.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "objects.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "recorded.h"
#include "util/cleanup.h"

#define POLICY(app)                                                                                               \
        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"                                \
        "metadata: {name: p, namespace: default}\n"                                                               \
        "spec: {strategy: required, selector: {app: " app "}, units: [{resource: acs, podLabels: "                \
        "{alibabacloud.com/serverless-region-id: cn-beijing, alibabacloud.com/gpu-model-series: GU8TF}}]}\n---\n" \
        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: cn-beijing}\n"                    \
        "spec: {pools: [{gpuModelSeries: GU8TF, gpus: 8}]}\n"

#define MATCHES POLICY("nginx-gpu-resourcepolicy")
#define MATCHES_NOT POLICY("another")

/* What the linker calls the function itself, and what it calls instead of it. */
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

static unsigned locks;

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
        locks++;
        return __real_pthread_mutex_lock(mutex);
}

static const struct lock_case {
        const char *name;
        const char *objects;
        const char *review;
        const char *answer; /* a part of it */
        bool locks;
} cases[] = {
        {"no policy matches", MATCHES_NOT, "deployment-policy", "\"reason\":\"no-policy\"", false},
        {"a pod that has no reservation is deleted", MATCHES, "delete", "\"allowed\":true", false},
        {"the policy places the pod", MATCHES, "deployment-policy", "\"reason\":\"placed\"", true},
        {"the pod names a region, and is charged to it", MATCHES_NOT, "deployment-static-region",
         "\"reason\":\"static-region\"", true},
};

START_TEST(only_the_ledger_is_locked)
{
        const struct lock_case *test = &cases[_i];
        const struct admission_options options = {.gpu_resources = pod_default_gpu_resources};
        struct admission_answer answer = ADMISSION_ANSWER_INIT;
        struct catalog *catalog = catalog_text(test->objects);
        struct admission *admission;
        struct ledger *ledger;
        size_t size;
        _cleanup_(freep) char *body = recorded_read(test->review, &size);
        int r;

        ck_assert_int_eq(embedded_ledger_new(&ledger, NULL, NULL), 0);
        ck_assert_int_eq(admission_new(&admission, ledger, &options, NULL), 0);
        ck_assert_int_eq(admission_use(admission, catalog, NULL), 0);
        locks = 0;
        r = admission_handle(admission, body, size, &answer, NULL);
        ck_assert_msg((locks > 0) == test->locks, "%s: %u locks", test->name, locks);
        ck_assert_int_eq(r, 0);
        ck_assert_msg(memmem(answer.body, answer.size, test->answer, strlen(test->answer)), "%s: %.*s", test->name,
                      (int)answer.size, answer.body);
        admission_answer_clear(&answer);
        admission_free(admission);
        ledger_free(ledger);
        catalog_unref(catalog);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, only_the_ledger_is_locked, 0, ARRAY_SIZE(cases));
}

int main(void)
{
        return unit_main("admission_locks", add);
}
