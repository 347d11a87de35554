/*
 * An authority to begin a test with, and requests at a given time.
 */
#pragma once

#include "certs/authority.h"
#include "check.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define NAMES(...) ((const char *const[]){__VA_ARGS__})

/* 30 days of server, 300 days of CA. A third of the life counts from the begin, 300 s before NOW. */
static inline struct certs_request request_at(int64_t now, const char *const *sans, size_t n_sans)
{
        return (struct certs_request){.sans = sans, .n_sans = n_sans, .days = 30, .ca_days = 300, .now = now};
}

static inline void create(struct authority *authority)
{
        static const char *const names[] = {"a.svc", "10.0.0.1"};
        struct certs_request request = request_at(NOW, names, ARRAY_SIZE(names));

        ck_assert_int_eq(authority_create(authority, &request, NULL), 0);
}
