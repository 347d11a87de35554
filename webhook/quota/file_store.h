/*
 * The ledger's file: groups of records, appended and synced, that survive kill -9 and a loss of power at any byte.
 *
 * The file `ledger.log` in the folder has one group per line: the CRC-32 of what follows it (8 hexadecimal
 * digits), a space, a JSON array of records, and a newline. A group is durable as a whole or not at all. A last
 * group that is incomplete was never answered for and is dropped when the file is opened; a bad group with
 * anything behind it is damage, and the file is refused rather than half of it forgotten.
 *
 * Not thread-safe: the ledger's writing thread owns it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct error;
struct file_store;
struct writer;

/* Called with each record (borrowed) of each group, in order. A negative errno ends the opening. */
typedef int (*file_store_replay_fn)(void *userdata, const json_t *record, struct error *error);

/*
 * Opens the folder (made with 0700 if missing), locks it against other processes, and replays. -EBUSY: locked;
 * -EBADMSG: damaged, `error` has file and line. A torn tail is cut off, with a log line that says how long it was.
 */
int file_store_open(struct file_store **ret, const char *folder, file_store_replay_fn replay, void *userdata,
                    struct error *error);
struct file_store *file_store_free(struct file_store *store);
DEFINE_CLEANUP(struct file_store *, file_store_free);

/* Records to be written: `write` is called for each of them once, in order, and adds its JSON to the text. */
struct file_store_records {
        size_t count;
        void (*write)(void *userdata, size_t i, struct writer *to);
        void *userdata;
};

/* Appends one group and syncs it. On a negative errno nothing of it may be relied on; the file must then be
 * rewritten before anything else is appended (file_store_append() fails until it has been). */
int file_store_append(struct file_store *store, const struct file_store_records *records, struct error *error);

/* Replaces the whole content by these records (a new file, synced, renamed into place, folder synced). */
int file_store_rewrite(struct file_store *store, const struct file_store_records *records, struct error *error);

/* True after a failed append, or when the file has grown to several times what `live_records` would need. */
bool file_store_needs_rewrite(const struct file_store *store, size_t live_records);
