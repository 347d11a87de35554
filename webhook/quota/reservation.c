/*
 * A reservation says who holds what, in words that outlive the policies that it came from: the pod's labels and
 * node selector rather than the number of a unit, its region and series rather than a pool. What it counts toward
 * is worked out from them whenever policies or quotas change.
 */
#include "quota/reservation.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "manifest/field.h"
#include "manifest/writer.h"
#include "util/error.h"
#include "util/labels.h"

#define ID_BYTES ((RESERVATION_ID_SIZE - 1) / 2)

static const char digits[] = "0123456789abcdef";

struct reservation *reservation_free(struct reservation *reservation)
{
        if (!reservation)
                return NULL;
        free(reservation->namespace);
        free(reservation->region);
        free(reservation->series);
        free(reservation->placement);
        free(reservation->node);
        labels_free(reservation->labels);
        labels_free(reservation->node_selector);
        resources_clear(&reservation->resources);
        free(reservation);
        return NULL;
}

/* Each thread asks the kernel for the random bytes of many ids at once. */
static int take_random(unsigned char bytes[static ID_BYTES])
{
        static _Thread_local unsigned char stock[ID_BYTES * 16]; /* getrandom(2) gives 256 bytes without a break */
        static _Thread_local size_t left;

        if (!left) {
                if (getrandom(stock, sizeof(stock), 0) != sizeof(stock))
                        return errno > 0 ? -errno : -EIO;
                left = sizeof(stock);
        }
        left -= ID_BYTES;
        memcpy(bytes, stock + left, ID_BYTES);
        return 0;
}

int reservation_make_id(char id[static RESERVATION_ID_SIZE])
{
        unsigned char bytes[ID_BYTES] = {0};
        int r = take_random(bytes);

        if (r < 0)
                return r;
        for (size_t i = 0; i < sizeof(bytes); i++) {
                id[2 * i] = digits[bytes[i] >> 4];
                id[2 * i + 1] = digits[bytes[i] & 15];
        }
        id[RESERVATION_ID_SIZE - 1] = '\0';
        return 0;
}

static int allocate(struct reservation **ret)
{
        _cleanup_(reservation_freep) struct reservation *reservation = calloc(1, sizeof(*reservation));

        if (!reservation)
                return -ENOMEM;
        reservation->namespace = strdup("");
        reservation->region = strdup("");
        reservation->series = strdup("");
        reservation->placement = strdup("");
        if (!reservation->namespace || !reservation->region || !reservation->series || !reservation->placement)
                return -ENOMEM;
        *ret = steal_pointer(&reservation);
        return 0;
}

int reservation_new(struct reservation **ret)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        int r;

        r = allocate(&reservation);
        if (r >= 0)
                r = reservation_make_id(reservation->id);
        if (r < 0)
                return r;
        *ret = steal_pointer(&reservation);
        return 0;
}

static int copy_texts(struct reservation *to, const struct reservation *from)
{
        to->namespace = strdup(from->namespace);
        to->region = strdup(from->region);
        to->series = strdup(from->series);
        to->placement = strdup(from->placement);
        to->node = from->node ? strdup(from->node) : NULL;
        return to->namespace && to->region && to->series && to->placement && !to->node == !from->node ? 0 : -ENOMEM;
}

int reservation_copy(struct reservation **ret, const struct reservation *from)
{
        _cleanup_(reservation_freep) struct reservation *copy = calloc(1, sizeof(*copy));
        int r;

        if (!copy)
                return -ENOMEM;
        memcpy(copy->id, from->id, sizeof(copy->id));
        copy->gpus = from->gpus;
        copy->created_at = from->created_at;
        r = copy_texts(copy, from);
        if (r >= 0)
                r = labels_merge(&copy->labels, from->labels, NULL);
        if (r >= 0)
                r = labels_merge(&copy->node_selector, from->node_selector, NULL);
        if (r >= 0)
                r = resources_copy(&copy->resources, &from->resources);
        if (r < 0)
                return r;
        *ret = steal_pointer(&copy);
        return 0;
}

static void write_labels(struct writer *to, const struct labels *labels)
{
        writer_raw(to, "{");
        for (size_t i = 0; i < labels_count(labels); i++) {
                struct label label = labels_at(labels, i);

                if (i)
                        writer_raw(to, ",");
                writer_string(to, label.key);
                writer_raw(to, ":");
                writer_string(to, label.value);
        }
        writer_raw(to, "}");
}

