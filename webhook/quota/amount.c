/*
 * Amounts are sums, so that what one pod asks for can be taken out of them again. A name stays once it was added,
 * with zero of it: whoever counts an amount has made room for all of its names before (quota/counter.c).
 */
#include "quota/amount.h"

#include <errno.h>

#include "quota/reservation.h"

void amount_clear(struct amount *amount)
{
        resources_clear(&amount->resources);
        *amount = (struct amount){0};
}

int amount_add(struct amount *amount, const struct reservation *share, bool resources)
{
        if (resources && resources_add(&amount->resources, &share->resources) < 0)
                return -ENOMEM;
        amount->gpus = quantity_add(amount->gpus, quantity_whole(share->gpus));
        amount->pods++;
        return 0;
}

void amount_subtract(struct amount *amount, const struct reservation *share)
{
        amount->gpus = quantity_subtract(amount->gpus, quantity_whole(share->gpus));
        amount->pods--;
        resources_subtract(&amount->resources, &share->resources);
}

static struct quantity excess_of(struct quantity promised, const struct quantity *seen)
{
        struct quantity excess = seen ? quantity_subtract(promised, *seen) : promised;

        return excess.nano > 0 ? excess : quantity_whole(0);
}

void amount_set_excess(struct amount *ret, const struct amount *promised, const struct amount *seen)
{
        ret->gpus = excess_of(promised->gpus, &seen->gpus);
        ret->pods = promised->pods > seen->pods ? promised->pods - seen->pods : 0;
        for (size_t i = 0; i < ret->resources.count; i++)
                ret->resources.items[i].quantity = quantity_whole(0);
        for (size_t i = 0; i < promised->resources.count; i++) {
                const struct resource *resource = &promised->resources.items[i];

                *resources_find(&ret->resources, resource->name) =
                        excess_of(resource->quantity, resources_find(&seen->resources, resource->name));
        }
}
