/*
 * Works on lists of resources, container by container, in the order of the pod's spec: a sidecar (an init
 * container that is restarted always) runs beside the init containers that come after it and beside the
 * containers, so its requests stay in a running sum that each later init container is added to.
 *
 * Defaulting is part of it: a Deployment's template, which dry-run reads, has not been defaulted yet, and
 * defaulting a pod again changes nothing.
 */
#include "admission/pod_requests.h"

#include <string.h>

#include "manifest/field.h"
#include "quota/resources.h"

static bool no_memory(const struct field *field)
{
        return field_error(field, "out of memory");
}

/* Resources for which pod-level requests and limits count (IsSupportedPodLevelResource). */
static bool is_pod_level(const char *name)
{
        return !strcmp(name, "cpu") || !strcmp(name, "memory") || !strncmp(name, "hugepages-", 10);
}

#define NANO_PER_MILLI (QUANTITY_NANO_PER_UNIT / 1000)

/* What is finer than 1m; dividing 128 bits is left to those few that need it. */
static int64_t rest_of(quantity_nano nano)
{
        return nano == (int64_t)nano ? (int64_t)nano % NANO_PER_MILLI : (int64_t)(nano % NANO_PER_MILLI);
}

/* A ResourceList as the API server stores it: in steps of 1m, rounded away from zero (SetDefaults_ResourceList). */
static bool read_list(struct resources *ret, const struct field *list)
{
        if (!resources_read(ret, list))
                return false;
        for (size_t i = 0; i < ret->count; i++) {
                quantity_nano *nano = &ret->items[i].quantity.nano;
                int64_t rest = rest_of(*nano);

                if (rest)
                        *nano += (rest > 0 ? NANO_PER_MILLI : -NANO_PER_MILLI) - rest;
        }
        return true;
}

/* A `resources` object: its requests, and its limits for what is missing there. */
static bool read_container(struct resources *ret, const struct field *container)
{
        struct field both = field_member(container, "resources");
        struct field requests = field_member(&both, "requests");
        struct field limits = field_member(&both, "limits");
        struct resources limited = RESOURCES_IN(ret->arena);

        if (!field_object(container) || !field_object(&both) || !read_list(ret, &requests) ||
            !read_list(&limited, &limits))
                return false;
        for (size_t i = 0; i < limited.count; i++)
                if (!resources_find(ret, limited.items[i].name) &&
                    resources_set(ret, limited.items[i].name, limited.items[i].quantity) < 0)
                        return no_memory(container);
        return true;
}

/* The first list becomes the sum as it is: nearly every pod has one container. */
static int add(struct resources *sum, const struct resources *own)
{
        if (sum->count)
                return resources_add(sum, own);
        *sum = *own;
        return 0;
}

static bool add_containers(struct resources *sum, const struct field *containers)
{
        struct field_each each = field_each(containers);

        if (!field_array(containers))
                return false;
        while (field_next(&each)) {
                struct resources own = RESOURCES_IN(sum->arena);

                if (!read_container(&own, &each.field))
                        return false;
                if (add(sum, &own) < 0)
                        return no_memory(&each.field);
        }
        return true;
}

/* `sidecars` is the running sum of those so far, `peak` the most that any step of the initialization needs. */
static bool add_init_container(struct resources *sum, struct resources *sidecars, struct resources *peak,
                               const struct field *container)
{
        struct resources own = RESOURCES_IN(sum->arena);
        struct field restart_policy = field_member(container, "restartPolicy");
        const char *policy = "";

        if (!read_container(&own, container) || !field_string(&restart_policy, &policy))
                return false;
        if (!strcmp(policy, "Always")) {
                if (resources_add(sum, &own) < 0 || resources_add(sidecars, &own) < 0 ||
                    resources_max(peak, sidecars) < 0)
                        return no_memory(container);
                return true;
        }
        if (resources_add(&own, sidecars) < 0 || resources_max(peak, &own) < 0)
                return no_memory(container);
        return true;
}

static bool add_init_containers(struct resources *sum, const struct field *containers)
{
        struct resources sidecars = RESOURCES_IN(sum->arena), peak = RESOURCES_IN(sum->arena);
        struct field_each each = field_each(containers);

        if (!field_present(containers))
                return true;
        if (!field_array(containers))
                return false;
        while (field_next(&each))
                if (!add_init_container(sum, &sidecars, &peak, &each.field))
                        return false;
        return resources_max(sum, &peak) >= 0 || no_memory(containers);
}

/*
 * Pod-level requests replace the containers'. Where only a limit is given, the API server fills in the request:
 * for cpu and memory what the containers ask for, if they do; else the limit.
 */
static bool apply_pod_level(struct resources *sum, const struct field *pod_level)
{
        struct field requests = field_member(pod_level, "requests");
        struct field limits = field_member(pod_level, "limits");
        struct resources requested = RESOURCES_IN(sum->arena), limited = RESOURCES_IN(sum->arena);

        if (!field_present(pod_level))
                return true;
        if (!field_object(pod_level) || !read_list(&requested, &requests) || !read_list(&limited, &limits))
                return false;
        for (size_t i = 0; i < limited.count; i++) {
                const struct resource *limit = &limited.items[i];
                bool fixed = !strncmp(limit->name, "hugepages-", 10);

                if (!is_pod_level(limit->name) || resources_find(&requested, limit->name) ||
                    (!fixed && resources_find(sum, limit->name)))
                        continue;
                if (resources_set(&requested, limit->name, limit->quantity) < 0)
                        return no_memory(pod_level);
        }
        for (size_t i = 0; i < requested.count; i++)
                if (is_pod_level(requested.items[i].name) &&
                    resources_set(sum, requested.items[i].name, requested.items[i].quantity) < 0)
                        return no_memory(pod_level);
        return true;
}

bool pod_requests_read(struct resources *ret, const struct field *spec)
{
        struct field containers = field_member(spec, "containers");
        struct field init_containers = field_member(spec, "initContainers");
        struct field pod_level = field_member(spec, "resources");
        struct field overhead = field_member(spec, "overhead");
        struct resources extra = RESOURCES_IN(ret->arena);

        if (!add_containers(ret, &containers) || !add_init_containers(ret, &init_containers) ||
            !apply_pod_level(ret, &pod_level) || !read_list(&extra, &overhead))
                return false;
        return add(ret, &extra) >= 0 || no_memory(spec);
}
