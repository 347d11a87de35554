/*
 * What list and watch have in common. A single object is followed through a field selector, because then lists,
 * watches, bookmarks and deletions are the same as of many.
 */
#include "kube/resource_view.h"

#include <string.h>

#include "kube/client.h"
#include "util/clock.h"
#include "util/text.h"

char *resource_view_path(const struct resource_view *view)
{
        const struct kube_resource *resource = view->resource;
        _cleanup_(freep) char *namespace = NULL;
        _cleanup_(freep) char *name = NULL;

        namespace = resource->namespace ? kube_path("/namespaces/%s", resource->namespace) : strdup("");
        name = resource->name ? kube_path("fieldSelector=%s%s&", "metadata.name=", resource->name) : strdup("");
        if (!namespace || !name)
                return NULL;
        return text_format("%s%s/%s?%s", resource->api, namespace, resource->plural, name);
}

void resource_view_touch(const struct resource_view *view)
{
        if (view->contact)
                __atomic_store_n(view->contact, clock_monotonic(), __ATOMIC_RELAXED);
}

void resource_view_reach(const struct resource_view *view, uint64_t version)
{
        if (view->reached)
                __atomic_store_n(view->reached, version, __ATOMIC_RELAXED);
}
