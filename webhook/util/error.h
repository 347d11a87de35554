/*
 * The sentence that a person reads when something failed.
 *
 * Functions return 0 or a negative errno and take the error as their last parameter; whoever knows the
 * sentence fills it in. A NULL error is allowed everywhere and drops the sentence.
 */
#pragma once

struct error {
        char *message; /* owned; NULL: no sentence yet */
};

#define ERROR_INIT ((struct error){0})

/* Sets the sentence, replacing an earlier one. Returns -errnum, so that callers can return its result. */
int error_set(struct error *error, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set(), with ": " and the description of errnum (strerror) at the end. */
int error_set_errno(struct error *error, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts words and ": " in front of the sentence. */
void error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -ENOMEM with its sentence. */
int error_oom(struct error *error);

/* The sentence; never NULL. */
const char *error_message(const struct error *error);

void error_clear(struct error *error);
#define _cleanup_error_ __attribute__((cleanup(error_clear)))
