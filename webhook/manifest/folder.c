/*
 * Two things are kept per file: what was last loaded from it, and the identity (device, inode, size, times) of the
 * version that was last looked at, good or bad. A change is noticed by inotify, but what changed is found by
 * looking: events only say when, so none can be lost, and a folder that was replaced as a whole is no special case.
 *
 * The watch is on the folder itself. Files in it may be symbolic links (the kubelet's ConfigMap volumes): swapping
 * the link that they lead through is an event in the folder, and the identity that stat(2) sees is that of the new
 * file. A file that is being written is read more than once; the version that counts is the one that was closed.
 */
#include "manifest/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "manifest/diagnostics.h"
#include "util/clock.h"
#include "util/error.h"

#define SETTLED_NS (50 * NS_PER_MS)
#define EVENTS                                                                                               \
        (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | \
         IN_MOVE_SELF)

/* Tells one version of a file from another. */
struct identity {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified, changed;
};

struct file {
        char *name; /* owned */
        struct identity identity;
        void *loaded;   /* owned, of the last good version; NULL: nothing of interest */
        bool looked_at; /* identity holds; false where the version was too young to be told from the next */
        bool present;   /* seen while looking */
};

struct folder {
        char *path; /* owned */
        folder_load_fn load;
        folder_unload_fn unload;
        void *userdata;     /* borrowed */
        struct file *files; /* owned, by name */
        size_t n_files;
        int inotify;
        int watch; /* -1: the folder is not there to be watched */
};

static void file_clear(const struct folder *folder, struct file *file)
{
        if (file->loaded)
                folder->unload(file->loaded);
        free(file->name);
}

struct folder *folder_free(struct folder *folder)
{
        if (!folder)
                return NULL;
        for (size_t i = 0; i < folder->n_files; i++)
                file_clear(folder, &folder->files[i]);
        free(folder->files);
        closep(&folder->inotify);
        free(folder->path);
        free(folder);
        return NULL;
}

/* The folder may have been replaced by another of its name; watching it twice is the same watch. */
static int watch(struct folder *folder, struct error *error)
{
        folder->watch = inotify_add_watch(folder->inotify, folder->path, EVENTS | IN_ONLYDIR);
        if (folder->watch >= 0)
                return 0;
        return error_set_errno(error, errno, "cannot watch the folder %s", folder->path);
}

int folder_new(struct folder **ret, const char *path, folder_load_fn load, folder_unload_fn unload, void *userdata,
               struct error *error)
{
        _cleanup_(folder_freep) struct folder *folder = calloc(1, sizeof(*folder));
        int r;

        if (!folder)
                return error_oom(error);
        *folder = (struct folder){.load = load, .unload = unload, .userdata = userdata, .inotify = -1, .watch = -1};
        folder->path = strdup(path);
        if (!folder->path)
                return error_oom(error);
        folder->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (folder->inotify < 0)
                return error_set_errno(error, errno, "cannot watch folders");
        r = watch(folder, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&folder);
        return 0;
}

int folder_fd(const struct folder *folder)
{
        return folder->inotify;
}

static void drain_events(const struct folder *folder)
{
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (read(folder->inotify, buffer, sizeof(buffer)) > 0)
                ;
}

