/*
 * Reads bytes twice, with manifest/document.h and with jansson, and stops where the two do not agree: on whether it
 * is JSON at all, on every value in it, and on what pod_read() makes of it. For the fuzzer and for the unit test that
 * mutates recorded reviews.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/pod.h"
#include "admission/review.h"
#include "manifest/document.h"
#include "manifest/field.h"
#include "util/arena.h"
#include "util/error.h"

#define DIFFERENTIAL_FLAGS (JSON_REJECT_DUPLICATES)

static inline void agree(bool good, const char *what)
{
        if (good)
                return;
        fprintf(stderr, "the two readers differ: %s\n", what);
        abort();
}

static inline bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && !strcmp(a, b));
}

static inline void agree_on_value(const struct kept *kept, const json_t *value);

static inline void agree_on_object(const struct kept *kept, const json_t *value)
{
        const struct kept *member = kept->first;

        agree(kept->count == json_object_size(value), "the number of members");
        for (; member; member = member->next) {
                const json_t *found = json_object_get(value, member->key);

                agree(found, "a key");
                agree_on_value(member, found);
        }
}

static inline void agree_on_list(const struct kept *kept, const json_t *value)
{
        const struct kept *item = kept->first;

        agree(kept->count == json_array_size(value), "the number of items");
        for (size_t i = 0; item; item = item->next, i++)
                agree_on_value(item, json_array_get(value, i));
}

static inline void agree_on_value(const struct kept *kept, const json_t *value)
{
        static const enum kept_kind kinds[] = {
                [JSON_OBJECT] = KEPT_OBJECT,   [JSON_ARRAY] = KEPT_LIST, [JSON_STRING] = KEPT_STRING,
                [JSON_INTEGER] = KEPT_INTEGER, [JSON_REAL] = KEPT_REAL,  [JSON_TRUE] = KEPT_TRUE,
                [JSON_FALSE] = KEPT_FALSE,     [JSON_NULL] = KEPT_NULL,
        };
        struct field field = field_document(kept, NULL);

        agree(kept->kind == kinds[json_typeof(value)], "the kind of a value");
        if (kept->kind == KEPT_OBJECT)
                agree_on_object(kept, value);
        else if (kept->kind == KEPT_LIST)
                agree_on_list(kept, value);
        else if (kept->kind == KEPT_STRING)
                agree(!strcmp(field_text(&field), json_string_value(value)), "a string");
        else if (kept->kind == KEPT_INTEGER)
                agree(field_integer(&field) == json_integer_value(value), "an integer");
        else if (kept->kind == KEPT_REAL)
                agree(field_real(&field) == json_real_value(value), "a real number");
}

static inline void agree_on_labels(const struct labels *a, const struct labels *b)
{
        agree(!a == !b && labels_count(a) == labels_count(b) && labels_include(a, b), "a map of labels");
}

static inline void agree_on_terms(const struct pod *a, const struct pod *b)
{
        agree(a->n_terms == b->n_terms, "the number of terms");
        for (size_t i = 0; i < a->n_terms; i++) {
                const struct node_term *x = &a->terms[i], *y = &b->terms[i];

                agree(x->n_requirements == y->n_requirements, "the number of requirements");
                for (size_t j = 0; j < x->n_requirements; j++) {
                        const struct node_requirement *r = &x->requirements[j], *s = &y->requirements[j];

                        agree(same_text(r->key, s->key) && same_text(r->relation, s->relation) &&
                                      r->n_values == s->n_values,
                              "a requirement");
                        for (size_t k = 0; k < r->n_values; k++)
                                agree(same_text(r->values[k], s->values[k]), "a requirement's value");
                }
        }
}

static inline void agree_on_requests(const struct pod *a, const struct pod *b)
{
        agree(a->requests.count == b->requests.count && a->gpus == b->gpus, "the requests");
        for (size_t i = 0; i < a->requests.count; i++) {
                const struct quantity *other = resources_find(&b->requests, a->requests.items[i].name);

                agree(other && !quantity_compare(a->requests.items[i].quantity, *other), "a request");
        }
}

static inline void agree_on_pods(const struct pod *a, const struct pod *b)
{
        agree(same_text(a->namespace, b->namespace) && same_text(a->name, b->name) && same_text(a->uid, b->uid),
              "names");
        agree(same_text(a->owner_kind, b->owner_kind) && same_text(a->owner_name, b->owner_name) &&
                      same_text(a->owner_api_version, b->owner_api_version) && same_text(a->owner_uid, b->owner_uid),
              "the owner");
        agree(same_text(a->scheduler, b->scheduler) && same_text(a->node_name, b->node_name), "the scheduling");
        agree(same_text(a->reservation, b->reservation) && same_text(a->placement, b->placement), "the annotations");
        agree(same_text(a->own_region, b->own_region) && same_text(a->region, b->region) &&
                      same_text(a->series, b->series),
              "the region");
        agree(a->generated == b->generated && a->mirror == b->mirror && a->ignored == b->ignored &&
                      a->has_tolerations == b->has_tolerations &&
                      a->tolerates_virtual_nodes == b->tolerates_virtual_nodes,
              "the tolerations");
        agree(a->terminating == b->terminating && a->deletion_confirmed == b->deletion_confirmed &&
                      a->has_finalizers == b->has_finalizers && a->phase == b->phase &&
                      a->created_at == b->created_at,
              "the life");
        agree_on_labels(a->labels, b->labels);
        agree_on_labels(a->annotations, b->annotations);
        agree_on_labels(a->node_selector, b->node_selector);
        agree_on_terms(a, b);
        agree_on_requests(a, b);
}

/* The pod of one source, and the first fault in it. */
struct one_reading {
        struct pod pod;
        struct diagnostics diagnostics;
        bool good;
};

