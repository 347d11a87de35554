/*
 * Nothing but the way to the ledger that is meant. What all ledgers have in common is what they promise, in the
 * header; what they share in code is in the files that count (quota/counter.c, quota/limit.c).
 */
#include "quota/ledger.h"

struct ledger *ledger_free(struct ledger *ledger)
{
        if (ledger)
                ledger->ops->free(ledger);
        return NULL;
}

int ledger_classify(struct ledger *ledger, const struct classifier *classifier, struct error *error)
{
        return ledger->ops->classify(ledger, classifier, error);
}

int ledger_reserve(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                   const struct limit *limits, size_t n_limits, struct refusal *ret_refusal,
                   char ret_id[static RESERVATION_ID_SIZE], uint64_t *ret_commit, struct error *error)
{
        return ledger->ops->reserve(ledger, reservation, generation, limits, n_limits, ret_refusal, ret_id,
                                    ret_commit, error);
}

enum ledger_answer ledger_check(struct ledger *ledger, const struct reservation *reservation, uint64_t generation,
                                const struct limit *limits, size_t n_limits, struct refusal *ret_refusal)
{
        return ledger->ops->check(ledger, reservation, generation, limits, n_limits, ret_refusal);
}

int ledger_release(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                   struct error *error)
{
        return ledger->ops->release(ledger, key, ret_commit, error);
}

int ledger_terminate(struct ledger *ledger, const struct reservation_key *key, uint64_t *ret_commit,
                     struct error *error)
{
        return ledger->ops->terminate(ledger, key, ret_commit, error);
}

int ledger_give_back(struct ledger *ledger, const struct reservation_key *key, uint64_t commit, struct error *error)
{
        return ledger->ops->give_back(ledger, key, commit, error);
}

int ledger_wait(struct ledger *ledger, struct commit_waiter *waiter, uint64_t commit)
{
        return ledger->ops->wait(ledger, waiter, commit);
}

int ledger_wait_current(struct ledger *ledger, struct commit_waiter *waiter)
{
        return ledger->ops->wait_current(ledger, waiter);
}

bool ledger_cancel(struct ledger *ledger, struct commit_waiter *waiter)
{
        return ledger->ops->cancel(ledger, waiter);
}

const char *ledger_obstacle(struct ledger *ledger, int64_t *ret_since)
{
        return ledger->ops->obstacle(ledger, ret_since);
}

int ledger_counter(struct ledger *ledger, const char *key, struct counter *ret)
{
        return ledger->ops->counter(ledger, key, ret);
}

size_t ledger_count(struct ledger *ledger)
{
        return ledger->ops->count(ledger);
}

uint64_t ledger_late(struct ledger *ledger)
{
        return ledger->ops->late ? ledger->ops->late(ledger) : 0;
}
