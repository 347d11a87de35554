/*
 * Who may read the keys of a folder, and who may replace its files.
 */
#pragma once

struct error;

/*
 * To be called before keys are written. A folder that is empty or already has certificates is made 0700; one with
 * other things in it is left alone. -EPERM: others may write to it, and could put keys of their own into it.
 */
int permissions_protect_folder(int folder, struct error *error);

/* Makes keys 0600, as far as we may (a mounted Secret is read-only). */
void permissions_protect_keys(int folder);

/* What lets others in, as sentences joined by "; " (owned by the caller), or NULL where all is well. */
int permissions_check(char **ret, int folder, struct error *error);
