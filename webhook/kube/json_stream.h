/*
 * JSON as the API server sends it, in parts of any size, handed on one object at a time.
 *
 * A stream of objects is what a watch brings: one after another, white space between them. A stream of items is a
 * list (meta/v1 *List): one object whose "items" are handed on, and whose other members, the envelope, are kept.
 *
 * Not thread-safe.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "util/cleanup.h"

struct error;
struct json_stream;

#define JSON_STREAM_MAX_DEPTH 512
#define JSON_STREAM_MAX_OBJECT ((size_t)8 << 20)    /* bytes of one object */
#define JSON_STREAM_MAX_ENVELOPE ((size_t)64 << 10) /* bytes of a list without its items */

enum json_stream_kind { JSON_STREAM_OBJECTS, JSON_STREAM_ITEMS };

/* Called with each object, which is borrowed and may be changed. A negative errno ends the stream. */
typedef int (*json_stream_object)(void *userdata, json_t *object, struct error *error);

/* -ENOMEM. */
int json_stream_new(struct json_stream **ret, enum json_stream_kind kind, json_stream_object object, void *userdata);
struct json_stream *json_stream_free(struct json_stream *stream);
DEFINE_CLEANUP(struct json_stream *, json_stream_free);

/*
 * Takes the next part. -EBADMSG: it is no JSON, or none of this kind. -E2BIG: an object is too large or nested too
 * deep. -ENOMEM, or what `object` returned. The stream is of no use after a failure.
 */
int json_stream_feed(struct json_stream *stream, const char *part, size_t size, struct error *error);

/* The last part has come. -EBADMSG: in the middle of something. */
int json_stream_end(struct json_stream *stream, struct error *error);

/*
 * Of a list: its members without the items (borrowed). While items come, those that stood before them; after
 * json_stream_end() all. NULL: none are known yet.
 */
const json_t *json_stream_envelope(const struct json_stream *stream);
