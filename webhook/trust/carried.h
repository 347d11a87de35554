/*
 * Since when the registered configuration carries which CA: what API servers, each of which reads it a little later
 * than we do, can be taken to know by now.
 *
 * Times are clock_monotonic(), in ns.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct registration;

struct carried_ca {
        X509 *ca;      /* owned */
        int64_t since; /* when it was first seen in every entry, and it has been there ever since */
};

/* {0} carries nothing. */
struct carried {
        struct carried_ca *cas; /* owned */
        size_t count;
};

void carried_clear(struct carried *carried);
#define _cleanup_carried_ __attribute__((cleanup(carried_clear)))

/* The configuration has been seen like this at `now`; NULL: there is none. `gap`: it may have been another in
 * between, so that whatever it carries counts from now on. -ENOMEM. */
int carried_update(struct carried *carried, const struct registration *registration, bool gap, int64_t now);

/* True if every one of the bundle (not empty) has been there since `before` or longer. */
bool carried_covers(const struct carried *carried, const STACK_OF(X509) * bundle, int64_t before);
