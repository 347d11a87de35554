/*
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
#include "admission/departure.h"

#include <string.h>

#include "admission/pod.h"
#include "admission/review.h"
#include "quota/ledger.h"
#include "util/log.h"

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

int departure_follow(struct ledger *ledger, const struct review *review, const struct pod *now,
                     const struct pod *before, uint64_t *ret_commit, struct error *error)
{
        struct reservation_key key = pod_key(before);
        bool ends = pod_ends(review, now, before);
        bool leaves = before->terminating || review->operation == OPERATION_DELETE;
        int r = 0;

        if (!*key.id)
                return 0;
        if (ends)
                r = ledger_release(ledger, &key, ret_commit, error);
        else if (leaves)
                r = ledger_terminate(ledger, &key, ret_commit, error);
        if (r > 0)
                log_debug(ends ? "given back" : "terminating", log_string("uid", review->uid),
                          log_string("namespace", before->namespace), log_string("pod", before->name),
                          log_string("reservation", key.id));
        return r < 0 ? r : 0;
}
