/*
 * A source is the text of one file and the JSON values of its documents. Each object that was found in it holds a
 * reference, so that lines can be looked up for as long as any of them is of interest, and no longer.
 */
#include "manifest/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "manifest/diagnostics.h"
#include "manifest/yaml.h"
#include "util/error.h"

struct source {
        unsigned references; /* not shared between threads */
        char *file;          /* owned */
        char *text;          /* owned; NULL: the object came from no file */
        size_t size;
        json_t *documents; /* owned; an array */
};

static struct source *source_unref(struct source *source)
{
        if (source && --source->references == 0) {
                json_decref(source->documents);
                free(source->file);
                free(source->text);
                free(source);
        }
        return NULL;
}
DEFINE_CLEANUP(struct source *, source_unref);

void manifests_clear(struct manifests *manifests)
{
        for (size_t i = 0; i < manifests->count; i++) {
                source_unref(manifests->items[i].source);
                free(manifests->items[i].path);
        }
        free(manifests->items);
        *manifests = MANIFESTS_INIT;
}

unsigned manifest_line(const struct manifest *manifest, const char *path)
{
        const struct source *source = manifest->source;
        _cleanup_(freep) char *whole = NULL;
        const char *join = *manifest->path && *path && *path != '[' ? "." : "";

        if (!source || !source->text)
                return 0;
        if (asprintf(&whole, "%s%s%s", manifest->path, join, path) < 0) {
                whole = NULL;
                return 0;
        }
        return yaml_locate(source->text, source->size, manifest->document, whole);
}

static const char *text_member(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

struct manifest manifest_from_object(json_t *object, const char *origin)
{
        static char no_path[1];

        return (struct manifest){
                .file = origin,
                .api_version = text_member(object, "apiVersion"),
                .kind = text_member(object, "kind"),
                .object = object,
                .path = no_path,
        };
}

/* Takes over the path. */
static int add_object(struct manifests *manifests, struct source *source, size_t document, char *path, json_t *object)
{
        struct manifest *items = reallocarray(manifests->items, manifests->count + 1, sizeof(*items));

        if (!items || !path) {
                free(path);
                if (items)
                        manifests->items = items;
                return -ENOMEM;
        }
        manifests->items = items;
        source->references++;
        manifests->items[manifests->count++] = (struct manifest){
                .file = source->file,
                .api_version = text_member(object, "apiVersion"),
                .kind = text_member(object, "kind"),
                .object = object,
                .source = source,
                .document = document,
                .path = path,
        };
        return 0;
}

int manifests_add(struct manifests *manifests, json_t *object, const char *origin)
{
        _cleanup_(source_unrefp) struct source *source = calloc(1, sizeof(*source));

        if (!source)
                return -ENOMEM;
        *source = (struct source){.references = 1, .file = strdup(origin), .documents = json_pack("[O]", object)};
        if (!source->file || !source->documents)
                return -ENOMEM;
        return add_object(manifests, source, 0, strdup(""), object);
}

/* A place that is no object has nothing to hang a diagnostic on but its line. */
static void report(struct source *source, size_t document, const char *path, const char *message,
                   struct diagnostics *diagnostics)
{
        unsigned line = yaml_locate(source->text, source->size, document, path);

        diagnostics_add_file(diagnostics, SEVERITY_ERROR, source->file, line, "%s%s%s", path, *path ? ": " : "",
                             message);
}

static bool is_list(const json_t *object)
{
        const char *kind = text_member(object, "kind");
        size_t length = strlen(kind);

        return length >= 4 && !strcmp(kind + length - 4, "List") && json_is_array(json_object_get(object, "items"));
}

static int add_value(struct manifests *manifests, struct source *source, size_t document, const char *path,
                     json_t *value, struct diagnostics *diagnostics);

static int add_items(struct manifests *manifests, struct source *source, size_t document, const char *path,
                     json_t *list, struct diagnostics *diagnostics)
{
        json_t *items = json_object_get(list, "items"), *item;
        size_t i;
        int r = 0;

        json_array_foreach (items, i, item) {
                _cleanup_(freep) char *below = NULL;

                if (asprintf(&below, "%s%sitems[%zu]", path, *path ? "." : "", i) < 0)
                        return -ENOMEM;
                r = add_value(manifests, source, document, below, item, diagnostics);
                if (r < 0)
                        break;
        }
        return r;
}

static int add_value(struct manifests *manifests, struct source *source, size_t document, const char *path,
                     json_t *value, struct diagnostics *diagnostics)
{
        if (json_is_null(value))
                return 0;
        if (!json_is_object(value)) {
                report(source, document, path, "must be an object with apiVersion and kind", diagnostics);
                return 0;
        }
        if (is_list(value))
                return add_items(manifests, source, document, path, value, diagnostics);
        if (!*text_member(value, "apiVersion") || !*text_member(value, "kind")) {
                report(source, document, path,
                       *text_member(value, "kind") ? "must have an apiVersion" : "must have a kind", diagnostics);
                return 0;
        }
        return add_object(manifests, source, document, strdup(path), value);
}

/* "line N: what" from the parser becomes a diagnostic of that line. */
static void report_syntax(const char *file, const char *sentence, struct diagnostics *diagnostics)
{
        unsigned line = 0;
        int offset = 0;

        if (sscanf(sentence, "line %u: %n", &line, &offset) < 1)
                offset = 0;
        diagnostics_add_file(diagnostics, SEVERITY_ERROR, file, line, "%s", sentence + offset);
}

/* Takes over the text. */
static int parse_source(struct manifests *manifests, const char *file, char *text, size_t size,
                        struct diagnostics *diagnostics)
{
        _cleanup_(source_unrefp) struct source *source = calloc(1, sizeof(*source));
        _cleanup_error_ struct error error = ERROR_INIT;
        json_t *document;
        size_t i;
        int r;

        if (!source) {
                free(text);
                return -ENOMEM;
        }
        *source = (struct source){.references = 1, .file = strdup(file), .text = text, .size = size};
        if (!source->file)
                return -ENOMEM;
        r = yaml_parse(&source->documents, text, size, &error);
        if (r == -EINVAL) {
                report_syntax(file, error_message(&error), diagnostics);
                return 0;
        }
        json_array_foreach (source->documents, i, document) {
                r = add_value(manifests, source, i, "", document, diagnostics);
                if (r < 0)
                        break;
        }
        return r;
}

int manifests_parse(struct manifests *manifests, const char *file, const char *text, size_t size,
                    struct diagnostics *diagnostics)
{
        char *copy = malloc(size + 1);

        if (!copy)
                return -ENOMEM;
        memcpy(copy, text, size);
        copy[size] = '\0';
        return parse_source(manifests, file, copy, size, diagnostics);
}

/* Everything up to the end of the stream; *ret is new. */
static int read_stream(FILE *stream, char **ret, size_t *ret_size)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0, capacity = 0;

        do {
                if (size + 1 >= capacity) {
                        char *larger = realloc(text, capacity = capacity ? capacity * 2 : 16384);

                        if (!larger)
                                return -ENOMEM;
                        text = larger;
                }
                size += fread(text + size, 1, capacity - size - 1, stream);
                if (ferror(stream))
                        return errno ? -errno : -EIO;
        } while (!feof(stream));
        text[size] = '\0';
        *ret = steal_pointer(&text);
        *ret_size = size;
        return 0;
}

