/*
 * What happens to a review, in the order of the design: parse, decide, patch, answer. The catalog is read once per
 * request; if it is swapped before the ledger has answered, the decision starts over with the new one, so that no
 * pod is placed by policies that are no longer in force.
 *
 * Without a view of the cluster, the end of a pod is learnt from reviews. The first DELETE review of a pod says no
 * more than that somebody wants it gone: another webhook may refuse it, and its containers run until the grace
 * period is over. The API server asks once more when it removes the object, and then deletionGracePeriodSeconds is
 * 0: only this one, or a final phase, gives back. A pod with finalizers goes with the UPDATE that takes the last of
 * them away, without another DELETE review.
 *
 * Of an UPDATE only the oldObject is a fact. The new object is what somebody would like to be stored, and we see it
 * before the API server has dropped a phase that did not come by way of the status subresource, or refused a
 * deletionTimestamp: believed, it would let anybody who may edit a pod get its GPUs back while it runs.
 */
#include "admission/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/patch.h"
#include "admission/pod.h"
#include "admission/review.h"
#include "manifest/field.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

/* A reload at the very moment of a decision is rare; this many in a row mean that something else is wrong. */
#define ATTEMPTS_MAX 100

struct admission {
        struct ledger *ledger; /* borrowed */
        struct admission_options options;
        pthread_mutex_t lock;
        struct catalog *catalog; /* a reference; guarded by lock */
};

int admission_new(struct admission **ret, struct ledger *ledger, const struct admission_options *options,
                  struct error *error)
{
        struct admission *admission = calloc(1, sizeof(*admission));
        int r;

        if (!admission)
                return error_oom(error);
        r = pthread_mutex_init(&admission->lock, NULL);
        if (r) {
                free(admission);
                return error_set_errno(error, r, "cannot make a lock");
        }
        admission->ledger = ledger;
        admission->options = *options;
        *ret = admission;
        return 0;
}

struct admission *admission_free(struct admission *admission)
{
        if (!admission)
                return NULL;
        catalog_unref(admission->catalog);
        pthread_mutex_destroy(&admission->lock);
        free(admission);
        return NULL;
}

int admission_use(struct admission *admission, struct catalog *catalog, struct error *error)
{
        struct classifier classifier = catalog_classifier(catalog);
        struct catalog *former;
        int r;

        pthread_mutex_lock(&admission->lock);
        r = ledger_classify(admission->ledger, &classifier, error);
        if (r < 0) {
                pthread_mutex_unlock(&admission->lock);
                classifier.release(classifier.userdata);
                return r;
        }
        former = admission->catalog;
        admission->catalog = catalog_ref(catalog);
        pthread_mutex_unlock(&admission->lock);
        catalog_unref(former);
        return 0;
}

/* The current snapshot, a new reference; NULL before the first. */
static struct catalog *current_catalog(struct admission *admission)
{
        struct catalog *catalog;

        pthread_mutex_lock(&admission->lock);
        catalog = admission->catalog ? catalog_ref(admission->catalog) : NULL;
        pthread_mutex_unlock(&admission->lock);
        return catalog;
}

bool admission_ready(struct admission *admission)
{
        _cleanup_(catalog_unrefp) struct catalog *catalog = current_catalog(admission);

        return catalog;
}

void admission_answer_clear(struct admission_answer *answer)
{
        free(answer->body);
        free(answer->reservation_namespace);
        free(answer->reservation_region);
        free(answer->reservation_series);
        *answer = ADMISSION_ANSWER_INIT;
}

/* The first diagnostic as the sentence for HTTP 400. */
static int read_pod(struct pod *pod, json_t *object, const struct review *review, const char *const *gpu_resources,
                    struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_root(object, NULL, &diagnostics);

        if (pod_read(pod, &root, review->namespace, gpu_resources))
                return 0;
        if (!diagnostics.count)
                return error_oom(error);
        return error_set(error, EINVAL, "not a Pod: %s: %s", diagnostics.items[0].path, diagnostics.items[0].message);
}

static int decide_now(struct decision *decision, struct admission *admission, const struct pod *pod, bool reserve,
                      struct error *error)
{
        int r = -ESTALE;

        for (unsigned i = 0; i < ATTEMPTS_MAX && r == -ESTALE; i++) {
                _cleanup_(catalog_unrefp) struct catalog *catalog = current_catalog(admission);

                if (!catalog)
                        return error_set(error, EAGAIN, "policies and quotas have not been read yet");
                r = decide(decision, catalog, admission->ledger, &admission->options.decide, pod, reserve, error);
        }
        if (r == -ESTALE)
                return error_set(error, EIO, "policies and quotas change faster than a decision can be made");
        return r;
}

