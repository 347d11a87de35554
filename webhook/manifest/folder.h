/*
 * A folder of manifests, read again when it changes (inotify).
 *
 * Files are parsed once per change of each file. A file that is malformed keeps what its last good version
 * held. Also follows the way in which the kubelet swaps a mounted ConfigMap (the ..data symbolic link).
 */
#pragma once

#include <stddef.h>

#include "manifest/manifest.h"
#include "util/cleanup.h"

struct error;
struct diagnostics;
struct folder;

/*
 * Makes of the objects of one file what the owner of the folder keeps of them, so that the text and its JSON
 * can go. Called once for each new version of a file. NULL where nothing of interest is in it. Errors that it
 * adds to `diagnostics` make the file malformed: what it returned is unloaded, and the last good version stays.
 */
typedef void *(*folder_load_fn)(void *userdata, const struct manifests *file, struct diagnostics *diagnostics);
typedef void (*folder_unload_fn)(void *loaded);

/* -ENOENT, -ENOTDIR, -EACCES with `error` where the folder cannot be read. `userdata` is borrowed. */
int folder_new(struct folder **ret, const char *path, folder_load_fn load, folder_unload_fn unload, void *userdata,
               struct error *error);
struct folder *folder_free(struct folder *folder);
DEFINE_CLEANUP(struct folder *, folder_free);

/* For poll(2): readable when something in the folder changed; then call folder_read(). */
int folder_fd(const struct folder *folder);

/*
 * Looks at every file and parses those that changed. Returns 1 if anything good came, went or changed since
 * the last call, else 0; every fault of a new version goes to `diagnostics`, once. A file that is removed takes
 * what it held along. Failing to list the folder: negative errno with `error`, and all stays as it was.
 */
int folder_read(struct folder *folder, struct diagnostics *diagnostics, struct error *error);

/* Calls `visit` with what was loaded of each file (never NULL), in the order of file names; stops at a negative
 * result and returns it. */
int folder_visit(const struct folder *folder, int (*visit)(void *userdata, void *loaded), void *userdata);
