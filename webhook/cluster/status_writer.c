/*
 * A round a second: make every quota's status, and write those that differ from what is stored. A round ends before
 * the second begins, so that no object is written twice within one.
 *
 * Each write is a merge patch with the resourceVersion of the object that the status was made from: where somebody
 * was faster it conflicts, and the next round sees what is stored now. What was written is not written again before
 * it has come back through the watch.
 *
 * Rule 7: a lowered limit counts from the moment that the status shows it. While the ledger does not carry the
 * version of the quotas that are known here, some replica may still decide on older ones, and nothing is written.
 */
#include "cluster/status_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/catalog_source.h"
#include "cluster/known_object.h"
#include "kube/client.h"
#include "kube/reflector.h"
#include "quota/region_quota.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/map.h"
#include "util/worker.h"

#define STATUS_PATH "/apis/" REGION_QUOTA_API_VERSION "/regionquotas/%s/status?fieldManager=regionfit"
#define INTERVAL (1 * NS_PER_SECOND)

/* The resourceVersion that a write gave an object; the view may not have reached it yet. */
struct written {
        char *name; /* owned */
        uint64_t version;
        UT_hash_handle hh;
};

struct status_writer {
        struct kube_client *client;    /* borrowed */
        struct catalog_source *source; /* borrowed */
        struct status_writer_ops ops;
        struct written *written; /* owned; by name; the thread's own */
        struct worker worker;
};

static void note_written(struct status_writer *writer, const char *name, uint64_t version)
{
        struct written *written;

        HASH_FIND_STR(writer->written, name, written);
        if (written) {
                written->version = version;
                return;
        }
        written = calloc(1, sizeof(*written));
        if (!written)
                return;
        written->name = strdup(name);
        written->version = version;
        if (written->name)
                HASH_ADD_KEYPTR(hh, writer->written, written->name, strlen(written->name), written);
        if (!written->name || !written->hh.tbl) {
                free(written->name);
                free(written);
        }
}

static bool is_under_way(const struct status_writer *writer, const struct known_object *quota)
{
        struct written *written;

        HASH_FIND_STR(writer->written, quota->key, written);
        return written && quota->version < written->version;
}

static char *make_patch(const struct known_object *quota, json_t *status)
{
        char version[24];
        json_auto_t *patch = NULL;

        snprintf(version, sizeof(version), "%ju", (uintmax_t)quota->version);
        patch = json_pack("{s:{s:s}, s:O}", "metadata", "resourceVersion", version, "status", status);
        return patch ? json_dumps(patch, JSON_COMPACT) : NULL;
}

static int patch_status(struct status_writer *writer, const struct known_object *quota, json_t *status,
                        struct error *error)
{
        _cleanup_(freep) char *path = kube_path(STATUS_PATH, quota->key);
        _cleanup_(freep) char *body = make_patch(quota, status);
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        json_auto_t *object = NULL;
        struct kube_call call = {
                .method = KUBE_PATCH,
                .path = path,
                .body = body,
                .size = body ? strlen(body) : 0,
                .content_type = "application/merge-patch+json",
                .timeout = INTERVAL,
                .cancelled = &writer->worker.stop.set,
        };
        int r;

        if (!path || !body)
                return error_oom(error);
        r = kube_call(writer->client, &call, &response, error);
        if (r < 0)
                return r;
        object = response.body ? json_loadb(response.body, response.size, 0, NULL) : NULL;
        note_written(writer, quota->key, object_version(object));
        return 0;
}

/* One object. Negative errno: there is no use in going on with this round. */
static int write_one(struct status_writer *writer, struct known_object *const *quotas, size_t n, size_t i)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        json_auto_t *status = NULL;
        int r;

        if (is_under_way(writer, quotas[i]))
                return 0;
        r = quota_status_make(&status, quotas, n, i, &writer->ops.numbers, clock_unix());
        if (r < 0)
                return r;
        if (quota_status_is(quotas[i], status))
                return 0;
        r = patch_status(writer, quotas[i], status, &error);
        if (r == -EBUSY || r == -ENOENT)
                return 0;
        if (r < 0 && r != -ECANCELED)
                log_warn("the status of a RegionQuota was not written", log_string("object", quotas[i]->key),
                         log_string("error", error_message(&error)));
        return r == -EINVAL ? 0 : r;
}

static void write_all(struct status_writer *writer)
{
        _cleanup_(freep) struct known_object **quotas = NULL;
        uint64_t spec_version;
        size_t n = 0;
        int r = catalog_source_all_quotas(writer->source, &quotas, &n, &spec_version);

        if (r >= 0 && writer->ops.quotas_written(writer->ops.userdata) < spec_version)
                r = -EAGAIN;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = write_one(writer, quotas, n, i);
        for (size_t i = 0; i < n; i++)
                known_object_unref(quotas[i]);
}

static void *run(void *userdata)
{
        struct status_writer *writer = userdata;

        do {
                if (writer->ops.leads(writer->ops.userdata))
                        write_all(writer);
        } while (!stop_wait(&writer->worker.stop, INTERVAL));
        return NULL;
}

int status_writer_new(struct status_writer **ret, struct kube_client *client, struct catalog_source *source,
                      const struct status_writer_ops *ops, struct error *error)
{
        struct status_writer *writer = calloc(1, sizeof(*writer));
        int r;

        if (!writer)
                return error_oom(error);
        *writer = (struct status_writer){.client = client, .source = source, .ops = *ops};
        r = worker_start(&writer->worker, run, writer);
        if (r < 0) {
                free(writer);
                return error_set_errno(error, -r, "cannot start the thread that writes status");
        }
        *ret = writer;
        return 0;
}

struct status_writer *status_writer_free(struct status_writer *writer)
{
        struct written *written, *next;

        if (!writer)
                return NULL;
        worker_end(&writer->worker);
        HASH_ITER (hh, writer->written, written, next) {
                HASH_DEL(writer->written, written);
                free(written->name);
                free(written);
        }
        free(writer);
        return NULL;
}