static void log_decision(const struct review *review, const struct pod *pod, const struct decision *decision,
                         int64_t started)
{
        const struct resource_policy *policy = decision->policy;

        log_debug("decision", log_string("uid", review->uid), log_string("namespace", pod->namespace),
                  log_string("pod", pod->name), log_string("outcome", outcome_names[decision->outcome]),
                  log_string("reason", decision->reason), log_string("policy", policy ? policy->name : ""),
                  log_integer("unit", decision->outcome == OUTCOME_PLACED ? (int64_t)decision->unit : -1),
                  log_string("region", decision->region), log_string("series", decision->series),
                  log_integer("gpus", pod->gpus), log_string("reservation", decision->reservation),
                  log_string("dryRun", review->dry_run ? "true" : "false"),
                  log_integer("us", (clock_monotonic() - started) / 1000));
}

static int print_audit(FILE *stream, const struct review *review, const struct pod *pod,
                       const struct decision *decision, const json_t *patch)
{
        json_auto_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "uid", review->uid, "namespace",
                                      pod->namespace, "pod", pod->name, "outcome", outcome_names[decision->outcome],
                                      "reason", decision->reason, "patch", patch);
        _cleanup_(freep) char *text = NULL;

        if (line && decision->message && json_object_set_new(line, "message", json_string(decision->message)) < 0)
                return -ENOMEM;
        text = line ? json_dumps(line, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        fprintf(stream, "%s\n", text);
        fflush(stream);
        return 0;
}

/* Notes what to give back if the answer cannot be sent. */
static int note_reservation(struct admission_answer *answer, const struct pod *pod, const struct decision *decision)
{
        answer->commit = decision->commit;
        memcpy(answer->reservation, decision->reservation, sizeof(answer->reservation));
        if (!*decision->reservation)
                return 0;
        answer->reservation_namespace = strdup(pod->namespace);
        answer->reservation_region = strdup(decision->region);
        answer->reservation_series = strdup(decision->series);
        return answer->reservation_namespace && answer->reservation_region && answer->reservation_series ? 0
                                                                                                         : -ENOMEM;
}

static void give_back(struct admission *admission, const struct pod *pod, const struct decision *decision)
{
        const struct reservation_key key = {
                .id = decision->reservation,
                .namespace = pod->namespace,
                .region = decision->region,
                .series = decision->series,
        };

        if (*decision->reservation)
                ledger_give_back(admission->ledger, &key, decision->commit, NULL);
}

static int answer_create(struct admission *admission, const struct review *review, const struct pod *pod,
                         const struct decision *decision, struct admission_answer *ret)
{
        json_auto_t *patch = NULL;
        int r;

        r = patch_new(&patch, pod, decision, &admission->options.decide);
        if (r < 0)
                return r;
        if (admission->options.audit) {
                r = print_audit(admission->options.audit, review, pod, decision, patch);
                return r < 0 ? r : review_respond(&ret->body, review, NULL, NULL);
        }
        r = review_respond(&ret->body, review, decision, patch);
        return r < 0 ? r : note_reservation(ret, pod, decision);
}

static int handle_create(struct admission *admission, const struct review *review, struct admission_answer *ret,
                         struct error *error)
{
        bool reserve = !review->dry_run && !admission->options.audit;
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        _cleanup_(pod_clear) struct pod pod = POD_INIT;
        int64_t started = clock_monotonic();
        int r;

        if (!review->object)
                return error_set(error, EINVAL, "not an AdmissionReview: request.object: must be the pod to create");
        r = read_pod(&pod, review->object, review, admission->options.gpu_resources, error);
        if (r >= 0)
                r = decide_now(&decision, admission, &pod, reserve, error);
        if (r < 0)
                return r;
        r = answer_create(admission, review, &pod, &decision, ret);
        if (r < 0) {
                give_back(admission, &pod, &decision);
                return r;
        }
        ret->decided = true;
        ret->dry_run = review->dry_run;
        ret->outcome = decision.outcome;
        log_decision(review, &pod, &decision, started);
        if (reserve && admission->options.decided)
                admission->options.decided(admission->options.userdata, &pod, &decision);
        return 0;
}

/* What a pod that exists holds, as its labels and annotations say. */
static struct reservation_key pod_key(const struct pod *pod)
{
        return (struct reservation_key){
                .id = pod->reservation,
                .namespace = pod->namespace,
                .region = pod->region,
                .series = pod->series,
        };
}

/* True where nothing of the pod is left, or will be once the review is answered. */
static bool pod_ends(const struct review *review, const struct pod *now, const struct pod *before)
{
        bool reported = !strcmp(review->subresource, "status") && pod_is_finished(now);

        return reported || pod_is_finished(before) || (before->deletion_confirmed && !now->has_finalizers);
}

