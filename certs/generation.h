/*
 * All files of a folder, replaced in one step.
 *
 * The files live in a hidden folder, a generation, and the names that people know are symbolic links:
 *
 *     tls.crt -> ..data/tls.crt
 *     ..data  -> ..generation-5f3c2a9e01b4d768/
 *
 * Callers hold the folder's lock (generation_open()) while they read or publish. `folder` is its file descriptor.
 */
#pragma once

#include <stdbool.h>

#include "certs/files.h"

struct error;

/* Opens the folder and waits for its lock, shared for readers. -ENOENT, -ENOTDIR, -EACCES. Closing unlocks. */
int generation_open(int *ret_folder, const char *path, bool writer, struct error *error);

/* As generation_open() for a writer, but makes a folder that is missing (0700; its parent must exist). */
int generation_create(int *ret_folder, const char *path, struct error *error);

/* Reads every file that is there; one that is missing stays NULL. -EINVAL: a file is not a text of sensible size. */
int generation_read(struct certs_files *ret, int folder, struct error *error);

/*
 * Makes the folder hold these files and no others of the kind, at once and durably; foreign files stay untouched.
 * Plain files (a folder that was copied, or filled by hand) are taken over into a generation first. On a negative
 * errno the files are those of before, or (where only the last sync failed) those that were given.
 */
int generation_publish(int folder, const struct certs_files *files, struct error *error);
