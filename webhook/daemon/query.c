/*
 * An answer that comes when nobody waits any more is worse than none: what it promises has to be taken back. So the
 * caller's patience counts, and the answer should be on its way before that ends.
 */
#include "daemon/query.h"

#include <errno.h>
#include <string.h>

#include "util/clock.h"
#include "util/duration.h"

#define MARGIN_DIVISOR 10
#define MARGIN_MAX (500 * NS_PER_MS)

/* The value is NULL where the name stands alone, as in "?verbose". */
static bool find(struct MHD_Connection *connection, const char *name, const char **ret_value)
{
        return MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), ret_value,
                                             NULL) == MHD_YES;
}

bool query_has(struct MHD_Connection *connection, const char *name)
{
        const char *value;

        return find(connection, name, &value);
}

int query_timeout(struct MHD_Connection *connection, int64_t *timeout)
{
        const char *text = NULL;
        int64_t asked, margin;

        if (!find(connection, "timeout", &text))
                return 0;
        if (!text || duration_parse(&asked, text) < 0 || asked <= 0)
                return -EINVAL;
        margin = asked / MARGIN_DIVISOR;
        if (margin > MARGIN_MAX)
                margin = MARGIN_MAX;
        if (asked - margin < *timeout)
                *timeout = asked - margin;
        return 0;
}
