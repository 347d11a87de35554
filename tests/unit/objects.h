/*
 * Catalogs and pods from text in the tests' own sources.
 */
#pragma once

#include "admission/catalog.h"
#include "admission/pod.h"
#include "json.h"
#include "manifest/diagnostics.h"
#include "manifest/field.h"
#include "manifest/manifest.h"
#include "util/arena.h"

/* A catalog from YAML, where these nodes (NULL: none) are known; faults in it fail the test. */
static inline struct catalog *catalog_with_nodes(const char *yaml, struct node_table *nodes)
{
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        struct manifests manifests = MANIFESTS_INIT;
        struct catalog *catalog = NULL;

        ck_assert_int_eq(manifests_parse(&manifests, "test.yaml", yaml, strlen(yaml), &diagnostics), 0);
        ck_assert_int_eq(catalog_objects_read(&objects, &manifests, &diagnostics), 0);
        if (diagnostics.count)
                ck_abort_msg("%s: %s", diagnostics.items[0].path, diagnostics.items[0].message);
        ck_assert_int_eq(catalog_new(&catalog, &objects, nodes, &diagnostics), 0);
        ck_assert_uint_eq(diagnostics.count, 0);
        catalog_objects_clear(&objects);
        manifests_clear(&manifests);
        return catalog;
}

static inline struct catalog *catalog_text(const char *yaml)
{
        return catalog_with_nodes(yaml, NULL);
}

/* Of all pods of a test. */
static struct arena pod_memory;

/* A pod whose JSON object must outlive it. */
static inline void pod_from(struct pod *pod, json_t *object)
{
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_root(object, NULL, &diagnostics);
        bool good = pod_read(pod, &root, "default", pod_default_gpu_resources, &pod_memory);

        if (!good)
                ck_abort_msg("%s: %s", diagnostics.items[0].path, diagnostics.items[0].message);
        diagnostics_clear(&diagnostics);
}
