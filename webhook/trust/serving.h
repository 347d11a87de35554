/*
 * Which certificate is served, and which one waits to be: a pair that is new is put in force once the registered
 * configuration has verified it for a while.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct carried;
struct error;
struct registration;

struct server_pair {
        char *chain, *key;             /* owned; PEM; NULL: there is none */
        STACK_OF(X509) * certificates; /* owned; of the chain */
};

/* Puts a pair in force, as tls_use() does. */
typedef int serving_use(const char *chain, const char *key, struct error *error);

struct serving {
        serving_use *use;
        struct server_pair served;  /* owned, as is the other */
        struct server_pair offered; /* waits */
};

void serving_clear(struct serving *serving);

/* The pair that shall be served from now on, in the place of one that waits. -EINVAL, -EKEYREJECTED: it is of no use
 * (see certs_inspect()), and nothing has changed. */
int serving_offer(struct serving *serving, const char *chain, const char *key, struct error *error);

/* What is known of the registered configuration. */
struct serving_view {
        bool known;                              /* it has been looked for */
        const struct registration *registration; /* NULL: there is none */
        const struct carried *carried;
        int64_t before; /* a CA that has been carried since then is known to every API server; clock_monotonic() */
        int64_t now;    /* unix seconds */
};

/* Puts what waits in force if that is safe: 1 if it did, 0 where nothing waits or it has to; negative errno. */
int serving_settle(struct serving *serving, const struct serving_view *view, struct error *error);

/* The chain that shall be served in the end: what waits, else what is served; NULL: nothing. Borrowed. */
const char *serving_newest(const struct serving *serving);
