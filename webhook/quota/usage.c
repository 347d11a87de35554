/*
 * A hundred thousand pods are kept here, so a pod is 128 bytes: what it shares with others is a shape, and its two
 * ids are kept as the bytes that they spell. A uid that is spelled in any other way is kept as its text. A key of
 * bytes begins with NUL, which no text has, and ends with how it was spelled: two uids never have the same key.
 *
 * A pod is linked to its counters through its shape, which may fail; counting it after cannot.
 */
#include "quota/usage.h"

#include <errno.h>
#include <string.h>

#include "quota/own_labels.h"
#include "quota/shapes.h"
#include "util/labels.h"
#include "util/map.h"

#define ID_BYTES ((RESERVATION_ID_SIZE - 1) / 2)
#define UUID_TEXT_SIZE 37 /* 32 digits, four dashes, and NUL */

enum spelling { SPELLED_AS_TEXT, SPELLED_AS_DIGITS, SPELLED_AS_UUID };

#define PACKED_SIZE (ID_BYTES + 2) /* NUL, the bytes, and the spelling */

struct counted_pod {
        struct shape *shape; /* one use */
        uint64_t version;
        int64_t created_at;
        char *own_labels;           /* owned; those that its shape does not have; NULL: none */
        unsigned char id[ID_BYTES]; /* of its reservation */
        unsigned char packed[PACKED_SIZE];
        bool has_id, terminating;
        UT_hash_handle hh; /* its key is `packed`, or an owned copy of the text */
};

struct usage {
        struct shapes shapes;
        struct counted_pod *pods; /* owned; by uid */
        unsigned read;            /* own labels that are part of shapes, since they are looked at */
};

int usage_new(struct usage **ret)
{
        struct usage *usage = calloc(1, sizeof(*usage));

        if (!usage)
                return -ENOMEM;
        if (shapes_init(&usage->shapes) < 0) {
                free(usage);
                return -ENOMEM;
        }
        *ret = usage;
        return 0;
}

static void pod_free(struct counted_pod *pod)
{
        if (pod->hh.key != pod->packed)
                free((void *)pod->hh.key);
        free(pod->own_labels);
        free(pod);
}

struct usage *usage_free(struct usage *usage)
{
        struct counted_pod *pod, *next;

        if (!usage)
                return NULL;
        HASH_ITER (hh, usage->pods, pod, next) {
                HASH_DEL(usage->pods, pod);
                pod_free(pod);
        }
        shapes_clear(&usage->shapes);
        free(usage);
        return NULL;
}

static const char digits[] = "0123456789abcdef";

static int digit_value(char c)
{
        const char *digit = c ? strchr(digits, c) : NULL;

        return digit ? (int)(digit - digits) : -1;
}

/* Reads two lower-case digits for each byte; with dashes, where a UUID has them. False where the text is not that. */
static bool pack_digits(unsigned char bytes[static ID_BYTES], const char *text, bool dashes)
{
        for (size_t i = 0; i < ID_BYTES; i++) {
                int high, low;

                if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
                        return false;
                high = digit_value(*text);
                low = high < 0 ? -1 : digit_value(text[1]);
                if (low < 0)
                        return false;
                bytes[i] = (unsigned char)(high << 4 | low);
                text += 2;
        }
        return !*text;
}

static void spell(char *text, const unsigned char bytes[static ID_BYTES], bool dashes)
{
        for (size_t i = 0; i < ID_BYTES; i++) {
                if (dashes && (i == 4 || i == 6 || i == 8 || i == 10))
                        *text++ = '-';
                *text++ = digits[bytes[i] >> 4];
                *text++ = digits[bytes[i] & 15];
        }
        *text = '\0';
}

static enum spelling pack_uid(unsigned char packed[static PACKED_SIZE], const char *uid)
{
        enum spelling spelling = SPELLED_AS_TEXT;

        packed[0] = '\0';
        if (pack_digits(packed + 1, uid, true))
                spelling = SPELLED_AS_UUID;
        else if (pack_digits(packed + 1, uid, false))
                spelling = SPELLED_AS_DIGITS;
        packed[PACKED_SIZE - 1] = (unsigned char)spelling;
        return spelling;
}