static int read_file(struct manifests *manifests, const char *path, struct diagnostics *diagnostics,
                     struct error *error)
{
        _cleanup_(fclosep) FILE *stream = fopen(path, "re");
        size_t size;
        char *text;
        int r;

        if (!stream)
                return error_set_errno(error, errno, "cannot open %s", path);
        r = read_stream(stream, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "cannot read %s", path);
        return parse_source(manifests, path, text, size, diagnostics);
}

static int read_stdin(struct manifests *manifests, struct diagnostics *diagnostics, struct error *error)
{
        size_t size;
        char *text;
        int r = read_stream(stdin, &text, &size);

        if (r < 0)
                return error_set_errno(error, -r, "cannot read standard input");
        return parse_source(manifests, "<stdin>", text, size, diagnostics);
}

bool manifest_file_name(const char *name)
{
        static const char *const endings[] = {".yaml", ".yml", ".json"};
        size_t length = strlen(name);

        for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
                size_t n = strlen(endings[i]);

                if (*name != '.' && length > n && !strcmp(name + length - n, endings[i]))
                        return true;
        }
        return false;
}

static int select_entry(const struct dirent *entry)
{
        return manifest_file_name(entry->d_name);
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(struct manifests *manifests, const char *folder, struct diagnostics *diagnostics,
                       struct error *error)
{
        struct dirent **entries;
        int n = scandir(folder, &entries, select_entry, compare_entries), r = 0;

        if (n < 0)
                return error_set_errno(error, errno, "cannot list %s", folder);
        for (int i = 0; i < n; i++) {
                _cleanup_(freep) char *path = NULL;

                if (r >= 0 && asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
                        r = -ENOMEM;
                if (r >= 0)
                        r = read_file(manifests, path, diagnostics, error);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int manifests_read(struct manifests *manifests, const char *path, struct diagnostics *diagnostics,
                   struct error *error)
{
        struct stat status;

        if (!strcmp(path, "-"))
                return read_stdin(manifests, diagnostics, error);
        if (stat(path, &status) < 0)
                return error_set_errno(error, errno, "cannot open %s", path);
        if (S_ISDIR(status.st_mode))
                return read_folder(manifests, path, diagnostics, error);
        return read_file(manifests, path, diagnostics, error);
}
