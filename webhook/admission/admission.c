/*
 * What happens to a review, in the order of the design: parse, decide, patch, answer. The catalog is looked at
 * without a lock (util/publication.h), from the decision to the answer; if the ledger has gone on to a newer one
 * meanwhile, the decision starts over, so that no pod is placed by policies that are no longer in force.
 *
 * What is read of a review lives in an arena that begins on the stack, so that an ordinary one asks nothing of the
 * heap but its answer and what the ledger keeps.
 */
#include "admission/admission.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/departure.h"
#include "admission/patch.h"
#include "admission/pod.h"
#include "admission/review.h"
#include "manifest/field.h"
#include "manifest/writer.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/publication.h"
#include "util/thread_safety.h"

/* A reload at the very moment of a decision is rare; this many in a row mean that something else is wrong. */
#define ATTEMPTS_MAX 100

/* What an ordinary review needs, on the stack. */
#define ARENA_BLOCK 16384
#define PATCH_BLOCK 2048

struct admission {
        struct ledger *ledger; /* borrowed */
        struct admission_options options;
        struct publication catalog; /* a reference */
        struct lock lock;           /* held while the catalog and the ledger's classifier are replaced */
};

int admission_new(struct admission **ret, struct ledger *ledger, const struct admission_options *options,
                  struct error *error)
{
        struct admission *admission = aligned_alloc(_Alignof(struct admission), sizeof(*admission));
        int r;

        if (!admission)
                return error_oom(error);
        *admission = (struct admission){.ledger = ledger, .options = *options, .catalog = PUBLICATION_INIT};
        r = lock_init(&admission->lock);
        if (r) {
                free(admission);
                return error_set_errno(error, r, "cannot make a lock");
        }
        *ret = admission;
        return 0;
}

struct admission *admission_free(struct admission *admission)
{
        if (!admission)
                return NULL;
        catalog_unref(publication_replace(&admission->catalog, NULL));
        lock_destroy(&admission->lock);
        free(admission);
        return NULL;
}

int admission_use(struct admission *admission, struct catalog *catalog, struct error *error)
{
        struct classifier classifier = catalog_classifier(catalog);
        struct catalog *former = NULL;
        int r;

        lock_acquire(&admission->lock);
        r = ledger_classify(admission->ledger, &classifier, error);
        if (r >= 0)
                former = publication_replace(&admission->catalog, catalog_ref(catalog));
        lock_release(&admission->lock);
        if (r < 0)
                classifier.release(classifier.userdata);
        catalog_unref(former);
        return r < 0 ? r : 0;
}

/* Until a replacement that is under way has ended. */
static void await_catalog(struct admission *admission)
{
        lock_acquire(&admission->lock);
        lock_release(&admission->lock);
}

bool admission_ready(struct admission *admission)
{
        struct publication_view catalog = publication_enter(&admission->catalog);

        publication_leave(&catalog);
        return catalog.value;
}

void admission_answer_clear(struct admission_answer *answer)
{
        free(answer->body);
        free(answer->texts);
        *answer = ADMISSION_ANSWER_INIT;
}

/* A review that is being handled, and where what is read of it lives. */
struct request {
        struct review review;
        struct arena arena;
        _Alignas(max_align_t) char block[ARENA_BLOCK];
};

/* The first diagnostic as the sentence for HTTP 400. */
static int read_pod(struct pod *pod, const struct kept *object, struct request *request,
                    const char *const *gpu_resources, struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_document(object, &diagnostics);

        if (pod_read(pod, &root, request->review.namespace, gpu_resources, &request->arena))
                return 0;
        if (!diagnostics.count)
                return error_oom(error);
        return error_set(error, EINVAL, "not a Pod: %s: %s", diagnostics.items[0].path, diagnostics.items[0].message);
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

static int allow(const struct review *review, struct admission_answer *ret)
{
        return review_respond(&ret->body, &ret->size, review, NULL, NULL, 0);
}

/* Notes what to give back if the answer cannot be sent. */
static int note_reservation(struct admission_answer *answer, const struct pod *pod, const struct decision *decision)
{
        char *region, *series;

        answer->commit = decision->commit;
        memcpy(answer->reservation, decision->reservation, sizeof(answer->reservation));
        if (!*decision->reservation)
                return 0;
        answer->texts = malloc(strlen(pod->namespace) + strlen(decision->region) + strlen(decision->series) + 3);
        if (!answer->texts)
                return -ENOMEM;
        region = stpcpy(answer->texts, pod->namespace) + 1;
        series = stpcpy(region, decision->region) + 1;
        stpcpy(series, decision->series);
        answer->reservation_namespace = answer->texts;
        answer->reservation_region = region;
        answer->reservation_series = series;
        return 0;
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
        _cleanup_(writer_clear) struct writer patch;
        char block[PATCH_BLOCK];
        size_t operations;
        int r;

        writer_init(&patch, block, sizeof(block));
        operations = patch_write(&patch, pod, decision, &admission->options.decide);
        if (patch.failed)
                return -ENOMEM;
        r = review_respond(&ret->body, &ret->size, review, decision, operations ? patch.bytes : NULL, patch.size);
        return r < 0 ? r : note_reservation(ret, pod, decision);
}

static int answer_audit(struct admission *admission, const struct review *review, const struct pod *pod,
                        const struct decision *decision, struct admission_answer *ret)
{
        json_auto_t *patch = NULL;
        int r;

        r = patch_new(&patch, pod, decision, &admission->options.decide);
        if (r >= 0)
                r = print_audit(admission->options.audit, review, pod, decision, patch);
        return r < 0 ? r : allow(review, ret);
}

/* Decides with this catalog, and answers. -ESTALE: it is no longer the ledger's. */
static int decide_by(struct admission *admission, const struct catalog *catalog, const struct review *review,
                     const struct pod *pod, struct admission_answer *ret, struct error *error)
{
        bool reserve = !review->dry_run && !admission->options.audit;
        _cleanup_(decision_clear) struct decision decision = DECISION_INIT;
        int64_t started = log_enabled(LOG_DEBUG) ? clock_monotonic() : 0;
        int r;

        r = decide(&decision, catalog, admission->ledger, &admission->options.decide, pod, reserve, error);
        if (r < 0)
                return r;
        if (admission->options.audit)
                r = answer_audit(admission, review, pod, &decision, ret);
        else
                r = answer_create(admission, review, pod, &decision, ret);
        if (r < 0) {
                give_back(admission, pod, &decision);
                return r;
        }
        ret->decided = true;
        ret->dry_run = review->dry_run;
        ret->outcome = decision.outcome;
        log_decision(review, pod, &decision, started);
        if (reserve && admission->options.decided)
                admission->options.decided(admission->options.userdata, pod, &decision);
        return 0;
}

static int decide_now(struct admission *admission, const struct review *review, const struct pod *pod,
                      struct admission_answer *ret, struct error *error)
{
        for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
                struct publication_view catalog = publication_enter(&admission->catalog);
                int r = -EAGAIN;

                if (catalog.value)
                        r = decide_by(admission, catalog.value, review, pod, ret, error);
                else
                        error_set(error, EAGAIN, "policies and quotas have not been read yet");
                publication_leave(&catalog);
                if (r != -ESTALE)
                        return r;
                await_catalog(admission);
        }
        return error_set(error, EIO, "policies and quotas change faster than a decision can be made");
}

