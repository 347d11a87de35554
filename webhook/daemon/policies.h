/*
 * The policies and quotas of a folder, put in force as they change.
 *
 * Not thread-safe: the thread that watches owns it.
 */
#pragma once

#include "util/cleanup.h"

struct admission;
struct error;
struct policies;

/* Reads the folder and puts what is good in it in force. Borrows the admission. */
int policies_new(struct policies **ret, const char *folder, struct admission *admission, struct error *error);
struct policies *policies_free(struct policies *policies);
DEFINE_CLEANUP(struct policies *, policies_free);

/* For poll(2): readable when the folder has changed. */
int policies_fd(const struct policies *policies);

/* Reads what has changed and puts it in force in one step. Faults are logged, one line each. */
void policies_refresh(struct policies *policies);