static struct counted_pod *find_pod(const struct usage *usage, const char *uid)
{
        unsigned char packed[PACKED_SIZE];
        struct counted_pod *pod;

        if (pack_uid(packed, uid) == SPELLED_AS_TEXT)
                HASH_FIND_STR(usage->pods, uid, pod);
        else
                HASH_FIND(hh, usage->pods, packed, sizeof(packed), pod);
        return pod;
}

/* Puts the pod into the table. */
static int add_pod(struct usage *usage, struct counted_pod *pod, const char *uid)
{
        size_t size = sizeof(pod->packed);
        void *key = pod->packed;

        if (pack_uid(pod->packed, uid) == SPELLED_AS_TEXT) {
                key = strdup(uid);
                size = strlen(uid);
        }
        if (!key)
                return -ENOMEM;
        HASH_ADD_KEYPTR(hh, usage->pods, key, size, pod);
        if (pod->hh.tbl)
                return 0;
        if (key != pod->packed)
                free(key);
        pod->hh.key = pod->packed;
        return -ENOMEM;
}

/* Adds the pod to its counters, or takes it out. */
static void count(const struct counted_pod *pod, bool add)
{
        struct reservation reservation = *pod->shape->reservation;

        reservation.created_at = pod->created_at;
        if (add)
                counters_add(&pod->shape->links, &reservation, pod->terminating);
        else
                counters_subtract(&pod->shape->links, &reservation, pod->terminating);
}

/* What a pod is made of: a shape, of which it has one use, and its own labels. */
struct parts {
        struct shape *shape;
        char *own_labels;
};

/* `labels` stand in for those of the pod. */
static int take_parts(struct shapes *shapes, unsigned read, struct parts *ret, const struct reservation *pod,
                      const struct labels *labels)
{
        _cleanup_(labels_freep) struct labels *shared = NULL;
        _cleanup_(freep) char *own = NULL;
        struct reservation common = *pod;
        int r;

        r = own_labels_split(labels, read, &shared, &own);
        if (r < 0)
                return r;
        common.labels = own ? shared : (struct labels *)labels;
        r = shapes_take(shapes, &ret->shape, &common);
        if (r >= 0)
                ret->own_labels = steal_pointer(&own);
        return r;
}

/* Takes over the parts. */
static int insert(struct usage *usage, const char *uid, const struct reservation *pod, const struct parts *parts,
                  uint64_t version, bool terminating)
{
        struct counted_pod *counted = calloc(1, sizeof(*counted));

        if (!counted)
                return -ENOMEM;
        counted->shape = parts->shape;
        counted->version = version;
        counted->created_at = pod->created_at;
        counted->has_id = pack_digits(counted->id, pod->id, false);
        counted->terminating = terminating;
        counted->hh.key = counted->packed;
        if (add_pod(usage, counted, uid) < 0) {
                pod_free(counted);
                return -ENOMEM;
        }
        counted->own_labels = parts->own_labels;
        count(counted, true);
        return 1;
}

/* Likewise. */
static void change(struct usage *usage, struct counted_pod *pod, const struct parts *parts, bool terminating)
{
        count(pod, false);
        shapes_drop(&usage->shapes, pod->shape);
        free(pod->own_labels);
        pod->shape = parts->shape;
        pod->own_labels = parts->own_labels;
        pod->terminating = terminating;
        count(pod, true);
}

int usage_put(struct usage *usage, const char *uid, const struct reservation *pod, uint64_t version, bool terminating)
{
        struct counted_pod *known = find_pod(usage, uid);
        struct parts parts;
        int r;

        r = take_parts(&usage->shapes, usage->read, &parts, pod, pod->labels);
        if (r < 0)
                return r;
        if (known) {
                change(usage, known, &parts, terminating);
                return 0;
        }
        r = insert(usage, uid, pod, &parts, version, terminating);
        if (r < 0) {
                shapes_drop(&usage->shapes, parts.shape);
                free(parts.own_labels);
        }
        return r;
}