static int handle_create(struct admission *admission, struct request *request, struct admission_answer *ret,
                         struct error *error)
{
        const struct review *review = &request->review;
        struct pod pod = POD_INIT;
        int r;

        if (!review->object)
                return error_set(error, EINVAL, "not an AdmissionReview: request.object: must be the pod to create");
        r = read_pod(&pod, review->object, request, admission->options.gpu_resources, error);
        return r < 0 ? r : decide_now(admission, review, &pod, ret, error);
}

/* Of a pod that is changed or deleted; `before` is how it is stored. */
static int follow(struct admission *admission, const struct review *review, const struct pod *now,
                  const struct pod *before, struct admission_answer *ret, struct error *error)
{
        if (review->dry_run || admission->options.audit)
                return 0;
        return departure_follow(admission->ledger, review, now, before, &ret->commit, error);
}

static int handle_delete(struct admission *admission, struct request *request, struct admission_answer *ret,
                         struct error *error)
{
        const struct review *review = &request->review;
        struct pod pod = POD_INIT;
        int r;

        if (review->old_object) {
                r = read_pod(&pod, review->old_object, request, admission->options.gpu_resources, error);
                if (r >= 0)
                        r = follow(admission, review, &pod, &pod, ret, error);
                if (r < 0)
                        return r;
        }
        return allow(review, ret);
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

static int handle_update(struct admission *admission, struct request *request, struct admission_answer *ret,
                         struct error *error)
{
        const struct review *review = &request->review;
        struct pod now = POD_INIT, before = POD_INIT;
        _cleanup_(freep) char *message = NULL;
        const char *changed;
        int r;

        if (!review->object || !review->old_object)
                return allow(review, ret);
        r = read_pod(&now, review->object, request, admission->options.gpu_resources, error);
        if (r >= 0)
                r = read_pod(&before, review->old_object, request, admission->options.gpu_resources, error);
        if (r < 0)
                return r;
        changed = changed_charge(&now, &before);
        if (changed && !admission->options.audit) {
                if (asprintf(&message, "%s of a pod that regionfit has charged cannot be changed", changed) < 0)
                        return -ENOMEM;
                return review_deny(&ret->body, &ret->size, review, 403, message);
        }
        r = follow(admission, review, &now, &before, ret, error);
        return r < 0 ? r : allow(review, ret);
}

static int handle_review(struct admission *admission, struct request *request, struct admission_answer *ret,
                         struct error *error)
{
        const struct review *review = &request->review;
        bool status = !strcmp(review->subresource, "status");

        if (review->is_pod && review->operation == OPERATION_CREATE && !*review->subresource)
                return handle_create(admission, request, ret, error);
        if (review->is_pod && review->operation == OPERATION_DELETE && !*review->subresource)
                return handle_delete(admission, request, ret, error);
        if (review->is_pod && review->operation == OPERATION_UPDATE && (!*review->subresource || status))
                return handle_update(admission, request, ret, error);
        return allow(review, ret);
}

static void request_clear(struct request *request)
{
        arena_clear(&request->arena);
}

int admission_handle(struct admission *admission, const char *body, size_t size, struct admission_answer *ret,
                     struct error *error)
{
        _cleanup_(request_clear) struct request request;
        int r;

        arena_init(&request.arena, request.block, sizeof(request.block));
        r = review_parse(&request.review, body, size, &request.arena, error);
        if (r >= 0)
                r = handle_review(admission, &request, ret, error);
        if (r < 0)
                admission_answer_clear(ret);
        return r;
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
