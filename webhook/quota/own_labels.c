/*
 * The list is short, and known: what Kubernetes' own controllers, and the training operators that people run on GPUs,
 * give each pod, or the few pods of each job, a value of its own. A label that is missing from it costs memory, and
 * nothing else.
 *
 * As text, a label is one byte that says which it is, and its value up to NUL; an empty one ends the list.
 */
#include "quota/own_labels.h"

#include <errno.h>
#include <string.h>

#include "quota/classifier.h"
#include "util/labels.h"

static const char *const keys[] = {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-uid",
        "job-name",
        "statefulset.kubernetes.io/pod-name",
        "training.kubeflow.org/job-name",
        "training.kubeflow.org/replica-index",
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

unsigned own_labels_read(const struct classifier *classifier)
{
        unsigned read = OWN_LABELS_NONE;

        for (size_t i = 0; i < N_KEYS; i++)
                if (!classifier->reads || classifier->reads(classifier->userdata, keys[i]))
                        read |= 1U << i;
        return read;
}

/* The index of the key where it is to be taken out, or N_KEYS. */
static size_t index_of(const char *key, unsigned read)
{
        size_t i = 0;

        while (i < N_KEYS && strcmp(key, keys[i]))
                i++;
        return i < N_KEYS && read & (1U << i) ? N_KEYS : i;
}

/* How many bytes the labels that are to be taken out need. */
static size_t own_size(const struct labels *labels, unsigned read)
{
        size_t size = 1;

        for (size_t i = 0; i < N_KEYS; i++) {
                const char *value = read & (1U << i) ? NULL : labels_get(labels, keys[i]);

                if (value)
                        size += strlen(value) + 2;
        }
        return size;
}

int own_labels_split(const struct labels *labels, unsigned read, struct labels **ret_shared, char **ret_own)
{
        size_t size = own_size(labels, read), n_shared = 0;
        _cleanup_(freep) struct label *shared = NULL;
        _cleanup_(freep) char *own = NULL;
        char *end;

        *ret_shared = NULL;
        *ret_own = NULL;
        if (size == 1)
                return 0;
        own = calloc(1, size);
        shared = calloc(labels_count(labels), sizeof(*shared));
        if (!own || !shared)
                return -ENOMEM;
        end = own;
        for (size_t i = 0; i < labels_count(labels); i++) {
                struct label label = labels_at(labels, i);
                size_t index = index_of(label.key, read);

                if (index == N_KEYS) {
                        shared[n_shared++] = label;
                } else {
                        *end++ = (char)(index + 1);
                        end = stpcpy(end, label.value) + 1;
                }
        }
        if (labels_new(ret_shared, shared, n_shared) < 0)
                return -ENOMEM;
        *ret_own = steal_pointer(&own);
        return 0;
}

int own_labels_join(struct labels **ret, const struct labels *shared, const char *own)
{
        _cleanup_(freep) struct label *pairs = calloc(labels_count(shared) + N_KEYS, sizeof(*pairs));
        size_t n = 0;

        if (!pairs)
                return -ENOMEM;
        for (; n < labels_count(shared); n++)
                pairs[n] = labels_at(shared, n);
        for (const char *next = own; next && *next; next += strlen(next) + 1)
                pairs[n++] = (struct label){keys[*next - 1], next + 1};
        return labels_new(ret, pairs, n);
}
