/*
 * The watch spares the ledger from asking: it mostly knows what another replica has written before it tries to write
 * itself. A list that does not show the object, or its deletion, only makes the ledger look for itself, as a list may
 * be older than what the ledger has just created.
 */
#include "cluster/ledger_feed.h"

#include "quota/cluster_ledger.h"

const struct kube_resource ledger_feed_resource = {
        .api = "/apis/" RESERVATION_LEDGER_API_VERSION,
        .plural = "reservationledgers",
        .name = RESERVATION_LEDGER_NAME,
};

static int list_begin(void *userdata)
{
        (void)userdata;
        return 0;
}

/* What is malformed has been logged, and is read again until it is not: listing again would not help. */
static int list_item(void *userdata, const json_t *object)
{
        cluster_ledger_observe(userdata, object);
        return 0;
}

static int list_end(void *userdata, uint64_t version)
{
        (void)userdata, (void)version;
        return 0;
}

static int event(void *userdata, enum reflector_event event, const json_t *object, uint64_t version)
{
        (void)version;
        if (event == REFLECTOR_DELETED)
                cluster_ledger_lost(userdata);
        else
                cluster_ledger_observe(userdata, object);
        return 0;
}

const struct reflector_ops ledger_feed_ops = {
        .list_begin = list_begin,
        .list_item = list_item,
        .list_end = list_end,
        .event = event,
};
