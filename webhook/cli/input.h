/*
 * What a person names with -f.
 */
#pragma once

struct diagnostics;
struct manifests;

/* Reads a file, a folder, or "-" for standard input into `manifests`. 0, or an exit status: what is wrong with the
 * path has been said; faults of what is in it go to the diagnostics. */
int input_read(const char *command, const char *path, struct manifests *manifests, struct diagnostics *diagnostics);
