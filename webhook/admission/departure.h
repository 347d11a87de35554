/*
 * A pod on its way out, as the reviews of its changes and of its deletion tell of it.
 */
#pragma once

#include <stdint.h>

struct error;
struct ledger;
struct pod;
struct review;

/*
 * Gives back what the pod holds once nothing of it is left, or marks it as terminating. `before` is how it is stored,
 * `now` how it shall be; the same in a DELETE review. 0 and *ret_commit, which the answer has to wait for; negative
 * errno as for ledger_release().
 */
int departure_follow(struct ledger *ledger, const struct review *review, const struct pod *now,
                     const struct pod *before, uint64_t *ret_commit, struct error *error);