int usage_remove(struct usage *usage, const char *uid)
{
        struct counted_pod *pod = find_pod(usage, uid);

        if (!pod)
                return 0;
        count(pod, false);
        shapes_drop(&usage->shapes, pod->shape);
        HASH_DEL(usage->pods, pod);
        pod_free(pod);
        return 1;
}

bool usage_has(const struct usage *usage, const char *uid)
{
        return find_pod(usage, uid);
}

size_t usage_count(const struct usage *usage)
{
        return HASH_COUNT(usage->pods);
}

const struct counters *usage_counters(const struct usage *usage)
{
        return usage->shapes.counters;
}

const struct counter *usage_counter(const struct usage *usage, const char *key)
{
        return counters_find(usage->shapes.counters, key);
}

/* The parts of a pod in another set of shapes, where other labels are read. */
static int take_new_parts(struct shapes *shapes, unsigned read, struct parts *ret, const struct counted_pod *pod)
{
        const struct reservation *former = pod->shape->reservation;
        _cleanup_(labels_freep) struct labels *labels = NULL;
        int r;

        r = own_labels_join(&labels, former->labels, pod->own_labels);
        return r < 0 ? r : take_parts(shapes, read, ret, former, labels);
}

/* Gives every pod its new parts; what they were made of before is left in `parts`. */
static void swap_parts(struct usage *usage, struct parts *parts)
{
        struct counted_pod *pod, *next;

        HASH_ITER (hh, usage->pods, pod, next) {
                struct parts former = {pod->shape, pod->own_labels};

                pod->shape = parts->shape;
                pod->own_labels = parts->own_labels;
                *parts++ = former;
        }
}

/* Makes every shape anew, with these own labels in it. On a negative errno nothing has changed. */
static int reshape(struct usage *usage, const struct classifier *classifier, unsigned read)
{
        size_t n = usage_count(usage), done = 0;
        _cleanup_(freep) struct parts *parts = calloc(n + 1, sizeof(*parts));
        _cleanup_(shapes_clear) struct shapes other = {0};
        struct counted_pod *pod, *next;
        int r = parts ? shapes_init(&other) : -ENOMEM;

        other.classifier = *classifier;
        HASH_ITER (hh, usage->pods, pod, next) {
                if (r >= 0)
                        r = take_new_parts(&other, read, &parts[done], pod);
                if (r >= 0)
                        done++;
        }
        if (r >= 0) {
                struct shapes former = usage->shapes;

                swap_parts(usage, parts);
                usage->shapes = other;
                usage->read = read;
                other = former;
        }
        for (size_t i = 0; i < done; i++)
                free(parts[i].own_labels);
        return r;
}

int usage_classify(struct usage *usage, const struct classifier *classifier)
{
        unsigned read = own_labels_read(classifier);
        struct counted_pod *pod, *next;
        int r;

        r = read == usage->read ? shapes_classify(&usage->shapes, classifier) : reshape(usage, classifier, read);
        if (r < 0)
                return r;
        HASH_ITER (hh, usage->pods, pod, next)
                count(pod, true);
        return 0;
}

/* As it was given: `buffer`, or the text itself. */
static const char *uid_of(const struct counted_pod *pod, char buffer[static UUID_TEXT_SIZE])
{
        if (pod->hh.key != pod->packed)
                return pod->hh.key;
        spell(buffer, pod->packed + 1, pod->packed[PACKED_SIZE - 1] == SPELLED_AS_UUID);
        return buffer;
}

int usage_visit(const struct usage *usage, int (*visit)(void *userdata, const struct usage_pod *pod), void *userdata)
{
        const struct counted_pod *pod, *next;
        int r = 0;

        HASH_ITER (hh, usage->pods, pod, next) {
                char uid[UUID_TEXT_SIZE], id[RESERVATION_ID_SIZE] = "";

                if (pod->has_id)
                        spell(id, pod->id, false);
                r = visit(userdata, &(struct usage_pod){.uid = uid_of(pod, uid),
                                                        .id = id,
                                                        .version = pod->version,
                                                        .created_at = pod->created_at,
                                                        .terminating = pod->terminating,
                                                        .pod = pod->shape->reservation});
                if (r < 0)
                        return r;
        }
        return 0;
}