static void write_resources(struct writer *to, const struct resources *resources)
{
        char text[QUANTITY_TEXT_MAX];

        writer_raw(to, "{");
        for (size_t i = 0; i < resources->count; i++) {
                const struct resource *resource = &resources->items[i];

                if (i)
                        writer_raw(to, ",");
                writer_string(to, resource->name);
                writer_raw(to, ":");
                quantity_format(resource->quantity, text);
                writer_string(to, text);
        }
        writer_raw(to, "}");
}

void reservation_write(struct writer *to, const struct reservation *reservation, bool terminating)
{
        writer_raw(to, "\"id\":");
        writer_string(to, reservation->id);
        writer_raw(to, ",\"namespace\":");
        writer_string(to, reservation->namespace);
        writer_raw(to, ",\"labels\":");
        write_labels(to, reservation->labels);
        writer_raw(to, ",\"nodeSelector\":");
        write_labels(to, reservation->node_selector);
        writer_raw(to, ",\"region\":");
        writer_string(to, reservation->region);
        writer_raw(to, ",\"series\":");
        writer_string(to, reservation->series);
        writer_raw(to, ",\"gpus\":");
        writer_number(to, (uint64_t)reservation->gpus);
        writer_raw(to, ",\"resources\":");
        write_resources(to, &reservation->resources);
        writer_raw(to, ",\"placement\":");
        writer_string(to, reservation->placement);
        writer_raw(to, ",\"createdAt\":");
        writer_number(to, (uint64_t)reservation->created_at);
        writer_raw(to, terminating ? ",\"terminating\":true" : ",\"terminating\":false");
}

static bool read_text(const struct field *object, const char *key, char **to)
{
        struct field field = field_member(object, key);
        const char *text = NULL;
        char *copy;

        if (!field_string(&field, &text))
                return false;
        if (!text)
                return field_must_be(&field, "a string");
        copy = strdup(text);
        if (!copy)
                return field_error(&field, "out of memory");
        free(*to);
        *to = copy;
        return true;
}

static bool read_id(const struct field *object, char id[static RESERVATION_ID_SIZE])
{
        struct field field = field_member(object, "id");
        const char *text = json_string_value(field.value);

        if (!text || strlen(text) != RESERVATION_ID_SIZE - 1 || strspn(text, digits) != RESERVATION_ID_SIZE - 1)
                return field_must_be(&field, "32 hexadecimal digits");
        memcpy(id, text, RESERVATION_ID_SIZE);
        return true;
}

static bool read_fields(struct reservation *reservation, bool *ret_terminating, const struct field *object)
{
        struct field labels = field_member(object, "labels");
        struct field node_selector = field_member(object, "nodeSelector");
        struct field gpus = field_member(object, "gpus");
        struct field resources = field_member(object, "resources");
        struct field created_at = field_member(object, "createdAt");
        struct field terminating = field_member(object, "terminating");

        return read_id(object, reservation->id) && read_text(object, "namespace", &reservation->namespace) &&
               read_text(object, "region", &reservation->region) &&
               read_text(object, "series", &reservation->series) &&
               read_text(object, "placement", &reservation->placement) &&
               field_labels(&labels, &reservation->labels) &&
               field_labels(&node_selector, &reservation->node_selector) &&
               field_count_number(&gpus, &reservation->gpus) && resources_read(&reservation->resources, &resources) &&
               field_count_number(&created_at, &reservation->created_at) && field_bool(&terminating, ret_terminating);
}

int reservation_from_json(struct reservation **ret, bool *ret_terminating, const json_t *value, struct error *error)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field object = field_root((json_t *)value, NULL, &diagnostics);
        int r;

        r = allocate(&reservation);
        if (r < 0)
                return error_oom(error);
        *ret_terminating = false;
        if (!read_fields(reservation, ret_terminating, &object)) {
                if (!diagnostics.count)
                        return error_oom(error);
                return error_set(error, EINVAL, "%s: %s", diagnostics.items[0].path, diagnostics.items[0].message);
        }
        *ret = steal_pointer(&reservation);
        return 0;
}
