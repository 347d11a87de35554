/*
 * Another program, run to its end with what it prints.
 */
#pragma once

#include <stdbool.h>

struct error;
struct patience;

struct child_output {
        char *text; /* owned; its standard output, with a NUL at its end; wiped when cleared */
        char *last; /* owned; the last line of its standard error that is not blank; "" where there is none */
        int status; /* as waitpid(2) */
};

#define CHILD_OUTPUT_INIT ((struct child_output){0})
void child_output_clear(struct child_output *output);

/*
 * Starts the program (a path, or a name to look up in $PATH) with this environment. With `terminal` it shares our
 * standard input and error; otherwise its input is empty, and it leads a process group of its own, which ends with
 * it. -ENOENT and -EACCES: it cannot be started. -ECANCELED and -ETIMEDOUT where patience ended: it has been killed.
 * -EFBIG: it printed more than 1 MiB.
 */
int child_run(struct child_output *ret, char *const *arguments, char *const *environment, bool terminal,
              const struct patience *patience, struct error *error);
