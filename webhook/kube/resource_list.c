/*
 * Pages of a list, each read in a stream. All pages show the same version; the server keeps it for some minutes and
 * then answers 410, and nothing that came before is of use. No resourceVersion is asked for: then the list is
 * consistent, never older than the moment of the call.
 *
 * Items of typed lists leave out what the list says once: apiVersion and kind ("PodList" -> "Pod"). They get them
 * here, so that who reads manifests can read them.
 */
#include <errno.h>
#include <string.h>

#include "kube/client.h"
#include "kube/json_stream.h"
#include "kube/resource_view.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#define PAGE 500
#define ATTEMPTS 3
#define SILENCE (30 * NS_PER_SECOND)

struct listing {
        const struct resource_view *view;
        struct json_stream *stream; /* owned; one page */
        json_t *kind;               /* owned; of the items; NULL: not known */
        char *next;                 /* owned; where the next page begins; NULL: no further page */
        uint64_t version;
        struct error fault; /* what kube_call() cannot know */
};

static void listing_clear(struct listing *listing)
{
        json_stream_free(listing->stream);
        json_decref(listing->kind);
        free(listing->next);
        error_clear(&listing->fault);
}

static int failed(const struct listing *listing, int r, struct error *error)
{
        return error_set_errno(error, -r, "the list of %s cannot be taken in", listing->view->resource->plural);
}

/* The items' kind from the list's. */
static json_t *item_kind(const json_t *list)
{
        static const char ending[] = "List";
        const char *kind = json_string_value(json_object_get(list, "kind"));
        size_t length = kind ? strlen(kind) : 0, n = sizeof(ending) - 1;

        if (length <= n || strcmp(kind + length - n, ending) != 0)
                return NULL;
        return json_stringn(kind, length - n);
}

static int name_kind(struct listing *listing, json_t *item)
{
        const json_t *list = json_stream_envelope(listing->stream);
        json_t *version = json_object_get(list, "apiVersion");

        if (json_object_get(item, "kind"))
                return 0;
        if (!listing->kind)
                listing->kind = item_kind(list);
        if (listing->kind && json_object_set(item, "kind", listing->kind) < 0)
                return -ENOMEM;
        return version && json_object_set(item, "apiVersion", version) < 0 ? -ENOMEM : 0;
}

static int take_item(void *userdata, json_t *item, struct error *error)
{
        struct listing *listing = userdata;
        const struct resource_view *view = listing->view;
        int r;

        r = name_kind(listing, item);
        if (r >= 0)
                r = view->ops->list_item(view->userdata, item);
        return r < 0 ? failed(listing, r, error) : 0;
}

static int take_part(void *userdata, const char *part, size_t size)
{
        struct listing *listing = userdata;

        resource_view_touch(listing->view);
        return json_stream_feed(listing->stream, part, size, &listing->fault);
}

static char *page_path(const struct listing *listing)
{
        _cleanup_(freep) char *path = resource_view_path(listing->view);
        _cleanup_(freep) char *next = listing->next ? kube_path("&continue=%s", listing->next) : strdup("");

        return path && next ? text_format("%slimit=%d%s", path, PAGE, next) : NULL;
}

/* What the envelope says of this page. */
static int end_page(struct listing *listing, struct error *error)
{
        const json_t *envelope = json_stream_envelope(listing->stream);
        const char *next = json_string_value(json_object_get(json_object_get(envelope, "metadata"), "continue"));

        free(steal_pointer(&listing->next));
        if (next && *next) {
                listing->next = strdup(next);
                if (!listing->next)
                        return error_oom(error);
        }
        listing->version = object_version(envelope);
        if (!listing->version)
                return error_set(error, EBADMSG, "its metadata.resourceVersion is no number");
        return 0;
}

static int read_page(struct listing *listing, struct error *error)
{
        _cleanup_(kube_response_clear) struct kube_response response = KUBE_RESPONSE_INIT;
        _cleanup_(freep) char *path = page_path(listing);
        const struct kube_call call = {
                .method = KUBE_GET,
                .path = path,
                .timeout = SILENCE,
                .data = take_part,
                .userdata = listing,
                .silence = SILENCE,
                .cancelled = listing->view->cancelled,
                .once = listing->view->once && !listing->next, /* later pages are worth some patience */
        };
        int r;

        json_stream_free(steal_pointer(&listing->stream));
        if (!path || json_stream_new(&listing->stream, JSON_STREAM_ITEMS, take_item, listing) < 0)
                return error_oom(error);
        r = kube_call(listing->view->client, &call, &response, error);
        if (r >= 0) {
                r = json_stream_end(listing->stream, &listing->fault);
                if (r >= 0)
                        r = end_page(listing, &listing->fault);
        }
        if (r < 0 && listing->fault.message)
                return error_set(error, -r, "GET %s: %s", path, error_message(&listing->fault));
        return r;
}

static int list_once(const struct resource_view *view, uint64_t *ret_version, bool *ret_forgotten,
                     struct error *error)
{
        _cleanup_(listing_clear) struct listing listing = {.view = view};
        int r;

        *ret_forgotten = false;
        r = view->ops->list_begin(view->userdata);
        if (r < 0)
                return failed(&listing, r, error);
        do {
                r = read_page(&listing, error);
                if (r < 0) {
                        *ret_forgotten = r == -ESTALE && listing.next;
                        return r;
                }
        } while (listing.next);
        r = view->ops->list_end(view->userdata, listing.version);
        if (r < 0)
                return failed(&listing, r, error);
        *ret_version = listing.version;
        return 0;
}

int resource_list(const struct resource_view *view, uint64_t *ret_version, struct error *error)
{
        bool forgotten;
        int r;

        for (int i = 1;; i++) {
                r = list_once(view, ret_version, &forgotten, error);
                if (!forgotten || i == ATTEMPTS)
                        break;
        }
        if (r >= 0)
                resource_view_reach(view, *ret_version);
        return r;
}
