/*
 * The two halves of following a resource (kube/reflector.h): list it, then watch it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kube/reflector.h"

/* Who looks, at what, and for whom. Plain data; every pointer is borrowed. */
struct resource_view {
        struct kube_client *client;
        const struct kube_resource *resource;
        const struct reflector_ops *ops;
        void *userdata;
        bool once;             /* a call that fails is not tried again within it: the caller says why, and does */
        const bool *cancelled; /* atomic; see struct kube_call; NULL: never */
        int64_t *contact;      /* atomic; monotonic ns of the last byte; NULL: nobody asks */
        uint64_t *reached;     /* atomic; the version that was reached; NULL: nobody asks */
};

/* The path and what of the query names the object to follow, ending in '?' or '&'. NULL: out of memory. */
char *resource_view_path(const struct resource_view *view);

/* Something has come from the server. */
void resource_view_touch(const struct resource_view *view);

/* The view has reached this version. */
void resource_view_reach(const struct resource_view *view, uint64_t version);

/*
 * Begin, items, end. A list that the server has forgotten in its middle (410) begins again, a few times. Negative
 * errno: that of kube_call(), of json_stream.h, or what an operation answered.
 */
int resource_list(const struct resource_view *view, uint64_t *ret_version, struct error *error);

struct resource_watch {
        uint64_t version; /* in: what is known; out: what has come, too */
        uint64_t events;  /* out: that were taken in, bookmarks included */
        bool answered;    /* out: the server has said something */
        bool list_again;  /* out: 410, or an operation failed: another watch is of no use */
};

/* Until the server ends it, in order (0) or not (negative errno, as above). */
int resource_watch(const struct resource_view *view, struct resource_watch *watch, struct error *error);