static inline void read_one(struct one_reading *reading, struct field field, struct arena *arena)
{
        *reading = (struct one_reading){0};
        field.diagnostics = &reading->diagnostics;
        reading->good = pod_read(&reading->pod, &field, "n", pod_default_gpu_resources, arena);
}

static inline void agree_on_pod(const struct kept *kept, json_t *value, struct arena *arena)
{
        struct one_reading a, b;

        read_one(&a, field_document(kept, NULL), arena);
        read_one(&b, field_root(value, NULL, NULL), arena);
        agree(a.good == b.good, "whether it is a pod");
        if (a.good)
                agree_on_pods(&a.pod, &b.pod);
        else if (a.diagnostics.count && b.diagnostics.count && !strchr(b.diagnostics.items[0].message, '['))
                agree(same_text(a.diagnostics.items[0].path, b.diagnostics.items[0].path),
                      "what is wrong with a pod");
        diagnostics_clear(&a.diagnostics);
        diagnostics_clear(&b.diagnostics);
}

/* With every value kept, and then as a review. */
static inline void agree_on_document(const char *bytes, size_t size, json_t *value, struct arena *arena)
{
        struct kept *kept = NULL;
        struct review review;
        bool good = document_read(&kept, bytes, size, NULL, arena, NULL) == 0;
        json_t *request = json_object_get(value, "request");

        /* jansson drops one that stands behind a number. */
        if (memchr(bytes, '\0', size))
                agree(!good, "there is a NUL in it");
        else
                agree(good == (value != NULL), good ? "jansson refuses it" : "jansson takes it");
        if (!good) {
                agree(review_parse(&review, bytes, size, arena, NULL) != 0, "a review of what is no JSON");
                return;
        }
        agree_on_value(kept, value);
        if (review_parse(&review, bytes, size, arena, NULL) < 0)
                return;
        agree(same_text(review.uid, json_string_value(json_object_get(request, "uid"))), "the uid");
        if (review.object)
                agree_on_pod(review.object, json_object_get(request, "object"), arena);
        if (review.old_object)
                agree_on_pod(review.old_object, json_object_get(request, "oldObject"), arena);
}

/* The bytes are copied to memory of exactly their size, so that a sanitizer sees a read behind them. */
static inline void differential(const void *data, size_t size)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        _cleanup_(freep) char *bytes = malloc(size ? size : 1);
        json_auto_t *value = NULL;

        if (!bytes)
                return;
        if (size)
                memcpy(bytes, data, size);
        value = json_loadb(bytes, size, DIFFERENTIAL_FLAGS, NULL);
        agree_on_document(bytes, size, value, &arena);
}
