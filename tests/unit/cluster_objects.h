/*
 * Objects of a cluster, as the API server sends them, from a few words.
 */
#pragma once

#include <stdio.h>

#include "json.h"
#include "kube/reflector.h"

static inline void set_metadata(json_t *object, const char *uid, unsigned version, unsigned generation)
{
        json_t *metadata = json_object_get(object, "metadata");
        char text[16];

        snprintf(text, sizeof(text), "%u", version);
        json_object_set_new(metadata, "uid", json_string(uid));
        json_object_set_new(metadata, "resourceVersion", json_string(text));
        if (generation)
                json_object_set_new(metadata, "generation", json_integer(generation));
}

/* A policy `name` in the namespace "default" whose one unit takes `max` pods; a negative max is malformed. */
static inline json_t *policy_object(const char *name, int max, unsigned version, unsigned generation)
{
        json_t *object =
                json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:[{s:s, s:i}]}}", "apiVersion",
                          "scheduling.alibabacloud.com/v1alpha1", "kind", "ResourcePolicy", "metadata", "namespace",
                          "default", "name", name, "spec", "units", "resource", "eci", "max", max);

        ck_assert_ptr_nonnull(object);
        set_metadata(object, name, version, generation);
        return object;
}

/* A quota whose region is its name, with so many GPUs of the series A10; a negative number is malformed. */
static inline json_t *quota_object(const char *name, int gpus, unsigned version, unsigned generation)
{
        json_t *object = json_pack("{s:s, s:s, s:{s:s}, s:{s:[{s:s, s:i}]}}", "apiVersion", "regionfit.io/v1alpha1",
                                   "kind", "RegionQuota", "metadata", "name", name, "spec", "pools", "gpuModelSeries",
                                   "A10", "gpus", gpus);

        ck_assert_ptr_nonnull(object);
        set_metadata(object, name, version, generation);
        return object;
}
