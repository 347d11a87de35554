/*
 * The forms in which `status` shows what it has read.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* A form: shows one status, whose members are those of overview_make(), `replicas` (see cluster/replicas.h) and
 * `faults` ([{object, field, message}]). -ENOMEM, or -EIO where the stream fails. */
struct status_form {
        const char *name;
        int (*show)(FILE *stream, const json_t *status);
};

/* NULL where the name is unknown. */
const struct status_form *status_form_find(const char *name);
