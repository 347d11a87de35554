/*
 * A limit names its counter by key, so that whoever states limits need not know what is counted, and the counters
 * need not know what is limited.
 */
#include "quota/limit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quota/counter.h"
#include "quota/reservation.h"
#include "quota/resources.h"

static struct quantity resource_of(const struct resources *resources, const char *name)
{
        const struct quantity *quantity = resources_find(resources, name);

        return quantity ? *quantity : quantity_whole(0);
}

/* What the limit's counter holds in one set. */
static struct quantity used_in(const struct counters *counters, const struct limit *limit)
{
        const struct counter *counter = counters_find(counters, limit->key);
        struct quantity terminating = quantity_whole(0), used;

        if (!counter)
                return quantity_whole(0);
        if (limit->kind == LIMIT_GPUS)
                return counter->gpus;
        if (limit->kind == LIMIT_PODS) {
                used = quantity_whole(counter->pods);
                terminating = quantity_whole(counter->terminating_pods);
        } else {
                used = resource_of(&counter->resources, limit->resource);
                terminating = resource_of(&counter->terminating_resources, limit->resource);
        }
        return limit->ignore_terminating ? quantity_subtract(used, terminating) : used;
}

static struct quantity used_of(const struct counters *const *counters, size_t n_counters, const struct limit *limit)
{
        struct quantity used = quantity_whole(0);

        for (size_t i = 0; i < n_counters; i++)
                used = quantity_add(used, used_in(counters[i], limit));
        return used;
}

static struct quantity wanted_of(const struct reservation *reservation, const struct limit *limit)
{
        if (limit->kind == LIMIT_GPUS)
                return quantity_whole(reservation->gpus);
        if (limit->kind == LIMIT_PODS)
                return quantity_whole(1);
        return resource_of(&reservation->resources, limit->resource);
}

bool limits_keep(const struct limit *limits, size_t n_limits, const struct counters *const *counters,
                 size_t n_counters, const struct reservation *reservation, struct refusal *ret)
{
        for (size_t i = 0; i < n_limits; i++) {
                struct quantity used = used_of(counters, n_counters, &limits[i]);
                struct quantity wanted = wanted_of(reservation, &limits[i]);

                if (quantity_compare(quantity_add(used, wanted), limits[i].limit) > 0) {
                        *ret = (struct refusal){.limit = i, .used = used, .wanted = wanted};
                        return false;
                }
        }
        return true;
}

int64_t limits_room(const struct limit *limits, size_t n_limits, const struct counters *const *counters,
                    size_t n_counters, const struct reservation *reservation)
{
        quantity_nano room = INT64_MAX;

        for (size_t i = 0; i < n_limits; i++) {
                struct quantity left = quantity_subtract(limits[i].limit, used_of(counters, n_counters, &limits[i]));
                struct quantity wanted = wanted_of(reservation, &limits[i]);

                if (left.nano < 0 || left.nano < wanted.nano)
                        return 0;
                if (wanted.nano > 0 && left.nano / wanted.nano < room)
                        room = left.nano / wanted.nano;
        }
        return (int64_t)room;
}

void limits_free(struct limit *limits, size_t n_limits)
{
        for (size_t i = 0; i < n_limits; i++) {
                free((char *)limits[i].key);
                free((char *)limits[i].resource);
        }
        free(limits);
}

int limits_copy(struct limit **ret, const struct limit *limits, size_t n_limits)
{
        struct limit *copy = n_limits ? calloc(n_limits, sizeof(*copy)) : NULL;
        bool good = copy || !n_limits;

        for (size_t i = 0; i < n_limits && good; i++) {
                copy[i] = limits[i];
                copy[i].key = strdup(limits[i].key);
                copy[i].resource = limits[i].resource ? strdup(limits[i].resource) : NULL;
                good = copy[i].key && (copy[i].resource || !limits[i].resource);
        }
        if (!good) {
                if (copy)
                        limits_free(copy, n_limits);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}
