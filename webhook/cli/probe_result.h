/*
 * What an API server's answer to a pod's creation, as a dry run, tells of regionfit.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct error;
struct kube_response;

enum probe_outcome {
        PROBE_PLACED,    /* on a unit */
        PROBE_ALLOWED,   /* regionfit was asked, and let the pod through as it is */
        PROBE_DENIED,    /* by regionfit */
        PROBE_NOT_ASKED, /* the pod would be created, and regionfit has not seen it */
        PROBE_FAILED,    /* the pod would not be created, and not because regionfit said so */
};

struct probe_result {
        enum probe_outcome outcome;
        json_t *pod;                 /* owned; as it would be created; NULL: it would not be */
        const char *placement;       /* PLACED: "namespace/policy#unit"; borrowed from the pod, as are the next */
        const char *region, *series; /* "": none */
        char *message;               /* owned; DENIED, FAILED: why */
        char *warnings;              /* owned; a line each; NULL: none */
};
#define PROBE_RESULT_INIT ((struct probe_result){0})
void probe_result_clear(struct probe_result *result);

/* Makes a pod tell whether regionfit has seen it: see probe_result.c. -ENOMEM. */
int probe_mark(json_t *pod);

/* Reads what kube_call() came to for a marked pod: `r`, `error` (borrowed), and the response, whose warnings it
 * takes. -ENOMEM. */
int probe_result_read(struct probe_result *ret, int r, struct kube_response *response, const struct error *error);

/* True where regionfit was asked. */
bool probe_asked(const struct probe_result *result);

/* For people, and as an object (new; NULL: out of memory) for programs. `name` is the pod's. */
void probe_result_print(const struct probe_result *result, const char *name, FILE *stream);
json_t *probe_result_json(const struct probe_result *result, const char *name);
