/*
 * What standing alone and serving a cluster have in common.
 */
#pragma once

struct admission;
struct cluster;
struct decision;
struct error;
struct ledger;
struct pod;
struct policies;
struct serve_options;
struct trust;

/* What is served; borrowed. */
struct serve_parts {
        struct admission *admission;
        struct ledger *ledger;
        struct cluster *cluster;   /* NULL: none, as are the following */
        struct trust *trust;       /* NULL: it does not matter who trusts us */
        struct policies *policies; /* NULL: they are no files */
};

/* See struct admission_options. */
typedef void serve_decided(void *userdata, const struct pod *pod, const struct decision *decision);

/* By the options; `decided` may be NULL. */
int serve_new_admission(struct admission **ret, const struct serve_options *options, struct ledger *ledger,
                        serve_decided *decided, void *userdata, struct error *error);

/* NULL-terminated; borrowed from the options, or static. */
const char *const *serve_gpu_resources(const struct serve_options *options);

/* Certificate and server, once there is something to serve; until a signal says to stop. */
int serve_until_stopped(const struct serve_options *options, const struct serve_parts *parts, struct error *error);

/*
 * Goes on as the program that stands alone (alone.c), which takes the place of this one in its process. Returns where
 * there is no such program beside this one: then this one does the same, with more memory.
 */
void serve_replace(int argc, char **argv);

/* All of it, with policies from files, or with those of a cluster. */
int serve_alone(const struct serve_options *options, struct error *error);
int serve_cluster(const struct serve_options *options, struct error *error);
