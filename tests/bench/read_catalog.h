/*
 * Policies and quotas for a bench; whatever is wrong with them is the end of the program.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/catalog.h"
#include "manifest/diagnostics.h"
#include "manifest/manifest.h"

static inline void check(int result, const char *what)
{
        if (result < 0) {
                fprintf(stderr, "bench: %s: %s\n", what, strerror(-result));
                exit(EXIT_FAILURE);
        }
}

/* A new catalog; the caller's. */
static inline struct catalog *read_catalog(const char *yaml, size_t size)
{
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        struct manifests manifests = MANIFESTS_INIT;
        struct catalog *catalog = NULL;

        check(manifests_parse(&manifests, "bench.yaml", yaml, size, &diagnostics), "policies");
        check(catalog_objects_read(&objects, &manifests, &diagnostics), "policies");
        check(diagnostics.n_errors ? -EINVAL : 0, "policies");
        check(catalog_new(&catalog, &objects, NULL, &diagnostics), "policies");
        catalog_objects_clear(&objects);
        manifests_clear(&manifests);
        diagnostics_clear(&diagnostics);
        return catalog;
}
