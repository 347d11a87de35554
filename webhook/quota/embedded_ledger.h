/*
 * A ledger that keeps every promise itself, from a pod's admission until its end, in a file or in memory: for one
 * server, without a view of the cluster.
 *
 * When a write fails, all that is not durable is taken back, newest first, and whoever waits is told.
 */
#pragma once

struct error;
struct ledger;

/*
 * Opens the ledger kept in the folder `state` (made if missing, 0700; locked until ledger_free()), or one that
 * lives in memory for NULL. -EBUSY: another process has the folder. -EBADMSG: the file is damaged in its
 * middle, `error` says where. The ledger starts without a classifier: nothing is reserved (LEDGER_STALE)
 * before ledger_classify().
 */
int embedded_ledger_new(struct ledger **ret, const char *state, struct error *error);
