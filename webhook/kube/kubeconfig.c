/*
 * A kubeconfig is read as far as it is used: the entries that the context names, and what must be there to find them.
 * What is wrong elsewhere in the file is for others to mend.
 *
 * The text is kept only until the configuration has been taken from it, to find lines for what is wrong.
 */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "kube/config.h"
#include "kube/credential.h"
#include "kube/endpoint.h"
#include "kube/secret.h"
#include "manifest/yaml.h"
#include "util/error.h"
#include "util/text.h"

static void file_clear(struct kubeconfig_file *file)
{
        free(file->path);
        free(file->folder);
        secret_wipe(file->text);
        json_decref(file->objects);
}

void kubeconfig_clear(struct kubeconfig *kubeconfig)
{
        for (size_t i = 0; i < kubeconfig->n_files; i++)
                file_clear(&kubeconfig->files[i]);
        free(kubeconfig->files);
        free(kubeconfig->names);
        *kubeconfig = KUBECONFIG_INIT;
}

/* The folder of the file; a new string. */
static char *folder_of(const char *path)
{
        _cleanup_(freep) char *copy = strdup(path);

        return copy ? strdup(dirname(copy)) : NULL;
}

/* Appends the file. -ENOENT: it does not exist. */
static int read_file(struct kubeconfig *kubeconfig, const char *path, struct error *error)
{
        struct kubeconfig_file *files = reallocarray(kubeconfig->files, kubeconfig->n_files + 1, sizeof(*files)),
                               *file;
        int r;

        if (!files)
                return error_oom(error);
        kubeconfig->files = files;
        file = &files[kubeconfig->n_files];
        *file = (struct kubeconfig_file){.path = strdup(path), .folder = folder_of(path)};
        r = file->path && file->folder ? secret_read(&file->text, path, error) : error_oom(error);
        if (r >= 0) {
                r = yaml_parse(&file->objects, file->text, strlen(file->text), error);
                if (r < 0)
                        error_prefix(error, "%s", path);
        }
        if (r < 0)
                file_clear(file);
        else
                kubeconfig->n_files++;
        return r;
}

/* Those of a list with ':' between them that exist. */
static int read_files(struct kubeconfig *kubeconfig, const char *list, struct error *error)
{
        _cleanup_(freep) char *copy = strdup(list);
        char *rest = copy, *path;

        if (!copy)
                return error_oom(error);
        while ((path = strsep(&rest, ":"))) {
                int r = *path ? read_file(kubeconfig, path, error) : 0;

                if (r < 0 && r != -ENOENT)
                        return r;
        }
        if (!kubeconfig->n_files)
                return error_set(error, ENOENT, "no file of $KUBECONFIG exists: %s", list);
        kubeconfig->names = strdup(list);
        return kubeconfig->names ? 0 : error_oom(error);
}

int kubeconfig_read(struct kubeconfig *ret, const char *path, struct error *error)
{
        const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
        _cleanup_(freep) char *usual = NULL;
        int r;

        if (!path && list && *list)
                return read_files(ret, list, error);
        if (!path && (!home || !*home))
                return error_set(error, ENOENT, "there is no kubeconfig: neither $KUBECONFIG nor $HOME is set");
        if (!path)
                path = usual = text_format("%s/.kube/config", home);
        if (!path)
                return error_oom(error);
        r = read_file(ret, path, error);
        if (r < 0)
                return r;
        ret->names = strdup(path);
        return ret->names ? 0 : error_oom(error);
}

void kubeconfig_entry_clear(struct kubeconfig_entry *entry)
{
        diagnostics_clear(&entry->diagnostics);
}

int kubeconfig_entry_error(const struct kubeconfig_entry *entry, struct error *error)
{
        const struct kubeconfig_file *file = entry->file;

        for (size_t i = 0; i < entry->diagnostics.count; i++) {
                const struct diagnostic *item = &entry->diagnostics.items[i];
                unsigned line;

                if (item->severity != SEVERITY_ERROR)
                        continue;
                line = yaml_locate(file->text, strlen(file->text), 0, item->path);
                return error_set(error, EINVAL, "%s:%u: %s%s%s", file->path, line, item->path,
                                 *item->path ? ": " : "", item->message);
        }
        return error_oom(error);
}

static void entry_begin(struct kubeconfig_entry *entry, const struct kubeconfig_file *file)
{
        *entry = (struct kubeconfig_entry){.file = file};
        entry->root = field_root(json_array_get(file->objects, 0), NULL, &entry->diagnostics);
}

/* 1 where the file has the entry, 0 where it has not. */
static int find_in_file(const char *list, const char *key, const char *name, struct kubeconfig_entry *ret,
                        struct error *error)
{
        ret->list = field_member(&ret->root, list);
        if (!field_object(&ret->root) || !field_array(&ret->list))
                return kubeconfig_entry_error(ret, error);
        for (size_t i = 0; i < field_count(&ret->list); i++) {
                const char *is = "";
                struct field name_field;

                ret->item = field_item(&ret->list, i);
                name_field = field_member(&ret->item, "name");
                if (!field_object(&ret->item) || !field_string(&name_field, &is))
                        return kubeconfig_entry_error(ret, error);
                if (strcmp(is, name) != 0)
                        continue;
                ret->value = field_member(&ret->item, key);
                return field_object(&ret->value) ? 1 : kubeconfig_entry_error(ret, error);
        }
        return 0;
}

