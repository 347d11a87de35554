/*
 * Handles recorded reviews, case by case, for callgrind to count what one of them costs
 * (tests/bench/instructions.py). Instructions do not depend on what else the machine does, so a rise of them is a
 * rise of the code's own.
 *
 * Only what happens within handle() counts; what the ledger grows to meanwhile is thrown away between the cases.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "admission/catalog.h"
#include "admission/pod.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

#include "read_catalog.h"

/* Whose pods a catalog's policy selects, and whether its first unit has room for them. */
enum catalog_kind { NO_POLICY_MATCHES, PLACES, DENIES };

static const struct test_case {
        const char *name;
        const char *review;
        const char *answer; /* a part of it */
        enum catalog_kind kind;
        size_t n_policies;
        size_t size; /* what managedFields are filled up to; 0: as recorded */
        unsigned times;
} cases[] = {
        {"no policy matches", "deployment-policy.json", "no-policy", NO_POLICY_MATCHES, 10, 0, 200},
        {"placed, memory ledger", "deployment-policy.json", "placed", PLACES, 10, 0, 200},
        {"placed, 1,000 policies", "deployment-policy.json", "placed", PLACES, 1000, 0, 200},
        {"placed, 10,000 policies", "deployment-policy.json", "placed", PLACES, 10000, 0, 200},
        {"placed, 40 KB", "deployment-policy.json", "placed", PLACES, 10, 40 * 1024, 50},
        {"placed, 1 MB", "deployment-policy.json", "placed", PLACES, 10, 1024 * 1024, 5},
        {"denied", "deployment-policy.json", "nothing-fits", DENIES, 10, 0, 200},
        {"its own region", "deployment-static-region.json", "static-region", NO_POLICY_MATCHES, 10, 0, 200},
        {"deleted", "delete-final.json", "\"allowed\":true", NO_POLICY_MATCHES, 10, 0, 200},
};

#define REVIEW_MAX 16384

static char *read_review(const char *folder, const char *name, size_t *ret_size)
{
        char path[512], *text = calloc(1, REVIEW_MAX);
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        file = fopen(path, "re");
        check(file && text ? 0 : -errno, path);
        *ret_size = fread(text, 1, REVIEW_MAX - 1, file);
        fclose(file);
        return text;
}

/* The review with as many more managed fields as make it this long. */
static void write_filled(FILE *stream, const char *review, size_t size)
{
        static const char place[] = "\"fieldsV1\":{";
        const char *found = strstr(review, place), *rest = found ? found + strlen(place) : review;

        check(found ? 0 : -EINVAL, "no managed fields");
        fwrite(review, 1, (size_t)(rest - review), stream);
        for (unsigned i = 0; (size_t)ftell(stream) + strlen(rest) < size; i++)
                fprintf(stream,
                        "\"f:part-%06u\":{\".\":{},\"k:{\\\"name\\\":\\\"c-%06u\\\"}\":{\".\":{},\"f:image\":{},"
                        "\"f:terminationMessagePath\":{},\"f:resources\":{\"f:limits\":{\"f:cpu\":{}}}}},",
                        i, i);
        fputs(rest, stream);
}

static void write_policies(FILE *stream, const struct test_case *test)
{
        for (size_t i = 0; i < test->n_policies; i++)
                fprintf(stream,
                        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
                        "metadata: {name: p%zu, namespace: default}\n"
                        "spec: {strategy: required, selector: {app: %s%.0zu}, units: ["
                        "{resource: acs, nodeSelector: {type: virtual-kubelet}, podLabels: "
                        "{alibabacloud.com/compute-class: gpu, alibabacloud.com/gpu-model-series: GU8TF, "
                        "alibabacloud.com/serverless-region-id: cn-beijing}}, "
                        "{resource: acs, podLabels: {alibabacloud.com/serverless-region-id: cn-hangzhou, "
                        "alibabacloud.com/gpu-model-series: GU8TF}}]}\n---\n",
                        i, test->kind == NO_POLICY_MATCHES || i ? "other" : "nginx-gpu-resourcepolicy", i);
        for (int i = 0; i < 2; i++)
                fprintf(stream,
                        "apiVersion: regionfit.io/v1alpha1\nkind: RegionQuota\nmetadata: {name: cn-%s}\n"
                        "spec: {pools: [{gpuModelSeries: GU8TF, gpus: %d}, {gpuModelSeries: '*', gpus: %d}]}\n---\n",
                        i ? "beijing" : "hangzhou", test->kind == DENIES ? 0 : 1000000, 1000000);
}

static struct catalog *make_catalog(const struct test_case *test)
{
        struct catalog *catalog;
        char *yaml = NULL;
        size_t size;
        FILE *stream = open_memstream(&yaml, &size);

        check(stream ? 0 : -ENOMEM, "policies");
        write_policies(stream, test);
        fclose(stream);
        catalog = read_catalog(yaml, size);
        free(yaml);
        return catalog;
}

/* What callgrind counts, and writes out each time that it returns. */
void handle(struct admission *admission, const char *body, size_t size, unsigned times);

__attribute__((noinline)) void handle(struct admission *admission, const char *body, size_t size, unsigned times)
{
        for (unsigned i = 0; i < times; i++) {
                struct admission_answer answer = ADMISSION_ANSWER_INIT;
                struct error error = ERROR_INIT;

                check(admission_handle(admission, body, size, &answer, &error), error_message(&error));
                admission_answer_clear(&answer);
        }
}

/* Each case is to measure what its name says. */
static void check_answer(struct admission *admission, const struct test_case *test, const char *body, size_t size)
{
        struct admission_answer answer = ADMISSION_ANSWER_INIT;

        check(admission_handle(admission, body, size, &answer, NULL), test->name);
        check(memmem(answer.body, answer.size, test->answer, strlen(test->answer)) ? 0 : -EINVAL, test->name);
        admission_answer_clear(&answer);
}

static void run(const struct test_case *test, const char *folder)
{
        const struct admission_options options = {.gpu_resources = pod_default_gpu_resources};
        _cleanup_(catalog_unrefp) struct catalog *catalog = make_catalog(test);
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_(admission_freep) struct admission *admission = NULL;
        _cleanup_(freep) char *recorded = NULL, *filled = NULL;
        const char *body;
        size_t size;

        body = recorded = read_review(folder, test->review, &size);
        if (test->size) {
                FILE *stream = open_memstream(&filled, &size);

                check(stream ? 0 : -ENOMEM, "review");
                write_filled(stream, recorded, test->size);
                fclose(stream);
                body = filled;
        }
        check(embedded_ledger_new(&ledger, NULL, NULL), "ledger");
        check(admission_new(&admission, ledger, &options, NULL), "admission");
        check(admission_use(admission, catalog, NULL), "admission");
        check_answer(admission, test, body, size);
        handle(admission, body, size, test->times);
        printf("%u %s\n", test->times, test->name);
}

int main(int argc, char **argv)
{
        if (argc < 2) {
                fprintf(stderr, "usage: instructions FOLDER [CASE]\n");
                return 2;
        }
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                if (argc == 2 || !strcmp(argv[2], cases[i].name))
                        run(&cases[i], argv[1]);
        return EXIT_SUCCESS;
}
