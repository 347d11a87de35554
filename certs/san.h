/*
 * Subject alternative names: the names under which a server may be reached (RFC 5280 4.2.1.6).
 *
 * A name is kept as text in one form only, so that equal names are equal strings: DNS names in lower case, IP
 * addresses as inet_ntop(3) writes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* In the order in which they were added, each once. {0} is the empty list. */
struct sans {
        char **names; /* owned */
        size_t count;
};

/*
 * Adds a DNS name ("*." may stand in front, RFC 6125 6.4.3) or an IP address; which of them it is shows in the
 * text. -EINVAL: it is neither, `error` quotes it and says what is wrong (RFC 1034 3.5 as changed by RFC 1123 2.1).
 */
int sans_add(struct sans *sans, const char *text, struct error *error);
void sans_clear(struct sans *sans);
#define _cleanup_sans_ __attribute__((cleanup(sans_clear)))

int sans_add_all(struct sans *sans, const char *const *texts, size_t n_texts, struct error *error);

/* The first name of `wanted` that `sans` lacks (borrowed), or NULL. A wildcard stands for itself only. */
const char *sans_find_missing(const struct sans *sans, const struct sans *wanted);

/* The 4 or 16 octets of an address in network order, or 0 for a DNS name. */
size_t san_address(const char *san, uint8_t ret[static 16]);