int kubeconfig_find(const struct kubeconfig *kubeconfig, const char *list, const char *key, const char *name,
                    struct kubeconfig_entry *ret, struct error *error)
{
        for (size_t i = 0; i < kubeconfig->n_files; i++) {
                int r;

                kubeconfig_entry_clear(ret);
                entry_begin(ret, &kubeconfig->files[i]);
                r = find_in_file(list, key, name, ret, error);
                if (r)
                        return r < 0 ? r : 0;
        }
        return -ENOENT;
}

/* "a, b, c" of all contexts; a new string. */
static char *list_contexts(const struct kubeconfig *kubeconfig)
{
        char *text = NULL;
        size_t size = 0, n = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        for (size_t i = 0; i < kubeconfig->n_files; i++) {
                const json_t *root = json_array_get(kubeconfig->files[i].objects, 0);
                json_t *item;
                size_t index;

                json_array_foreach (json_object_get(root, "contexts"), index, item) {
                        const char *name = json_string_value(json_object_get(item, "name"));

                        if (name)
                                fprintf(stream, "%s%s", n++ ? ", " : "", name);
                }
        }
        if (!n)
                fputs("none", stream);
        if (fclose(stream) == 0)
                return text;
        free(text);
        return NULL;
}

static int no_context(const struct kubeconfig *kubeconfig, const char *name, struct error *error)
{
        _cleanup_(freep) char *contexts = list_contexts(kubeconfig);

        if (!contexts)
                return error_oom(error);
        if (!name)
                return error_set(error, EINVAL,
                                 "%s: current-context is not set, and no context was named; there are: %s",
                                 kubeconfig->names, contexts);
        return error_set(error, EINVAL, "%s: there is no context \"%s\"; there are: %s", kubeconfig->names, name,
                         contexts);
}

/* The first current-context that is set; borrowed. NULL: none. */
static int current_context(const struct kubeconfig *kubeconfig, const char **ret, struct error *error)
{
        *ret = NULL;
        for (size_t i = 0; i < kubeconfig->n_files && !*ret; i++) {
                _cleanup_(kubeconfig_entry_clear) struct kubeconfig_entry entry;
                struct field current;
                const char *text = "";

                entry_begin(&entry, &kubeconfig->files[i]);
                current = field_member(&entry.root, "current-context");
                if (!field_object(&entry.root) || !field_string(&current, &text))
                        return kubeconfig_entry_error(&entry, error);
                *ret = *text ? text : NULL;
        }
        return 0;
}

/* What the context names in one of its fields; an entry without a value where it names nothing. */
static int follow(const struct kubeconfig *kubeconfig, struct kubeconfig_entry *context, const char *list,
                  const char *key, struct kubeconfig_entry *ret, struct error *error)
{
        struct field field = field_member(&context->value, key);
        const char *name = "";
        int r;

        if (!field_string(&field, &name))
                return kubeconfig_entry_error(context, error);
        if (!*name) {
                entry_begin(ret, context->file);
                return 0;
        }
        r = kubeconfig_find(kubeconfig, list, key, name, ret, error);
        if (r != -ENOENT)
                return r;
        field_error(&field, "there is no entry \"%s\" in %s", name, list);
        return kubeconfig_entry_error(context, error);
}

/* What the context names, made into a configuration. */
static int read_context(struct kube_config **ret, const struct kubeconfig *kubeconfig,
                        struct kubeconfig_entry *context, struct error *error)
{
        _cleanup_(credential_source_clear) struct credential_source source = CREDENTIAL_SOURCE_INIT;
        _cleanup_(endpoint_clear) struct endpoint endpoint = ENDPOINT_INIT;
        _cleanup_(kubeconfig_entry_clear) struct kubeconfig_entry cluster = {0}, user = {0};
        struct field namespace = field_member(&context->value, "namespace");
        struct field cluster_field = field_member(&context->value, "cluster");
        const char *text = "";
        int r;

        if (!cluster_field.value)
                field_must_be(&cluster_field, "the name of an entry in clusters");
        if (!cluster_field.value || !field_string(&namespace, &text))
                return kubeconfig_entry_error(context, error);
        r = follow(kubeconfig, context, "clusters", "cluster", &cluster, error);
        if (r >= 0)
                r = follow(kubeconfig, context, "users", "user", &user, error);
        if (r < 0)
                return r;
        if (!kubeconfig_read_cluster(&endpoint, &source, &cluster))
                return kubeconfig_entry_error(&cluster, error);
        if (!kubeconfig_read_user(&source, &user, &cluster))
                return kubeconfig_entry_error(&user, error);
        return kube_config_new(ret, &endpoint, &source, text, error);
}

int kube_config_load(struct kube_config **ret, const char *path, const char *context, struct error *error)
{
        _cleanup_(kubeconfig_clear) struct kubeconfig kubeconfig = KUBECONFIG_INIT;
        _cleanup_(kubeconfig_entry_clear) struct kubeconfig_entry entry = {0};
        int r = kubeconfig_read(&kubeconfig, path, error);

        if (r >= 0 && !context)
                r = current_context(&kubeconfig, &context, error);
        if (r < 0)
                return r;
        r = context ? kubeconfig_find(&kubeconfig, "contexts", "context", context, &entry, error) : -ENOENT;
        if (r == -ENOENT)
                return no_context(&kubeconfig, context, error);
        return r < 0 ? r : read_context(ret, &kubeconfig, &entry, error);
}
