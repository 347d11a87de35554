/*
 * What standing alone and serving a cluster have in common.
 */
#pragma once

#include "daemon/certificate_files.h"
#include "daemon/readiness.h"

struct admission;
struct decision;
struct error;
struct keypair;
struct keypair_source;
struct ledger;
struct pod;
struct policies;
struct serve_options;

/* What is served; borrowed. */
struct serve_parts {
        struct admission *admission;
        struct ledger *ledger;
        struct keypair *keypair;
        struct policies *policies;  /* NULL: they are no files */
        readiness_trusted *trusted; /* NULL: it does not matter who trusts us */
        void *userdata;             /* of `trusted` */
};

/* See struct admission_options. */
typedef void serve_decided(void *userdata, const struct pod *pod, const struct decision *decision);

/* By the options; `decided` may be NULL. */
int serve_new_admission(struct admission **ret, const struct serve_options *options, struct ledger *ledger,
                        serve_decided *decided, void *userdata, struct error *error);

/* NULL-terminated; borrowed from the options, or static. */
const char *const *serve_gpu_resources(const struct serve_options *options);

/* The files of --tls-cert and what belongs to it; borrowed from the options. */
struct certificate_files serve_certificate_files(const struct serve_options *options);

/* The server, once there is something to serve; until a signal says to stop. */
int serve_until_stopped(const struct serve_options *options, const struct serve_parts *parts, struct error *error);

/*
 * Goes on as the program that stands alone (alone.c), which takes the place of this one in its process. Returns where
 * there is no such program beside this one: then this one does the same, with more memory.
 */
void serve_replace(int argc, char **argv);

/* All of it, with policies from files, or with those of a cluster. Borrows `certificate`. */
int serve_alone(const struct serve_options *options, const struct keypair_source *certificate, struct error *error);
int serve_cluster(const struct serve_options *options, const struct keypair_source *certificate, struct error *error);

typedef int serve_way(const struct serve_options *options, struct error *error);

/* Makes the process one that serves, and serves. Returns its exit status. Call before any thread is started. */
int serve_run(const struct serve_options *options, serve_way *serve);
