/*
 * From files to a catalog. Each file becomes a list of policies and quotas when it changes; the catalog is put
 * together from all lists anew, and takes the place of the former one as a whole.
 */
#include "daemon/policies.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "admission/admission.h"
#include "admission/catalog.h"
#include "manifest/diagnostics.h"
#include "manifest/folder.h"
#include "policy/index.h"
#include "util/error.h"
#include "util/log.h"

struct policies {
        struct folder *folder;       /* owned */
        struct admission *admission; /* borrowed */
};

/* What one file holds; a folder_load_fn. */
static void *load(void *userdata, const struct manifests *file, struct diagnostics *diagnostics)
{
        struct catalog_objects *objects = calloc(1, sizeof(*objects));

        (void)userdata;
        if (!objects || catalog_objects_read(objects, file, diagnostics) < 0) {
                diagnostics_add_file(diagnostics, SEVERITY_ERROR, file->count ? file->items[0].file : "", 0,
                                     "out of memory");
                return objects;
        }
        return objects;
}

static void unload(void *loaded)
{
        catalog_objects_clear(loaded);
        free(loaded);
}

static void log_diagnostics(const struct diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->count; i++) {
                const struct diagnostic *item = &diagnostics->items[i];
                enum log_level level = item->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_WARN;

                log_at(level, item->message, log_string("file", item->file), log_integer("line", item->line),
                       log_string("field", item->path));
        }
        if (diagnostics->failure)
                log_error("out of memory while reading policies");
}

static int append(void *userdata, void *loaded)
{
        return catalog_objects_append(userdata, loaded);
}

static int use(struct policies *policies, struct error *error)
{
        _cleanup_(catalog_objects_clear) struct catalog_objects objects = CATALOG_OBJECTS_INIT;
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(catalog_unrefp) struct catalog *catalog = NULL;
        int r;

        r = folder_visit(policies->folder, append, &objects);
        if (r >= 0)
                r = catalog_new(&catalog, &objects, NULL, &diagnostics);
        if (r < 0)
                return error_oom(error);
        log_diagnostics(&diagnostics);
        r = admission_use(policies->admission, catalog, error);
        if (r < 0)
                return r;
        log_info("policies are in force",
                 log_integer("policies", (int64_t)policy_index_count(catalog_policies(catalog))),
                 log_integer("quotas", (int64_t)objects.n_quotas));
        return 0;
}

/* 1 if anything good changed. */
static int read_folder(struct policies *policies, struct error *error)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        int r = folder_read(policies->folder, &diagnostics, error);

        log_diagnostics(&diagnostics);
        return r;
}

/*
 * The trees that files are read into are several times as large as what is kept of them. What they took goes back to
 * the kernel, and what former policies took with it; nothing else would bring that about, as it lies below what was
 * made after it.
 */
static void give_back(void)
{
        malloc_trim(0);
}

void policies_refresh(struct policies *policies)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r = read_folder(policies, &error);

        if (r > 0) {
                r = use(policies, &error);
                give_back();
        }
        if (r < 0)
                log_error("policies were not read again; those that were in force stay",
                          log_string("error", error_message(&error)));
}

int policies_new(struct policies **ret, const char *folder, struct admission *admission, struct error *error)
{
        _cleanup_(policies_freep) struct policies *policies = calloc(1, sizeof(*policies));
        int r;

        if (!policies)
                return error_oom(error);
        policies->admission = admission;
        r = folder_new(&policies->folder, folder, load, unload, policies, error);
        if (r >= 0)
                r = read_folder(policies, error);
        if (r >= 0)
                r = use(policies, error);
        if (r < 0)
                return r;
        give_back();
        *ret = steal_pointer(&policies);
        return 0;
}

struct policies *policies_free(struct policies *policies)
{
        if (!policies)
                return NULL;
        folder_free(policies->folder);
        free(policies);
        return NULL;
}

int policies_fd(const struct policies *policies)
{
        return folder_fd(policies->folder);
}