/* Follows a pod on its way out: `before` is how it is stored, `now` how it shall be; the same in a DELETE review. */
static int follow(struct admission *admission, const struct review *review, const struct pod *now,
                  const struct pod *before, struct admission_answer *ret, struct error *error)
{
        struct reservation_key key = pod_key(before);
        bool ends = pod_ends(review, now, before);
        bool leaves = before->terminating || review->operation == OPERATION_DELETE;
        int r = 0;

        if (!*key.id || review->dry_run || admission->options.audit)
                return 0;
        if (ends)
                r = ledger_release(admission->ledger, &key, &ret->commit, error);
        else if (leaves)
                r = ledger_terminate(admission->ledger, &key, &ret->commit, error);
        if (r > 0)
                log_debug(ends ? "given back" : "terminating", log_string("uid", review->uid),
                          log_string("namespace", before->namespace), log_string("pod", before->name),
                          log_string("reservation", key.id));
        return r < 0 ? r : 0;
}

static int handle_delete(struct admission *admission, const struct review *review, struct admission_answer *ret,
                         struct error *error)
{
        _cleanup_(pod_clear) struct pod pod = POD_INIT;
        int r;

        if (review->old_object) {
                r = read_pod(&pod, review->old_object, review, admission->options.gpu_resources, error);
                if (r >= 0)
                        r = follow(admission, review, &pod, &pod, ret, error);
                if (r < 0)
                        return r;
        }
        return review_respond(&ret->body, review, NULL, NULL);
}

/* Rule 6 of the ledger: what a pod is charged for never changes. NULL: nothing of it does. */
static const char *changed_charge(const struct pod *now, const struct pod *before)
{
        if (strcmp(now->reservation, before->reservation))
                return "the annotation " ANNOTATION_RESERVATION;
        if (!*before->reservation)
                return NULL;
        if (*before->region && strcmp(now->region, before->region))
                return "the region";
        return *before->series && strcmp(now->series, before->series) ? "the GPU model series" : NULL;
}

static int handle_update(struct admission *admission, const struct review *review, struct admission_answer *ret,
                         struct error *error)
{
        _cleanup_(pod_clear) struct pod now = POD_INIT, before = POD_INIT;
        _cleanup_(freep) char *message = NULL;
        const char *changed;
        int r;

        if (!review->object || !review->old_object)
                return review_respond(&ret->body, review, NULL, NULL);
        r = read_pod(&now, review->object, review, admission->options.gpu_resources, error);
        if (r >= 0)
                r = read_pod(&before, review->old_object, review, admission->options.gpu_resources, error);
        if (r < 0)
                return r;
        changed = changed_charge(&now, &before);
        if (changed && !admission->options.audit) {
                if (asprintf(&message, "%s of a pod that regionfit has charged cannot be changed", changed) < 0)
                        return -ENOMEM;
                return review_deny(&ret->body, review, 403, message);
        }
        r = follow(admission, review, &now, &before, ret, error);
        return r < 0 ? r : review_respond(&ret->body, review, NULL, NULL);
}

static int handle_review(struct admission *admission, const struct review *review, struct admission_answer *ret,
                         struct error *error)
{
        bool status = !strcmp(review->subresource, "status");

        if (review->is_pod && review->operation == OPERATION_CREATE && !*review->subresource)
                return handle_create(admission, review, ret, error);
        if (review->is_pod && review->operation == OPERATION_DELETE && !*review->subresource)
                return handle_delete(admission, review, ret, error);
        if (review->is_pod && review->operation == OPERATION_UPDATE && (!*review->subresource || status))
                return handle_update(admission, review, ret, error);
        return review_respond(&ret->body, review, NULL, NULL);
}

int admission_handle(struct admission *admission, const char *body, size_t size, struct admission_answer *ret,
                     struct error *error)
{
        _cleanup_(review_clear) struct review review = REVIEW_INIT;
        int r;

        r = review_parse(&review, body, size, error);
        if (r >= 0)
                r = handle_review(admission, &review, ret, error);
        if (r < 0) {
                admission_answer_clear(ret);
                return r;
        }
        ret->size = strlen(ret->body);
        return 0;
}

void admission_abandon(struct admission *admission, const struct admission_answer *answer)
{
        const struct reservation_key key = {
                .id = answer->reservation,
                .namespace = answer->reservation_namespace,
                .region = answer->reservation_region,
                .series = answer->reservation_series,
        };
        _cleanup_error_ struct error error = ERROR_INIT;

        if (!*answer->reservation)
                return;
        if (ledger_give_back(admission->ledger, &key, answer->commit, &error) < 0)
                log_error("a reservation that was never answered could not be given back",
                          log_string("reservation", answer->reservation), log_string("error", error_message(&error)));
}