static bool same_version(const struct identity *a, const struct identity *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
               a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Where the name is, or would be. */
static size_t find_place(const struct folder *folder, const char *name)
{
        size_t low = 0, high = folder->n_files;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(folder->files[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The file of that name, added if it is new; NULL where memory ran out. Lives until the next call. */
static struct file *get_file(struct folder *folder, const char *name)
{
        size_t place = find_place(folder, name);
        struct file *files;
        char *copy;

        if (place < folder->n_files && !strcmp(folder->files[place].name, name))
                return &folder->files[place];
        files = reallocarray(folder->files, folder->n_files + 1, sizeof(*files));
        if (!files)
                return NULL;
        folder->files = files;
        copy = strdup(name);
        if (!copy)
                return NULL;
        memmove(&files[place + 1], &files[place], (folder->n_files - place) * sizeof(*files));
        folder->n_files++;
        files[place] = (struct file){.name = copy};
        return &files[place];
}

/* Parses one file. What it holds replaces what was loaded before, unless it is malformed. Returns 1 if so. */
static int load_file(struct folder *folder, struct file *file, const char *path, struct diagnostics *diagnostics)
{
        _cleanup_(diagnostics_clear) struct diagnostics faults = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;
        void *loaded = NULL, *former;
        bool good;
        int r;

        r = manifests_read(&manifests, path, &faults, &error);
        if (r < 0)
                diagnostics_add_file(&faults, SEVERITY_ERROR, path, 0, "%s", error_message(&error));
        else
                loaded = folder->load(folder->userdata, &manifests, &faults);
        good = !faults.n_errors;
        diagnostics_move(diagnostics, &faults);
        if (!good) {
                if (loaded)
                        folder->unload(loaded);
                return 0;
        }
        former = file->loaded;
        file->loaded = loaded;
        if (former)
                folder->unload(former);
        return former || loaded;
}

/* Two writes within one tick of the file system's clock may leave the same times behind. */
static bool is_settled(const struct identity *identity)
{
        struct timespec now;
        int64_t age;

        clock_gettime(CLOCK_REALTIME, &now);
        age = (now.tv_sec - identity->changed.tv_sec) * NS_PER_SECOND + now.tv_nsec - identity->changed.tv_nsec;
        return age > SETTLED_NS || age < 0;
}

/* Looks at one name of the folder. 1: something good changed. */
static int look_at(struct folder *folder, const char *name, struct diagnostics *diagnostics)
{
        _cleanup_(freep) char *path = NULL;
        struct file *file = get_file(folder, name);
        struct identity identity = {0};
        struct stat status;

        if (!file || asprintf(&path, "%s/%s", folder->path, name) < 0)
                return -ENOMEM;
        file->present = true;
        if (stat(path, &status) == 0)
                identity = (struct identity){status.st_dev, status.st_ino, status.st_size, status.st_mtim,
                                             status.st_ctim};
        if (file->looked_at && same_version(&identity, &file->identity))
                return 0;
        file->identity = identity;
        file->looked_at = is_settled(&identity);
        return load_file(folder, file, path, diagnostics);
}

/* Forgets the files that are gone. 1 if one of them held anything. */
static int drop_missing(struct folder *folder)
{
        size_t kept = 0;
        int changed = 0;

        for (size_t i = 0; i < folder->n_files; i++) {
                if (folder->files[i].present) {
                        folder->files[kept++] = folder->files[i];
                } else {
                        changed |= folder->files[i].loaded != NULL;
                        file_clear(folder, &folder->files[i]);
                }
        }
        folder->n_files = kept;
        return changed;
}

static int select_entry(const struct dirent *entry)
{
        return manifest_file_name(entry->d_name);
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

int folder_read(struct folder *folder, struct diagnostics *diagnostics, struct error *error)
{
        struct dirent **entries;
        int n, r = 0, changed = 0;

        /* Before looking, so that what changes meanwhile is an event for the next time. */
        drain_events(folder);
        r = watch(folder, error);
        if (r < 0)
                return r;
        n = scandir(folder->path, &entries, select_entry, compare_entries);
        if (n < 0)
                return error_set_errno(error, errno, "cannot list the folder %s", folder->path);
        for (size_t i = 0; i < folder->n_files; i++)
                folder->files[i].present = false;
        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = look_at(folder, entries[i]->d_name, diagnostics);
                if (r > 0)
                        changed = 1;
                free(entries[i]);
        }
        free(entries);
        if (r < 0)
                return error_oom(error);
        return drop_missing(folder) || changed;
}

int folder_visit(const struct folder *folder, int (*visit)(void *userdata, void *loaded), void *userdata)
{
        int r;

        for (size_t i = 0; i < folder->n_files; i++) {
                if (!folder->files[i].loaded)
                        continue;
                r = visit(userdata, folder->files[i].loaded);
                if (r < 0)
                        return r;
        }
        return 0;
}
