/*
 * What differs between two texts, line by line, in the unified format of diff(1).
 */
#pragma once

#include <stdio.h>

/* Prints nothing where they are equal. -ENOMEM. */
int diff_print(FILE *stream, const char *old_name, const char *old_text, const char *new_name, const char *new_text);
